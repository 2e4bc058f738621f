//! `/connectors/{name}`: one of them, its config and its status.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use thalweg_core::config::ConfigMap;

use super::answer::{Answer, Error};
use super::body::JsonObject;
use crate::supervisor::{ConnectorView, Handle, Posted, TaskView};

/// What it is.
pub(super) async fn info(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<Json<Value>> {
    let view = handle.view(&name)?;
    Ok(Json(info_of(&handle, &name, &view)))
}

/// Forgets it.
pub(super) async fn delete(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    handle.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Its config, secrets masked.
pub(super) async fn config(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<Json<ConfigMap>> {
    let view = handle.view(&name)?;
    Ok(Json(shown(&handle, &view)))
}

/// Gives it another config, or makes it.
pub(super) async fn configure(
    State(handle): State<Handle>,
    Path(name): Path<String>,
    JsonObject(config): JsonObject,
) -> Answer<Response> {
    put(&handle, &name, Handle::texts(config)?).await
}

/// Changes keys of its config; null removes one.
pub(super) async fn patch(
    State(handle): State<Handle>,
    Path(name): Path<String>,
    JsonObject(changes): JsonObject,
) -> Answer<Response> {
    let mut config = (*handle.view(&name)?.config).clone();
    let removed: Vec<String> =
        changes.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
    let changes = Handle::texts(changes)?;
    // A mask stands for the stored value, which is there already.
    let secrets = handle.reader().secrets(&config);
    config.extend(secrets.restored(changes, Some(&config)).map_err(Error::bad_request)?);
    config.retain(|key, _| !removed.contains(key));
    put(&handle, &name, config).await
}

async fn put(handle: &Handle, name: &str, config: ConfigMap) -> Answer<Response> {
    let config = named(name, config)?;
    let stored = handle.view(name).ok().map(|view| view.config);
    let secrets = handle.reader().secrets(&config);
    let config = secrets.restored(config, stored.as_deref()).map_err(Error::bad_request)?;
    let is_new = handle.configure(Posted { name: Arc::from(name), config }).await?;
    let view = handle.view(name)?;
    let body = Json(info_of(handle, name, &view));
    Ok(if is_new {
        let place = format!("/connectors/{name}");
        (StatusCode::CREATED, [(header::LOCATION, place)], body).into_response()
    } else {
        body.into_response()
    })
}

/// What it does.
pub(super) async fn status(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<Json<Value>> {
    let missing = |_| Error::not_found(format!("No status found for connector {name}"));
    let view = handle.view(&name).map_err(missing)?;
    Ok(Json(status_of(&handle, &name, &view)))
}

/// The config with the connector's name in it. Another name is refused.
pub(super) fn named(name: &str, mut config: ConfigMap) -> Answer<ConfigMap> {
    match config.get("name") {
        Some(inside) if inside != name => Err(Error::bad_request(format!(
            "Connector name configuration ({inside}) doesn't match connector name in the URL \
             ({name})"
        ))),
        Some(_) => Ok(config),
        None => {
            config.insert("name".to_owned(), name.to_owned());
            Ok(config)
        }
    }
}

/// A config as it may be shown (invariant 8).
pub(super) fn shown(handle: &Handle, view: &ConnectorView) -> ConfigMap {
    handle.reader().secrets(&view.config).masked(&view.config)
}

pub(super) fn info_of(handle: &Handle, name: &str, view: &ConnectorView) -> Value {
    let tasks: Vec<Value> =
        (0..view.tasks.len()).map(|task| json!({ "connector": name, "task": task })).collect();
    json!({
        "name": name,
        "config": shown(handle, view),
        "tasks": tasks,
        "type": view.kind,
    })
}

pub(super) fn status_of(handle: &Handle, name: &str, view: &ConnectorView) -> Value {
    let worker = &*handle.board().worker;
    let mut connector = Map::new();
    connector.insert("state".into(), view.state.into());
    connector.insert("worker_id".into(), worker.into());
    if let Some(trace) = &view.trace {
        connector.insert("trace".into(), trace.as_str().into());
    }
    let tasks: Vec<Value> = view
        .tasks
        .iter()
        .enumerate()
        .map(|(number, task)| task_status(number, task, worker))
        .collect();
    let mut status = Map::new();
    status.insert("name".into(), name.into());
    status.insert("connector".into(), connector.into());
    status.insert("tasks".into(), tasks.into());
    status.insert("type".into(), view.kind.into());
    if !view.warnings.is_empty() {
        let warnings = view.warnings.iter().map(|warning| warning.to_string());
        status.insert("warnings".into(), warnings.collect());
    }
    Value::Object(status)
}

/// A task's status. Notes are there only where a task has some: an addition to
/// Connect's fields.
pub(super) fn task_status(number: usize, task: &TaskView, worker: &str) -> Value {
    let mut status = Map::new();
    status.insert("id".into(), number.into());
    status.insert("state".into(), task.state.into());
    status.insert("worker_id".into(), worker.into());
    if let Some(trace) = &task.trace {
        status.insert("trace".into(), trace.as_str().into());
    }
    let notes = task.notes.all();
    if !notes.is_empty() {
        status.insert("notes".into(), json!(notes));
    }
    Value::Object(status)
}
