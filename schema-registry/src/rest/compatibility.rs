//! `/compatibility/subjects/{subject}/versions` and below

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use serde_json::json as object;

use super::explain;
use super::request::{self, Query, SchemaRequest, flag};
use super::response::{Answer, json};
use super::target::Subject;
use crate::{Registry, VersionId};

/// The code of a schema that can't be read.
const INVALID_SCHEMA: u32 = 42201;

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/compatibility/subjects/{subject}/versions", post(check))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(check))
}

async fn check(
    State(registry): State<Arc<Registry>>,
    subject: Subject,
    query: Query,
    body: Body,
) -> Answer {
    let version = subject.version.as_deref().map(str::parse::<VersionId>).transpose()?;
    let request: SchemaRequest = request::read(body).await?;
    let schema = request.into_schema()?;
    let verbose = flag(&query, "verbose");
    let normalize = flag(&query, "normalize");
    if flag(&query, "explain") {
        return explain::answer(&registry, &subject.name, version, schema, normalize, verbose)
            .await;
    }
    let messages = match registry.check(&subject.name, version, &schema, normalize) {
        Ok(None) => None,
        Ok(Some(clash)) => Some(clash.messages()),
        Err(error) if verbose && error.code() == INVALID_SCHEMA => Some(vec![error.to_string()]),
        Err(error) => return Err(error.into()),
    };
    let is_compatible = messages.is_none();
    Ok(if verbose {
        json(&object!({ "is_compatible": is_compatible, "messages": messages.unwrap_or_default() }))
    } else {
        json(&object!({ "is_compatible": is_compatible }))
    })
}
