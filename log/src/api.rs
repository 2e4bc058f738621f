//! The seam between the log and everything above it.
//!
//! A [`Log`] is a set of topics; a topic is a name, an id that is never used
//! again, and numbered partitions; a partition is a sequence of Kafka v2 record
//! batches with consecutive offsets. The log never looks into a record.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::error::LogError;

/// A future that owns what it needs, as the object-safe traits return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What every operation of the log answers.
pub type Result<T> = std::result::Result<T, LogError>;

/// The id of one incarnation of a topic. A topic that was deleted and made
/// again under the same name has another one.
pub type TopicId = Uuid;

/// One partition of one incarnation of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's id.
    pub topic: TopicId,
    /// The partition's number, from 0.
    pub partition: u32,
}

/// A topic to be made.
#[derive(Clone, Debug)]
pub struct TopicSpec {
    /// Name: 1 to 249 of `[A-Za-z0-9._-]`, not `.` or `..`.
    pub name: String,
    /// Number of partitions, at least 1.
    pub partitions: u32,
    /// Settings by Kafka's names (`retention.ms`, `cleanup.policy`, ...).
    pub config: Vec<(String, String)>,
}

/// A topic that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its id.
    pub id: TopicId,
    /// Its name.
    pub name: Arc<str>,
    /// Its number of partitions.
    pub partitions: u32,
    /// Its settings that differ from the defaults, by Kafka's names.
    pub config: Vec<(String, String)>,
}

impl TopicInfo {
    /// One of its partitions.
    #[must_use]
    pub fn partition(&self, partition: u32) -> TopicPartition {
        TopicPartition { topic: self.id, partition }
    }
}

/// Record batches for one partition, in order.
#[derive(Clone, Debug)]
pub struct Group {
    /// Where they go.
    pub target: TopicPartition,
    /// One or more Kafka v2 record batches, back to back. Base offsets are
    /// assigned by the log: what they say on the way in does not matter.
    pub batches: Bytes,
}

/// Where a [`Group`] landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The partition.
    pub target: TopicPartition,
    /// Offset of the first record.
    pub first: i64,
    /// Offset of the last record.
    pub last: i64,
}

/// The outcome of an append that is on its way. It resolves when all its groups
/// are durable at the configured level (invariant 1), or none of them is. It
/// may be dropped: the append goes on.
pub type Pending = BoxFuture<'static, Result<Vec<Appended>>>;

/// What a read answers.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Whole record batches with their final offsets, back to back. The first
    /// one holds the asked offset, and may begin before it; where compaction
    /// took that offset, it is the next one that is left. Batches may lack
    /// records then, or all of them. Empty at the end.
    pub batches: Bytes,
    /// First offset that is still kept.
    pub start: i64,
    /// Offset after the last durable record.
    pub end: i64,
}

/// Which offset is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetAt {
    /// The first that is still kept.
    Start,
    /// The one after the last durable record.
    End,
    /// That of the first record at or after this time, in ms since 1970; the
    /// end if there is none.
    Time(i64),
}

/// A durable, partitioned log, as the runtime sees it. Implementations share
/// one conformance suite (`log/src/conformance/`).
pub trait Log: Send + Sync + 'static {
    /// Makes a topic. [`LogError::TopicExists`] if the name is taken.
    fn create_topic(&self, spec: TopicSpec) -> BoxFuture<'_, Result<TopicInfo>>;

    /// Replaces a topic's settings by these.
    fn configure_topic(
        &self,
        id: TopicId,
        config: Vec<(String, String)>,
    ) -> BoxFuture<'_, Result<()>>;

    /// Deletes a topic and its records.
    fn delete_topic(&self, id: TopicId) -> BoxFuture<'_, Result<()>>;

    /// All topics, by name.
    fn topics(&self) -> Vec<TopicInfo>;

    /// The topic of this name.
    fn topic(&self, name: &str) -> Option<TopicInfo>;

    /// Opens the writer of this id. The former holder, if any, is fenced: its
    /// appends that are not durable yet fail with [`LogError::Fenced`], and so
    /// do all later ones. When this resolves nothing of the former holder can
    /// become visible any more, so positions read after it are final.
    fn open_writer(&self, id: &str) -> BoxFuture<'_, Result<Box<dyn Writer>>>;

    /// Reads whole batches from the one that holds `offset`, at least one if
    /// there is any, about `bytes_max` in all. [`LogError::OffsetOutOfRange`]
    /// below the start or above the end.
    fn read(
        &self,
        from: TopicPartition,
        offset: i64,
        bytes_max: usize,
    ) -> BoxFuture<'_, Result<Fetched>>;

    /// Resolves when one of these partitions has a durable record at or after
    /// the offset given with it, or when the partition is gone.
    fn wait(&self, at: Vec<(TopicPartition, i64)>) -> BoxFuture<'_, Result<()>>;

    /// The offset asked for.
    fn offset(&self, of: TopicPartition, at: OffsetAt) -> BoxFuture<'_, Result<i64>>;

    /// Forgets the records before `offset`.
    fn trim(&self, of: TopicPartition, before: i64) -> BoxFuture<'_, Result<()>>;
}

/// The one holder of a writer id.
pub trait Writer: Send + Sync {
    /// Appends groups to several partitions, all or nothing. Appends of one
    /// writer become durable in the order of these calls. The outer future
    /// resolves when the append has its place in the queue (bounded in bytes);
    /// the inner one when it is durable. So a caller encodes the next batch
    /// while this one is being synced.
    ///
    /// When an append fails after it had its place, all later ones of this
    /// writer fail with the same error, also those under way: what they say of
    /// the missing one (a position after it) must not become durable. Open the
    /// writer again to go on.
    fn append(&self, groups: Vec<Group>) -> BoxFuture<'_, Result<Pending>>;
}
