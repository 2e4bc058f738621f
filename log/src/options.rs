//! Settings of the log.

use std::str::FromStr;
use std::time::Duration;

use crate::topic::TopicConfig;

/// When an append counts as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it is synced to the disk: it survives a loss of power.
    Fsync,
    /// When it is with the system, which is told to sync this often: a crash of
    /// the process loses nothing, a loss of power up to this much. What is left
    /// then is the log as a whole as it was at an earlier moment.
    Interval(Duration),
    /// When it is with the system, which syncs when it likes: a crash of the
    /// process loses nothing, a loss of power any length of the log's end, as a
    /// whole. A clean stop makes all durable.
    PageCache,
}

impl FromStr for Durability {
    type Err = String;

    /// `fsync`, `interval` (once a second) or `page-cache`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "fsync" => Ok(Self::Fsync),
            "interval" => Ok(Self::Interval(Duration::from_secs(1))),
            "page-cache" => Ok(Self::PageCache),
            _ => Err(format!(
                "log.durability = {text} is not known: use fsync, interval or page-cache"
            )),
        }
    }
}

/// Settings of a [`SegmentLog`](crate::SegmentLog).
#[derive(Clone, Debug)]
pub struct Options {
    /// `log.durability`.
    pub durability: Durability,
    /// `log.append.bytes.max`: most bytes of one append.
    pub append_bytes_max: usize,
    /// Most bytes of appends that wait for the disk; more wait for their place.
    pub queue_bytes_max: usize,
    /// Bytes of the latest batches that are kept in memory for readers.
    pub tail_bytes_max: usize,
    /// Bytes that are kept for segments before they are written.
    pub write_behind_bytes: usize,
    /// Size of a journal file in bytes: a checkpoint is made for each.
    pub journal_file_bytes: u64,
    /// How often retention is looked at.
    pub retention_check: Duration,
    /// `producer.id.expiration.ms`: an idempotent producer that was silent in a
    /// partition for this long is forgotten there.
    pub producer_expiration: Duration,
    /// `producer.ids.max`: most producers that are remembered, each partition's counted, at about 200
    /// bytes. Above it those that were silent for longest are forgotten.
    pub producers_max: usize,
    /// `log.cleaner.backoff.ms`: how often it is looked for partitions to be
    /// compacted.
    pub compaction_check: Duration,
    /// `log.cleaner.dedupe.buffer.size`: most bytes of the map of keys that
    /// compaction works with. More keys than it holds take more passes.
    pub compaction_map_bytes_max: usize,
    /// Settings of topics that do not say otherwise.
    pub topics: TopicConfig,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Fsync,
            append_bytes_max: 128 << 20,
            queue_bytes_max: 64 << 20,
            tail_bytes_max: 32 << 20,
            write_behind_bytes: 8 << 20,
            journal_file_bytes: 64 << 20,
            retention_check: Duration::from_secs(60),
            producer_expiration: Duration::from_secs(86_400),
            producers_max: 300_000,
            compaction_check: Duration::from_secs(15),
            compaction_map_bytes_max: 128 << 20,
            topics: TopicConfig::default(),
        }
    }
}
