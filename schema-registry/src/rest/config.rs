//! `/config` and `/config/{subject}`

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Map, Value, json as object};

use super::request::{self, Query, flag, is_nothing, unsupported};
use super::response::{Answer, Failure, json};
use crate::compat::{Level, UnknownLevel};
use crate::{Registry, RegistryError};

pub(super) fn routes() -> Router<Arc<Registry>> {
    Router::new()
        .route("/config", get(show_all).put(set_all).delete(delete_all))
        .route("/config/{subject}", get(show).put(set).delete(delete))
}

#[derive(Deserialize)]
struct ConfigRequest {
    compatibility: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl ConfigRequest {
    fn level(self) -> Result<Level, Failure> {
        if let Some((name, _)) = self.rest.iter().find(|(_, value)| !is_nothing(value)) {
            return Err(unsupported(name));
        }
        let level = self.compatibility.ok_or(UnknownLevel).and_then(|name| name.parse());
        level.map_err(|error| RegistryError::from(error).into())
    }
}

async fn show_all(State(registry): State<Arc<Registry>>) -> Answer {
    shown(registry.config(None)?)
}

async fn show(
    State(registry): State<Arc<Registry>>,
    Path(subject): Path<String>,
    query: Query,
) -> Answer {
    if flag(&query, "defaultToGlobal") {
        return shown(registry.level(&subject)?);
    }
    shown(registry.config(Some(&subject))?)
}

fn shown(level: Level) -> Answer {
    Ok(json(&object!({ "compatibilityLevel": level.name() })))
}

async fn set_all(State(registry): State<Arc<Registry>>, body: Body) -> Answer {
    put(&registry, None, body).await
}

async fn set(
    State(registry): State<Arc<Registry>>,
    Path(subject): Path<String>,
    body: Body,
) -> Answer {
    put(&registry, Some(&subject), body).await
}

async fn put(registry: &Registry, subject: Option<&str>, body: Body) -> Answer {
    let level = request::read::<ConfigRequest>(body).await?.level()?;
    registry.set_config(subject, level).await?;
    Ok(json(&object!({ "compatibility": level.name() })))
}

async fn delete_all(State(registry): State<Arc<Registry>>) -> Answer {
    shown(registry.delete_config(None).await?)
}

async fn delete(State(registry): State<Arc<Registry>>, Path(subject): Path<String>) -> Answer {
    shown(registry.delete_config(Some(&subject)).await?)
}
