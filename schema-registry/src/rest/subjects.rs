//! `/subjects` and `/subjects/{subject}`

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::{get, post};

use super::request::{self, Query, SchemaRequest, flag, page};
use super::response::{Answer, SchemaAnswer, json};
use crate::{Registry, Selected};

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/subjects", get(list))
        .route("/subjects/{subject}", post(look_up).delete(delete))
}

async fn list(State(registry): State<Arc<Registry>>, query: Query) -> Answer {
    let prefix = query.get("subjectPrefix").map_or("", String::as_str);
    // Confluent's way to say: of all contexts. There is one.
    let prefix = prefix.strip_prefix(":*:").unwrap_or(prefix);
    let selected = Selected::new(flag(&query, "deleted"), flag(&query, "deletedOnly"));
    let subjects = registry.subjects(prefix, selected);
    let names: Vec<&str> = subjects.iter().map(AsRef::as_ref).collect();
    Ok(json(&page(names, &query)))
}

async fn look_up(
    State(registry): State<Arc<Registry>>,
    Path(subject): Path<String>,
    query: Query,
    body: Body,
) -> Answer {
    let request: SchemaRequest = request::read(body).await?;
    let schema = request.into_schema(&query)?;
    let selected = Selected::new(flag(&query, "deleted"), false);
    let shown = registry.lookup_schema(&subject, &schema, selected)?;
    Ok(json(&SchemaAnswer::at(&shown)))
}

async fn delete(
    State(registry): State<Arc<Registry>>,
    Path(subject): Path<String>,
    query: Query,
) -> Answer {
    Ok(json(&registry.delete_subject(&subject, flag(&query, "permanent")).await?))
}
