//! Zeros ahead of the writer, so that a sync of frames finds its blocks written. In
//! blocks that were not, it has to wait for the file system's own journal, and with that
//! for what any other process has written: tens of milliseconds now and then.

use std::io::IoSlice;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Journal, allocate};
use crate::api::Result;
use crate::disk::{Disk, Open, failed, failed_sync};
use crate::error::LogError;

/// Bytes of one write, which a frame may have to wait for.
const WRITE_BYTES: usize = 256 << 10;
static ZEROS: [u8; WRITE_BYTES] = [0; WRITE_BYTES];

// Parts of a journal file.
/// What a file has before its first frame.
const FRONT: u64 = 32;
/// Zeros ahead that are enough.
const AHEAD: u64 = 8;
/// Zeros of one job.
const STEP: u64 = 16;
/// Distance from the writer at which a job begins.
const MARGIN: u64 = 64;

/// Where in a file frames have been given their place: zeros go behind it only.
#[derive(Default)]
pub(super) struct Frontier(Mutex<u64>);

impl Frontier {
    /// From here on there are no frames.
    pub(super) fn move_to(&self, end: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    /// Does this with the part of a range that is behind it, which stays behind it
    /// meanwhile.
    fn behind<T>(&self, from: u64, to: u64, act: impl FnOnce(u64) -> T) -> Option<T> {
        let end = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = from.max(*end);
        (from < to).then(|| act(from))
    }
}

/// Writes zeros behind the frames of a journal file, and syncs them. It may run on any
/// thread while frames are written; the engine is told of the outcome.
pub(crate) struct FillJob {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    index: usize,
    from: u64,
    to: u64,
    frontier: Arc<Frontier>,
    has_failed: Arc<AtomicBool>,
}

/// What came of a [`FillJob`].
pub(crate) struct FillOutcome {
    index: usize,
    from: u64,
    to: u64,
    /// Whether it was done.
    written: Result<bool>,
}

impl FillJob {
    /// Does it, and has an outcome even if it panics: whoever drives the engine waits
    /// for one. Blocks on the disk.
    pub(crate) fn run_to_the_end(self) -> FillOutcome {
        let written = catch_unwind(AssertUnwindSafe(|| self.run())).unwrap_or_else(|_| {
            Err(LogError::Stopped("the write of the journal's zeros panicked".to_owned()))
        });
        if written.is_err() {
            // Frames may be among what was not written.
            self.has_failed.store(true, Ordering::Release);
        }
        FillOutcome { index: self.index, from: self.from, to: self.to, written }
    }

    /// False if it can't be done for now, and nothing is the worse for it.
    fn run(&self) -> Result<bool> {
        // A handle of its own: an error of a sync is told once to each, and that of the
        // frames must not miss one.
        let Ok(file) = self.disk.open(&self.path, Open::Existing) else { return Ok(false) };
        let mut at = self.from;
        while at < self.to {
            let end = self.to.min(at + WRITE_BYTES as u64);
            let write = |from: u64| {
                let len = usize::try_from(end - from).unwrap_or(0);
                file.write_at(&[IoSlice::new(&ZEROS[..len])], from)
            };
            if let Some(written) = self.frontier.behind(at, end, write) {
                match written.map_err(|error| failed("writing", &self.path, &error)) {
                    Ok(()) => {}
                    Err(LogError::NoSpace(_)) => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
            at = end;
        }
        file.sync().map_err(|error| failed_sync(&self.path, &error))?;
        Ok(true)
    }
}

impl Journal {
    /// Writes zeros to the front of a file that was begun, if nothing was ever there.
    /// The sync of the first frame makes them durable too.
    pub(crate) fn fill_front(&mut self) -> Result<()> {
        let to = self.part(FRONT).max(self.position);
        let Some(file) = self.current.map(|current| &mut self.files[current]) else {
            return Ok(());
        };
        if self.position > 0 || file.filled >= to {
            return Ok(());
        }
        allocate(file, to)?;
        let mut at = file.filled;
        while at < to {
            let len = usize::try_from(to - at).unwrap_or(WRITE_BYTES).min(WRITE_BYTES);
            file.handle
                .write_at(&[IoSlice::new(&ZEROS[..len])], at)
                .map_err(|error| failed("writing", &file.path, &error))?;
            at += len as u64;
        }
        file.filled = to;
        Ok(())
    }

    /// The zeros that are wanted now, if there are some. The outcome must be handed to
    /// [`filled`](Self::filled).
    pub(crate) fn take_fill(&mut self) -> Option<FillJob> {
        let (margin, step) = (self.part(MARGIN), self.part(STEP));
        let is_enough = |filled: u64| filled >= self.position + self.part(AHEAD);
        let index = self.current.filter(|_| !self.is_filling)?;
        let file = &self.files[index];
        let from = file.filled.max(self.position + margin);
        let to = self.file_bytes.min(from + step);
        if is_enough(file.filled) || from >= to {
            return None;
        }
        self.is_filling = true;
        Some(FillJob {
            disk: Arc::clone(&self.disk),
            path: file.path.clone(),
            index,
            from,
            to,
            frontier: Arc::clone(&file.frontier),
            has_failed: Arc::clone(&self.has_failed),
        })
    }

    /// Takes the outcome of a job: whether it was done. After an error the journal must
    /// not be written any more.
    pub(crate) fn filled(&mut self, outcome: FillOutcome) -> Result<bool> {
        self.is_filling = false;
        let is_done = outcome.written?;
        if is_done {
            let file = &mut self.files[outcome.index];
            file.filled = file.filled.max(outcome.to);
            if outcome.from <= file.allocated {
                file.allocated = file.allocated.max(outcome.to);
            }
        }
        Ok(is_done)
    }

    /// A part of a file, in whole blocks.
    fn part(&self, part: u64) -> u64 {
        (self.file_bytes / part).next_multiple_of(super::frame::BLOCK)
    }
}
