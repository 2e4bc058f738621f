//! Offsets that consumer groups committed.

mod format;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use table::TableGroupOffsets;

use crate::api::{BoxFuture, Result, TopicId};

/// An offset that a group committed for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOffset {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The incarnation of the topic that was read; none if the one who
    /// committed did not say.
    pub topic_id: Option<TopicId>,
    /// The partition's number.
    pub partition: u32,
    /// The next offset to be read.
    pub offset: i64,
}

/// Committed offsets of consumer groups.
pub trait GroupOffsets: Send + Sync {
    /// All that a group committed.
    fn committed<'a>(&'a self, group: &'a str) -> BoxFuture<'a, Result<Vec<GroupOffset>>>;

    /// Commits offsets, all or none. Resolves when that is durable.
    fn commit<'a>(&'a self, group: &'a str, offsets: Vec<GroupOffset>)
    -> BoxFuture<'a, Result<()>>;

    /// Forgets what a group committed for these partitions.
    fn forget<'a>(
        &'a self,
        group: &'a str,
        partitions: Vec<(Arc<str>, u32)>,
    ) -> BoxFuture<'a, Result<()>>;
}
