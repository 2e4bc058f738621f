//! `thalweg schema check`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use super::super::finish::note;
use super::super::output::Output;
use super::super::path::encoded;
use super::super::read::registry::{Address, Registry};
use super::super::schema_file;

/// Arguments of `thalweg schema check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A file with the schema (JSON); - or nothing is standard input.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The subject, such as orders-value.
    #[arg(long, value_name = "NAME")]
    subject: String,
    /// Check against this version alone: a number, or latest.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// A schema that this one uses types of, by the name that it has here.
    #[arg(long = "reference", value_name = "NAME=SUBJECT:VERSION", value_parser = reference)]
    references: Vec<Value>,
    #[command(flatten)]
    registry: Address,
}

/// Prints the answer as JSON; why not, and what to do, is told on standard error too.
pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let schema = schema_file::read(arguments.file.as_deref())?;
    let version = arguments.version.iter().map(|version| format!("/{}", encoded(version)));
    let path = format!(
        "/compatibility/subjects/{}/versions{}?explain=true",
        encoded(&arguments.subject),
        version.collect::<String>()
    );
    let body = json!({ "schema": schema, "references": arguments.references });
    let registry = Registry::new(&arguments.registry.base);
    let answer = registry.post(&path, &body)?;
    let mut output = Output::new();
    output.object(&answer)?;
    output.flush()?;
    match answer["is_compatible"].as_bool() {
        Some(true) => {
            if !registry.has_subject(&arguments.subject)? {
                note(&format!(
                    "the registry has no subject {}: any schema can be its first version",
                    arguments.subject
                ));
            }
            Ok(())
        }
        Some(false) => Err(anyhow!(refusal(&arguments.subject, &answer["explanation"]))),
        None => Err(anyhow!("the registry does not say whether the schema is compatible")),
    }
}

fn reference(text: &str) -> Result<Value, String> {
    let parts = text.split_once('=').and_then(|(name, rest)| {
        let (subject, version) = rest.rsplit_once(':')?;
        Some((name, subject, version.parse::<i32>().ok()?))
    });
    let (name, subject, version) =
        parts.ok_or("expected NAME=SUBJECT:VERSION, such as shop.Address=address:1")?;
    Ok(json!({ "name": name, "subject": subject, "version": version }))
}

/// Why it could not be the next version, and what to do, in lines for people.
fn refusal(subject: &str, explanation: &Value) -> String {
    let level = explanation["level"].as_str().unwrap_or("its level");
    let mut words = format!("the schema can't be the next version of {subject} ({level})");
    for one in explanation["incompatibilities"].as_array().into_iter().flatten() {
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        let (kind, path, message) = (text("type"), text("path"), text("message"));
        let _ = write!(words, "\n  version {}: {kind} at {path}: {message}", one["version"]);
        let fixes: Vec<&str> = one["fixes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|fix| fix["description"].as_str())
            .collect();
        if fixes.is_empty() {
            let _ = write!(words, "\n    {}", text("advice"));
        }
        for fix in fixes {
            let _ = write!(words, "\n    - {fix}");
        }
    }
    if let Some(schema) = explanation["fixed"]["schema"].as_str() {
        let _ = write!(words, "\n  compatible: {schema}");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn subjects_and_references_are_taken_as_they_are() {
        let taken = reference("shop.Address=a:b:3").unwrap_or_default();
        assert_eq!(taken["subject"], "a:b");
        assert_eq!(taken["version"], 3);
        assert!(reference("x").is_err() && reference("x=y:latest").is_err());
    }
}
