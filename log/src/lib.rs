//! The durable, partitioned log: the [`Log`] trait and its backends.

mod api;
mod checkpoint;
mod clock;
mod compact;
#[cfg(test)]
mod conformance;
mod describe;
mod disk;
mod engine;
mod error;
#[cfg(test)]
mod fuzz;
mod group_offsets;
mod journal;
mod memory;
mod options;
mod producers;
mod read;
pub mod record;
mod segment;
mod segment_log;
pub mod table;
mod topic;
mod view;

pub use api::{
    Appended, BoxFuture, Fetched, Group, Log, OffsetAt, Pending, Result, TopicId, TopicInfo,
    TopicPartition, TopicSpec, Writer,
};
pub use error::{LogError, Refusal};
pub use group_offsets::{GroupOffset, GroupOffsets, TableGroupOffsets};
pub use memory::MemoryLog;
pub use options::{Durability, Options};
pub use segment_log::{PendingProduce, Produced, SegmentLog, Space};
pub use table::{Table, TableWriter};
pub use topic::{PARTITIONS_MAX, TopicConfig, check_topic_name};

#[cfg(test)]
mod memory_tests {
    use std::sync::Arc;

    use crate::{Log, MemoryLog, conformance};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn conforms() {
        conformance::run(|| async { Arc::new(MemoryLog::new()) as Arc<dyn Log> }).await;
    }
}
