//! What [`SegmentLog`] can do beyond the [`Log`] trait, for those who serve it
//! to Kafka's clients.

use std::sync::Arc;

use super::{SegmentLog, blocking};
use crate::api::{Log, Result, TopicId, TopicInfo, TopicPartition};
use crate::engine::Command;
use crate::record::TimedOffset;
use crate::topic::TopicConfig;

impl SegmentLog {
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
