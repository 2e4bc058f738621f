//! `/connectors/{name}/offsets`.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::address::Path;
use super::answer::Answer;
use crate::supervisor::Handle;

/// How far it is.
pub(super) async fn get(
    State(handle): State<Handle>,
    Path(name): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(handle.offsets(&name).await?))
}
