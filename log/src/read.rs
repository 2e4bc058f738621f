//! Reading from segment files, outside the engine and without its locks.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::{Fetched, Result, TopicId};
use crate::disk::{Disk, DiskFile, Open, failed};
use crate::error::LogError;
use crate::record::{Batches, first_at};
use crate::segment::index::{Entry, position_of};
use crate::segment::scan::SegmentFile;
use crate::segment::{IndexState, Part, index, path};
use crate::view::{FileRead, Found, PartitionView, SegmentPlace};

/// Files that are kept open for readers.
const FILES_MAX: usize = 32;
/// Indexes that are kept in memory for readers.
const INDEXES_MAX: usize = 16;
/// Bytes of one step while looking for a time.
const SEEK_BYTES: usize = 256 * 1024;

/// A file of one incarnation of a topic: a later one has the same paths.
type Key = (TopicId, PathBuf);
type Files = VecDeque<(Key, Arc<dyn DiskFile>)>;
type Indexes = VecDeque<((Key, u32), Arc<Vec<Entry>>)>;

/// Opens what readers need and keeps the latest of it.
pub(crate) struct SegmentReader {
    disk: Arc<dyn Disk>,
    files: Mutex<Files>,
    indexes: Mutex<Indexes>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SegmentReader {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, files: Mutex::default(), indexes: Mutex::default() }
    }

    /// Forgets what it keeps of the files in this folder.
    pub(crate) fn forget(&self, folder: &Path) {
        lock(&self.files).retain(|((_, path), _)| path.parent() != Some(folder));
        lock(&self.indexes).retain(|(((_, path), _), _)| path.parent() != Some(folder));
    }

    fn file(&self, partition: &PartitionView, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut files = lock(&self.files);
        if let Some(at) =
            files.iter().position(|((topic, known), _)| *topic == partition.topic && known == path)
            && let Some(found) = files.remove(at)
        {
            let file = Arc::clone(&found.1);
            files.push_back(found);
            return Ok(file);
        }
        drop(files);
        let file = self.disk.open(path, Open::Existing)?;
        let mut files = lock(&self.files);
        if files.len() >= FILES_MAX {
            files.pop_front();
        }
        files.push_back(((partition.topic, path.to_owned()), Arc::clone(&file)));
        Ok(file)
    }

    /// Reads from the batch that holds `offset`, from memory or from a file.
    /// May block on the disk if [`PartitionRecords::find`] says `File`.
    ///
    /// [`PartitionRecords::find`]: crate::view::PartitionRecords::find
    pub(crate) fn read(
        &self,
        partition: &PartitionView,
        offset: i64,
        bytes_max: usize,
    ) -> Result<Fetched> {
        let found = partition.read().find(offset, bytes_max)?;
        match found {
            Found::Memory(fetched) => Ok(fetched),
            Found::File(read) => self.read_file(partition, &read, offset, bytes_max),
        }
    }

    /// The second half of a read whose batches are in a segment.
    pub(crate) fn read_file(
        &self,
        partition: &PartitionView,
        read: &FileRead,
        offset: i64,
        bytes_max: usize,
    ) -> Result<Fetched> {
        let log_path = path(&partition.folder, read.place.base, Part::Log);
        let file = match self.file(partition, &log_path) {
            Ok(file) => file,
            Err(error) => return Err(self.missing(partition, offset, &log_path, &error)),
        };
        let segment_file = SegmentFile {
            file: &*file,
            path: &log_path,
            len: read.place.len,
            next: read.place.next,
        };
        let run = match read.position {
            Some(position) => segment_file.run(position, offset, bytes_max)?,
            None => {
                let relative = offset - read.place.base;
                let from = self.position(partition, &read.place, relative);
                match segment_file.run(from, offset, bytes_max) {
                    // An index that points astray must not hide good batches.
                    Err(LogError::Damaged { .. }) if from > 0 => {
                        let entries = self.rebuild(partition, &read.place, &segment_file)?;
                        let from = position_of(&entries, relative);
                        segment_file.run(from, offset, bytes_max)?
                    }
                    done => done?,
                }
            }
        };
        let (position, next) = run.end;
        if position < read.place.len {
            partition.write().note(next, read.place.base, position);
        }
        Ok(Fetched { batches: run.batches, start: read.start, end: read.end })
    }

    /// A file that is not there: trimmed away meanwhile, or lost.
    fn missing(
        &self,
        partition: &PartitionView,
        offset: i64,
        log_path: &Path,
        error: &io::Error,
    ) -> LogError {
        let records = partition.read();
        if offset < records.start || records.is_gone {
            return LogError::OffsetOutOfRange { offset, start: records.start, end: records.end };
        }
        if error.kind() == io::ErrorKind::NotFound {
            return LogError::Damaged {
                path: log_path.to_owned(),
                at: 0,
                reason: "the file is missing".to_owned(),
            };
        }
        failed("opening", log_path, error)
    }

    /// Where to begin to look for an offset, by the index file.
    fn position(&self, partition: &PartitionView, place: &SegmentPlace, relative: i64) -> u64 {
        let index_path = path(&partition.folder, place.base, Part::Index);
        let key = ((partition.topic, index_path), place.indexed);
        if let Some((_, entries)) = lock(&self.indexes).iter().find(|(known, _)| *known == key) {
            return position_of(entries, relative);
        }
        let read = self
            .file(partition, &key.0.1)
            .and_then(|file| index::read(&*file, place.indexed, place.len));
        match read {
            Ok(Some(entries)) => {
                let position = position_of(&entries, relative);
                self.keep(key, entries);
                position
            }
            // From the start then: slow, but right; the index is built again.
            _ => {
                let log_path = path(&partition.folder, place.base, Part::Log);
                let rebuilt = self.file(partition, &log_path).ok().and_then(|file| {
                    let segment_file = SegmentFile {
                        file: &*file,
                        path: &log_path,
                        len: place.len,
                        next: place.next,
                    };
                    self.rebuild(partition, place, &segment_file).ok()
                });
                rebuilt.map_or(0, |entries| position_of(&entries, relative))
            }
        }
    }

    fn keep(&self, key: (Key, u32), entries: Vec<Entry>) -> Arc<Vec<Entry>> {
        let entries = Arc::new(entries);
        let mut indexes = lock(&self.indexes);
        indexes.retain(|((known, _), _)| *known != key.0);
        if indexes.len() >= INDEXES_MAX {
            indexes.pop_front();
        }
        indexes.push_back((key, Arc::clone(&entries)));
        entries
    }

    /// Builds the offset index of a segment again from its batches. Only this
    /// reader's copy: the file is written again by the engine.
    fn rebuild(
        &self,
        partition: &PartitionView,
        place: &SegmentPlace,
        segment_file: &SegmentFile<'_>,
    ) -> Result<Arc<Vec<Entry>>> {
        let index_path = path(&partition.folder, place.base, Part::Index);
        tracing::warn!(path = %index_path.display(), "building a damaged index again");
        let state = rebuild(segment_file, place.base)?;
        Ok(self.keep(((partition.topic, index_path), place.indexed), state.fresh))
    }

    /// Offset of the first record at or after `time`, if there is one.
    pub(crate) fn offset_at(&self, partition: &PartitionView, time: i64) -> Result<Option<i64>> {
        let (mut offset, end) = {
            let records = partition.read();
            // Segments whose times are all before it need not be opened. The
            // last one may have news in memory only.
            let skipped = records.segments.iter().find(|segment| segment.max_timestamp() >= time);
            let from = skipped.map_or(records.end, |segment| segment.base);
            (from.max(records.start), records.end)
        };
        let start = offset;
        offset = self.near(partition, time).unwrap_or(start).max(start);
        while offset < end {
            let fetched = self.read(partition, offset, SEEK_BYTES)?;
            if let Some(found) = first_at(&fetched.batches, time, offset) {
                return Ok(Some(found));
            }
            let last = Batches::new(&fetched.batches).flatten().last();
            match last {
                Some(batch) => offset = batch.header.last_offset().saturating_add(1),
                None => break,
            }
        }
        Ok(None)
    }

    /// An offset before which all records are earlier than `time`, from the time
    /// index of the first segment that may hold it.
    fn near(&self, partition: &PartitionView, time: i64) -> Option<i64> {
        let segment = {
            let records = partition.read();
            let found = records.segments.iter().find(|s| s.max_timestamp() >= time);
            found.cloned()?
        };
        let mut before = segment.base;
        if segment.index.time_written > 0 {
            let time_path = path(&partition.folder, segment.base, Part::TimeIndex);
            let file = self.file(partition, &time_path).ok()?;
            let entries = index::read_time(&*file, segment.index.time_written).ok()??;
            let known = entries.partition_point(|entry| entry.timestamp < time);
            if let Some(entry) = known.checked_sub(1).and_then(|index| entries.get(index)) {
                let last = segment.base + i64::from(entry.last);
                // The file has no checksum: the batch itself must say the same.
                let fetched = self.read(partition, last, 1).ok()?;
                let batch = Batches::new(&fetched.batches).next()?.ok()?;
                if batch.header.max_timestamp != entry.timestamp {
                    return None;
                }
                before = last;
            }
        }
        for entry in &segment.index.time_fresh {
            if entry.timestamp < time {
                before = segment.base + i64::from(entry.last);
            }
        }
        Some(before.min(segment.next - 1))
    }
}

/// The index state of a segment, from its batches, as if nothing of it were in
/// the files.
pub(crate) fn rebuild(segment_file: &SegmentFile<'_>, base: i64) -> Result<IndexState> {
    let mut state = IndexState::default();
    let mut at = 0;
    while at < segment_file.len {
        let header = segment_file.header(at)?;
        state.add(base, at, header.last_offset(), header.max_timestamp, header.len as u64);
        at += header.len as u64;
    }
    Ok(state)
}
