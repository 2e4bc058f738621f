//! `/schemas` and below

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use super::request::{Query, flag, page, place, refuse};
use super::response::{Answer, SchemaAnswer, formatted, json, raw};
use super::target::{Context, Id, prefixed, qualified};
use crate::{Registry, Selected, Stored, SubjectVersion};

/// Most schemas of one answer, as in Confluent's registry.
const SCHEMAS_MAX: usize = 1000;

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/schemas", get(list))
        .route("/schemas/types", get(types))
        .route("/schemas/ids/{id}", get(show))
        .route("/schemas/ids/{id}/schema", get(show_schema))
        .route("/schemas/ids/{id}/subjects", get(subjects))
        .route("/schemas/ids/{id}/versions", get(versions))
}

async fn list(State(registry): State<Arc<Registry>>, context: Context, query: Query) -> Answer {
    refuse(&query, &["aliases"])?;
    let prefix = query.get("subjectPrefix").map_or("", String::as_str);
    let selected = Selected::new(flag(&query, "deleted"), false);
    let rule_type = query.get("ruleType").filter(|of| !of.is_empty());
    let wanted = |stored: &Stored| {
        let has_type =
            |of: &String| stored.rule_set.as_ref().is_some_and(|rules| rules.has_type(of));
        rule_type.is_none_or(has_type)
    };
    let shown = registry.schemas(
        &prefixed(&context.prefix, prefix),
        selected,
        flag(&query, "latestOnly"),
        wanted,
        place(&query, SCHEMAS_MAX)?,
    );
    Ok(json(&shown.iter().map(SchemaAnswer::at).collect::<Vec<_>>()))
}

async fn types() -> Answer {
    Ok(json(&["AVRO"]))
}

/// The subject for which an id is looked up.
fn subject(registry: &Registry, id: &Id, query: &Query) -> String {
    let subject = query.get("subject").map_or("", String::as_str);
    match qualified(&id.context, subject) {
        subject if subject.is_empty() => subject,
        subject => registry.resolve_alias(&subject),
    }
}

fn find(registry: &Registry, id: &Id, query: &Query) -> crate::Result<Arc<Stored>> {
    registry.stored_for(id.id, &subject(registry, id, query))
}

async fn show(State(registry): State<Arc<Registry>>, id: Id, query: Query) -> Answer {
    refuse(&query, &["findTags", "referenceFormat"])?;
    let stored = find(&registry, &id, &query)?;
    let max_id = flag(&query, "fetchMaxId").then(|| registry.id_max(&stored.subject));
    let answer = SchemaAnswer { max_id, ..SchemaAnswer::of(&stored) };
    Ok(json(&answer.formatted(&registry, &stored, &query)?))
}

async fn show_schema(State(registry): State<Arc<Registry>>, id: Id, query: Query) -> Answer {
    let stored = find(&registry, &id, &query)?;
    let text = formatted(&registry, &stored, &query)?;
    Ok(raw(text.as_deref().unwrap_or(&stored.text)))
}

fn uses(registry: &Registry, id: &Id, query: &Query) -> crate::Result<Vec<SubjectVersion>> {
    let selected = Selected::new(flag(query, "deleted"), false);
    registry.uses(id.id, &subject(registry, id, query), selected)
}

async fn subjects(State(registry): State<Arc<Registry>>, id: Id, query: Query) -> Answer {
    let uses = uses(&registry, &id, &query)?;
    let mut names: Vec<&str> = uses.iter().map(|at| at.subject.as_ref()).collect();
    names.dedup();
    Ok(json(&page(names, &query)?))
}

async fn versions(State(registry): State<Arc<Registry>>, id: Id, query: Query) -> Answer {
    Ok(json(&page(uses(&registry, &id, &query)?, &query)?))
}
