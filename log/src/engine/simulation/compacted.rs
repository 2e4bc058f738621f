//! What compaction may take, and when.

use std::collections::BTreeMap;

use super::model::Record;
use super::shown::ShownPartition;
use crate::topic::TopicConfig;

/// What compaction may do in a topic that was to be compacted at some time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compaction {
    /// The shortest time that it was ever told to keep tombstones for.
    tombstones_ms: i64,
}

impl Compaction {
    /// With these settings after what was allowed before.
    pub(super) fn allowed(before: Option<Self>, settings: &[(String, String)]) -> Option<Self> {
        let config = TopicConfig::parse(&TopicConfig::default(), settings).unwrap();
        if before.is_none() && !config.compact {
            return None;
        }
        let tombstones_ms = config.delete_retention_ms;
        let known = before.map_or(tombstones_ms, |before| before.tombstones_ms);
        Some(Self { tombstones_ms: tombstones_ms.min(known) })
    }

    /// Compares what is shown with all that was appended. A record may be missing
    /// if a later one with its key, in what is not written to any more, is there
    /// or may be missing itself; and so may a tombstone after its time, if nothing
    /// that it hides is shown.
    pub(super) fn check(self, shown: &ShownPartition, records: &[Record]) -> Result<(), String> {
        for (offset, id) in &shown.records {
            let expected = usize::try_from(*offset).ok().and_then(|at| records.get(at));
            if expected.is_none_or(|record| record.id != *id) {
                return Err(format!("offset {offset} is {id}, not {expected:?}"));
            }
        }
        // By key: the last record that compaction may have looked at, and the first
        // that is shown.
        let mut last = BTreeMap::new();
        let mut first_shown = BTreeMap::new();
        for (offset, record) in (0..).zip(records) {
            let Some(key) = record.key else { continue };
            if offset < shown.whole_from {
                last.insert(key, offset);
            }
            if shown.records.contains_key(&offset) {
                first_shown.entry(key).or_insert(offset);
            }
        }
        for (offset, record) in (0..).zip(records).skip_while(|(at, _)| *at < shown.start) {
            if shown.records.contains_key(&offset) || shown.damaged.contains(&offset) {
                continue;
            }
            let last = record.key.and_then(|key| last.get(&key).copied());
            let is_hidden = last.is_some_and(|last| last > offset);
            let is_forgotten = last == Some(offset)
                && record.is_tombstone
                && shown.now_ms >= record.appended_ms + self.tombstones_ms
                && record.key.and_then(|key| first_shown.get(&key)).is_none_or(|at| *at > offset);
            if !is_hidden && !is_forgotten {
                return Err(format!("offset {offset} is gone, which is {record:?}"));
            }
        }
        Ok(())
    }
}

/// Whether the first of these records may have been taken by compaction at some
/// time, as far as the others say.
pub(super) fn may_be_gone(records: &[Record]) -> bool {
    let Some((first, later)) = records.split_first() else {
        return false;
    };
    let is_replaced = first.key.is_some() && later.iter().any(|record| record.key == first.key);
    is_replaced || first.is_tombstone
}
