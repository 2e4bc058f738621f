//! What comes in: bodies and query parameters.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::response::Failure;
use crate::{NewSchema, Reference};

/// Largest body in bytes.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// How long a body may take to arrive.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// Query parameters.
pub(super) type Query = axum::extract::Query<HashMap<String, String>>;

/// Whether a query parameter says yes.
pub(super) fn flag(query: &Query, name: &str) -> bool {
    query.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// A part of a list, by the query parameters `offset` and `limit`.
pub(super) fn page<T>(items: Vec<T>, query: &Query) -> Vec<T> {
    let number = |name: &str| query.get(name).and_then(|value| value.parse::<i64>().ok());
    let offset = number("offset").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    // A limit below zero, as the default of -1, is none.
    let limit = number("limit").and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
    items.into_iter().skip(offset).take(limit).collect()
}

/// Reads a body of JSON. Invariant 7: no more than [`BODY_BYTES_MAX`] is taken in.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Failure> {
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX);
    let bytes = match tokio::time::timeout(BODY_TIME_MAX, bytes).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let message = format!(
                "the request's body has more than {BODY_BYTES_MAX} bytes, or its sender went away"
            );
            return Err(Failure::Request(422, 42209, message));
        }
        Err(_) => {
            let message = "the request's body did not arrive within 30 s".to_owned();
            return Err(Failure::Request(408, 408, message));
        }
    };
    if bytes.iter().all(u8::is_ascii_whitespace) {
        let message = "the request has no body: send JSON".to_owned();
        return Err(Failure::Request(422, 422, message));
    }
    let bad = |reason: serde_json::Error| {
        let message = format!("the request's body is not the JSON that is expected: {reason}");
        Failure::Request(400, 400, message)
    };
    serde_json::from_slice(&bytes).map_err(bad)
}

/// A schema, as it is sent for registration, look-up and checks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchemaRequest {
    schema: Option<String>,
    schema_type: Option<String>,
    references: Option<Vec<Reference>>,
    metadata: Option<Json>,
    rule_set: Option<Json>,
    pub(super) id: Option<i64>,
    pub(super) version: Option<i64>,
    #[serde(flatten)]
    rest: Map<String, Json>,
}

/// Fields that newer registries know and that change nothing here.
const KNOWN: [&str; 4] =
    ["schemaTagsToAdd", "schemaTagsToRemove", "propagateSchemaTags", "normalize"];

impl SchemaRequest {
    /// The schema, if there is one and nothing asks for what we don't do.
    pub(super) fn into_schema(self, query: &Query) -> Result<NewSchema, Failure> {
        for (name, value) in &self.rest {
            if !KNOWN.contains(&name.as_str()) {
                // Invariant 5.
                tracing::warn!(field = name, "a field of a schema request is not known");
            } else if !is_nothing(value) {
                return Err(unsupported(name));
            }
        }
        if flag(query, "normalize") {
            return Err(unsupported("normalize"));
        }
        let text = self.schema.filter(|text| !text.is_empty());
        let Some(text) = text else {
            return Err(Failure::Request(422, 42201, "Empty schema".to_owned()));
        };
        Ok(NewSchema {
            text,
            schema_type: self.schema_type,
            references: self.references.unwrap_or_default(),
            metadata: self.metadata.filter(|value| !is_nothing(value)),
            rule_set: self.rule_set.filter(|value| !is_nothing(value)),
        })
    }
}

/// Whether a value asks for nothing.
pub(super) fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::Array(items) => items.is_empty(),
        Json::Object(entries) => entries.is_empty(),
        _ => false,
    }
}

/// What another registry can do and ours can't yet.
pub(super) fn unsupported(what: &str) -> Failure {
    Failure::Request(422, 42205, format!("not supported yet: {what}"))
}
