//! All that the runtime keeps. Everything durable is a topic.

mod configs;
mod offsets;
mod parked;
mod sink_state;
mod source_state;
pub(crate) mod status;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use thalweg_log::{GroupOffsets, Log, LogError, TableGroupOffsets};

pub(crate) use configs::{ConfigStore, Stored, TargetState};
pub(crate) use offsets::{OffsetChange, OffsetStore};
pub(crate) use parked::{
    Entry, Numbered, ParkedChange, ParkedEntries, ParkedSchema, ParkedStore, ParkedTopic, Waiting,
    gone, rows_topic,
};
pub(crate) use sink_state::{SinkStateStore, TaskState};
pub(crate) use source_state::{SourceStateStore, StateEntries};
pub(crate) use status::StatusStore;

/// Whether a topic is this server's own: neither connectors nor Kafka clients
/// write it, and connectors do not read it.
#[must_use]
pub fn is_internal(topic: &str) -> bool {
    INTERNAL_TOPICS.contains(&topic) || topic.starts_with(parked::ROWS_PREFIX)
}

/// The id of a task's writer. Whoever opens it fences the one before.
pub(crate) fn writer_id(connector: &str, task: u32) -> String {
    format!("connect-{connector}-{task}")
}

/// The consumer group of a sink, as any Kafka tool shows it.
pub(crate) fn group_id(connector: &str) -> String {
    format!("connect-{connector}")
}

const INTERNAL_TOPICS: &[&str] = &[
    configs::TOPIC,
    offsets::TOPIC,
    status::TOPIC,
    source_state::TOPIC,
    sink_state::TOPIC,
    parked::TOPIC,
    "_schemas",
    "__consumer_offsets",
    "__transaction_state",
];

/// The stores, opened. One holder per log: opening them fences the former one.
pub(crate) struct Stores {
    /// Connector configs and target states.
    pub(crate) configs: ConfigStore,
    /// Positions of sources.
    pub(crate) offsets: OffsetStore,
    /// States of connectors and tasks, and the topics that they used.
    pub(crate) status: StatusStore,
    /// Sources' own state.
    pub(crate) source_state: SourceStateStore,
    /// Topics of sources whose rows are parked.
    pub(crate) parked: ParkedStore,
    /// Sinks' own state.
    pub(crate) sink_state: Arc<SinkStateStore>,
    /// Offsets of sinks.
    pub(crate) groups: Arc<dyn GroupOffsets>,
}

impl Stores {
    /// Opens all of them.
    pub(crate) async fn open(log: &Arc<dyn Log>) -> Result<Arc<Self>, LogError> {
        Ok(Arc::new(Self {
            configs: ConfigStore::open(log).await?,
            offsets: OffsetStore::open(log).await?,
            status: StatusStore::open(log).await?,
            source_state: SourceStateStore::open(log).await?,
            parked: ParkedStore::open(log).await?,
            sink_state: Arc::new(SinkStateStore::open(log).await?),
            groups: Arc::new(TableGroupOffsets::open(log).await?),
        }))
    }
}
