//! A registry's REST, as far as an import needs it.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value as Json;

use crate::cli::read::registry::agent;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest answer that is taken (invariant 7).
const ANSWER_LEN_MAX: u64 = 16 << 20;
const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// A registry that may be there.
#[derive(Debug)]
pub(super) struct Rest {
    base: String,
    agent: ureq::Agent,
}

/// What a registry refuses, with its code.
#[derive(Debug, thiserror::Error)]
#[error("{message} (error {code})")]
pub(super) struct Refusal {
    pub(super) code: u64,
    message: String,
}

impl Rest {
    pub(super) fn new(base: &str) -> Self {
        Self { base: base.to_owned(), agent: agent(PATIENCE) }
    }

    pub(super) fn get(&self, path: &str) -> Result<Json> {
        self.answer(self.agent.get(self.url(path)).call())
    }

    pub(super) fn delete(&self, path: &str) -> Result<Json> {
        self.answer(self.agent.delete(self.url(path)).call())
    }

    pub(super) fn post(&self, path: &str, body: &Json) -> Result<Json> {
        let request = self.agent.post(self.url(path)).header("Content-Type", CONTENT_TYPE);
        self.answer(request.send(body.to_string()))
    }

    pub(super) fn put(&self, path: &str, body: &Json) -> Result<Json> {
        let request = self.agent.put(self.url(path)).header("Content-Type", CONTENT_TYPE);
        self.answer(request.send(body.to_string()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn answer(
        &self,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Json> {
        let mut answer = answer.map_err(|error| {
            anyhow!(
                "the schema registry at {} does not answer ({error}): say where it is with \
                 --registry ADDR or THALWEG_REGISTRY",
                self.base
            )
        })?;
        let body = answer.body_mut().with_config().limit(ANSWER_LEN_MAX).read_to_vec();
        let body: Json = serde_json::from_slice(&body?)
            .with_context(|| format!("what {} answers is not what a registry does", self.base))?;
        if answer.status().is_success() {
            return Ok(body);
        }
        let code = body.get("error_code").and_then(Json::as_u64).unwrap_or_default();
        let message = body.get("message").and_then(Json::as_str).unwrap_or_default();
        Err(Refusal { code, message: message.to_owned() }.into())
    }
}
