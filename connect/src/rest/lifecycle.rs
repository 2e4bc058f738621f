//! Pause, resume, stop and restart of a connector.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::address::{Path, Query};
use super::answer::Answer;
use super::connector::status_of;
use crate::store::TargetState;
use crate::supervisor::{Handle, Refusal};

/// Lets its tasks do nothing.
pub(super) async fn pause(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    handle.target(&name, TargetState::Paused).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Lets it run.
pub(super) async fn resume(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    handle.target(&name, TargetState::Started).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Ends its tasks.
pub(super) async fn stop(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    handle.target(&name, TargetState::Stopped).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins it anew, with its tasks if that is asked for.
pub(super) async fn restart(
    State(handle): State<Handle>,
    Path(name): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Answer<Response> {
    let asked = |key: &str| {
        query.iter().any(|(name, value)| name == key && value.eq_ignore_ascii_case("true"))
    };
    let (include_tasks, only_failed) = (asked("includeTasks"), asked("onlyFailed"));
    let view = handle.view(&name).map_err(|_| Refusal::unknown_to_restart(&name))?;
    let is_meant = |state: &str| !only_failed || state == "FAILED";
    let mut tasks = Vec::new();
    if include_tasks {
        let meant = view.tasks.iter().enumerate().filter(|(_, task)| is_meant(task.state));
        tasks.extend(meant.filter_map(|(number, _)| u32::try_from(number).ok()));
    }
    let view = handle.restart(&name, is_meant(view.state), tasks).await?;
    if !include_tasks && !only_failed {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok((StatusCode::ACCEPTED, Json(status_of(&handle, &name, &view).await)).into_response())
}
