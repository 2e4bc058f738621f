//! Writing a partition's unsynced part again, from the journal into a new file,
//! after its segment could not be written or synced. What the old file holds
//! beyond the last checkpoint is unknown and is never read.

use std::io::IoSlice;
use std::sync::Arc;

use super::{Active, Engine};
use crate::api::{Result, TopicPartition};
use crate::checkpoint::{Checkpoint, PartitionState};
use crate::disk::{Open, failed};
use crate::error::LogError;
use crate::journal::Entry;
use crate::journal::scan::{Expected, scan};
use crate::record::Batches;
use crate::segment::{Part, Segment, path};

impl Engine {
    /// Rewrites the partitions whose segments failed, unless a checkpoint is
    /// under way that counts on their files, or writes to them. What is not in the
    /// journal yet has to wait for that.
    pub(super) fn rewrite_broken(&mut self) {
        if self.checkpoints.is_running || self.writes.is_running || self.is_under_way() {
            return;
        }
        while let Some(target) = self.broken.pop_first() {
            if self.partition(target).is_err() {
                continue;
            }
            if let Err(error) = self.rewrite(target) {
                self.stop(&error);
                return;
            }
        }
    }

    fn rewrite(&mut self, target: TopicPartition) -> Result<()> {
        let journal_folder = self.journal_folder();
        let checkpoint = Checkpoint::load(&*self.disk, &self.root, &journal_folder)?;
        let Some(checkpoint) = checkpoint else {
            return Err(LogError::Stopped("the checkpoint is missing".to_owned()));
        };
        let kept = kept_state(&checkpoint, target);
        let next = self.partition(target)?.next;
        let batches = self.journalled(&checkpoint, target, kept.next..next)?;
        let segment = self.write_new_segment(target, &kept, &batches)?;
        self.take_rewritten(target, kept, segment)
    }

    /// The batches of a partition since this checkpoint, those with these
    /// offsets.
    fn journalled(
        &self,
        checkpoint: &Checkpoint,
        target: TopicPartition,
        offsets: std::ops::Range<i64>,
    ) -> Result<Vec<bytes::Bytes>> {
        let files = self.journal.files_from(checkpoint.generation);
        let expected = Expected {
            salt: checkpoint.salt,
            generation: checkpoint.generation,
            sequence: checkpoint.sequence,
            durable_through: self.journal.next_sequence() - 1,
            place: checkpoint.place.clone(),
        };
        let found = scan(&files, &expected)?;
        let mut batches = Vec::new();
        found.replay(&files, |entry| {
            if let Entry::Append { target: to, base, batches: bytes } = entry
                && to == target
                && offsets.contains(&base)
            {
                batches.push(bytes);
            }
            Ok(())
        })?;
        Ok(batches)
    }

    fn write_new_segment(
        &mut self,
        target: TopicPartition,
        kept: &PartitionState,
        batches: &[bytes::Bytes],
    ) -> Result<Segment> {
        let disk = Arc::clone(&self.disk);
        let now = self.clock.wall_ms();
        let view = Arc::clone(&self.partition(target)?.view);
        // The failed files go, so that the new one has no block of theirs.
        for segment in &view.read().segments {
            if !kept.segments.iter().any(|known| known.base == segment.base) {
                for part in Part::ALL {
                    drop(disk.remove_file(&path(&view.folder, segment.base, part)));
                }
            }
            self.dirty.remove(&(target, segment.base));
        }
        let folder = &view.folder;
        disk.create_dir(folder).map_err(|error| failed("creating", folder, &error))?;
        self.dirty_folders.insert(self.root.clone());
        let file_path = path(folder, kept.next, Part::Log);
        let file = disk
            .open(&file_path, Open::Empty)
            .map_err(|error| failed("creating", &file_path, &error))?;
        let mut segment = Segment::new(kept.next, now);
        for bytes in batches {
            file.write_at(&[IoSlice::new(bytes)], segment.len)
                .map_err(|error| failed("writing", &file_path, &error))?;
            for batch in Batches::new(bytes) {
                let batch = batch?;
                let header = batch.header;
                segment.add(header.last_offset(), header.max_timestamp, header.len as u64);
            }
        }
        segment.written = segment.len;
        self.dirty.insert((target, segment.base), Some(file));
        self.dirty_folders.insert(view.folder.clone());
        Ok(segment)
    }

    fn take_rewritten(
        &mut self,
        target: TopicPartition,
        kept: PartitionState,
        segment: Segment,
    ) -> Result<()> {
        let file = self.dirty.get(&(target, segment.base)).cloned().flatten();
        let partition = self.partition(target)?;
        let freed: usize = partition.pending.drain(..).map(|p| p.bytes.len()).sum();
        partition.prepared = None;
        if segment.next != partition.next {
            return Err(LogError::Stopped(format!(
                "the journal holds the records of topic {} partition {} up to offset {}, not {}",
                target.topic, target.partition, segment.next, partition.next
            )));
        }
        partition.active = Some(Active {
            base: segment.base,
            len: segment.len,
            created_ms: segment.created_ms,
            file,
            allocated: segment.len,
        });
        let view = Arc::clone(&partition.view);
        let mut records = view.write();
        let start = records.start;
        // Before the one that was written to then, compaction may have replaced
        // some since; what is here is right.
        let last = kept.segments.last().map_or(i64::MIN, |last| last.base);
        records.segments.retain(|known| known.base < last);
        records.segments.extend(kept.segments.into_iter().next_back());
        records.segments.retain(|known| known.next > start);
        records.segments.push(segment);
        records.forget_notes();
        drop(records);
        self.reader.forget(&view.folder);
        self.pending_bytes -= freed;
        self.unwritten.remove(&target);
        self.checkpoints.is_wanted = true;
        Ok(())
    }
}

/// What this checkpoint covers of a partition.
fn kept_state(checkpoint: &Checkpoint, target: TopicPartition) -> PartitionState {
    let topic = checkpoint.topics.iter().find(|topic| topic.info.id == target.topic);
    topic
        .and_then(|topic| topic.partitions.get(target.partition as usize).cloned())
        .unwrap_or_default()
}
