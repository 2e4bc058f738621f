//! Writing of segments and their indexes, behind the journal.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::sync::Arc;

use super::{Engine, Pending};
use crate::api::{Result, TopicPartition};
use crate::disk::{DiskFile, Open, failed};
use crate::read::rebuild;
use crate::segment::scan::SegmentFile;
use crate::segment::{IndexState, Part, index, path};

impl Engine {
    /// Writes what is pending to the segments. Not synced: that is for a
    /// checkpoint. A segment that can't be written is written again elsewhere.
    pub(super) fn write_segments(&mut self) {
        let mut left = BTreeSet::new();
        for target in std::mem::take(&mut self.unwritten) {
            if self.broken.contains(&target) {
                left.insert(target);
                continue;
            }
            if let Err(error) = self.write_partition(target) {
                tracing::error!(%error, "a segment can't be written; it is written again");
                self.broken.insert(target);
                left.insert(target);
            }
        }
        self.unwritten = left;
        self.rewrite_broken();
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
        let disk = Arc::clone(&self.disk);
        let known = self.dirty.get(&(target, base)).cloned().flatten();
        let partition = self.partition(target)?;
        let file_path = path(&partition.view.folder, base, Part::Log);
        let active = partition.active.as_ref().filter(|a| a.base == base);
        let file = match active.and_then(|active| active.file.clone()).or(known) {
            Some(file) => file,
            None => disk
                .open(&file_path, Open::Existing)
                .map_err(|error| failed("opening", &file_path, &error))?,
        };
        let slices: Vec<_> = run.iter().map(|p| IoSlice::new(&p.bytes)).collect();
        file.write_at(&slices, run[0].at).map_err(|error| failed("writing", &file_path, &error))?;
        let mut records = partition.view.write();
        if let Some(segment) = records.segments.iter_mut().rfind(|s| s.base == base) {
            let len: usize = run.iter().map(|p| p.bytes.len()).sum();
            segment.written = run[0].at + len as u64;
        }
        drop(records);
        self.dirty.insert((target, base), Some(file));
        Ok(())
    }

    /// Writes the fresh entries of a segment's indexes, and cuts a finished
    /// segment to its length. Failures cost speed, not data: the entries stay
    /// in memory.
    pub(super) fn write_indexes(&mut self, target: TopicPartition, base: i64) {
        let Ok(partition) = self.partition(target) else {
            return;
        };
        let view = Arc::clone(&partition.view);
        let is_active = partition.active.as_ref().is_some_and(|a| a.base == base);
        let segment = {
            let records = view.read();
            let found = records.segments.iter().find(|s| s.base == base);
            found.cloned()
        };
        let Some(segment) = segment else { return };
        let log_path = path(&view.folder, base, Part::Log);
        if !is_active
            && let Some(Some(file)) = self.dirty.get(&(target, base))
            && let Err(error) = file.set_len(segment.len)
        {
            tracing::warn!(path = %log_path.display(), %error, "cutting a segment");
        }
        if !segment.index.has_fresh() && segment.index.written > 0 {
            return;
        }
        let write = |state: &IndexState| -> io::Result<bool> {
            let file = self.disk.open(&path(&view.folder, base, Part::Index), Open::OrCreate)?;
            let time_path = path(&view.folder, base, Part::TimeIndex);
            let time_file = self.disk.open(&time_path, Open::OrCreate)?;
            Ok(index::write(&*file, state.written, &state.fresh)?
                && index::write_time(&*time_file, state.time_written, &state.time_fresh)?)
        };
        let done = match write(&segment.index) {
            Ok(true) => Ok(segment.index.clone()),
            Ok(false) => self.reindex(target, base, segment.len).and_then(|state| {
                write(&state)?;
                Ok(state)
            }),
            Err(error) => Err(error),
        };
        match done {
            Ok(state) => {
                let mut records = view.write();
                let found = records.segments.iter_mut().find(|s| s.base == base);
                if let Some(segment) = found {
                    let (entries, times) = (state.fresh.len(), state.time_fresh.len());
                    segment.index = state;
                    segment.index.wrote(entries, times);
                }
            }
            Err(error) => {
                tracing::warn!(path = %log_path.display(), %error, "writing an index");
            }
        }
    }

    /// The indexes of a segment whose index files are damaged.
    fn reindex(&self, target: TopicPartition, base: i64, len: u64) -> io::Result<IndexState> {
        let view =
            self.view.partition(target).map_err(|error| io::Error::other(error.to_string()))?;
        let log_path = path(&view.folder, base, Part::Log);
        tracing::warn!(path = %log_path.display(), "building a damaged index again");
        let file = self.disk.open(&log_path, Open::Existing)?;
        let segment_file = SegmentFile { file: &*file, path: &log_path, len, has_gaps: false };
        rebuild(&segment_file, base).map_err(|error| io::Error::other(error.to_string()))
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
