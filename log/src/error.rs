//! What can go wrong in the log, said so that a person can act on it.

use std::path::PathBuf;

/// An error of the log. Cloneable, since one failed group commit answers many
/// appends.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// There is no such topic (any more).
    #[error("topic {0} does not exist")]
    UnknownTopic(String),
    /// The name is taken.
    #[error("topic {0} exists already")]
    TopicExists(String),
    /// The name, the number of partitions or a setting is not acceptable.
    #[error("{0}")]
    InvalidTopic(String),
    /// The offset is below the start or above the end.
    #[error("offset {offset} is out of range: the partition holds {start} to {end}")]
    OffsetOutOfRange {
        /// The offset asked for.
        offset: i64,
        /// First offset kept.
        start: i64,
        /// Offset after the last one.
        end: i64,
    },
    /// Another holder opened this writer id.
    #[error("writer {0} was fenced: another holder opened it")]
    Fenced(String),
    /// A batch that a client sent is not a valid Kafka v2 batch.
    #[error("record batch refused: {0}")]
    InvalidBatch(String),
    /// A well-formed batch that a client produced is not acceptable here.
    #[error("record batch refused: {0}")]
    Refused(Refusal),
    /// More bytes than the settings allow in one append or batch.
    #[error("{what} of {bytes} bytes is larger than {limit} ({setting})")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
        /// The setting that says so.
        setting: &'static str,
    },
    /// No space is left for this append; nothing of it was written.
    #[error("no space left for the log in {0}: free some, and writing goes on")]
    NoSpace(PathBuf),
    /// A file holds bytes that were acknowledged once and are not what was
    /// written.
    #[error("damaged log file {path} at byte {at}: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Offset of the damage in bytes.
        at: u64,
        /// What is wrong.
        reason: String,
    },
    /// Another process has the data folder.
    #[error(
        "data folder {0} is in use by another process: stop that one first, or choose another folder"
    )]
    InUse(PathBuf),
    /// Writes have stopped, and why.
    #[error("the log is stopped: {0}")]
    Stopped(String),
    /// The operating system's answer.
    #[error("{doing} {path}: {reason}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// The system's words.
        reason: String,
    },
}

/// Why a batch that a client produced is not taken. Kafka has an error code for
/// each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The batch is not the next one of its producer, nor one of the last that
    /// were stored (`OUT_OF_ORDER_SEQUENCE_NUMBER`).
    #[error(
        "producer {producer} of epoch {epoch} sent sequence number {sequence}, and {expected} is \
         the next one"
    )]
    OutOfOrderSequence {
        /// The producer's id.
        producer: i64,
        /// Its epoch.
        epoch: i16,
        /// The batch's first sequence number.
        sequence: i32,
        /// The one that would be taken.
        expected: i32,
    },
    /// A later epoch of this producer has written to the partition
    /// (`INVALID_PRODUCER_EPOCH`).
    #[error("producer {producer} of epoch {epoch} was fenced: epoch {latest} has written")]
    FencedProducer {
        /// The producer's id.
        producer: i64,
        /// The batch's epoch.
        epoch: i16,
        /// The later one.
        latest: i16,
    },
    /// The batch says that it is part of a transaction, and none is open
    /// (`INVALID_TXN_STATE`).
    #[error("it is part of a transaction, and producer {producer} has none open here")]
    NoTransaction {
        /// The producer's id.
        producer: i64,
    },
    /// A timestamp is too far from the log's clock (`INVALID_TIMESTAMP`).
    #[error("timestamp {timestamp} is not within {earliest} to {latest} ms ({setting})")]
    Timestamp {
        /// The timestamp, in ms since 1970.
        timestamp: i64,
        /// The first that is acceptable now.
        earliest: i64,
        /// The last one.
        latest: i64,
        /// The setting that says so.
        setting: &'static str,
    },
    /// What the batch holds is not what a client may write (`INVALID_RECORD`).
    #[error("{0}")]
    Record(String),
}
