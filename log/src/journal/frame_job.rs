//! The write and the sync of one frame, apart from the journal, so that the engine
//! can go on meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::frame::{Body, HEADER_LEN};
use crate::api::Result;
use crate::disk::{DiskFile, failed, failed_sync};
use crate::error::LogError;

/// Writes a frame and makes it durable. Those of a journal are run in order, one after
/// the other, on any thread; the engine is told of each outcome.
pub(crate) struct FrameJob {
    pub(super) sequence: u64,
    pub(super) header: [u8; HEADER_LEN],
    pub(super) body: Body,
    pub(super) at: u64,
    /// What is to be synced; the last one is the file of the frame.
    pub(super) files: Vec<(PathBuf, Arc<dyn DiskFile>)>,
    /// A frame before it has failed: what the file holds is unknown, and this one must
    /// not vouch for it.
    pub(super) has_failed: Arc<AtomicBool>,
}

/// What came of a [`FrameJob`].
pub(crate) struct FrameOutcome {
    /// The frame: if it went well, all up to it are durable.
    pub(super) sequence: u64,
    pub(crate) written: Result<()>,
}

impl FrameJob {
    /// Does it, and has an outcome even if it panics: whoever drives the engine waits
    /// for one. Blocks on the disk.
    pub(crate) fn run_to_the_end(self) -> FrameOutcome {
        let written = catch_unwind(AssertUnwindSafe(|| self.run())).unwrap_or_else(|_| {
            Err(LogError::Stopped("the write of the journal panicked".to_owned()))
        });
        if written.is_err() {
            self.has_failed.store(true, Ordering::Release);
        }
        FrameOutcome { sequence: self.sequence, written }
    }

    fn run(&self) -> Result<()> {
        if self.has_failed.load(Ordering::Acquire) {
            return Err(LogError::Stopped("a write of the journal before it failed".to_owned()));
        }
        if let Some((path, file)) = self.files.last() {
            file.write_at(&self.body.slices(&self.header), self.at)
                .map_err(|error| failed("writing", path, &error))?;
        }
        for (path, file) in &self.files {
            file.sync().map_err(|error| failed_sync(path, &error))?;
        }
        Ok(())
    }
}
