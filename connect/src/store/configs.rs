//! `connect-configs`: configs and target states, as Kafka Connect keeps them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thalweg_core::config::ConfigMap;
use thalweg_log::table::Json;
use thalweg_log::{Log, LogError, Table};

pub(super) const TOPIC: &str = "connect-configs";

const CONNECTOR: &str = "connector-";
const TARGET_STATE: &str = "target-state-";

/// What a person wants a connector to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TargetState {
    /// Run.
    #[serde(rename = "STARTED")]
    Started,
    /// Keep its tasks, and let them do nothing.
    #[serde(rename = "PAUSED")]
    Paused,
    /// Have no tasks.
    #[serde(rename = "STOPPED")]
    Stopped,
}

/// A connector that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Its config, with its secrets.
    pub(crate) config: ConfigMap,
    /// What it is to do.
    pub(crate) target: TargetState,
}

#[derive(Serialize, Deserialize)]
struct Properties {
    properties: ConfigMap,
}

/// Connector configs and target states.
pub(crate) struct ConfigStore {
    table: Table<String, Json<Value>>,
}

impl ConfigStore {
    pub(super) async fn open(log: &Arc<dyn Log>) -> Result<Self, LogError> {
        Ok(Self { table: Table::open(log, TOPIC).await? })
    }

    /// Keeps a connector.
    pub(crate) async fn put(&self, stored: &Stored) -> Result<(), LogError> {
        let properties = json!({ "properties": stored.config });
        self.table
            .write(vec![
                (format!("{CONNECTOR}{}", stored.name), Some(Json(properties))),
                (format!("{TARGET_STATE}{}", stored.name), Some(Json(state(stored.target)))),
            ])
            .await
    }

    /// Forgets a connector.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), LogError> {
        let keys = [CONNECTOR, TARGET_STATE].map(|kind| format!("{kind}{name}"));
        self.table.write(keys.into_iter().map(|key| (key, None)).collect()).await
    }

    /// All connectors, by name. Entries of other kinds, which a Kafka Connect
    /// may have left here, are not ours.
    pub(crate) fn all(&self) -> Vec<Stored> {
        let mut all = Vec::new();
        self.table.for_each(|key, Json(value)| {
            let Some(name) = key.strip_prefix(CONNECTOR) else { return };
            match Properties::deserialize(value) {
                Ok(Properties { properties }) => all.push((Arc::<str>::from(name), properties)),
                Err(_) => tracing::error!(
                    "the config of connector {name} in topic {TOPIC} is not readable: it is not \
                     started; post it again"
                ),
            }
        });
        all.into_iter()
            .map(|(name, config)| Stored { target: self.target(&name), name, config })
            .collect()
    }

    fn target(&self, name: &str) -> TargetState {
        let stored = self.table.get(&format!("{TARGET_STATE}{name}"));
        let named = stored.and_then(|Json(value)| {
            let state = value.get("state.v2").or_else(|| value.get("state"))?;
            TargetState::deserialize(state).ok()
        });
        named.unwrap_or(TargetState::Started)
    }
}

/// Older workers do not know STOPPED, and take the first for it.
fn state(target: TargetState) -> Value {
    let older = if target == TargetState::Stopped { TargetState::Paused } else { target };
    json!({ "state": older, "state.v2": target })
}
