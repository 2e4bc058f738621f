//! `/connectors/{name}/topics`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use crate::supervisor::Handle;

/// The topics that it used.
pub(super) async fn list(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<Json<Value>> {
    let view = handle.view(&name)?;
    let mut answer = Map::new();
    answer.insert(name, json!({ "topics": view.topics }));
    Ok(Json(Value::Object(answer)))
}

/// Forgets which it used.
pub(super) async fn reset(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    handle.view(&name)?;
    handle.board().reset_topics(&name);
    Ok(StatusCode::ACCEPTED)
}
