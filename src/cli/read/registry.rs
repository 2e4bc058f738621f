//! The schema registry, by its REST.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;

use super::super::path::encoded;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest schema that is taken (invariant 7).
const SCHEMA_LEN_MAX: u64 = 16 << 20;
const NOT_FOUND: u16 = 404;

/// Which registry.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Address {
    /// The schema registry.
    #[arg(
        long = "registry",
        value_name = "ADDR",
        env = "THALWEG_REGISTRY",
        default_value = "127.0.0.1:8081",
        value_parser = base
    )]
    pub(in crate::cli) base: String,
}

/// A registry that may be there.
#[derive(Debug)]
pub(in crate::cli) struct Registry {
    base: String,
    agent: ureq::Agent,
}

/// What a registry has under an id.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An Avro schema, as JSON.
    Avro(String),
    /// A schema of another kind.
    Other(String),
    Nothing,
}

#[derive(Deserialize)]
struct Answer {
    schema: String,
    #[serde(rename = "schemaType")]
    kind: Option<String>,
}

/// The base of its URLs, out of what a person writes.
pub(in crate::cli) fn base(text: &str) -> Result<String, String> {
    let base = text.trim();
    if base.starts_with("https://") {
        return Err("https is not supported here: give an address that speaks http".to_owned());
    }
    let plain = base.strip_prefix("http://").unwrap_or(base).trim_end_matches('/');
    if plain.is_empty() || plain.contains(char::is_whitespace) || plain.contains("://") {
        return Err("expected an address, such as 127.0.0.1:8081".to_owned());
    }
    Ok(format!("http://{plain}"))
}

/// Asks servers of HTTP that are named on the command line: a status is an answer, and no
/// proxy is between.
pub(in crate::cli) fn agent(patience: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(patience))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into()
}

impl Registry {
    pub(in crate::cli) fn new(base: &str) -> Self {
        Self { base: base.to_owned(), agent: agent(PATIENCE) }
    }

    /// The schema of an id, with all that it refers to in it.
    pub(super) fn schema(&self, id: u32) -> Result<Found> {
        let url = format!("{}/schemas/ids/{id}?format=resolved", self.base);
        let mut answer = self
            .agent
            .get(&url)
            .call()
            .map_err(|error| self.silent(&error, ", or read with --format raw or hex"))?;
        let status = answer.status().as_u16();
        if status == NOT_FOUND {
            return Ok(Found::Nothing);
        }
        if !answer.status().is_success() {
            bail!("the schema registry at {} answers {status} for schema {id}", self.base);
        }
        let body = answer.body_mut().with_config().limit(SCHEMA_LEN_MAX).read_to_vec();
        let body = body.map_err(anyhow::Error::from);
        let answer: Result<Answer> = body.and_then(|body| Ok(serde_json::from_slice(&body)?));
        let answer = answer.with_context(|| {
            format!("what {} answers for schema {id} is not what a registry does", self.base)
        })?;
        Ok(found(answer))
    }
}

fn found(answer: Answer) -> Found {
    match answer.kind {
        Some(kind) if kind != "AVRO" => Found::Other(kind),
        _ => Found::Avro(answer.schema),
    }
}

impl Registry {
    /// A version of a subject, with all that it refers to in it; `latest` is the newest.
    pub(super) fn version(&self, subject: &str, version: &str) -> Result<Found> {
        let path = format!("/subjects/{}/versions/{version}?format=resolved", encoded(subject));
        let mut answer = self
            .agent
            .get(&format!("{}{path}", self.base))
            .call()
            .map_err(|error| self.silent(&error, ", or give a file"))?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(SCHEMA_LEN_MAX).read_to_vec()?;
        if !status.is_success() {
            let told: Value = serde_json::from_slice(&body).unwrap_or_default();
            let reason = told["message"].as_str().unwrap_or("the registry does not say why");
            bail!("there is no version {version} of subject {subject}: {reason} ({status})");
        }
        let answer: Answer = serde_json::from_slice(&body).with_context(|| {
            format!("what {} answers for subject {subject} is not what a registry does", self.base)
        })?;
        Ok(found(answer))
    }

    fn silent(&self, error: &ureq::Error, more: &str) -> anyhow::Error {
        anyhow!(
            "the schema registry at {} does not answer ({error}): say where it is with \
             --registry ADDR or THALWEG_REGISTRY{more}",
            self.base
        )
    }

    /// Whether it has a subject with versions.
    pub(in crate::cli) fn has_subject(&self, subject: &str) -> Result<bool> {
        let url = format!("{}/subjects/{}/versions", self.base, encoded(subject));
        let sent = self.agent.get(&url).call();
        let answer = sent.map_err(|error| self.silent(&error, ""))?;
        Ok(answer.status().as_u16() != NOT_FOUND)
    }

    /// What it answers to a body of JSON; its words where it refuses.
    pub(in crate::cli) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        let request = self.agent.post(&url).content_type("application/json");
        let sent = request.send(body.to_string());
        let mut answer = sent.map_err(|error| self.silent(&error, ""))?;
        let status = answer.status();
        let read = answer.body_mut().with_config().limit(SCHEMA_LEN_MAX).read_to_vec();
        let read = read.map_err(anyhow::Error::from);
        let read: Result<Value> = read.and_then(|body| Ok(serde_json::from_slice(&body)?));
        let answer = read.with_context(|| {
            format!("what {} answers ({status}) is not what a registry does", self.base)
        })?;
        match (status.is_success(), answer["message"].as_str()) {
            (true, _) => Ok(answer),
            (false, Some(message)) => bail!("{message} ({})", answer["error_code"]),
            (false, None) => bail!("the schema registry at {} answers {status}", self.base),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::base;

    #[test]
    fn addresses_are_taken_in_several_forms() {
        for text in ["127.0.0.1:8081", "http://127.0.0.1:8081/", " 127.0.0.1:8081 "] {
            assert_eq!(base(text).as_deref(), Ok("http://127.0.0.1:8081"));
        }
        assert_eq!(base("registry/path/").as_deref(), Ok("http://registry/path"));
        for text in ["", "http://", "https://x", "ftp://x", "a b"] {
            assert!(base(text).is_err(), "{text}");
        }
    }
}
