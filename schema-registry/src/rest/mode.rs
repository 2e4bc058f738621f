//! `/mode` and `/mode/{subject}`

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json as object;

use super::request::{self, Query, flag};
use super::response::{Answer, Failure, json};
use super::target::Scope;
use crate::{Mode, Registry};

pub(super) fn routes() -> Router<Arc<Registry>> {
    let methods = || get(show).put(set).delete(delete);
    Router::new().route("/mode", methods()).route("/mode/{subject}", methods())
}

#[derive(Deserialize)]
struct ModeRequest {
    /// Null takes the mode away.
    mode: Option<String>,
}

async fn show(State(registry): State<Arc<Registry>>, Scope(scope): Scope, query: Query) -> Answer {
    let mode = if flag(&query, "defaultToGlobal") {
        Some(registry.mode_in_scope(scope.as_deref()))
    } else {
        registry.mode(scope.as_deref())
    };
    match mode {
        Some(mode) => Ok(json(&object!({ "mode": mode.name() }))),
        None => {
            let subject = scope.unwrap_or_default();
            let message =
                format!("Subject '{subject}' does not have subject-level mode configured");
            Err(Failure::Request(404, 40409, message))
        }
    }
}

async fn set(
    State(registry): State<Arc<Registry>>,
    Scope(scope): Scope,
    query: Query,
    body: Body,
) -> Answer {
    let request: ModeRequest = request::read(body).await?;
    let mode = request.mode.as_deref().map(str::parse::<Mode>).transpose()?;
    registry.set_mode(scope.as_deref(), mode, flag(&query, "force")).await?;
    Ok(json(&object!({ "mode": request.mode })))
}

async fn delete(
    State(registry): State<Arc<Registry>>,
    Scope(scope): Scope,
    query: Query,
) -> Answer {
    let former = registry.delete_mode(scope.as_deref(), flag(&query, "recursive")).await?;
    Ok(json(&object!({ "mode": former.map(Mode::name) })))
}
