//! `/schemas` and below

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::{Value, json as object};

use super::request::{Query, flag, page};
use super::response::{Answer, Failure, SchemaAnswer, json, raw};
use crate::{Registry, Selected};

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/schemas/types", get(types))
        .route("/schemas/ids/{id}", get(show))
        .route("/schemas/ids/{id}/schema", get(show_schema))
        .route("/schemas/ids/{id}/subjects", get(subjects))
        .route("/schemas/ids/{id}/versions", get(versions))
}

/// An id from a path. What is no number is no resource, as in Confluent's registry.
fn number(id: &str) -> Result<i32, Failure> {
    id.parse().map_err(|_| Failure::Request(404, 404, "HTTP 404 Not Found".to_owned()))
}

async fn types() -> Answer {
    Ok(json(&["AVRO"]))
}

async fn show(
    State(registry): State<Arc<Registry>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let stored = registry.stored(number(&id)?)?;
    let max_id = flag(&query, "fetchMaxId").then(|| registry.id_max());
    Ok(json(&SchemaAnswer { max_id, ..SchemaAnswer::of(&stored) }))
}

async fn show_schema(State(registry): State<Arc<Registry>>, Path(id): Path<String>) -> Answer {
    Ok(raw(&registry.stored(number(&id)?)?.text))
}

async fn subjects(
    State(registry): State<Arc<Registry>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let uses = registry.uses(number(&id)?, Selected::new(flag(&query, "deleted"), false))?;
    let mut names: Vec<&str> = uses.iter().map(|at| at.subject.as_ref()).collect();
    names.dedup();
    Ok(json(&page(names, &query)))
}

async fn versions(
    State(registry): State<Arc<Registry>>,
    Path(id): Path<String>,
    query: Query,
) -> Answer {
    let uses = registry.uses(number(&id)?, Selected::new(flag(&query, "deleted"), false))?;
    let all = uses.iter();
    let all: Vec<Value> =
        all.map(|at| object!({ "subject": at.subject, "version": at.version })).collect();
    Ok(json(&page(all, &query)))
}
