//! Group offsets in a table.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::format::{Key, Value};
use super::{GroupOffset, GroupOffsets};
use crate::api::{BoxFuture, Log, Result};
use crate::table::Table;

const TOPIC: &str = "__consumer_offsets";

/// Group offsets on `__consumer_offsets`, in Kafka's own record format. The
/// topic's id stands in the commit's metadata, where any Kafka tool shows it.
pub struct TableGroupOffsets {
    table: Arc<Table<Key, Value>>,
}

impl TableGroupOffsets {
    /// Opens them, and fences the former holder.
    pub async fn open(log: &Arc<dyn Log>) -> Result<Self> {
        Ok(Self { table: Arc::new(Table::open(log, TOPIC).await?) })
    }

    /// In a task of its own: a caller that goes away must not leave the table
    /// behind what the log holds.
    fn write(&self, changes: Vec<(Key, Option<Value>)>) -> BoxFuture<'static, Result<()>> {
        let table = Arc::clone(&self.table);
        Box::pin(async move {
            match tokio::spawn(async move { table.write(changes).await }).await {
                Ok(written) => written,
                Err(error) => Err(crate::LogError::Stopped(error.to_string())),
            }
        })
    }
}

impl GroupOffsets for TableGroupOffsets {
    fn committed<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Vec<GroupOffset>>> {
        let mut found = Vec::new();
        self.table.for_each(|key, value| {
            if let (Key::Offset { group: of, topic, partition }, Value::Offset { .. }) =
                (key, value)
                && of == group
            {
                found.extend(offset(topic, *partition, value));
            }
        });
        Box::pin(std::future::ready(Ok(found)))
    }

    fn commit<'a>(
        &'a self,
        group: &'a str,
        offsets: Vec<GroupOffset>,
    ) -> BoxFuture<'a, Result<()>> {
        let commit_ms = now_ms();
        let changes = offsets.into_iter().map(|committed| {
            let value = Value::Offset {
                offset: committed.offset,
                leader_epoch: -1,
                metadata: committed.topic_id.map(|id| id.to_string()).unwrap_or_default(),
                commit_ms,
            };
            (key(group, &committed.topic, committed.partition), Some(value))
        });
        self.write(changes.collect())
    }

    fn forget<'a>(
        &'a self,
        group: &'a str,
        partitions: Vec<(Arc<str>, u32)>,
    ) -> BoxFuture<'a, Result<()>> {
        let gone = partitions.iter().map(|(topic, number)| (key(group, topic, *number), None));
        self.write(gone.collect())
    }
}

fn key(group: &str, topic: &str, partition: u32) -> Key {
    Key::Offset {
        group: group.to_owned(),
        topic: topic.to_owned(),
        partition: i32::try_from(partition).unwrap_or(i32::MAX),
    }
}

fn offset(topic: &str, partition: i32, value: &Value) -> Option<GroupOffset> {
    let Value::Offset { offset, metadata, .. } = value else { return None };
    Some(GroupOffset {
        topic: Arc::from(topic),
        topic_id: Uuid::parse_str(metadata).ok(),
        partition: u32::try_from(partition).ok()?,
        offset: *offset,
    })
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
