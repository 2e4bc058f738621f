//! `/compatibility/subjects/{subject}/versions` and below

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::post;
use serde_json::json as object;

use super::explain;
use super::request::{self, Query, SchemaRequest, flag};
use super::response::{Answer, json};
use crate::{Registry, RegistryError, VersionId};

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/compatibility/subjects/{subject}/versions", post(with_all))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(with_one))
}

async fn with_all(
    State(registry): State<Arc<Registry>>,
    Path(subject): Path<String>,
    query: Query,
    body: Body,
) -> Answer {
    check(&registry, &subject, None, &query, body).await
}

async fn with_one(
    State(registry): State<Arc<Registry>>,
    Path((subject, version)): Path<(String, String)>,
    query: Query,
    body: Body,
) -> Answer {
    check(&registry, &subject, Some(version.parse()?), &query, body).await
}

async fn check(
    registry: &Arc<Registry>,
    subject: &str,
    version: Option<VersionId>,
    query: &Query,
    body: Body,
) -> Answer {
    let request: SchemaRequest = request::read(body).await?;
    let schema = request.into_schema(query)?;
    let verbose = flag(query, "verbose");
    if flag(query, "explain") {
        return explain::answer(registry, subject, version, schema, verbose).await;
    }
    let messages = match registry.check(subject, version, &schema) {
        Ok(None) => None,
        Ok(Some(clash)) => Some(clash.messages()),
        Err(error @ RegistryError::InvalidSchema(_)) if verbose => Some(vec![error.to_string()]),
        Err(error) => return Err(error.into()),
    };
    let is_compatible = messages.is_none();
    Ok(if verbose {
        json(&object!({ "is_compatible": is_compatible, "messages": messages.unwrap_or_default() }))
    } else {
        json(&object!({ "is_compatible": is_compatible }))
    })
}
