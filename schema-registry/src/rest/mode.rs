//! `/mode` and `/mode/{subject}`: schemas can be read and written. Other modes come with
//! import.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::json as object;

use super::request::{Query, flag, unsupported};
use super::response::{Answer, Failure, json};
use crate::Registry;

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/mode", get(show_all).put(set))
        .route("/mode/{subject}", get(show).put(set))
}

async fn show_all(State(registry): State<Arc<Registry>>) -> Answer {
    Ok(json(&object!({ "mode": registry.mode(None) })))
}

async fn show(
    State(registry): State<Arc<Registry>>,
    Path(subject): Path<String>,
    query: Query,
) -> Answer {
    let own = registry.mode(Some(&subject));
    let global = flag(&query, "defaultToGlobal").then(|| registry.mode(None)).flatten();
    match own.or(global) {
        Some(mode) => Ok(json(&object!({ "mode": mode }))),
        None => {
            let message =
                format!("Subject '{subject}' does not have subject-level mode configured");
            Err(Failure::Request(404, 40409, message))
        }
    }
}

async fn set() -> Answer {
    Err(unsupported("a change of the mode"))
}
