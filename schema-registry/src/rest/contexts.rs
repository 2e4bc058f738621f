//! `/contexts`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;

use super::request::{Query, page};
use super::response::{Answer, json};
use crate::Registry;

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new().route("/contexts", get(list))
}

async fn list(State(registry): State<Arc<Registry>>, query: Query) -> Answer {
    let prefix = query.get("contextPrefix").map_or("", String::as_str);
    let contexts = registry.contexts();
    let names = contexts.iter().map(AsRef::as_ref).filter(|name: &&str| name.starts_with(prefix));
    Ok(json(&page(names, &query)?))
}
