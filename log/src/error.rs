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
