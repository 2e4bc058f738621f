//! Settings of the log. Where Kafka has one, it has Kafka's name and default.

use std::time::Duration;

use thalweg_core::choices;
use thalweg_core::config::{Declare, Millis};
use thalweg_log::Options;

/// How the log keeps what it is given.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) durability: Durability,
    pub(crate) interval: Millis,
    pub(crate) append_bytes_max: usize,
    pub(crate) producer_expiration_ms: u64,
    pub(crate) producers_max: usize,
    pub(crate) cleaner_backoff_ms: u64,
    pub(crate) cleaner_buffer_bytes: usize,
}

choices! {
    /// When an append counts as done.
    pub(crate) enum Durability {
        /// When it is on the disk.
        Fsync = "fsync",
        /// When the operating system has it; it is synced every so often.
        Interval = "interval",
        /// When the operating system has it.
        PageCache = "page-cache",
    }
}

impl LogSettings {
    /// The log's own options.
    pub(crate) fn options(&self) -> Options {
        Options {
            durability: match self.durability {
                Durability::Fsync => thalweg_log::Durability::Fsync,
                Durability::Interval => thalweg_log::Durability::Interval(self.interval.duration()),
                Durability::PageCache => thalweg_log::Durability::PageCache,
            },
            append_bytes_max: self.append_bytes_max,
            producer_expiration: Duration::from_millis(self.producer_expiration_ms),
            producers_max: self.producers_max,
            compaction_check: Duration::from_millis(self.cleaner_backoff_ms),
            compaction_map_bytes_max: self.cleaner_buffer_bytes,
            ..Options::default()
        }
    }

    pub(super) fn declare(keys: &mut Declare<'_>) -> Self {
        const DAY_MS: i64 = 86_400_000;
        let durability = keys.choice("log.durability", "When an append counts as done.");
        let durability = durability.default(Durability::Fsync);
        let interval = "Time between syncs where log.durability is interval.";
        let interval = keys.value("log.interval.ms", interval).default(Millis(100));
        let append_bytes_max = keys
            .int("log.append.bytes.max", "Most bytes of one append, so of one row of a source.")
            .range(1 << 20..=2 << 30)
            .default(128 << 20);
        let expiration = "Silence in a partition after which an idempotent producer is forgotten.";
        let producer_expiration = keys
            .int("kafka.producer.id.expiration.ms", expiration)
            .range(1..=i64::from(i32::MAX))
            .default(DAY_MS);
        let producers = "Most idempotent producers that are remembered, each partition's counted.";
        let producers_max =
            keys.int("kafka.producer.ids.max", producers).range(1..=100_000_000).default(300_000);
        let backoff = "Time between looks for partitions to be compacted, if there was none.";
        let cleaner_backoff =
            keys.int("log.cleaner.backoff.ms", backoff).range(1..=DAY_MS).default(15_000);
        let buffer = "Most bytes of the map of keys that compaction works with.";
        let cleaner_buffer = keys
            .int("log.cleaner.dedupe.buffer.size", buffer)
            .range(64 << 10..=64 << 30)
            .default(128 << 20);
        Self {
            durability,
            interval,
            append_bytes_max: in_range(append_bytes_max),
            producer_expiration_ms: producer_expiration.unsigned_abs(),
            producers_max: in_range(producers_max),
            cleaner_backoff_ms: cleaner_backoff.unsigned_abs(),
            cleaner_buffer_bytes: in_range(cleaner_buffer),
        }
    }
}

/// A number whose range was checked, so that it fits.
fn in_range(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}
