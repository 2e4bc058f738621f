//! `/config` and `/config/{subject}`

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use serde::Serialize;
use serde_json::{Map, Value};

use super::request::{self, Query, flag, is_nothing, unsupported};
use super::response::{Answer, Failure, json};
use super::target::Scope;
use crate::{Config, ConfigChange, Metadata, Registry, RuleSet};

pub(super) fn routes() -> Router<Arc<Registry>> {
    let methods = || get(show).put(set).delete(delete);
    Router::new().route("/config", methods()).route("/config/{subject}", methods())
}

/// Settings as they are answered. The level has another name where they were set.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalize: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatibility_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatibility: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compatibility_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    override_metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_rule_set: Option<&'a RuleSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    override_rule_set: Option<&'a RuleSet>,
    #[serde(flatten)]
    rest: &'a Map<String, Value>,
}

impl<'a> ConfigAnswer<'a> {
    fn of(config: &'a Config) -> Self {
        Self {
            alias: config.alias.as_deref(),
            normalize: config.normalize,
            compatibility_level: config.compatibility_level.map(crate::compat::Level::name),
            compatibility: None,
            compatibility_group: config.compatibility_group.as_deref(),
            default_metadata: config.default_metadata.as_ref(),
            override_metadata: config.override_metadata.as_ref(),
            default_rule_set: config.default_rule_set.as_ref(),
            override_rule_set: config.override_rule_set.as_ref(),
            rest: &config.rest,
        }
    }
}

async fn show(State(registry): State<Arc<Registry>>, Scope(scope): Scope, query: Query) -> Answer {
    let config = if flag(&query, "defaultToGlobal") {
        registry.config_in_scope(scope.as_deref())?
    } else {
        registry.config(scope.as_deref())?
    };
    Ok(json(&ConfigAnswer::of(&config)))
}

async fn set(State(registry): State<Arc<Registry>>, Scope(scope): Scope, body: Body) -> Answer {
    let change = request::read::<ConfigChange>(body).await?;
    if change.rest.contains_key("compatibilityLevel") {
        let message = "compatibilityLevel is what is answered; set \"compatibility\"".to_owned();
        return Err(Failure::Request(422, 42203, message));
    }
    // Invariant 5: what is not acted on is not taken.
    if let Some((name, _)) = change.rest.iter().find(|(_, value)| !is_nothing(value)) {
        return Err(unsupported(name));
    }
    let config = registry.set_config(scope.as_deref(), change).await?;
    let mut answer = ConfigAnswer::of(&config);
    answer.compatibility = answer.compatibility_level.take();
    Ok(json(&answer))
}

async fn delete(State(registry): State<Arc<Registry>>, Scope(scope): Scope) -> Answer {
    let config = registry.delete_config(scope.as_deref()).await?;
    Ok(json(&ConfigAnswer::of(&config)))
}
