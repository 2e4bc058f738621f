//! Doing again what the journal says, after an unclean stop.
//!
//! Files go as soon as a deletion or a trim is durable, which may be before the
//! stop and after the checkpoint. So replay knows first what is deleted and
//! trimmed further on, and asks nothing of the files that this concerns.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use crate::api::{Result, TopicId, TopicInfo, TopicPartition};
use crate::error::LogError;
use crate::journal::scan::{File, Scan};
use crate::journal::{Entry, Swap};
use crate::record::{BatchSummary, Batches};
use crate::segment::{Part, path};

/// What the journal deletes and trims.
#[derive(Default)]
pub(super) struct Foresight {
    deleted: BTreeSet<TopicId>,
    created: BTreeMap<TopicId, TopicInfo>,
    trimmed: BTreeMap<TopicPartition, i64>,
    /// Partitions of the topics that were given more.
    partitions: BTreeMap<TopicId, u32>,
    swapped: Vec<Swap>,
}

impl Foresight {
    pub(super) fn read(files: &[File], found: &Scan) -> Result<Self> {
        let mut foresight = Self::default();
        found.replay(files, |entry| {
            match entry {
                Entry::Delete(id) => {
                    foresight.deleted.insert(id);
                }
                Entry::Create(info) => {
                    foresight.created.insert(info.id, info);
                }
                Entry::Trim { target, start } => {
                    let known = foresight.trimmed.entry(target).or_insert(start);
                    *known = start.max(*known);
                }
                Entry::Partitions { topic, total } => {
                    foresight.partitions.insert(topic, total);
                }
                Entry::Append { .. }
                | Entry::Config(..)
                | Entry::Roll { .. }
                | Entry::ProducerIds(_) => {}
                Entry::Swap(swap) => foresight.swapped.push(*swap),
            }
            Ok(())
        })?;
        Ok(foresight)
    }

    /// Whether it is about a topic that is deleted further on.
    fn is_doomed(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Delete(_) | Entry::ProducerIds(_) => false,
            Entry::Create(info) => self.deleted.contains(&info.id),
            Entry::Config(id, _) | Entry::Partitions { topic: id, .. } => self.deleted.contains(id),
            Entry::Append { target, .. }
            | Entry::Trim { target, .. }
            | Entry::Roll { target, .. } => self.deleted.contains(&target.topic),
            Entry::Swap(swap) => self.deleted.contains(&swap.target.topic),
        }
    }
}

impl Engine {
    /// Does the swaps of compaction again. They are of segments that nothing else
    /// in the journal's tail is about, but trims, which come after.
    pub(super) fn redo_swaps(&mut self, foresight: &Foresight) -> Result<()> {
        for swap in &foresight.swapped {
            if !foresight.deleted.contains(&swap.target.topic) {
                self.redo_swap(swap)?;
            }
        }
        Ok(())
    }

    /// Forgets the segments of the checkpoint that are trimmed as a whole: their
    /// files may be gone.
    pub(super) fn forget_trimmed(&mut self, foresight: &Foresight) {
        for (target, start) in &foresight.trimmed {
            let disk = std::sync::Arc::clone(&self.disk);
            let Ok(partition) = self.partition(*target) else {
                continue;
            };
            let mut records = partition.view.write();
            let count = records.segments.partition_point(|segment| segment.next <= *start);
            for segment in records.segments.drain(..count) {
                for part in Part::ALL {
                    // A left-over does no harm.
                    drop(disk.remove_file(&path(&partition.view.folder, segment.base, part)));
                }
            }
            if records.segments.is_empty() {
                partition.active = None;
            }
        }
    }

    /// Does again what an entry says.
    pub(super) fn replay(&mut self, entry: Entry, foresight: &Foresight) -> Result<()> {
        if foresight.is_doomed(&entry) {
            return Ok(());
        }
        match entry {
            Entry::Append { target, base, batches } => self.replay_append(target, base, batches)?,
            Entry::Create(info) => {
                if !self.topics.contains_key(&info.id) {
                    let view = self.add_topic(info)?;
                    self.view.insert(view);
                }
            }
            Entry::Delete(id) => {
                let dropped = self.drop_topic(id).ok();
                let known = dropped.or_else(|| foresight.created.get(&id).cloned());
                if let Some(mut info) = known {
                    let total = foresight.partitions.get(&id).copied().unwrap_or(0);
                    info.partitions = info.partitions.max(total);
                    self.finish_delete(&info);
                }
            }
            Entry::Config(id, config) => {
                let view = self.set_config(id, config)?;
                self.view.insert(view);
            }
            Entry::Trim { target, start } => self.finish_trim(target, start),
            Entry::Roll { target, .. } => {
                let now = self.clock.wall_ms();
                self.prepare(target, 0, now)?;
            }
            Entry::Partitions { topic, total } => self.replay_partitions(topic, total)?,
            Entry::ProducerIds(below) => self.producer_ids.skip_to(below),
            // Done before all else.
            Entry::Swap(_) => {}
        }
        if self.pending_bytes >= self.options.write_behind_bytes {
            self.write_segments();
        }
        self.evict_tail();
        Ok(())
    }

    fn replay_append(
        &mut self,
        target: TopicPartition,
        base: i64,
        bytes: bytes::Bytes,
    ) -> Result<()> {
        let summaries = summaries(&bytes)?;
        let partition = self.partition(target)?;
        if base != partition.next {
            return Err(LogError::Stopped(format!(
                "the journal goes on at offset {base} of topic {} partition {}, which ends at {}",
                target.topic, target.partition, partition.next
            )));
        }
        if partition.active.is_none() && partition.prepared.is_none() {
            let now = self.clock.wall_ms();
            self.prepare(target, bytes.len() as u64, now)?;
        }
        let landed = self.partition(target)?.place(target, bytes, summaries);
        self.note_producers(&landed);
        self.show(landed);
        Ok(())
    }
}

/// Batches of the journal, whose frame's CRC was checked.
fn summaries(bytes: &[u8]) -> Result<Vec<BatchSummary>> {
    let mut at = 0;
    let mut summaries = Vec::with_capacity(1);
    for batch in Batches::new(bytes) {
        let header = batch?.header;
        summaries.push(BatchSummary::of(&header, at));
        at += header.len;
    }
    Ok(summaries)
}
