//! `connect-sink-state`: what sinks keep, such as plans of files. Each change
//! goes through the fenced writer of the task.

use std::sync::Arc;

use serde_json::Value;
use thalweg_core::connector::StateStore;
use thalweg_core::{BoxFuture, ConnectError};
use thalweg_log::table::Json;
use thalweg_log::{Log, LogError, Table, Writer};

use crate::log_errors::from_log;

pub(super) const TOPIC: &str = "connect-sink-state";

type Key = Json<(String, String)>;

/// Sinks' own state. Keys are `["connector","key"]`.
pub(crate) struct SinkStateStore {
    table: Table<Key, Json<Value>>,
}

impl SinkStateStore {
    pub(super) async fn open(log: &Arc<dyn Log>) -> Result<Self, LogError> {
        Ok(Self { table: Table::open(log, TOPIC).await? })
    }

    /// Reads what a former holder of a task's writer appended.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
        self.table.catch_up().await
    }
}

/// The state as one task sees it: that of its connector.
pub(crate) struct TaskState {
    connector: Arc<str>,
    store: Arc<SinkStateStore>,
    writer: Arc<dyn Writer>,
}

impl TaskState {
    /// For the holder of this writer.
    pub(crate) fn new(
        connector: Arc<str>,
        store: Arc<SinkStateStore>,
        writer: Arc<dyn Writer>,
    ) -> Self {
        Self { connector, store, writer }
    }
}

impl StateStore for TaskState {
    fn get(&self, key: &str) -> Option<Value> {
        let key = Json((self.connector.to_string(), key.to_owned()));
        self.store.table.get(&key).map(|Json(value)| value)
    }

    fn list(&self, prefix: &str) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        self.store.table.for_each(|Json((name, key)), Json(value)| {
            if **name == *self.connector && key.starts_with(prefix) {
                found.push((key.clone(), value.clone()));
            }
        });
        found
    }

    fn put(
        &self,
        changes: Vec<(String, Option<Value>)>,
    ) -> BoxFuture<'_, Result<(), ConnectError>> {
        let connector = self.connector.to_string();
        let entries: Vec<(Key, Option<Json<Value>>)> = changes
            .into_iter()
            .map(|(key, value)| (Json((connector.clone(), key)), value.map(Json)))
            .collect();
        let store = Arc::clone(&self.store);
        let writer = Arc::clone(&self.writer);
        Box::pin(async move {
            if entries.is_empty() {
                return Ok(());
            }
            // In a task of its own: a caller that goes away must not leave the
            // table behind what the log holds.
            let put = tokio::spawn(async move {
                let (group, change) = store.table.change(entries)?;
                let appended = writer.append(vec![group]).await?.await?;
                if let Some(landed) = appended.first() {
                    store.table.apply(change, landed.first);
                }
                Ok::<(), LogError>(())
            });
            match put.await {
                Ok(done) => done.map_err(|error| from_log(&error, "writing the sink's state")),
                Err(_) => Err(ConnectError::retriable("writing the sink's state was cut off")),
            }
        })
    }
}
