//! `/` and `/health`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::supervisor::Handle;

/// Who this server is.
pub(super) async fn server(State(handle): State<Handle>) -> Json<Value> {
    let info = handle.info();
    Json(json!({
        "version": info.version,
        "commit": info.commit,
        "kafka_cluster_id": info.cluster_id,
    }))
}

/// Whether it takes requests: it listens only when it does.
pub(super) async fn health() -> Json<Value> {
    Json(json!({
        "status": "healthy",
        "message": "Worker has completed startup and is ready to handle requests.",
    }))
}
