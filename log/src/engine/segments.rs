//! Writing of segments, behind the journal.

use std::collections::BTreeSet;
use std::io::IoSlice;
use std::sync::Arc;

use super::{Engine, Pending};
use crate::api::{Result, TopicPartition};
use crate::disk::{DiskFile, Open, failed};
use crate::segment::{Part, path};

impl Engine {
    /// Writes what is pending to the segments. Not synced: that is for a
    /// checkpoint. A segment that can't be written is written again elsewhere.
    pub(super) fn write_segments(&mut self) {
        if self.writes.is_running {
            // Its outcome comes first: the writes of a partition have an order.
            return;
        }
        let mut left = BTreeSet::new();
        for target in std::mem::take(&mut self.unwritten) {
            if self.broken.contains(&target) {
                left.insert(target);
                continue;
            }
            if let Err(error) = self.write_partition(target) {
                self.note_broken(target, &error);
                left.insert(target);
            }
        }
        self.unwritten = left;
        self.rewrite_broken();
        if self.unwritten.is_empty() {
            self.tail_unwritten = 0;
        }
    }

    fn write_partition(&mut self, target: TopicPartition) -> Result<()> {
        self.open_active(target)?;
        let mut pending = std::mem::take(&mut self.partition(target)?.pending);
        while !pending.is_empty() {
            let base = pending[0].base;
            let count = pending.iter().take_while(|p| p.base == base).count();
            let written = self.write_run(target, base, &pending[..count]);
            if let Err(error) = written {
                self.partition(target)?.pending = pending;
                return Err(error);
            }
            let bytes: usize = pending.drain(..count).map(|p| p.bytes.len()).sum();
            self.pending_bytes -= bytes;
        }
        Ok(())
    }

    fn write_run(&mut self, target: TopicPartition, base: i64, run: &[Pending]) -> Result<()> {
        let file = self.segment_file(target, base)?;
        let partition = self.partition(target)?;
        let slices: Vec<_> = run.iter().map(|p| IoSlice::new(&p.bytes)).collect();
        let written = file.write_at(&slices, run[0].at);
        written.map_err(|error| {
            failed("writing", &path(&partition.view.folder, base, Part::Log), &error)
        })?;
        let mut records = partition.view.write();
        if let Some(segment) = records.segments.iter_mut().rfind(|s| s.base == base) {
            let len: usize = run.iter().map(|p| p.bytes.len()).sum();
            segment.written = run[0].at + len as u64;
        }
        drop(records);
        self.dirty.insert((target, base), Some(file));
        Ok(())
    }

    /// The file of a segment that has more to be written.
    pub(super) fn segment_file(
        &mut self,
        target: TopicPartition,
        base: i64,
    ) -> Result<Arc<dyn DiskFile>> {
        let disk = Arc::clone(&self.disk);
        let known = self.dirty.get(&(target, base)).cloned().flatten();
        let partition = self.partition(target)?;
        let active = partition.active.as_ref().filter(|active| active.base == base);
        if let Some(file) = active.and_then(|active| active.file.clone()).or(known) {
            return Ok(file);
        }
        let file_path = path(&partition.view.folder, base, Part::Log);
        disk.open(&file_path, Open::Existing).map_err(|error| failed("opening", &file_path, &error))
    }

    /// Closes the file that appends go to, if nothing was written to it since
    /// it was synced.
    pub(super) fn close_idle(&mut self, target: TopicPartition, base: i64) {
        if self.unwritten.contains(&target) || self.dirty.contains_key(&(target, base)) {
            return;
        }
        if let Ok(partition) = self.partition(target)
            && let Some(active) = &mut partition.active
            && active.base == base
        {
            release(active);
        }
    }
}

fn release(active: &mut super::Active) {
    let file: Option<Arc<dyn DiskFile>> = active.file.take();
    drop(file);
    active.allocated = active.len;
}
