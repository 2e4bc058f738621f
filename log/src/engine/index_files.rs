//! Index files, written beside the commits, as a part of a [`SyncJob`]. Failures
//! cost speed, not data: the entries stay in memory.
//!
//! [`SyncJob`]: super::SyncJob

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Engine;
use crate::api::TopicPartition;
use crate::disk::{Disk, Open};
use crate::read::rebuild;
use crate::segment::scan::SegmentFile;
use crate::segment::{IndexState, Part, Segment, index, path};

/// What was done to the index files of a segment.
pub(super) struct Indexed {
    target: TopicPartition,
    folder: PathBuf,
    base: i64,
    revision: u32,
    /// Entries that were in the files before.
    before: (u32, u32),
    /// Those that were added; none if the files were damaged.
    added: Option<(usize, usize)>,
}

/// Writes the entries of a segment that are not in its index files yet. None if
/// there was nothing to do, or it failed.
pub(super) fn write(
    disk: &dyn Disk,
    target: TopicPartition,
    folder: &Path,
    segment: &mut Segment,
) -> Option<Indexed> {
    let state = &mut segment.index;
    if !state.has_fresh() && state.written > 0 {
        return None;
    }
    let is_whole = match write_state(disk, folder, segment.base, state) {
        Ok(is_whole) => is_whole,
        Err(error) => {
            warn(folder, segment.base, &error);
            return None;
        }
    };
    let before = (state.written, state.time_written);
    let added = is_whole.then_some((state.fresh.len(), state.time_fresh.len()));
    if let Some((entries, times)) = added {
        state.wrote(entries, times);
    }
    let (base, revision) = (segment.base, segment.revision);
    Some(Indexed { target, folder: folder.to_owned(), base, revision, before, added })
}

/// False if the files do not hold what they held: they were damaged.
fn write_state(disk: &dyn Disk, folder: &Path, base: i64, state: &IndexState) -> io::Result<bool> {
    let file = disk.open(&path(folder, base, Part::Index), Open::OrCreate)?;
    let time_file = disk.open(&path(folder, base, Part::TimeIndex), Open::OrCreate)?;
    Ok(index::write(&*file, state.written, &state.fresh)?
        && index::write_time(&*time_file, state.time_written, &state.time_fresh)?)
}

fn warn(folder: &Path, base: i64, error: &io::Error) {
    let log_path = path(folder, base, Part::Log);
    tracing::warn!(path = %log_path.display(), %error, "writing an index");
}

impl Engine {
    /// Accounts for what a job did to index files.
    pub(super) fn take_indexed(&mut self, indexed: &Indexed) {
        let is_known = self.partition(indexed.target).is_ok_and(|partition| {
            let mut records = partition.view.write();
            let Some(segment) = records.segments.iter_mut().find(|s| s.base == indexed.base) else {
                return false;
            };
            let state = &mut segment.index;
            if let Some((entries, times)) = indexed.added
                && segment.revision == indexed.revision
                && (state.written, state.time_written) == indexed.before
            {
                state.wrote(entries, times);
            }
            true
        });
        if !is_known {
            // It was trimmed or deleted meanwhile; a left-over does no harm.
            for part in [Part::Index, Part::TimeIndex] {
                drop(self.disk.remove_file(&path(&indexed.folder, indexed.base, part)));
            }
        } else if indexed.added.is_none()
            && let Err(error) = self.reindex(indexed.target, indexed.base)
        {
            warn(&indexed.folder, indexed.base, &error);
        }
    }

    /// Builds the indexes of a segment again whose index files are damaged.
    fn reindex(&mut self, target: TopicPartition, base: i64) -> io::Result<()> {
        // They are built from what is in the file.
        self.write_segments();
        if self.unwritten.contains(&target) {
            return Ok(());
        }
        let other = |error: crate::LogError| io::Error::other(error.to_string());
        let view = Arc::clone(&self.partition(target).map_err(other)?.view);
        let found = view.read().segments.iter().find(|s| s.base == base).map(|s| s.len);
        let Some(len) = found else { return Ok(()) };
        let log_path = path(&view.folder, base, Part::Log);
        tracing::warn!(path = %log_path.display(), "building a damaged index again");
        let file = self.disk.open(&log_path, Open::Existing)?;
        let segment_file =
            SegmentFile { file: &*file, path: &log_path, len, next: None, has_gaps: false };
        let mut state = rebuild(&segment_file, base).map_err(other)?;
        if write_state(&*self.disk, &view.folder, base, &state)? {
            state.wrote(state.fresh.len(), state.time_fresh.len());
            let mut records = view.write();
            if let Some(segment) = records.segments.iter_mut().find(|s| s.base == base) {
                segment.index = state;
            }
        }
        Ok(())
    }
}
