//! Compaction: of the records with one key, the last one is kept.
//!
//! A pass over a partition builds a map from the keys of what was never
//! compacted to their last offsets, as far as its memory goes, and then copies
//! one group of segments after the other into a new segment, leaving out what
//! the map knows a later record of. Batches of which nothing goes are copied
//! byte for byte; offsets stay as they are, so they may have gaps after. Each
//! new segment takes the place of its group before the next group is looked at:
//! a tombstone never goes before what it hides.
//!
//! All this happens outside the engine, on files that no one writes to any
//! more. Only the swap is the engine's (`engine/compaction.rs`).

mod batch;
mod group;
mod key_map;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::api::{Result, TopicPartition};
use crate::checkpoint::Compacted;
use crate::disk::{Disk, DiskFile, Open, failed};
use crate::error::LogError;
use crate::record::{Batch, BatchDecoder, BatchHeader, Batches, OPENED_BYTES_MAX, RawRecords};
use crate::segment::scan::SegmentFile;
use crate::segment::{Part, Segment, path};
use batch::BatchCleaner;
use group::remove_cleaned;
use key_map::KeyMap;

/// Bytes of one read.
const READ_BYTES: usize = 1 << 20;
/// Most producers whose last batches are known (invariant 7). Of others more is
/// kept than needed.
const PRODUCERS_MAX: usize = 1 << 16;
/// Most offsets of one segment: its index has 32 bits for them.
const SEGMENT_OFFSETS_MAX: i64 = 1 << 30;
/// Most segments that become one: all are open until then (invariant 7).
const GROUP_SEGMENTS_MAX: usize = 100;

/// What a pass goes by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PassSettings {
    /// Wall-clock time of the pass, in ms since 1970.
    pub(crate) now_ms: i64,
    /// `delete.retention.ms`.
    pub(crate) delete_retention_ms: i64,
    /// `segment.bytes`: small segments are joined up to this.
    pub(crate) segment_bytes: u64,
    /// Most bytes of the map of keys.
    pub(crate) map_bytes_max: usize,
    /// Chance, so that nobody can choose keys whose hashes are equal.
    pub(crate) secret: (u64, u64),
}

/// What a pass works on.
pub(crate) struct PassTarget {
    pub(crate) target: TopicPartition,
    pub(crate) folder: PathBuf,
    /// Closed segments that a checkpoint covers, from the first one on.
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) compacted: Compacted,
}

/// A pass over a partition, or what is left of one. It may run on any thread;
/// the engine is told of the outcome of each step.
pub(crate) struct CompactionJob {
    disk: Arc<dyn Disk>,
    on: PassTarget,
    settings: PassSettings,
    pass: Option<Pass>,
    is_stopped: Arc<AtomicBool>,
}

/// What the first step of a pass finds out for the others.
struct Pass {
    cleaner: BatchCleaner,
    /// Last offset of each producer in what was never compacted.
    producers: HashMap<i64, i64>,
}

/// A new segment that is on the disk and has not its name yet.
pub(crate) struct Replacement {
    /// Bases and revisions of the segments that it replaces.
    pub(crate) replaced: Vec<(i64, u32)>,
    pub(crate) segment: Segment,
    /// Their open files, by base, for readers during the swap.
    pub(crate) originals: Vec<(i64, Arc<dyn DiskFile>)>,
}

/// What came of one step.
pub(crate) struct Step {
    pub(crate) replacement: Option<Replacement>,
    pub(crate) compacted: Compacted,
    /// The steps that follow, if the pass is not over.
    pub(crate) rest: Option<CompactionJob>,
}

/// A step's target and what came of it.
pub(crate) struct CompactionOutcome {
    pub(crate) target: TopicPartition,
    pub(crate) step: Result<Step>,
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

/// The files of a step that are of no use if its swap is not journalled.
pub(crate) struct LeftOver {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    written: Option<(i64, u32)>,
}

impl CompactionOutcome {
    pub(crate) fn left_over(&self) -> LeftOver {
        let new = self.step.as_ref().ok().and_then(|step| step.replacement.as_ref());
        LeftOver {
            disk: Arc::clone(&self.disk),
            folder: self.folder.clone(),
            written: new.map(|new| (new.segment.base, new.segment.revision)),
        }
    }
}

impl LeftOver {
    pub(crate) fn remove(self) {
        if let Some((base, revision)) = self.written {
            remove_cleaned(&*self.disk, &self.folder, base, revision);
        }
    }
}

impl CompactionJob {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        on: PassTarget,
        settings: PassSettings,
        is_stopped: Arc<AtomicBool>,
    ) -> Self {
        Self { disk, on, settings, pass: None, is_stopped }
    }

    /// The partition that it works on.
    pub(crate) fn target(&self) -> TopicPartition {
        self.on.target
    }

    /// Base of the first segment that is left to do.
    pub(crate) fn first_segment(&self) -> Option<i64> {
        self.on.segments.front().map(|segment| segment.base)
    }

    /// Does one step, and has an outcome even if it panics.
    pub(crate) fn run_to_the_end(self) -> CompactionOutcome {
        let (target, folder) = (self.on.target, self.on.folder.clone());
        let disk = Arc::clone(&self.disk);
        let step = catch_unwind(AssertUnwindSafe(|| self.step()))
            .unwrap_or_else(|_| Err(LogError::Stopped("the compaction panicked".to_owned())));
        CompactionOutcome { target, step, disk, folder }
    }

    /// Copies the next group that changes. Blocks on the disk.
    fn step(mut self) -> Result<Step> {
        let mut pass = match self.pass.take() {
            Some(pass) => pass,
            None => self.look()?,
        };
        let mut replacement = None;
        while replacement.is_none() {
            let group = self.next_group(pass.cleaner.to);
            if group.is_empty() {
                break;
            }
            replacement = self.clean_group(&mut pass, &group)?;
        }
        if self.on.segments.front().is_none_or(|segment| segment.base >= pass.cleaner.to) {
            let compacted =
                Compacted { to: pass.cleaner.to, horizon_ms: pass.cleaner.next_horizon_ms };
            return Ok(Step { replacement, compacted, rest: None });
        }
        let compacted = self.on.compacted;
        self.pass = Some(pass);
        Ok(Step { replacement, compacted, rest: Some(self) })
    }

    /// The next segments that become one.
    fn next_group(&mut self, to: i64) -> Vec<Segment> {
        let mut group: Vec<Segment> = Vec::new();
        let mut len = 0;
        while let Some(segment) = self.on.segments.front() {
            let fits = group.first().is_none_or(|first| {
                group.len() < GROUP_SEGMENTS_MAX
                    && len + segment.len <= self.settings.segment_bytes
                    && segment.next - first.base <= SEGMENT_OFFSETS_MAX
            });
            if segment.base >= to || !fits {
                break;
            }
            len += segment.len;
            group.extend(self.on.segments.pop_front());
        }
        group
    }

    /// Reads what was never compacted, and keeps the last offset of each key.
    fn look(&self) -> Result<Pass> {
        let from = self.on.compacted.to;
        let dirty = self.on.segments.iter().filter(|segment| segment.next > from);
        let offsets = dirty.clone().map(|segment| segment.next - segment.base.max(from)).sum();
        let mut map = KeyMap::new(offsets, self.settings.map_bytes_max, self.settings.secret);
        let mut producers = HashMap::new();
        let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
        let mut to = from;
        for segment in dirty {
            let mut full_at = None;
            let (log_path, file) = self.open(segment)?;
            self.walk(&segment_file(segment, &log_path, &*file), segment, |batch| {
                let header = &batch.header;
                if header.last_offset() < from {
                    return Ok(true);
                }
                note_producer(&mut producers, header);
                full_at = put_keys(&mut map, &mut decoder, batch, from);
                Ok(full_at.is_none())
            })?;
            to = full_at.unwrap_or(segment.next);
            if full_at.is_some() {
                break;
            }
        }
        Ok(Pass { cleaner: BatchCleaner::new(map, to, &self.settings), producers })
    }

    fn open(&self, segment: &Segment) -> Result<(PathBuf, Arc<dyn DiskFile>)> {
        let log_path = path(&self.on.folder, segment.base, Part::Log);
        let file = self
            .disk
            .open(&log_path, Open::Existing)
            .map_err(|error| failed("opening", &log_path, &error))?;
        Ok((log_path, file))
    }

    /// Shows each batch of a segment, checked, until `see` says that it is
    /// enough.
    fn walk(
        &self,
        file: &SegmentFile<'_>,
        segment: &Segment,
        mut see: impl FnMut(&Batch<'_>) -> Result<bool>,
    ) -> Result<()> {
        let (mut position, mut offset) = (0, segment.base);
        while position < segment.len {
            if self.is_stopped.load(Ordering::Relaxed) {
                return Err(LogError::Stopped("the log is being closed".to_owned()));
            }
            let run = file.run(position, offset, READ_BYTES)?;
            (position, offset) = run.end;
            for batch in Batches::new(&run.batches) {
                if !see(&batch?)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn segment_file<'a>(
    segment: &Segment,
    path: &'a std::path::Path,
    file: &'a dyn DiskFile,
) -> SegmentFile<'a> {
    SegmentFile { file, path, len: segment.len, next: None, has_gaps: segment.is_compacted() }
}

fn note_producer(producers: &mut HashMap<i64, i64>, header: &BatchHeader) {
    if header.producer_id < 0 {
        return;
    }
    if producers.len() < PRODUCERS_MAX || producers.contains_key(&header.producer_id) {
        producers.insert(header.producer_id, header.last_offset());
    }
}

/// Whether compaction looks at the records of such a batch. Markers have keys
/// that are none; of a transaction it is not known here whether it was aborted.
fn is_opened(header: &BatchHeader) -> bool {
    !header.is_control() && !header.is_transactional()
}

/// Puts the keys of a batch into the map; the answer is the first offset that
/// does not fit. Records that don't open are kept, so they need not be known.
fn put_keys(
    map: &mut KeyMap,
    decoder: &mut BatchDecoder,
    batch: &Batch<'_>,
    from: i64,
) -> Option<i64> {
    let header = &batch.header;
    if !is_opened(header) {
        return None;
    }
    let opened = decoder.open(batch).ok()?;
    // Of a batch that is malformed further on nothing may count.
    if RawRecords::new(header, opened).any(|record| record.is_err()) {
        return None;
    }
    for record in RawRecords::new(header, opened).flatten() {
        let offset = header.base_offset + record.offset_delta;
        if let Some(key) = record.key.filter(|_| offset >= from)
            && !map.put(key, offset)
        {
            return Some(offset);
        }
    }
    None
}
