//! `/subjects`, `/subjects/{subject}` and `/subjects/{subject}/metadata`

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query as AnyQuery, State};
use axum::routing::{get, post};

use super::request::{self, Query, SchemaRequest, flag, page};
use super::response::{Answer, SchemaAnswer, json};
use super::target::{Context, Subject, prefixed};
use crate::registry::context::ALL;
use crate::{Registry, Selected};

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/subjects", get(list))
        .route("/subjects/{subject}", post(look_up).delete(delete))
        .route("/subjects/{subject}/metadata", get(latest_with_metadata))
}

async fn list(State(registry): State<Arc<Registry>>, context: Context, query: Query) -> Answer {
    let prefix = match query.get("subjectPrefix") {
        None if !context.is_named => ALL.to_owned(),
        prefix => prefixed(&context.prefix, prefix.map_or("", String::as_str)),
    };
    let selected = Selected::new(flag(&query, "deleted"), flag(&query, "deletedOnly"));
    let subjects = registry.subjects(&prefix, selected);
    Ok(json(&page(subjects.iter().map(AsRef::<str>::as_ref), &query)?))
}

async fn look_up(
    State(registry): State<Arc<Registry>>,
    subject: Subject,
    query: Query,
    body: Body,
) -> Answer {
    let request: SchemaRequest = request::read(body).await?;
    let normalize = flag(&query, "normalize");
    let selected = Selected::new(flag(&query, "deleted"), false);
    let schema = request.into_schema()?;
    let shown = registry.lookup_schema(&subject.name, &schema, normalize, selected)?;
    Ok(json(&SchemaAnswer::at(&shown).formatted(&registry, &shown.schema, &query)?))
}

async fn latest_with_metadata(
    State(registry): State<Arc<Registry>>,
    subject: Subject,
    query: Query,
    AnyQuery(pairs): AnyQuery<Vec<(String, String)>>,
) -> Answer {
    let all = |name: &'static str| {
        pairs.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.clone())
    };
    let properties: Vec<(String, String)> = all("key").zip(all("value")).collect();
    let selected = Selected::new(flag(&query, "deleted"), false);
    let shown = registry.latest_with(&subject.name, &properties, selected)?;
    Ok(json(&SchemaAnswer::at(&shown).formatted(&registry, &shown.schema, &query)?))
}

async fn delete(State(registry): State<Arc<Registry>>, subject: Subject, query: Query) -> Answer {
    Ok(json(&registry.delete_subject(&subject.name, flag(&query, "permanent")).await?))
}
