//! The write and the sync of one frame, apart from the journal, so that the engine
//! can go on meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use super::frame::{Body, HEADER_LEN};
use crate::api::Result;
use crate::disk::{DiskFile, failed, failed_sync};
use crate::error::LogError;

/// Writes a frame and makes it durable. It may run on any thread; the engine is told
/// of the outcome.
pub(crate) struct FrameJob {
    pub(super) header: [u8; HEADER_LEN],
    pub(super) body: Body,
    pub(super) at: u64,
    /// What is to be synced; the last one is the file of the frame.
    pub(super) files: Vec<(PathBuf, Arc<dyn DiskFile>)>,
}

impl FrameJob {
    /// Does it, and has an outcome even if it panics: whoever drives the engine waits
    /// for one. Blocks on the disk.
    pub(crate) fn run_to_the_end(self) -> Result<()> {
        catch_unwind(AssertUnwindSafe(|| self.run())).unwrap_or_else(|_| {
            Err(LogError::Stopped("the write of the journal panicked".to_owned()))
        })
    }

    fn run(&self) -> Result<()> {
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
