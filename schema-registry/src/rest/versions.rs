//! `/subjects/{subject}/versions` and below

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use serde_json::json as object;

use super::request::{self, Query, SchemaRequest, flag, page, refuse};
use super::response::{Answer, Failure, SchemaAnswer, formatted, json, raw};
use super::target::Subject;
use crate::{NewSchema, Registered, Registry, Selected, Shown, VersionId};

/// What a version's text is not looked through for here.
const NOT_DONE: [&str; 2] = ["findTags", "referenceFormat"];

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/subjects/{subject}/versions", get(list).post(register))
        .route("/subjects/{subject}/versions/{version}", get(show).delete(delete))
        .route("/subjects/{subject}/versions/{version}/schema", get(show_schema))
        .route("/subjects/{subject}/versions/{version}/referencedby", get(referenced_by))
}

impl Subject {
    fn version(&self) -> Result<VersionId, Failure> {
        Ok(self.version.as_deref().unwrap_or_default().parse()?)
    }
}

async fn list(State(registry): State<Arc<Registry>>, subject: Subject, query: Query) -> Answer {
    let selected = Selected::new(flag(&query, "deleted"), flag(&query, "deletedOnly"));
    Ok(json(&page(registry.versions(&subject.name, selected)?, &query)?))
}

async fn register(
    State(registry): State<Arc<Registry>>,
    subject: Subject,
    query: Query,
    body: Body,
) -> Answer {
    let request: SchemaRequest = request::read(body).await?;
    let how = request.registration(&query);
    let schema = request.into_schema()?;
    let registered = registry.register_schema(&subject.name, &schema, how).await?;
    match &registered.changed {
        None => Ok(json(&object!({ "id": registered.id }))),
        Some(schema) => Ok(json(&registered_as(&registered, schema))),
    }
}

/// The answer where what is stored is more than what was asked for.
fn registered_as<'a>(registered: &Registered, schema: &'a NewSchema) -> SchemaAnswer<'a> {
    SchemaAnswer {
        subject: None,
        version: Some(registered.version),
        id: Some(registered.id),
        schema_type: None,
        schema: schema.text.as_str().into(),
        references: &schema.references,
        metadata: schema.metadata.as_deref(),
        rule_set: schema.rule_set.as_deref(),
        max_id: None,
    }
}

fn find(registry: &Registry, subject: &Subject, query: &Query) -> Result<Shown, Failure> {
    refuse(query, &NOT_DONE)?;
    let selected = Selected::new(flag(query, "deleted"), false);
    Ok(registry.version(&subject.name, subject.version()?, selected)?)
}

async fn show(State(registry): State<Arc<Registry>>, subject: Subject, query: Query) -> Answer {
    let shown = find(&registry, &subject, &query)?;
    Ok(json(&SchemaAnswer::at(&shown).formatted(&registry, &shown.schema, &query)?))
}

async fn show_schema(
    State(registry): State<Arc<Registry>>,
    subject: Subject,
    query: Query,
) -> Answer {
    let shown = find(&registry, &subject, &query)?;
    let text = formatted(&registry, &shown.schema, &query)?;
    Ok(raw(text.as_deref().unwrap_or(&shown.schema.text)))
}

async fn referenced_by(
    State(registry): State<Arc<Registry>>,
    subject: Subject,
    query: Query,
) -> Answer {
    let shown = registry.version(&subject.name, subject.version()?, Selected::All)?;
    let selected = Selected::new(flag(&query, "deleted"), false);
    let users = registry.referenced_by(&shown.at.subject, shown.at.version, selected);
    Ok(json(&page(users, &query)?))
}

async fn delete(State(registry): State<Arc<Registry>>, subject: Subject, query: Query) -> Answer {
    let version = subject.version()?;
    let permanent = flag(&query, "permanent");
    Ok(json(&registry.delete_version(&subject.name, version, permanent).await?))
}
