//! Segments are written beside the commits that go on: what lies behind the journal
//! is handed out as a job, and counts as written when its outcome is in.

use std::io::IoSlice;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::{Engine, Pending};
use crate::api::{Result, TopicPartition};
use crate::disk::{DiskFile, failed};
use crate::error::LogError;
use crate::segment::{Part, path};

/// Above this many bytes on their way to segments, groups wait for the job that is
/// under way.
const PENDING_BYTES_MAX: usize = 32 << 20;

/// What is being written to segments.
#[derive(Default)]
pub(super) struct Writes {
    pub(super) is_running: bool,
    /// So many runs of the tail are in a segment when the job is done.
    tail_runs: usize,
}

/// Writes to segments. It may run on any thread; the engine is told of the outcome.
pub(crate) struct WriteJob {
    runs: Vec<Run>,
}

/// Bytes that follow each other in one segment.
struct Run {
    target: TopicPartition,
    base: i64,
    at: u64,
    bytes: Vec<Bytes>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
}

/// What came of a [`WriteJob`].
pub(crate) struct WriteOutcome {
    runs: Vec<(Run, Result<()>)>,
}

impl WriteJob {
    /// Does it, and has an outcome even if it panics: whoever drives the engine waits
    /// for one. Blocks on the disk.
    pub(crate) fn run_to_the_end(self) -> WriteOutcome {
        let write = |run: &Run| {
            let slices: Vec<_> = run.bytes.iter().map(|bytes| IoSlice::new(bytes)).collect();
            let written = catch_unwind(AssertUnwindSafe(|| run.file.write_at(&slices, run.at)));
            written
                .unwrap_or_else(|_| Err(std::io::Error::other("the write panicked")))
                .map_err(|error| failed("writing", &run.path, &error))
        };
        let runs = self.runs.into_iter().map(|run| {
            let written = write(&run);
            (run, written)
        });
        WriteOutcome { runs: runs.collect() }
    }
}

impl Run {
    fn end(&self) -> u64 {
        self.at + self.bytes.iter().map(|bytes| bytes.len() as u64).sum::<u64>()
    }
}

impl Engine {
    /// The writes that are wanted now, if there are some. The outcome must be handed
    /// to [`writes_done`](Self::writes_done).
    pub(crate) fn take_writes(&mut self) -> Option<WriteJob> {
        let is_due = self.pending_bytes >= self.options.write_behind_bytes.max(1);
        if !is_due || self.writes.is_running || self.stopped.is_some() || !self.broken.is_empty() {
            return None;
        }
        self.make_writes()
    }

    /// A job for all that is pending, but of partitions that are written again. None
    /// if there is nothing that can be written.
    pub(super) fn make_writes(&mut self) -> Option<WriteJob> {
        let mut runs = Vec::new();
        for target in self.unwritten.clone() {
            if self.broken.contains(&target) {
                continue;
            }
            if let Err(error) = self.hand_out(target, &mut runs) {
                self.note_broken(target, &error);
            }
        }
        if runs.is_empty() {
            self.end_writes();
            return None;
        }
        let tail_runs = if self.broken.is_empty() { self.tail_unwritten } else { 0 };
        self.writes = Writes { is_running: true, tail_runs };
        Some(WriteJob { runs })
    }

    /// What is pending of a partition, as runs.
    fn hand_out(&mut self, target: TopicPartition, runs: &mut Vec<Run>) -> Result<()> {
        self.open_active(target)?;
        let pending = std::mem::take(&mut self.partition(target)?.pending);
        let known = runs.len();
        for run in pending.chunk_by(|one, next| one.base == next.base) {
            match self.run(target, run) {
                Ok(run) => runs.push(run),
                Err(error) => {
                    runs.truncate(known);
                    self.partition(target)?.pending = pending;
                    return Err(error);
                }
            }
        }
        self.partition(target)?.writing = pending;
        Ok(())
    }

    fn run(&mut self, target: TopicPartition, pending: &[Pending]) -> Result<Run> {
        let base = pending[0].base;
        let file = self.segment_file(target, base)?;
        let path = path(&self.partition(target)?.view.folder, base, Part::Log);
        let bytes = pending.iter().map(|pending| pending.bytes.clone()).collect();
        Ok(Run { target, base, at: pending[0].at, bytes, path, file })
    }

    /// Takes the outcome of writes: what they wrote need not be kept.
    pub(crate) fn writes_done(&mut self, outcome: WriteOutcome) {
        self.take_written(outcome);
        if self.stopped.is_none() {
            self.evict_tail();
        }
    }

    pub(super) fn take_written(&mut self, outcome: WriteOutcome) {
        self.writes.is_running = false;
        if self.stopped.is_some() {
            return;
        }
        let mut is_whole = true;
        for (run, written) in outcome.runs {
            match written {
                Ok(()) => self.is_in_segment(run),
                Err(error) => {
                    is_whole = false;
                    self.take_back(run.target);
                    self.note_broken(run.target, &error);
                }
            }
        }
        if is_whole {
            self.tail_unwritten -= self.writes.tail_runs;
        }
        self.end_writes();
    }

    pub(super) fn end_writes(&mut self) {
        self.rewrite_broken();
        if self.unwritten.is_empty() && !self.writes.is_running {
            self.tail_unwritten = 0;
        }
    }

    fn is_in_segment(&mut self, run: Run) {
        // A topic that was deleted meanwhile needs nothing any more, nor does a
        // segment that was trimmed away.
        let Ok(partition) = self.partition(run.target) else { return };
        let mut freed = 0;
        partition.writing.retain(|pending| {
            let is_kept = pending.base != run.base;
            freed += if is_kept { 0 } else { pending.bytes.len() };
            is_kept
        });
        let is_written = partition.writing.is_empty() && partition.pending.is_empty();
        let mut records = partition.view.write();
        let segment = records.segments.iter_mut().rfind(|segment| segment.base == run.base);
        let is_there = segment.map(|segment| segment.written = run.end()).is_some();
        drop(records);
        self.pending_bytes -= freed;
        if is_written {
            self.unwritten.remove(&run.target);
        }
        if is_there {
            self.dirty.insert((run.target, run.base), Some(run.file));
        }
    }

    /// What was handed out of a partition is pending again.
    fn take_back(&mut self, target: TopicPartition) {
        if let Ok(partition) = self.partition(target) {
            let mut writing = std::mem::take(&mut partition.writing);
            writing.append(&mut partition.pending);
            partition.pending = writing;
        }
    }

    pub(super) fn note_broken(&mut self, target: TopicPartition, error: &LogError) {
        // A topic that was deleted meanwhile has no segments to be written.
        if self.partition(target).is_ok() {
            tracing::error!(%error, "a segment can't be written; it is written again");
            self.broken.insert(target);
        }
    }

    /// Whether so much is on its way to segments that groups should wait for it.
    pub(super) fn is_far_behind(&self) -> bool {
        self.writes.is_running && self.pending_bytes >= PENDING_BYTES_MAX
    }
}
