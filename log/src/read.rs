//! Reading from segment files, outside the engine and without its locks.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::{Fetched, Result, TopicId};
use crate::disk::{Disk, DiskFile, Open, failed};
use crate::error::LogError;
use crate::record::{Batches, TimedOffset, first_at, latest_from};
use crate::segment::index::{Entry, position_of};
use crate::segment::scan::SegmentFile;
use crate::segment::{IndexState, Part, Segment, index, path};
use crate::view::{FileRead, Found, PartitionView, SegmentPlace};

/// Files that are kept open for readers.
const FILES_MAX: usize = 32;
/// Indexes that are kept in memory for readers.
const INDEXES_MAX: usize = 16;
/// Bytes of one step while looking for a time.
const SEEK_BYTES: usize = 256 * 1024;

/// A file of one incarnation of a topic, in one revision: later ones have the
/// same paths.
type Key = (TopicId, PathBuf, u32);
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
        lock(&self.files).retain(|((_, path, _), _)| path.parent() != Some(folder));
        lock(&self.indexes).retain(|(((_, path, _), _), _)| path.parent() != Some(folder));
    }

    /// A file of a segment. None if its name is another one's by now, or nobody's:
    /// compaction or a trim replaced it.
    fn file(
        &self,
        partition: &PartitionView,
        place: &SegmentPlace,
        part: Part,
    ) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let key = (partition.topic, path(&partition.folder, place.base, part), place.revision);
        let mut files = lock(&self.files);
        if let Some(at) = files.iter().position(|(known, _)| *known == key)
            && let Some(found) = files.remove(at)
        {
            let file = Arc::clone(&found.1);
            files.push_back(found);
            return Ok(Some(file));
        }
        drop(files);
        let opened = self.disk.open(&key.1, Open::Existing);
        // Looked at after it was opened: from then on it stays what it is.
        if !partition.read().is_current(place) {
            return Ok(None);
        }
        let file = opened?;
        let mut files = lock(&self.files);
        if files.len() >= FILES_MAX {
            files.pop_front();
        }
        files.push_back((key, Arc::clone(&file)));
        Ok(Some(file))
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
        let file = match &read.file {
            Some(file) => Some(Arc::clone(file)),
            None => self
                .file(partition, &read.place, Part::Log)
                .map_err(|error| self.missing(partition, offset, &log_path, &error))?,
        };
        let Some(file) = file else {
            // Compaction or a trim came in between.
            return self.read(partition, offset, bytes_max);
        };
        let segment_file = segment_file(&read.place, &log_path, &*file);
        let run = match read.position {
            Some(position) => segment_file.run(position, offset, bytes_max)?,
            None => {
                let relative = offset - read.place.base;
                let from = self.position(partition, &read.place, relative, &segment_file);
                let checked = segment_file.check_start(from, offset);
                match checked.and_then(|()| segment_file.run(from, offset, bytes_max)) {
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
            partition.write().note(next, &read.place, position);
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
    fn position(
        &self,
        partition: &PartitionView,
        place: &SegmentPlace,
        relative: i64,
        segment_file: &SegmentFile<'_>,
    ) -> u64 {
        let index_path = path(&partition.folder, place.base, Part::Index);
        let key = ((partition.topic, index_path, place.revision), place.indexed);
        if let Some((_, entries)) = lock(&self.indexes).iter().find(|(known, _)| *known == key) {
            return position_of(entries, relative);
        }
        let read = match self.file(partition, place, Part::Index) {
            Ok(Some(file)) => index::read(&*file, place.indexed, place.len),
            // Replaced: for this one read, from the start.
            Ok(None) => return 0,
            Err(error) => Err(error),
        };
        match read {
            Ok(Some(entries)) => {
                let position = position_of(&entries, relative);
                self.keep(key, entries);
                position
            }
            // From the start then: slow, but right; the index is built again.
            _ => {
                let rebuilt = self.rebuild(partition, place, segment_file).ok();
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
        let key = (partition.topic, index_path, place.revision);
        Ok(self.keep((key, place.indexed), state.fresh))
    }

    /// The first record at or after `time`, if there is one.
    pub(crate) fn at_time(
        &self,
        partition: &PartitionView,
        time: i64,
    ) -> Result<Option<TimedOffset>> {
        let mut offset = partition.read().start;
        loop {
            let segment = {
                let records = partition.read();
                offset = offset.max(records.start);
                // Segments whose times are all before it need not be opened.
                let mut later = records.segments.iter().filter(|s| s.max_timestamp() >= time);
                later.find(|segment| segment.next > offset).cloned()
            };
            let Some(segment) = segment else { return Ok(None) };
            let near = self.near(partition, &segment, time).unwrap_or(segment.base);
            offset = offset.max(near);
            if let Some(found) = self.at_time_in(partition, time, &mut offset, segment.next)? {
                return Ok(Some(found));
            }
        }
    }

    /// The same for the records from `offset` up to `end`, which exist. Moves
    /// `offset` on, to the end at least if there is none.
    fn at_time_in(
        &self,
        partition: &PartitionView,
        time: i64,
        offset: &mut i64,
        end: i64,
    ) -> Result<Option<TimedOffset>> {
        while *offset < end {
            let fetched = match self.read(partition, *offset, SEEK_BYTES) {
                // Retention has come by: from the new start then.
                Err(LogError::OffsetOutOfRange { start, .. }) if start > *offset => {
                    *offset = start;
                    continue;
                }
                fetched => fetched?,
            };
            if let Some(found) = first_at(&fetched.batches, time, *offset) {
                return Ok(Some(found));
            }
            let last = Batches::new(&fetched.batches).flatten().last();
            *offset = last.map_or(end, |batch| batch.header.last_offset() + 1);
        }
        Ok(None)
    }

    /// The first record with the latest time.
    pub(crate) fn at_latest_time(&self, partition: &PartitionView) -> Result<Option<TimedOffset>> {
        let (start, cut, latest) = {
            let records = partition.read();
            let (start, segments) = (records.start, &records.segments);
            // The latest time of this one may be that of a record before the start.
            let cut = segments.first().filter(|first| first.base < start && first.next > start);
            let whole = segments.iter().filter(|segment| segment.base >= start);
            let latest = whole.filter(|s| s.next > s.base).map(Segment::max_timestamp).max();
            (start, cut.map(|segment| (segment.next, segment.max_timestamp())), latest)
        };
        let cut = cut.filter(|(_, time)| latest.is_none_or(|latest| *time >= latest));
        let Some((cut_end, cut_latest)) = cut else {
            return latest.map_or(Ok(None), |latest| self.at_time(partition, latest));
        };
        if let Some(found) = self.at_time(partition, cut_latest)? {
            return Ok(Some(found));
        }
        let latest = latest.max(self.latest_in(partition, start, cut_end)?);
        latest.map_or(Ok(None), |latest| self.at_time(partition, latest))
    }

    /// The latest time of the records with these offsets, by reading them.
    fn latest_in(&self, partition: &PartitionView, from: i64, to: i64) -> Result<Option<i64>> {
        let mut latest = None;
        let mut offset = from;
        while offset < to {
            let fetched = self.read(partition, offset, SEEK_BYTES)?;
            let before = offset;
            for batch in Batches::new(&fetched.batches).flatten() {
                offset = batch.header.last_offset() + 1;
                latest = latest.max(latest_from(&batch, before));
            }
            if offset == before {
                break;
            }
        }
        Ok(latest)
    }

    /// An offset of this segment before which all its records are earlier than
    /// `time`, from its time index.
    fn near(&self, partition: &PartitionView, segment: &Segment, time: i64) -> Option<i64> {
        let mut before = segment.base;
        if segment.index.time_written > 0 {
            let place = SegmentPlace::of(segment);
            let file = self.file(partition, &place, Part::TimeIndex).ok()??;
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

fn segment_file<'a>(
    place: &SegmentPlace,
    path: &'a Path,
    file: &'a dyn DiskFile,
) -> SegmentFile<'a> {
    SegmentFile { file, path, len: place.len, has_gaps: place.revision > 0 }
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
