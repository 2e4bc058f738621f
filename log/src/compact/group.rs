//! Copying a group of segments into one.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::batch::Kept;
use super::{CompactionJob, Pass, READ_BYTES, Replacement, segment_file};
use crate::api::Result;
use crate::disk::{Disk, DiskFile, Open, failed, read_full};
use crate::record::{BatchHeader, HEADER_LEN};
use crate::segment::{Part, Segment, cleaned_path, index};

/// Bytes that are written between two syncs, so that the last one is short and
/// the journal's syncs need not wait for it.
const SYNC_BYTES: u64 = 32 << 20;
/// Time for which an idle producer's last batch is kept, as in Kafka.
const PRODUCER_KEPT_MS: i64 = 86_400_000;

/// Removes the files of a segment that was to replace others.
pub(super) fn remove_cleaned(disk: &dyn Disk, folder: &Path, base: i64, revision: u32) {
    for part in Part::ALL {
        // A left-over does no harm, and goes at the next unclean start.
        drop(disk.remove_file(&cleaned_path(folder, base, part, revision)));
    }
}

/// The new segment while it is written.
struct Output {
    folder: PathBuf,
    path: PathBuf,
    segment: Segment,
    /// None while all is as in the original, which is alone then.
    file: Option<Arc<dyn DiskFile>>,
    buffer: Vec<u8>,
    synced: u64,
}

impl CompactionJob {
    /// Copies what is left of a group. None if that is all, in one segment.
    pub(super) fn clean_group(
        &self,
        pass: &mut Pass,
        group: &[Segment],
    ) -> Result<Option<Replacement>> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            return Ok(None);
        };
        let revision = group.iter().map(|segment| segment.revision).max().unwrap_or(0) + 1;
        let mut output = Output::new(&self.on.folder, first.base, last.created_ms, revision);
        let mut originals = Vec::with_capacity(group.len());
        let copied = self.copy_group(pass, group, &mut output, &mut originals);
        match copied {
            Ok(true) => Ok(Some(Replacement {
                replaced: group.iter().map(|segment| (segment.base, segment.revision)).collect(),
                segment: output.segment,
                originals,
            })),
            Ok(false) => Ok(None),
            Err(error) => {
                remove_cleaned(&*self.disk, &self.on.folder, first.base, revision);
                Err(error)
            }
        }
    }

    fn copy_group(
        &self,
        pass: &mut Pass,
        group: &[Segment],
        output: &mut Output,
        originals: &mut Vec<(i64, Arc<dyn DiskFile>)>,
    ) -> Result<bool> {
        let next = group.last().map_or(0, |last| last.next);
        if group.len() > 1 {
            output.begin(&*self.disk)?;
        }
        for segment in group {
            let (log_path, file) = self.open(segment)?;
            self.walk(&segment_file(segment, &log_path, &*file), segment, |batch| {
                let is_needed = is_needed(pass, &batch.header, next);
                let kept = match batch.header.records {
                    1.. => pass.cleaner.clean(batch),
                    _ if is_needed => Kept::Whole,
                    _ => Kept::Nothing,
                };
                if kept != Kept::Whole {
                    output.begin_after(&*self.disk, &*file, &log_path)?;
                }
                match kept {
                    Kept::Whole => output.add(&batch.header, batch.bytes)?,
                    Kept::Written(bytes) => output.add(&BatchHeader::decode(&bytes)?, &bytes)?,
                    Kept::Nothing if is_needed => {
                        let mut bytes = [0; HEADER_LEN];
                        let header = batch.header.emptied();
                        header.encode_into(&mut bytes)?;
                        output.add(&header, &bytes)?;
                    }
                    Kept::Nothing => {}
                }
                Ok(true)
            })?;
            originals.push((segment.base, file));
        }
        output.finish(&*self.disk)
    }
}

/// Whether a batch is needed even without records: the last one of a segment
/// says where that ends, and a producer's last one says where that goes on.
fn is_needed(pass: &Pass, header: &BatchHeader, next: i64) -> bool {
    let is_of_producer = header.producer_id >= 0
        && header.max_timestamp > pass.cleaner.now_ms - PRODUCER_KEPT_MS
        && pass.producers.get(&header.producer_id).is_none_or(|last| *last <= header.last_offset());
    is_of_producer || header.last_offset() + 1 == next
}

impl Output {
    fn new(folder: &Path, base: i64, created_ms: i64, revision: u32) -> Self {
        Self {
            folder: folder.to_owned(),
            path: cleaned_path(folder, base, Part::Log, revision),
            segment: Segment { revision, ..Segment::new(base, created_ms) },
            file: None,
            buffer: Vec::new(),
            synced: 0,
        }
    }

    fn begin(&mut self, disk: &dyn Disk) -> Result<()> {
        let file = disk
            .open(&self.path, Open::Empty)
            .map_err(|error| failed("creating", &self.path, &error))?;
        self.file = Some(file);
        Ok(())
    }

    /// Begins, if it did not yet, with what is as in the original so far.
    fn begin_after(
        &mut self,
        disk: &dyn Disk,
        original: &dyn DiskFile,
        original_path: &Path,
    ) -> Result<()> {
        if self.file.is_some() {
            return Ok(());
        }
        self.begin(disk)?;
        let mut at = 0;
        while at < self.segment.len {
            let want = usize::try_from(self.segment.len - at).unwrap_or(READ_BYTES);
            let mut bytes = vec![0; want.min(READ_BYTES)];
            let count = read_full(original, &mut bytes, at)
                .map_err(|error| failed("reading", original_path, &error))?;
            if count < bytes.len() {
                let error = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                return Err(failed("reading", original_path, &error));
            }
            self.write(&bytes, at)?;
            at += count as u64;
        }
        Ok(())
    }

    /// Adds a batch at the end.
    fn add(&mut self, header: &BatchHeader, bytes: &[u8]) -> Result<()> {
        let at = self.segment.len;
        self.segment.add(header.last_offset(), header.max_timestamp, bytes.len() as u64);
        if self.file.is_none() {
            return Ok(());
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= READ_BYTES {
            let end = at + bytes.len() as u64;
            self.flush(end)?;
        }
        Ok(())
    }

    /// Writes what is buffered; it ends at `end`.
    fn flush(&mut self, end: u64) -> Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        let written = self.write(&buffer, end - buffer.len() as u64);
        self.buffer = buffer;
        self.buffer.clear();
        written
    }

    fn write(&mut self, bytes: &[u8], at: u64) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        file.write_at(&[IoSlice::new(bytes)], at)
            .map_err(|error| failed("writing", &self.path, &error))?;
        let end = at + bytes.len() as u64;
        if end - self.synced >= SYNC_BYTES {
            file.sync().map_err(|error| failed("syncing", &self.path, &error))?;
            self.synced = end;
        }
        Ok(())
    }

    /// Makes the segment durable, with its indexes, under the names that it has
    /// until the swap. False if there is nothing to swap.
    fn finish(&mut self, disk: &dyn Disk) -> Result<bool> {
        self.flush(self.segment.len)?;
        let Some(file) = &self.file else { return Ok(false) };
        file.sync().map_err(|error| failed("syncing", &self.path, &error))?;
        self.segment.written = self.segment.len;
        self.segment.index.close_time();
        let (base, revision) = (self.segment.base, self.segment.revision);
        let index = &self.segment.index;
        let write = |part, write: &dyn Fn(&dyn DiskFile) -> std::io::Result<bool>| {
            let path = cleaned_path(&self.folder, base, part, revision);
            // Not synced: what an index says is checked when it is used.
            let written = disk.open(&path, Open::Empty).and_then(|file| write(&*file));
            written.map_err(|error| failed("writing", &path, &error))
        };
        write(Part::Index, &|file| index::write(file, 0, &index.fresh))?;
        write(Part::TimeIndex, &|file| index::write_time(file, 0, &index.time_fresh))?;
        let (entries, times) = (index.fresh.len(), index.time_fresh.len());
        self.segment.index.wrote(entries, times);
        disk.sync_dir(&self.folder).map_err(|error| failed("syncing", &self.folder, &error))?;
        Ok(true)
    }
}
