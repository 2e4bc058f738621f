//! Writing of segments, behind the journal.

use std::sync::Arc;

use super::Engine;
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
        if let Some(job) = self.make_writes() {
            self.take_written(job.run_to_the_end());
        }
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
