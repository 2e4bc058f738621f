//! Segments: the files of a partition, named and laid out as Kafka's.

pub(crate) mod index;
pub(crate) mod scan;

use std::path::{Path, PathBuf};

pub(crate) use index::IndexState;

/// One segment of a partition. Lengths are logical: bytes of the file past them
/// are left-overs and are never read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Offset of its first record; the name of its files.
    pub(crate) base: i64,
    /// Offset after its last record.
    pub(crate) next: i64,
    /// Bytes of its batches.
    pub(crate) len: u64,
    /// Bytes of them that are in the file; the rest is in memory.
    pub(crate) written: u64,
    /// When it was begun, in ms since 1970.
    pub(crate) created_ms: i64,
    /// How often compaction replaced its files; 0 if it holds all its offsets.
    pub(crate) revision: u32,
    pub(crate) index: IndexState,
}

impl Segment {
    pub(crate) fn new(base: i64, created_ms: i64) -> Self {
        Self {
            base,
            next: base,
            len: 0,
            written: 0,
            created_ms,
            revision: 0,
            index: IndexState::default(),
        }
    }

    /// Largest timestamp of its records.
    pub(crate) fn max_timestamp(&self) -> i64 {
        self.index.max_timestamp
    }

    /// The time that its age counts from: that of its records or, if they have
    /// none, its own, in ms since 1970.
    pub(crate) fn newest_ms(&self) -> i64 {
        if self.max_timestamp() < 0 { self.created_ms } else { self.max_timestamp() }
    }

    /// Whether offsets may be missing in it.
    pub(crate) fn is_compacted(&self) -> bool {
        self.revision > 0
    }

    /// Accounts for a batch that was placed at its end.
    pub(crate) fn add(&mut self, last_offset: i64, max_timestamp: i64, len: u64) {
        self.index.add(self.base, self.len, last_offset, max_timestamp, len);
        self.len += len;
        self.next = last_offset + 1;
    }
}

/// Which of a segment's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The batches.
    Log,
    /// Offsets to positions.
    Index,
    /// Times to offsets.
    TimeIndex,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Log, Self::Index, Self::TimeIndex];

    fn suffix(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Index => "index",
            Self::TimeIndex => "timeindex",
        }
    }
}

/// Folder of a partition.
pub(crate) fn folder(root: &Path, topic: &str, partition: u32) -> PathBuf {
    root.join(format!("{topic}-{partition}"))
}

/// Path of a segment's file.
pub(crate) fn path(folder: &Path, base: i64, part: Part) -> PathBuf {
    folder.join(format!("{base:020}.{}", part.suffix()))
}

/// Path of the file that is to become a segment's file of this revision. Its
/// name says which, so that a left-over is never taken for another one.
pub(crate) fn cleaned_path(folder: &Path, base: i64, part: Part, revision: u32) -> PathBuf {
    folder.join(format!("{base:020}.{}.{revision}{CLEANED}", part.suffix()))
}

/// End of the names of files that compaction writes.
pub(crate) const CLEANED: &str = ".cleaned";
