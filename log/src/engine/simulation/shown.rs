//! What the log shows, all of it, and how it compares with a state.

use std::collections::{BTreeMap, BTreeSet};

use super::appends;
use super::compacted::Compaction;
use super::model::PartitionState;
use super::retention;
use crate::api::{Result, TopicId, TopicInfo};
use crate::engine::Engine;
use crate::error::LogError;
use crate::view::PartitionView;

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
    /// Offsets whose bytes are reported as damaged.
    pub(super) damaged: BTreeSet<i64>,
    /// Base of the segment that is written to: from here on nothing was compacted.
    pub(super) whole_from: i64,
    /// Wall-clock time of the read.
    pub(super) now_ms: i64,
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

impl Shown {
    /// Reads all that can be read, batch by batch, and hands the errors over.
    pub(super) fn read_around_damage(engine: &Engine, check: &impl Fn(LogError)) -> Self {
        let mut topics = BTreeMap::new();
        for info in engine.view.infos() {
            let partitions = (0..info.partitions)
                .map(|number| ShownPartition::read_around_damage(engine, &info, number, check));
            let partitions = partitions.collect();
            topics.insert(info.id, ShownTopic { info, partitions });
        }
        Self { topics }
    }

    pub(super) fn has_damage(&self) -> bool {
        let mut partitions = self.topics.values().flat_map(|topic| &topic.partitions);
        partitions.any(|partition| !partition.damaged.is_empty())
    }
}

impl ShownPartition {
    fn unread(engine: &Engine, view: &PartitionView) -> Self {
        let records = view.read();
        Self {
            start: records.start,
            end: records.end,
            records: BTreeMap::new(),
            damaged: BTreeSet::new(),
            whole_from: records.segments.last().map_or(records.end, |segment| segment.base),
            now_ms: engine.clock.wall_ms(),
        }
    }

    fn take(&mut self, found: appends::Read) {
        let kept = found.records.into_iter().filter(|(offset, _)| *offset >= self.start);
        self.records.extend(kept);
    }

    fn read_around_damage(
        engine: &Engine,
        info: &TopicInfo,
        number: u32,
        check: &impl Fn(LogError),
    ) -> Self {
        let view = engine.view.partition(info.partition(number)).unwrap();
        let mut shown = Self::unread(engine, &view);
        let mut next = shown.start;
        while next < shown.end {
            match engine.reader.read(&view, next, 1) {
                Ok(fetched) => {
                    let found = appends::read(&fetched.batches);
                    next = found.next;
                    shown.take(found);
                }
                Err(error) => {
                    check(error);
                    shown.damaged.insert(next);
                    next += 1;
                }
            }
        }
        shown
    }

    fn read(engine: &Engine, info: &TopicInfo, number: u32, bytes_max: usize) -> Result<Self> {
        let view = engine.view.partition(info.partition(number))?;
        let mut shown = Self::unread(engine, &view);
        let mut next = shown.start;
        while next < shown.end {
            let fetched = engine.reader.read(&view, next, bytes_max)?;
            let found = appends::read(&fetched.batches);
            assert!(found.next > next, "a read at {next} ends at {}", found.next);
            next = found.next;
            shown.take(found);
        }
        assert_eq!(next, shown.end.max(shown.start), "more than the end is shown");
        Ok(shown)
    }

    /// Compares it with what must be there, and takes into that what retention
    /// did and nobody was told of.
    pub(super) fn match_with(
        &self,
        expected: &mut PartitionState,
        topic: &TopicInfo,
        compaction: Option<Compaction>,
    ) -> std::result::Result<(), String> {
        if let Some(at_ms) = expected.maybe_retained_at.take()
            && self.start > expected.start
        {
            retention::retained(expected, topic, compaction, self.start, at_ms)?;
        }
        if self.start != expected.start {
            return Err(format!("it starts at {}, not {}", self.start, expected.start));
        }
        let records = &expected.records;
        if usize::try_from(self.end) != Ok(records.len()) {
            return Err(format!("it ends at {}, not {}", self.end, records.len()));
        }
        if let Some(compaction) = compaction {
            return compaction.check(self, records);
        }
        for (offset, record) in (0..).zip(records).skip_while(|(offset, _)| *offset < self.start) {
            match self.records.get(&offset) {
                Some(id) if *id == record.id => {}
                None if self.damaged.contains(&offset) => {}
                found => return Err(format!("offset {offset} is {found:?}, not {}", record.id)),
            }
        }
        Ok(())
    }
}
