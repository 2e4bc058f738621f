//! Answers: JSON, and errors as `{"error_code": ..., "message": ...}`.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::request::Query;
use crate::{
    Metadata, Reference, Registry, RegistryError, Result as Found, RuleSet, Shown, Stored,
};

/// What a handler answers.
pub(super) type Answer = Result<Response, Failure>;

/// An error that is on its way to the client.
pub(super) enum Failure {
    /// The registry's.
    Registry(RegistryError),
    /// One of the request itself: status, code, text.
    Request(u16, u32, String),
}

impl Failure {
    /// There is no such resource.
    pub(super) fn not_found() -> Self {
        Self::Request(404, 404, "HTTP 404 Not Found".to_owned())
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Registry(failed) => {
                if let RegistryError::Store(reason) = &failed {
                    tracing::error!(%reason, "the schema registry could not use its topic");
                }
                error(failed.status(), failed.code(), &failed.to_string())
            }
            Self::Request(status, code, message) => error(status, code, &message),
        }
    }
}

/// A value as JSON. The content type is set by the negotiation.
pub(super) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => Response::new(Body::from(body)),
        Err(reason) => error(500, 500, &format!("the answer can't be written: {reason}")),
    }
}

/// A text that is JSON already.
pub(super) fn raw(text: &str) -> Response {
    Response::new(Body::from(text.to_owned()))
}

/// An error.
pub(super) fn error(status: u16, code: u32, message: &str) -> Response {
    let body = json!({ "error_code": code, "message": message }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// A version of a subject, as it is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchemaAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema_type: Option<&'a str>,
    pub(super) schema: Cow<'a, str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) references: &'a [Reference],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule_set: Option<&'a RuleSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_id: Option<i32>,
}

impl<'a> SchemaAnswer<'a> {
    /// A schema without its place.
    pub(super) fn of(stored: &'a Stored) -> Self {
        Self {
            subject: None,
            version: None,
            id: None,
            schema_type: Some(&*stored.schema_type).filter(|name| *name != "AVRO"),
            schema: Cow::Borrowed(&stored.text),
            references: &stored.references,
            metadata: stored.metadata.as_deref(),
            rule_set: stored.rule_set.as_deref(),
            max_id: None,
        }
    }

    /// With the text in the format that is asked for.
    pub(super) fn formatted(
        mut self,
        registry: &Registry,
        stored: &Stored,
        query: &Query,
    ) -> Found<Self> {
        if let Some(text) = formatted(registry, stored, query)? {
            self.schema = Cow::Owned(text);
        }
        Ok(self)
    }

    /// A schema as a version of a subject.
    pub(super) fn at(shown: &'a Shown) -> Self {
        Self {
            subject: Some(&shown.at.subject),
            version: Some(shown.at.version),
            id: Some(shown.schema.id),
            ..Self::of(&shown.schema)
        }
    }
}

/// A schema's text in the format that is asked for, if that is not the stored one. As in
/// Confluent's registry, a format that is not known is the stored one.
pub(super) fn formatted(
    registry: &Registry,
    stored: &Stored,
    query: &Query,
) -> Found<Option<String>> {
    match query.get("format").map(String::as_str) {
        Some("resolved") => Ok(Some(registry.parsed(stored)?.standalone_text())),
        _ => Ok(None),
    }
}
