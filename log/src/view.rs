//! What readers see: topics and durable records, shared with the engine, which
//! alone changes it. Readers wait for nobody's disk.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use crate::api::{Fetched, Result, TopicId, TopicInfo, TopicPartition};
use crate::disk::DiskFile;
use crate::error::LogError;
use crate::segment::Segment;
use crate::segment::index::position_of;
use crate::topic::TopicConfig;

/// Positions of sequential readers that are kept for each partition.
const HINTS_MAX: usize = 16;

/// All topics.
#[derive(Default)]
pub(crate) struct View {
    topics: RwLock<Topics>,
}

#[derive(Default)]
struct Topics {
    by_id: HashMap<TopicId, Arc<TopicView>>,
    by_name: BTreeMap<Arc<str>, Arc<TopicView>>,
}

/// One topic. It is replaced when its settings change.
pub(crate) struct TopicView {
    pub(crate) info: TopicInfo,
    pub(crate) config: TopicConfig,
    pub(crate) partitions: Vec<Arc<PartitionView>>,
}

/// One partition.
pub(crate) struct PartitionView {
    pub(crate) topic: TopicId,
    pub(crate) folder: PathBuf,
    state: RwLock<PartitionRecords>,
    /// Told of every new record and of the end.
    pub(crate) changed: Notify,
}

/// The records of a partition that readers may see.
#[derive(Default)]
pub(crate) struct PartitionRecords {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// Oldest first; the last one is written to.
    pub(crate) segments: Vec<Segment>,
    /// The latest batches, in memory; those not written to a segment yet are
    /// always among them.
    pub(crate) tail: VecDeque<TailBatch>,
    /// Where readers that read on will ask next.
    hints: VecDeque<Hint>,
    /// Segments whose files are being replaced, by base: readers use these, as
    /// their names may be those of others.
    swapping: Vec<(i64, Arc<dyn DiskFile>)>,
    pub(crate) is_gone: bool,
}

/// The batch at or after `offset` is at this position of a segment's file.
struct Hint {
    offset: i64,
    segment: (i64, u32),
    position: u64,
}

/// A batch in memory.
pub(crate) struct TailBatch {
    pub(crate) base: i64,
    pub(crate) next: i64,
    pub(crate) bytes: Bytes,
}

/// Where a read finds its batches.
pub(crate) enum Found {
    /// Here.
    Memory(Fetched),
    /// In a segment, to be read without any lock.
    File(FileRead),
}

/// What a reader needs to know of a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentPlace {
    pub(crate) base: i64,
    pub(crate) revision: u32,
    /// Bytes of the log file that hold batches.
    pub(crate) len: u64,
    /// Entries in the index file.
    pub(crate) indexed: u32,
}

impl SegmentPlace {
    pub(crate) fn of(segment: &Segment) -> Self {
        Self {
            base: segment.base,
            revision: segment.revision,
            len: segment.written,
            indexed: segment.index.written,
        }
    }
}

/// A read from a segment.
pub(crate) struct FileRead {
    pub(crate) place: SegmentPlace,
    /// Where to look for the batch, if it is known without the index file.
    pub(crate) position: Option<u64>,
    /// The log file, while its name may be another one's.
    pub(crate) file: Option<Arc<dyn DiskFile>>,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

pub(crate) fn unknown(at: TopicPartition) -> LogError {
    LogError::UnknownTopic(format!("{} partition {}", at.topic, at.partition))
}

impl View {
    fn read(&self) -> RwLockReadGuard<'_, Topics> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a topic, or replaces it.
    pub(crate) fn insert(&self, topic: Arc<TopicView>) {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        topics.by_id.insert(topic.info.id, Arc::clone(&topic));
        topics.by_name.insert(Arc::clone(&topic.info.name), topic);
    }

    /// Removes a topic and wakes those who wait for its records.
    pub(crate) fn remove(&self, id: TopicId) {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let Some(topic) = topics.by_id.remove(&id) else {
            return;
        };
        // The name may belong to a later topic by now.
        if topics.by_name.get(&topic.info.name).is_some_and(|t| t.info.id == id) {
            topics.by_name.remove(&topic.info.name);
        }
        drop(topics);
        for partition in &topic.partitions {
            partition.write().is_gone = true;
            partition.changed.notify_waiters();
        }
    }

    pub(crate) fn infos(&self) -> Vec<TopicInfo> {
        let topics = self.read();
        topics.by_name.values().map(|t| t.info.clone()).collect()
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<TopicView>> {
        self.read().by_name.get(name).cloned()
    }

    pub(crate) fn by_id(&self, id: TopicId) -> Option<Arc<TopicView>> {
        self.read().by_id.get(&id).cloned()
    }

    pub(crate) fn partition(&self, at: TopicPartition) -> Result<Arc<PartitionView>> {
        self.by_id(at.topic)
            .and_then(|topic| topic.partitions.get(at.partition as usize).cloned())
            .ok_or_else(|| unknown(at))
    }
}

impl PartitionView {
    pub(crate) fn new(topic: TopicId, folder: PathBuf, records: PartitionRecords) -> Self {
        Self { topic, folder, state: RwLock::new(records), changed: Notify::new() }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, PartitionRecords> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, PartitionRecords> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartitionRecords {
    pub(crate) fn new(start: i64, end: i64, segments: Vec<Segment>) -> Self {
        Self { start, end, segments, ..Self::default() }
    }

    fn check(&self, offset: i64) -> Result<()> {
        if offset < self.start || offset > self.end {
            return Err(LogError::OffsetOutOfRange { offset, start: self.start, end: self.end });
        }
        Ok(())
    }

    /// Finds the batches from the one that holds `offset`.
    pub(crate) fn find(&self, offset: i64, bytes_max: usize) -> Result<Found> {
        self.check(offset)?;
        let in_memory = self.tail.front().map_or(self.end, |batch| batch.base);
        if offset >= in_memory {
            return Ok(Found::Memory(Fetched {
                batches: self.copy_tail(offset, bytes_max),
                start: self.start,
                end: self.end,
            }));
        }
        let index = self.segments.partition_point(|s| s.next <= offset);
        let segment = self.segments.get(index).filter(|s| s.base <= offset);
        let Some(segment) = segment else {
            return Err(LogError::Stopped(format!(
                "no segment holds offset {offset}: the log is inconsistent"
            )));
        };
        let hint = self
            .hints
            .iter()
            .find(|hint| hint.offset == offset && hint.segment == (segment.base, segment.revision))
            .map(|hint| hint.position);
        let fresh = position_of(&segment.index.fresh, offset - segment.base);
        let is_known = fresh > 0 || segment.index.written == 0;
        Ok(Found::File(FileRead {
            place: SegmentPlace::of(segment),
            position: hint.or(is_known.then_some(fresh)),
            file: self.swapping(segment.base).cloned(),
            start: self.start,
            end: self.end,
        }))
    }

    fn copy_tail(&self, offset: i64, bytes_max: usize) -> Bytes {
        let first = self.tail.partition_point(|batch| batch.next <= offset);
        let mut len = 0;
        let mut count = 0;
        for batch in self.tail.range(first..) {
            if count > 0 && len + batch.bytes.len() > bytes_max {
                break;
            }
            len += batch.bytes.len();
            count += 1;
        }
        match count {
            0 => Bytes::new(),
            1 => self.tail[first].bytes.clone(),
            _ => {
                let mut bytes = BytesMut::with_capacity(len);
                for batch in self.tail.range(first..first + count) {
                    bytes.extend_from_slice(&batch.bytes);
                }
                bytes.freeze()
            }
        }
    }

    /// Notes where a reader that goes on at `offset` finds it.
    pub(crate) fn note(&mut self, offset: i64, place: &SegmentPlace, position: u64) {
        if self.hints.len() >= HINTS_MAX {
            self.hints.pop_front();
        }
        let segment = (place.base, place.revision);
        self.hints.push_back(Hint { offset, segment, position });
    }

    /// Forgets notes, when the files that they point into are replaced.
    pub(crate) fn forget_notes(&mut self) {
        self.hints.clear();
    }

    fn swapping(&self, base: i64) -> Option<&Arc<dyn DiskFile>> {
        self.swapping.iter().find(|(at, _)| *at == base).map(|(_, file)| file)
    }

    /// The files of these segments are about to be replaced. Until they are,
    /// readers use the ones that are open here.
    pub(crate) fn begin_swap(&mut self, files: Vec<(i64, Arc<dyn DiskFile>)>) {
        self.swapping = files;
    }

    /// The files of these segments were replaced by those of `segment`.
    pub(crate) fn end_swap(&mut self, replaced: &[i64], segment: Segment) {
        let at = self.segments.partition_point(|known| known.base < segment.base);
        self.segments.retain(|known| !replaced.contains(&known.base));
        self.segments.insert(at.min(self.segments.len()), segment);
        self.swapping.clear();
        self.forget_notes();
    }

    /// Whether the file with the name of this segment is the one of this place.
    pub(crate) fn is_current(&self, place: &SegmentPlace) -> bool {
        let is_kept =
            |known: &Segment| known.base == place.base && known.revision == place.revision;
        self.swapping(place.base).is_none() && self.segments.iter().any(is_kept)
    }

    /// Offset before which nothing changes any more: no transaction is open.
    /// Compaction looks at nothing from it on.
    pub(crate) fn stable_end(&self) -> i64 {
        self.end
    }
}
