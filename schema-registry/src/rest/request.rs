//! What comes in: bodies and query parameters.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::response::Failure;
use crate::{Metadata, NewSchema, Reference, Registration, RuleSet, VersionId};

/// Largest body in bytes.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// How long a body may take to arrive.
pub(super) const BODY_TIME_MAX: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 30 });

/// Query parameters.
pub(super) type Query = axum::extract::Query<HashMap<String, String>>;

/// Whether a query parameter says yes.
pub(super) fn flag(query: &Query, name: &str) -> bool {
    query.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// A part of a list, by the query parameters `offset` and `limit`.
pub(super) fn page<T>(
    items: impl IntoIterator<Item = T>,
    query: &Query,
) -> Result<Vec<T>, Failure> {
    let (offset, limit) = place(query, usize::MAX)?;
    Ok(items.into_iter().skip(offset).take(limit).collect())
}

/// The query parameters `offset` and `limit`. No limit, and one that is not within
/// `limit_max`, is `limit_max`.
pub(super) fn place(query: &Query, limit_max: usize) -> Result<(usize, usize), Failure> {
    // A number that is none is no resource, to Confluent's registry.
    let number = |name: &str| match query.get(name).filter(|value| !value.is_empty()) {
        None => Ok(0),
        Some(value) => value.parse::<i32>().map_err(|_| Failure::not_found()),
    };
    let offset = usize::try_from(number("offset")?).unwrap_or(0);
    let limit = usize::try_from(number("limit")?).unwrap_or(0);
    Ok((offset, if limit == 0 { limit_max } else { limit.min(limit_max) }))
}

/// Fails where a query asks for what is not done here.
pub(super) fn refuse(query: &Query, names: &[&str]) -> Result<(), Failure> {
    let asked = |name: &&&str| query.get(**name).is_some_and(|value| !value.is_empty());
    names.iter().find(asked).map_or(Ok(()), |name| Err(unsupported(name)))
}

/// Reads a body of JSON. Invariant 7: no more than [`BODY_BYTES_MAX`] is taken in.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Failure> {
    // One that says so itself is refused before it is sent: who waits for leave to send it
    // reads the answer then.
    let is_too_long = body.size_hint().lower() > BODY_BYTES_MAX as u64;
    let bytes = if is_too_long { Body::empty() } else { body };
    let bytes = axum::body::to_bytes(bytes, BODY_BYTES_MAX);
    let bytes = match tokio::time::timeout(BODY_TIME_MAX, bytes).await {
        Ok(Ok(bytes)) if !is_too_long => bytes,
        Ok(_) => {
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
    references: Option<Vec<ReferenceRequest>>,
    metadata: Option<Arc<Metadata>>,
    rule_set: Option<Arc<RuleSet>>,
    id: Option<i32>,
    version: Option<i32>,
    #[serde(flatten)]
    rest: Map<String, Json>,
}

#[derive(Debug, Deserialize)]
struct ReferenceRequest {
    name: Option<String>,
    subject: Option<String>,
    version: Option<i32>,
}

impl ReferenceRequest {
    fn into_reference(self) -> Result<Reference, Failure> {
        match self {
            Self { name: Some(name), subject: Some(subject), version: Some(version) } => {
                Ok(Reference { name, subject: subject.into(), version })
            }
            _ => {
                let message = "Invalid reference: it needs a name, a subject and a version";
                Err(Failure::Request(422, 42201, message.to_owned()))
            }
        }
    }
}

/// Fields that newer registries know and that change nothing here.
const KNOWN: [&str; 4] =
    ["schemaTagsToAdd", "schemaTagsToRemove", "propagateSchemaTags", "normalize"];

impl SchemaRequest {
    /// How it is to be registered.
    pub(super) fn registration(&self, query: &Query) -> Registration {
        // Clients send 0 or -1 where they ask for no id, 0 where for no version.
        let version = match self.version {
            None | Some(0) => None,
            Some(version) if version > 0 => Some(VersionId::Number(version)),
            Some(_) => Some(VersionId::Latest),
        };
        let id = self.id.filter(|id| *id > 0);
        Registration { normalize: flag(query, "normalize"), id, version }
    }

    /// The schema, if nothing asks for what we don't do.
    pub(super) fn into_schema(self) -> Result<NewSchema, Failure> {
        for (name, value) in &self.rest {
            if !KNOWN.contains(&name.as_str()) {
                // Invariant 5.
                tracing::warn!(field = name, "a field of a schema request is not known");
            } else if !is_nothing(value) {
                return Err(unsupported(name));
            }
        }
        let references = self.references.unwrap_or_default();
        let references = references.into_iter().map(ReferenceRequest::into_reference);
        Ok(NewSchema {
            text: self.schema.unwrap_or_default(),
            schema_type: self.schema_type,
            references: references.collect::<Result<_, _>>()?,
            metadata: self.metadata,
            rule_set: self.rule_set,
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
