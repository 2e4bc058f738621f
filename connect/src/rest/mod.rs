//! Kafka Connect's REST interface. One file per resource.

mod address;
mod answer;
mod body;
mod connector;
mod connectors;
mod lifecycle;
mod offsets;
mod parked;
mod plugins;
mod preview;
mod root;
mod tasks;
mod topics;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::{get, post, put};

use crate::supervisor::Handle;

/// The interface over these connectors.
pub fn router(handle: Handle) -> Router {
    Router::new()
        .route("/", get(root::server))
        .route("/health", get(root::health))
        .route("/connectors", get(connectors::list).post(connectors::create))
        .route("/connectors/", get(connectors::list).post(connectors::create))
        .route("/connectors/{name}", get(connector::info).delete(connector::delete))
        .route(
            "/connectors/{name}/config",
            get(connector::config).put(connector::configure).patch(connector::patch),
        )
        .route("/connectors/{name}/status", get(connector::status))
        .route("/connectors/{name}/tasks", get(tasks::list))
        .route("/connectors/{name}/tasks/{task}/status", get(tasks::status))
        .route("/connectors/{name}/tasks/{task}/restart", post(tasks::restart))
        .route("/connectors/{name}/restart", post(lifecycle::restart))
        .route("/connectors/{name}/pause", put(lifecycle::pause))
        .route("/connectors/{name}/resume", put(lifecycle::resume))
        .route("/connectors/{name}/stop", put(lifecycle::stop))
        .route("/connectors/{name}/topics", get(topics::list))
        .route("/connectors/{name}/topics/reset", put(topics::reset))
        .route("/connectors/{name}/preview", post(preview::tell))
        .route(
            "/connectors/{name}/offsets",
            get(offsets::get).patch(offsets::alter).delete(offsets::reset),
        )
        .route("/connector-plugins", get(plugins::list))
        .route("/connector-plugins/", get(plugins::list))
        .route("/connector-plugins/{plugin}/config", get(plugins::config))
        .route("/connector-plugins/{plugin}/config/validate", put(plugins::validate))
        .fallback(answer::not_found)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .with_state(handle)
}
