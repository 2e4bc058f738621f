//! What the log shows, all of it, and how it compares with a state.

use std::collections::BTreeMap;

use super::appends::ids;
use super::model::PartitionState;
use super::retention;
use crate::api::{Result, TopicId, TopicInfo};
use crate::engine::Engine;

/// All that the log shows.
pub(super) struct Shown {
    pub(super) topics: BTreeMap<TopicId, ShownTopic>,
}

pub(super) struct ShownTopic {
    pub(super) info: TopicInfo,
    pub(super) partitions: Vec<ShownPartition>,
}

pub(super) struct ShownPartition {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Ids by offset.
    pub(super) records: BTreeMap<i64, u64>,
}

impl Shown {
    /// Reads all of it, in reads of about `bytes_max`.
    pub(super) fn read(engine: &Engine, bytes_max: usize) -> Result<Self> {
        let mut topics = BTreeMap::new();
        for info in engine.view.infos() {
            let partitions = (0..info.partitions)
                .map(|number| ShownPartition::read(engine, &info, number, bytes_max));
            let partitions = partitions.collect::<Result<_>>()?;
            topics.insert(info.id, ShownTopic { info, partitions });
        }
        Ok(Self { topics })
    }
}

impl ShownPartition {
    fn read(engine: &Engine, info: &TopicInfo, number: u32, bytes_max: usize) -> Result<Self> {
        let view = engine.view.partition(info.partition(number))?;
        let (start, end) = {
            let records = view.read();
            (records.start, records.end)
        };
        let mut records = BTreeMap::new();
        let mut next = start;
        while next < end {
            let fetched = engine.reader.read(&view, next, bytes_max)?;
            let found = ids(&fetched.batches);
            let (last, _) = *found.last().expect("a read before the end has records");
            assert!(last >= next, "a read at {next} ends at {last}");
            records.extend(found.into_iter().filter(|(offset, _)| *offset >= start));
            next = last + 1;
        }
        assert_eq!(next, end, "more than the end is shown");
        Ok(Self { start, end, records })
    }

    /// Compares it with what must be there, and takes into that what retention
    /// did and nobody was told of.
    pub(super) fn match_with(
        &self,
        expected: &mut PartitionState,
        topic: &TopicInfo,
    ) -> std::result::Result<(), String> {
        if let Some(at_ms) = expected.maybe_retained_at.take()
            && self.start > expected.start
        {
            retention::retained(expected, topic, self.start, at_ms)?;
        }
        if self.start != expected.start {
            return Err(format!("it starts at {}, not {}", self.start, expected.start));
        }
        let records = &expected.records;
        if usize::try_from(self.end) != Ok(records.len()) {
            return Err(format!("it ends at {}, not {}", self.end, records.len()));
        }
        for (offset, record) in (0..).zip(records).skip_while(|(offset, _)| *offset < self.start) {
            match self.records.get(&offset) {
                Some(id) if *id == record.id => {}
                found => return Err(format!("offset {offset} is {found:?}, not {}", record.id)),
            }
        }
        Ok(())
    }
}
