//! `thalweg schema preview`.

use std::fmt::Write as _;
use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};

use super::super::finish::Stop;
use super::super::output::Output;
use super::super::path::encoded;
use super::super::read::registry;

/// A server that copies a table, even an empty one, may take its time.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest SQL that is read (invariant 7).
const SQL_LEN_MAX: u64 = 256 << 10;

/// Arguments of `thalweg schema preview`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The source connector that reads the tables.
    #[arg(long, value_name = "NAME")]
    connector: String,
    /// The statements, such as "ALTER TABLE orders ADD COLUMN note text"; - is standard
    /// input.
    #[arg(long, value_name = "SQL")]
    sql: String,
    /// The Connect REST of a running server.
    #[arg(
        long,
        value_name = "ADDR",
        env = "THALWEG_REST",
        default_value = "127.0.0.1:8083",
        value_parser = registry::base
    )]
    rest: String,
}

/// Prints the answer as JSON; what would not go well is told on standard error too.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut sql = arguments.sql.clone();
    if sql == "-" {
        sql.clear();
        let read = std::io::stdin().take(SQL_LEN_MAX + 1).read_to_string(&mut sql);
        if read.context("standard input")? as u64 > SQL_LEN_MAX {
            bail!("the SQL is longer than {SQL_LEN_MAX} bytes");
        }
    }
    let answer = ask(arguments, &sql)?;
    let mut output = Output::new();
    output.object(&answer)?;
    output.flush()?;
    let (refused, lost) = (refusals(&answer), losses(&answer));
    match (refused.is_empty(), lost.is_empty()) {
        (true, true) => Ok(()),
        (true, false) => Err(Stop::Loss(lost).into()),
        (false, true) => Err(anyhow!(refused)),
        (false, false) => Err(anyhow!("{refused}\n{lost}")),
    }
}

/// What readers would lose, in lines for people.
fn losses(answer: &Value) -> String {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for table in list(&answer["tables"]) {
        for loss in list(&table["losses"]) {
            let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            lines.push(format!("{}: {}", of(&table["table"]), of(&loss)));
        }
    }
    lines.join("\n")
}

fn ask(arguments: &Arguments, sql: &str) -> Result<Value> {
    let agent = registry::agent(PATIENCE);
    let url = format!("{}/connectors/{}/preview", arguments.rest, encoded(&arguments.connector));
    let body = json!({ "sql": sql }).to_string();
    let sent = agent.post(&url).header("Content-Type", "application/json").send(body);
    let mut answer = sent.with_context(|| {
        format!(
            "{} does not answer: start a server with `thalweg serve`, or say where its REST is \
             with --rest ADDR or THALWEG_REST",
            arguments.rest
        )
    })?;
    let status = answer.status();
    let text = answer.body_mut().read_to_string().context("reading the answer")?;
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    if !status.is_success() {
        bail!("{}", json["message"].as_str().unwrap_or("the server refused, and did not say why"));
    }
    Ok(json)
}

/// The subjects that would not take their new schemas, in lines for people.
fn refusals(answer: &Value) -> String {
    let mut words = String::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for table in list(&answer["tables"]) {
        for subject in list(&table["subjects"]) {
            if subject["goes_on"] == true {
                continue;
            }
            let text = |key: &str| subject[key].as_str().unwrap_or_default().to_owned();
            // Writing to a String cannot fail.
            let _ = write!(
                words,
                "{}{}: subject {} ({}): {}",
                if words.is_empty() { "" } else { "\n" },
                table["table"].as_str().unwrap_or_default(),
                text("subject"),
                text("level"),
                text("outcome")
            );
            for reason in list(&subject["reasons"]) {
                let _ = write!(words, "\n  - {}", reason.as_str().unwrap_or_default());
            }
        }
    }
    words
}
