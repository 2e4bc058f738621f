//! `/v1/metadata/id` and `/v1/metadata/version`: which registry this is.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::json as object;

use super::response::{Answer, json};
use crate::Registry;

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new().route("/v1/metadata/id", get(id)).route("/v1/metadata/version", get(version))
}

async fn id(State(registry): State<Arc<Registry>>) -> Answer {
    let clusters = object!({
        "kafka-cluster": registry.topic_id(),
        "schema-registry-cluster": "schema-registry",
    });
    Ok(json(&object!({ "scope": { "path": [], "clusters": clusters }, "id": "" })))
}

async fn version() -> Answer {
    Ok(json(&object!({
        "version": env!("CARGO_PKG_VERSION"),
        "commitId": option_env!("THALWEG_COMMIT").unwrap_or("unknown"),
    })))
}
