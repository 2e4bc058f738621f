//! `/subjects/{subject}/versions` and below

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::json as object;

use super::request::{self, Query, SchemaRequest, flag, page};
use super::response::{Answer, Failure, SchemaAnswer, json, raw};
use crate::{Registry, Result, Selected, Shown};

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/subjects/{subject}/versions", get(list).post(register))
        .route("/subjects/{subject}/versions/{version}", get(show).delete(delete))
        .route("/subjects/{subject}/versions/{version}/schema", get(show_schema))
        .route("/subjects/{subject}/versions/{version}/referencedby", get(referenced_by))
}

type At = Path<(String, String)>;

async fn list(
    State(registry): State<Arc<Registry>>,
    Path(subject): Path<String>,
    query: Query,
) -> Answer {
    let selected = Selected::new(flag(&query, "deleted"), flag(&query, "deletedOnly"));
    Ok(json(&page(registry.versions(&subject, selected)?, &query)))
}

async fn register(
    State(registry): State<Arc<Registry>>,
    Path(subject): Path<String>,
    query: Query,
    body: Body,
) -> Answer {
    let request: SchemaRequest = request::read(body).await?;
    // Clients send 0 or -1 where they ask for no number.
    if request.id.is_some_and(|id| id > 0) || request.version.is_some_and(|version| version > 0) {
        let message = format!(
            "Subject {subject} is not in import mode: leave \"id\" and \"version\" out, the \
             registry gives them"
        );
        return Err(Failure::Request(422, 42205, message));
    }
    let schema = request.into_schema(&query)?;
    let registered = registry.register_schema(&subject, &schema).await?;
    Ok(json(&object!({ "id": registered.id })))
}

fn find(
    registry: &Registry,
    (subject, version): &(String, String),
    query: &Query,
) -> Result<Shown> {
    let selected = Selected::new(flag(query, "deleted"), false);
    registry.version(subject, version.parse()?, selected)
}

async fn show(State(registry): State<Arc<Registry>>, Path(at): At, query: Query) -> Answer {
    let shown = find(&registry, &at, &query)?;
    Ok(json(&SchemaAnswer::at(&shown)))
}

async fn show_schema(State(registry): State<Arc<Registry>>, Path(at): At, query: Query) -> Answer {
    Ok(raw(&find(&registry, &at, &query)?.schema.text))
}

async fn referenced_by(State(registry): State<Arc<Registry>>, Path(at): At) -> Answer {
    let shown = registry.version(&at.0, at.1.parse()?, Selected::All)?;
    Ok(json(&registry.referenced_by(&at.0, shown.at.version)))
}

async fn delete(State(registry): State<Arc<Registry>>, Path(at): At, query: Query) -> Answer {
    let version = at.1.parse()?;
    let permanent = flag(&query, "permanent");
    Ok(json(&registry.delete_version(&at.0, version, permanent).await?))
}
