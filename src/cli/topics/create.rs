//! `thalweg topics create`.

use anyhow::{Result, anyhow};
use serde_json::json;
use thalweg_broker::client::NewTopic;

use crate::cli::output::Output;
use crate::cli::server::Server;

/// Arguments of `thalweg topics create`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The topic.
    #[arg(value_name = "NAME")]
    name: String,
    /// Number of its partitions; without it, what the server is set to.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=0x7fff_ffff))]
    partitions: Option<u32>,
    /// A setting by Kafka's name, such as retention.ms=86400000; may be given
    /// several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = setting)]
    config: Vec<(String, String)>,
    #[command(flatten)]
    server: Server,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected KEY=VALUE, such as retention.ms=86400000".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut client = arguments.server.connect()?;
    let new = NewTopic {
        name: arguments.name.clone(),
        partitions: arguments.partitions,
        config: arguments.config.clone(),
    };
    let made = client.create_topic(&new).map_err(|error| match error.refusal() {
        Some(refused) => anyhow!("topic {} can't be made: {refused}", new.name),
        None => error.into(),
    })?;
    let mut output = Output::new();
    output.object(&json!({
        "topic": made.name,
        "id": made.id.to_string(),
        "partitions": made.partitions,
    }))?;
    output.flush()
}
