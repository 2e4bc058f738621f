//! `/connectors/{name}`: one of them, its config and its status.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use thalweg_core::config::ConfigMap;

use super::address::Path;
use super::answer::{Answer, Error};
use super::body::JsonObject;
use super::connectors::location;
use super::parked;
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
    headers: HeaderMap,
    JsonObject(config): JsonObject,
) -> Answer<Response> {
    put(&handle, &headers, &name, Handle::texts(config)?).await
}

/// Changes keys of its config; null removes one.
pub(super) async fn patch(
    State(handle): State<Handle>,
    Path(name): Path<String>,
    headers: HeaderMap,
    JsonObject(changes): JsonObject,
) -> Answer<Response> {
    let mut config = (*handle.view(&name)?.config).clone();
    let removed: Vec<String> =
        changes.iter().filter(|(_, value)| value.is_null()).map(|(key, _)| key.clone()).collect();
    let mut changes = changes;
    changes.retain(|_, value| !value.is_null());
    let changes = Handle::texts(changes)?;
    // A mask stands for the stored value, which is there already.
    let secrets = handle.reader().secrets(&config);
    config.extend(secrets.restored(changes, Some(&config)).map_err(Error::bad_request)?);
    config.retain(|key, _| !removed.contains(key));
    put(&handle, &headers, &name, config).await
}

async fn put(
    handle: &Handle,
    headers: &HeaderMap,
    name: &str,
    config: ConfigMap,
) -> Answer<Response> {
    let config = named(name, config)?;
    let stored = handle.view(name).ok().map(|view| view.config);
    let secrets = handle.reader().secrets(&config);
    let config = secrets.restored(config, stored.as_deref()).map_err(Error::bad_request)?;
    let is_new = handle.configure(Posted { name: Arc::from(name), config }).await?;
    let view = handle.view(name)?;
    let body = Json(info_of(handle, name, &view));
    Ok(if is_new {
        let body = Json(made(handle, name, &view));
        let place = location(headers, name);
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
    Ok(Json(status_of(&handle, &name, &view).await))
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

/// A connector that was made just now: its tasks come later.
pub(super) fn made(handle: &Handle, name: &str, view: &ConnectorView) -> Value {
    let mut view = view.clone();
    view.tasks.clear();
    info_of(handle, name, &view)
}

/// Its state and that of its tasks. Warnings and parked rows are there only where it has
/// some: an addition to Connect's fields.
pub(super) async fn status_of(handle: &Handle, name: &str, view: &ConnectorView) -> Value {
    let worker = &*handle.board().worker;
    let version = version_of(handle, view);
    let mut connector = Map::new();
    connector.insert("state".into(), view.state.into());
    connector.insert("worker_id".into(), worker.into());
    connector.extend(version.map(|version| ("version".to_owned(), version.into())));
    if let Some(trace) = &view.trace {
        connector.insert("trace".into(), trace.as_str().into());
    }
    let tasks: Vec<Value> = view
        .tasks
        .iter()
        .enumerate()
        .map(|(number, task)| task_status(number, task, worker, version))
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
    let parked = parked::of(handle, name, view).await;
    if !parked.is_empty() {
        status.insert("parked".into(), parked.into());
    }
    Value::Object(status)
}

/// The version of a connector's kind.
pub(super) fn version_of(handle: &Handle, view: &ConnectorView) -> Option<&'static str> {
    handle.reader().plugin(&view.config).ok().map(|plugin| plugin.about().version)
}

/// A task's status. Notes are there only where a task has some: an addition to
/// Connect's fields.
pub(super) fn task_status(
    number: usize,
    task: &TaskView,
    worker: &str,
    version: Option<&str>,
) -> Value {
    let mut status = Map::new();
    status.insert("id".into(), number.into());
    status.insert("state".into(), task.state.into());
    status.insert("worker_id".into(), worker.into());
    status.extend(version.map(|version| ("version".to_owned(), version.into())));
    if let Some(trace) = &task.trace {
        status.insert("trace".into(), trace.as_str().into());
    }
    let notes = task.notes.all();
    if !notes.is_empty() {
        status.insert("notes".into(), json!(notes));
    }
    Value::Object(status)
}
