//! `/connectors/{name}/topics`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::address::Path;
use crate::supervisor::Handle;

/// The topics that it used.
pub(super) async fn list(State(handle): State<Handle>, Path(name): Path<String>) -> Json<Value> {
    // As in the real Connect one that is not there used none.
    let topics = handle.view(&name).map(|view| view.topics).unwrap_or_default();
    let mut answer = Map::new();
    answer.insert(name, json!({ "topics": topics }));
    Json(Value::Object(answer))
}

/// Forgets which it used.
pub(super) async fn reset(State(handle): State<Handle>, Path(name): Path<String>) -> StatusCode {
    handle.board().reset_topics(&name);
    StatusCode::ACCEPTED
}
