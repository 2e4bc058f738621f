//! `/connectors/{name}/tasks`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::address::Path;
use super::answer::{Answer, Error};
use super::connector::{shown, task_status, version_of};
use crate::supervisor::{Handle, Refusal};

/// The tasks and their configs.
pub(super) async fn list(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<Json<Value>> {
    let view = handle.view(&name)?;
    let mut config = shown(&handle, &view);
    if let Some(class) = config.get("connector.class").cloned() {
        let class =
            handle.reader().plugins.find(&class).map_or(class, |plugin| {
                plugin.about().class.trim_end_matches("Connector").to_owned()
            });
        config.insert("task.class".to_owned(), task_class(&class));
    }
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
    let version = version_of(&handle, &view);
    Ok(Json(task_status(number as usize, task, &handle.board().worker, version)))
}

/// Begins one anew.
pub(super) async fn restart(
    State(handle): State<Handle>,
    Path((name, task)): Path<(String, String)>,
) -> Answer<StatusCode> {
    let number = number(&task)?;
    let view = handle.view(&name).map_err(|_| Refusal::unknown_to_restart(&name))?;
    if view.tasks.get(number as usize).is_none() {
        return Err(Error::not_found(format!("Unknown task: {name}-{number}")));
    }
    handle.restart(&name, false, vec![number]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The name that the real connector's tasks have.
fn task_class(connector: &str) -> String {
    format!("{connector}Task")
}

fn number(task: &str) -> Answer<u32> {
    // The real Connect has no such path.
    task.parse().map_err(|_| Error::not_found("HTTP 404 Not Found"))
}
