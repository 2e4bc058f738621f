//! `/connectors/{name}/tasks`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Error};
use super::connector::{shown, task_status};
use crate::supervisor::Handle;

/// The tasks and their configs.
pub(super) async fn list(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<Json<Value>> {
    let view = handle.view(&name)?;
    let config = shown(&handle, &view);
    let tasks: Vec<Value> = (0..view.tasks.len())
        .map(|task| json!({ "id": { "connector": name, "task": task }, "config": config }))
        .collect();
    Ok(Json(Value::Array(tasks)))
}

/// What one does.
pub(super) async fn status(
    State(handle): State<Handle>,
    Path((name, task)): Path<(String, String)>,
) -> Answer<Json<Value>> {
    let number = number(&task)?;
    let missing = || Error::not_found(format!("No status found for task {name}-{number}"));
    let view = handle.view(&name).map_err(|_| missing())?;
    let task = view.tasks.get(number as usize).ok_or_else(missing)?;
    Ok(Json(task_status(number as usize, task, &handle.board().worker)))
}

/// Begins one anew.
pub(super) async fn restart(
    State(handle): State<Handle>,
    Path((name, task)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let number = number(&task)?;
    let view = handle.view(&name)?;
    if view.tasks.get(number as usize).is_none() {
        return Err(Error::not_found(format!("Unknown task: {name}-{number}")));
    }
    handle.restart(&name, false, vec![number]).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn number(task: &str) -> Answer<u32> {
    // The real Connect has no such path.
    task.parse().map_err(|_| Error::not_found("HTTP 404 Not Found"))
}
