//! What a source hands over at once.

use super::Batch;
use crate::Position;

/// A change of the source's own durable state (table schemas, ...), kept by the
/// runtime and handed back when the task is opened again.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChange {
    /// The entry's key.
    pub key: String,
    /// Its new value; none forgets the key.
    pub value: Option<serde_json::Value>,
}

/// What a source hands over at once: all of it becomes durable in one atomic
/// append, or none (invariant 2).
#[derive(Clone, Debug, Default)]
pub struct SourceBatch {
    /// Batches of rows, one per (table, schema). Rows of several batches that
    /// reach one partition are merged by their ordinals.
    pub batches: Vec<Batch>,
    /// The position after these rows; none if it did not move.
    pub position: Option<Position>,
    /// Changes of the source's own state.
    pub state: Vec<StateChange>,
}

impl SourceBatch {
    /// Whether there is nothing to append.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batches.iter().all(|batch| batch.rows == 0)
            && self.position.is_none()
            && self.state.is_empty()
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(|batch| batch.rows).sum()
    }

    /// About how much memory it takes, in bytes, with the room in it for more
    /// rows.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.batches.iter().map(Batch::memory).sum()
    }
}
