//! `connect-status`: states of connectors and tasks, and the topics that they
//! used, as Kafka Connect keeps them. Only the topics are read back.

use std::sync::Arc;

use serde_json::{Value, json};
use thalweg_log::table::Json;
use thalweg_log::{Log, LogError, Table};

pub(super) const TOPIC: &str = "connect-status";

/// States and topics.
pub(crate) struct StatusStore {
    table: Table<String, Json<Value>>,
}

/// A change to be kept: none forgets it.
pub(crate) type StatusChange = (String, Option<Value>);

impl StatusStore {
    pub(super) async fn open(log: &Arc<dyn Log>) -> Result<Self, LogError> {
        Ok(Self { table: Table::open(log, TOPIC).await? })
    }

    /// Keeps changes.
    pub(crate) async fn write(&self, changes: Vec<StatusChange>) -> Result<(), LogError> {
        let entries = changes.into_iter().map(|(key, value)| (key, value.map(Json)));
        self.table.write(entries.collect()).await
    }

    /// All (connector, topic) that were used.
    pub(crate) fn topics(&self) -> Vec<(String, String)> {
        let mut topics = Vec::new();
        self.table.for_each(|key, Json(value)| {
            if !key.starts_with("status-topic-") {
                return;
            }
            let text = |field: &str| Some(value.get("topic")?.get(field)?.as_str()?.to_owned());
            if let (Some(connector), Some(topic)) = (text("connector"), text("name")) {
                topics.push((connector, topic));
            }
        });
        topics
    }
}

/// Key of a connector's state.
pub(crate) fn connector_key(connector: &str) -> String {
    format!("status-connector-{connector}")
}

/// Key of a task's state.
pub(crate) fn task_key(connector: &str, task: u32) -> String {
    format!("status-task-{connector}-{task}")
}

/// Key of a used topic.
pub(crate) fn topic_key(connector: &str, topic: &str) -> String {
    format!("status-topic-{topic}:connector-{connector}")
}

/// A state.
pub(crate) fn state_value(state: &str, trace: Option<&str>, worker: &str) -> Value {
    json!({ "state": state, "trace": trace, "worker_id": worker, "generation": 1 })
}

/// A used topic.
pub(crate) fn topic_value(connector: &str, topic: &str, task: u32, now_ms: i64) -> Value {
    json!({
        "topic": {
            "name": topic,
            "connector": connector,
            "task": task,
            "discoverTimestamp": now_ms,
        }
    })
}
