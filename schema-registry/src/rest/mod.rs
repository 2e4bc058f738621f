//! The REST API: that of Confluent's registry. One file a resource.

mod compatibility;
mod config;
mod contexts;
mod explain;
mod metadata;
mod mode;
mod negotiate;
mod request;
mod response;
mod schemas;
mod subjects;
mod target;
#[cfg(test)]
mod tests;
mod versions;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::Registry;

pub use request::BODY_BYTES_MAX;

/// All resources.
pub fn router(registry: Arc<Registry>) -> Router {
    let resources = || {
        Router::new()
            .merge(subjects::routes())
            .merge(versions::routes())
            .merge(schemas::routes())
            .merge(compatibility::routes())
            .merge(config::routes())
            .merge(mode::routes())
    };
    Router::new()
        .route("/", get(root).post(root))
        .merge(contexts::routes())
        .merge(metadata::routes())
        .merge(resources())
        .nest("/contexts/{context}", resources())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(negotiate::negotiate))
        .with_state(registry)
}

async fn root() -> Response {
    response::json(&serde_json::json!({}))
}

async fn not_found() -> Response {
    response::Failure::not_found().into_response()
}

async fn method_not_allowed() -> Response {
    response::error(405, 405, "HTTP 405 Method Not Allowed")
}
