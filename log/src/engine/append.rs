//! Appends: room is made first, then offsets are given, then, once the frame is
//! durable, readers see them.

use std::path::Path;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{Active, CheckedGroup, Engine, Partition, Pending, TailRun, WriterToken};
use crate::api::{Appended, Result, TopicPartition};
use crate::disk::{Open, failed};
use crate::error::LogError;
use crate::journal::{Body, Entry};
use crate::record::{BatchSummary, set_base_offset};
use crate::segment::{Part, Segment, path};
use crate::topic::TopicConfig;
use crate::view::{PartitionView, TailBatch};

/// Space is reserved in steps between these, as long as the segment is.
const RESERVE_MIN: u64 = 64 << 10;
const RESERVE_MAX: u64 = 16 << 20;
/// Most offsets of one segment: its index has 32 bits for them.
const SEGMENT_OFFSETS_MAX: i64 = 1 << 30;

/// A group that has its place.
pub(super) struct Landed {
    pub(super) target: TopicPartition,
    view: Arc<PartitionView>,
    pub(super) first: i64,
    next: i64,
    /// The segment, which this group begins if `begun_ms` says when.
    base: i64,
    begun_ms: Option<i64>,
    at: u64,
    bytes: Bytes,
    pub(super) summaries: Vec<BatchSummary>,
}

impl Landed {
    pub(super) fn appended(&self) -> Appended {
        Appended { target: self.target, first: self.first, last: self.next - 1 }
    }
}

impl Engine {
    /// Gives the groups their offsets and adds them to the frame, all or none.
    pub(super) fn stage_append(
        &mut self,
        writer: &WriterToken,
        groups: Vec<CheckedGroup>,
        body: &mut Body,
    ) -> Result<Vec<Landed>> {
        writer.check()?;
        let mut needs: Vec<(TopicPartition, u64)> = Vec::with_capacity(groups.len());
        for group in &groups {
            let len = group.batches.len() as u64;
            match needs.iter_mut().find(|(target, _)| *target == group.target) {
                Some((_, need)) => *need += len,
                None => needs.push((group.target, len)),
            }
        }
        for (target, need) in needs {
            self.make_room(target, need)?;
        }
        // From here on nothing can be refused.
        let mut landed = Vec::with_capacity(groups.len());
        for group in groups {
            landed.push(self.land(group, body)?);
        }
        Ok(landed)
    }

    /// Gives a group that there is room for its offsets, and adds it to the
    /// frame.
    pub(super) fn land(&mut self, group: CheckedGroup, body: &mut Body) -> Result<Landed> {
        let partition = self.partition(group.target)?;
        if partition.prepared.is_some() && partition.active.is_some() {
            body.put(&Entry::Roll { target: group.target, base: partition.next });
        }
        let bytes = with_offsets(group.batches, &group.summaries, partition.next);
        let landed = partition.place(group.target, bytes, group.summaries);
        body.put_append(landed.target, landed.first, &landed.bytes, &landed.summaries);
        self.note_producers(&landed);
        Ok(landed)
    }

    /// Reserves space in the segment that this append goes to, and begins a new
    /// one if it is time. A full disk refuses the append here.
    pub(super) fn make_room(&mut self, target: TopicPartition, need: u64) -> Result<()> {
        let now = self.clock.wall_ms();
        let Some(topic) = self.topics.get(&target.topic) else {
            return Err(crate::view::unknown(target));
        };
        let config = topic.config;
        let partition = self.partition(target)?;
        if let Some(prepared) = &mut partition.prepared
            && prepared.base == partition.next
            && prepared.file.is_some()
        {
            return prepared.reserve(need, &partition.view.folder);
        }
        let is_due = match &partition.active {
            None => true,
            Some(active) => {
                partition.prepared.is_some() || active.is_full(&config, need, partition.next, now)
            }
        };
        if is_due {
            return self.prepare(target, need, now);
        }
        self.open_active(target)?;
        let partition = self.partition(target)?;
        if let Some(active) = &mut partition.active {
            active.reserve(need, &partition.view.folder)?;
        }
        Ok(())
    }

    /// Makes the file of the segment that the next append begins.
    pub(super) fn prepare(&mut self, target: TopicPartition, need: u64, now: i64) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let partition = self.partition(target)?;
        let base = partition.next;
        let folder = partition.view.folder.clone();
        let file_path = path(&folder, base, Part::Log);
        let is_first = partition.active.is_none();
        disk.create_dir(&folder).map_err(|error| failed("creating", &folder, &error))?;
        let file = disk
            .open(&file_path, Open::Empty)
            .map_err(|error| failed("creating", &file_path, &error))?;
        let mut prepared = Active { base, len: 0, created_ms: now, file: Some(file), allocated: 0 };
        if let Err(error) = prepared.reserve(need, &folder) {
            drop(disk.remove_file(&file_path));
            return Err(error);
        }
        let partition = self.partition(target)?;
        partition.prepared = Some(prepared);
        self.dirty_folders.insert(folder);
        if is_first {
            self.dirty_folders.insert(self.root.clone());
        }
        Ok(())
    }

    /// Opens the file that appends go to. What a stop left behind its end is
    /// cut off.
    pub(super) fn open_active(&mut self, target: TopicPartition) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let partition = self.partition(target)?;
        let written = partition.written_len();
        let Some(active) = &mut partition.active else {
            return Ok(());
        };
        if active.file.is_some() {
            return Ok(());
        }
        let file_path = path(&partition.view.folder, active.base, Part::Log);
        let file = disk
            .open(&file_path, Open::OrCreate)
            .map_err(|error| failed("opening", &file_path, &error))?;
        let len = file.len().map_err(|error| failed("reading", &file_path, &error))?;
        if len < written {
            return Err(LogError::Damaged {
                path: file_path,
                at: len,
                reason: format!("the file ends here; {written} bytes of it were kept"),
            });
        }
        if len > written {
            file.set_len(written).map_err(|error| failed("cutting", &file_path, &error))?;
        }
        active.allocated = written;
        active.file = Some(file);
        Ok(())
    }

    /// Makes a durable group visible to readers, and hands its bytes to the
    /// segment.
    pub(super) fn show(&mut self, landed: Landed) {
        let mut records = landed.view.write();
        if let Some(created_ms) = landed.begun_ms {
            if let Some(last) = records.segments.last_mut() {
                last.index.close_time();
            }
            records.segments.push(Segment::new(landed.base, created_ms));
        }
        let mut base = landed.first;
        for summary in &landed.summaries {
            let next = base + summary.offsets;
            if let Some(segment) = records.segments.last_mut() {
                segment.add(next - 1, summary.max_timestamp, summary.len as u64);
            }
            records.tail.push_back(TailBatch {
                base,
                next,
                bytes: landed.bytes.slice(summary.at..summary.at + summary.len),
            });
            base = next;
        }
        records.end = landed.next;
        drop(records);
        landed.view.changed.notify_waiters();
        let len = landed.bytes.len();
        self.pending_bytes += len;
        self.tail_bytes += len;
        self.tail_fresh += len;
        self.tail_unwritten += 1;
        self.tail.push_back(TailRun {
            partition: landed.view,
            batches: landed.summaries.len(),
            bytes: len,
        });
        // It exists: it was there when the group was staged, and a deletion of
        // the same group is finished after it.
        if let Ok(partition) = self.partition(landed.target) {
            let is_known = !partition.pending.is_empty();
            partition.pending.push(Pending {
                base: landed.base,
                at: landed.at,
                bytes: landed.bytes,
            });
            if !is_known {
                self.unwritten.insert(landed.target);
            }
        } else {
            self.pending_bytes -= len;
        }
    }
}

impl Partition {
    /// Bytes of the active segment that were written to its file.
    fn written_len(&self) -> u64 {
        let Some(active) = &self.active else { return 0 };
        let pending = self.pending.iter().find(|p| p.base == active.base);
        pending.map_or(active.len, |pending| pending.at)
    }

    /// Gives batches with final offsets their place in the segment.
    pub(super) fn place(
        &mut self,
        target: TopicPartition,
        bytes: Bytes,
        summaries: Vec<BatchSummary>,
    ) -> Landed {
        let prepared = self.prepared.take();
        let begun_ms = prepared.as_ref().map(|prepared| prepared.created_ms);
        if let Some(prepared) = prepared {
            self.active = Some(prepared);
        }
        let first = self.next;
        let offsets: i64 = summaries.iter().map(|summary| summary.offsets).sum();
        self.next += offsets;
        let (base, at) = match &mut self.active {
            Some(active) => {
                let at = active.len;
                active.len += bytes.len() as u64;
                (active.base, at)
            }
            None => (first, 0),
        };
        Landed {
            target,
            view: Arc::clone(&self.view),
            first,
            next: self.next,
            base,
            begun_ms,
            at,
            bytes,
            summaries,
        }
    }
}

impl Active {
    fn is_full(&self, config: &TopicConfig, need: u64, next: i64, now: i64) -> bool {
        // What is written to is not compacted, so it is closed in time for that.
        let lag_ms = if config.compact { config.max_compaction_lag_ms } else { i64::MAX };
        let is_old = now.saturating_sub(self.created_ms) >= config.segment_ms.min(lag_ms);
        self.len > 0
            && (self.len + need > config.segment_bytes
                || is_old
                || next - self.base > SEGMENT_OFFSETS_MAX)
    }

    fn reserve(&mut self, need: u64, folder: &Path) -> Result<()> {
        let end = self.len + need;
        let Some(file) = &self.file else {
            return Ok(());
        };
        if end <= self.allocated {
            return Ok(());
        }
        let step = self.len.clamp(RESERVE_MIN, RESERVE_MAX);
        let target = end.max(self.allocated + step).next_multiple_of(4096);
        let reserve = |to: u64| file.allocate(self.allocated, to - self.allocated, true);
        // Near the end of the space, what is needed must do.
        reserve(target)
            .map(|()| target)
            .or_else(|_| reserve(end).map(|()| end))
            .map(|allocated| self.allocated = allocated)
            .map_err(|error| {
                let file_path = path(folder, self.base, Part::Log);
                failed("reserving space in", &file_path, &error)
            })
    }
}

/// The batches with their base offsets and the leader epoch, which lie outside
/// their CRCs. In place, unless somebody else holds the bytes too.
fn with_offsets(batches: Bytes, summaries: &[BatchSummary], first: i64) -> Bytes {
    let mut bytes = match batches.try_into_mut() {
        Ok(bytes) => bytes,
        Err(shared) => BytesMut::from(&shared[..]),
    };
    let mut next = first;
    for summary in summaries {
        let batch = &mut bytes[summary.at..];
        set_base_offset(batch, next);
        batch[12..16].copy_from_slice(&0i32.to_be_bytes());
        next += summary.offsets;
    }
    bytes.freeze()
}
