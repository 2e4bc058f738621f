//! What [`SegmentLog`] can do beyond the [`Log`] trait, for those who serve it
//! to Kafka's clients.

use std::path::Path;
use std::sync::Arc;

use super::{SegmentLog, blocking};
use crate::api::{Log, Result, TopicId, TopicInfo, TopicPartition};
use crate::disk::failed;
use crate::engine::Command;
use crate::options::Options;
use crate::record::TimedOffset;
use crate::topic::TopicConfig;

/// The space of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it, in bytes.
    pub total_bytes: u64,
    /// What this process may still fill, in bytes.
    pub usable_bytes: u64,
}

impl SegmentLog {
    /// The data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The settings that it was opened with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// The space of the disk that the data folder is on.
    pub fn space(&self) -> Result<Space> {
        let found = rustix::fs::statvfs(&self.folder)
            .map_err(|error| failed("asking for the space of", &self.folder, &error.into()))?;
        Ok(Space {
            total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
            usable_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        })
    }

    /// Bytes of the batches of a partition.
    pub fn partition_bytes(&self, of: TopicPartition) -> Result<u64> {
        let partition = self.shared.view.partition(of)?;
        let records = partition.read();
        Ok(records.segments.iter().map(|segment| segment.len).sum())
    }

    /// The topic of this id.
    #[must_use]
    pub fn topic_by_id(&self, id: TopicId) -> Option<TopicInfo> {
        Some(self.shared.view.by_id(id)?.info.clone())
    }

    /// The settings of a topic as they are in effect.
    #[must_use]
    pub fn topic_config(&self, id: TopicId) -> Option<TopicConfig> {
        Some(self.shared.view.by_id(id)?.config)
    }

    /// Replaces a topic's settings by these.
    pub async fn configure_topic(&self, id: TopicId, config: Vec<(String, String)>) -> Result<()> {
        self.shared.ask(|reply| Command::Configure(id, config, reply)).await
    }

    /// Gives a topic more partitions, `total` in all.
    /// [`LogError::InvalidTopic`](crate::LogError::InvalidTopic) if it has that
    /// many already.
    pub async fn add_partitions(&self, id: TopicId, total: u32) -> Result<TopicInfo> {
        self.shared.ask(|reply| Command::AddPartitions(id, total, reply)).await
    }

    /// An id for an idempotent producer, which nobody else ever gets.
    pub async fn new_producer_id(&self) -> Result<i64> {
        self.shared.ask(Command::ProducerId).await
    }

    /// Forgets the records before `before`, or all that are there if it is -1.
    /// Returns the first offset that is kept.
    pub async fn delete_records(&self, of: TopicPartition, before: i64) -> Result<i64> {
        let partition = self.shared.view.partition(of)?;
        let before = if before == -1 { partition.read().end } else { before };
        self.trim(of, before).await?;
        let start = partition.read().start;
        Ok(start)
    }

    /// The first record at or after this time, in ms since 1970.
    pub async fn offset_at_time(
        &self,
        of: TopicPartition,
        time_ms: i64,
    ) -> Result<Option<TimedOffset>> {
        let partition = self.shared.view.partition(of)?;
        let reader = Arc::clone(&self.shared.reader);
        blocking(move || reader.at_time(&partition, time_ms)).await
    }

    /// The first record with the latest time.
    pub async fn offset_of_latest_time(&self, of: TopicPartition) -> Result<Option<TimedOffset>> {
        let partition = self.shared.view.partition(of)?;
        let reader = Arc::clone(&self.shared.reader);
        blocking(move || reader.at_latest_time(&partition)).await
    }
}
