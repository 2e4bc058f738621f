//! The journal: all changes of all partitions, in one stream, one sync a group.
//!
//! It lives in a few files that are used in turn. A file is used again when a
//! checkpoint covers all that it holds; its older frames stay in it and are
//! told by their generation.

pub(crate) mod entry;
mod fill;
pub(crate) mod frame;
mod frame_job;
pub(crate) mod scan;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use entry::{Entry, Swap};
use fill::Frontier;
pub(crate) use fill::{FillJob, FillOutcome};
pub(crate) use frame::Body;
use frame::{FrameHeader, Kind, padded};
pub(crate) use frame_job::{FrameJob, FrameOutcome};

use crate::api::Result;
use crate::disk::{Disk, DiskFile, Open, failed, failed_sync};
use crate::error::LogError;

/// Files grow in steps of this many bytes.
const STEP: u64 = 16 << 20;
/// About as many bytes as the next group may have: a file is full before its end
/// if that does not fit.
pub(crate) const GROUP_BYTES: u64 = 16 << 20;
/// Above this many files, appends wait for a checkpoint that is under way.
const FILES_SOFT_MAX: usize = 4;
/// Above this many files, appends are refused.
const FILES_MAX: usize = 8;

/// Bytes of a seal: a frame without a body. Reserved with a group whose files go
/// after it, it has its space.
pub(crate) const SEAL_LEN: usize = 4096;

/// Where a journal begins, as a checkpoint or a recovery says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Part of each header's CRC.
    pub(crate) salt: u64,
    /// Generation of the last file in use; the next one gets a higher one.
    pub(crate) generation: u64,
    /// Sequence of the next frame.
    pub(crate) sequence: u64,
}

/// The journal's writing end.
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    salt: u64,
    /// A file is begun when it is longer than this.
    file_bytes: u64,
    files: Vec<JournalFile>,
    next_number: usize,
    /// Index of the file that is written; none before the first frame.
    current: Option<usize>,
    generation: u64,
    sequence: u64,
    position: u64,
    durable_through: u64,
    /// Files before the current one with frames that were not synced.
    unsynced: Vec<usize>,
    is_sealed: bool,
    is_filling: bool,
    /// A frame that was launched, or zeros behind them, could not be written.
    has_failed: Arc<AtomicBool>,
}

struct JournalFile {
    path: PathBuf,
    handle: Arc<dyn DiskFile>,
    /// Generation of its last use; 0 if nothing of it is needed since before this
    /// start.
    generation: u64,
    /// Space is reserved up to here.
    allocated: u64,
    /// Its blocks were written up to here.
    filled: u64,
    frontier: Arc<Frontier>,
}

/// Path of the journal file of this number.
pub(crate) fn file_path(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number:04}.journal"))
}

impl Journal {
    /// Opens the journal in `folder` for writing. `generations` has the highest one
    /// of frames that may be needed in each file; all others are covered by a
    /// checkpoint.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        file_bytes: u64,
        start: Start,
        generations: &[u64],
    ) -> Result<Self> {
        let mut files = Vec::new();
        let mut next_number = 0;
        for (index, number) in existing(&*disk, &folder)?.into_iter().enumerate() {
            next_number = number + 1;
            let path = file_path(&folder, number);
            let handle = disk
                .open(&path, Open::Existing)
                .map_err(|error| failed("opening", &path, &error))?;
            let allocated = handle.len().map_err(|error| failed("reading", &path, &error))?;
            let generation = generations.get(index).copied().unwrap_or(0);
            files.push(JournalFile {
                path,
                handle,
                generation,
                allocated,
                filled: allocated,
                frontier: Arc::default(),
            });
        }
        Ok(Self {
            disk,
            folder,
            salt: start.salt,
            file_bytes,
            files,
            next_number,
            current: None,
            generation: start.generation,
            sequence: start.sequence,
            position: 0,
            durable_through: start.sequence - 1,
            unsynced: Vec::new(),
            is_sealed: true,
            is_filling: false,
            has_failed: Arc::default(),
        })
    }

    /// Lowest generation of files that frames from now on are in.
    pub(crate) fn needed_generation(&self) -> u64 {
        match self.current {
            Some(_) => self.generation,
            None => self.generation + 1,
        }
    }

    /// Sequence of the next frame.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn salt(&self) -> u64 {
        self.salt
    }

    pub(crate) fn is_synced(&self) -> bool {
        self.durable_through + 1 == self.sequence
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Path and position of the next frame.
    pub(crate) fn place(&self) -> (PathBuf, u64) {
        match self.current {
            Some(current) => (self.files[current].path.clone(), self.position),
            None => (file_path(&self.folder, 0), 0),
        }
    }

    /// Whether appends should wait for the checkpoint that is under way.
    pub(crate) fn is_congested(&self, needed_from: u64) -> bool {
        let is_full = self.current.is_none() || self.position + GROUP_BYTES >= self.file_bytes;
        is_full && !self.has_room(needed_from)
    }

    /// Whether a file can be begun without a checkpoint.
    pub(crate) fn has_room(&self, needed_from: u64) -> bool {
        self.files.len() < FILES_SOFT_MAX || self.free_file(needed_from).is_some()
    }

    /// The last frame that was read at the start is sure to be there, and nothing
    /// on disk says so yet: the next seal will.
    pub(crate) fn unseal(&mut self) {
        self.is_sealed = false;
    }

    fn free_file(&self, needed_from: u64) -> Option<usize> {
        let free = |index: usize| {
            self.current != Some(index) && self.files[index].generation < needed_from
        };
        (0..self.files.len()).find(|&index| free(index))
    }

    /// Makes room for a frame with a body of this length, so that writing it
    /// can't run out of space. True if that began a file, which is the time for
    /// a checkpoint. Files of a generation below `needed_from` may be reused.
    pub(crate) fn reserve(&mut self, body_len: u64, needed_from: u64) -> Result<bool> {
        let len = padded(body_len);
        let is_full = self.position > 0 && self.position + len > self.file_bytes;
        let begun = self.current.is_none() || is_full;
        if begun {
            self.begin_file(needed_from, len)?;
        } else if let Some(current) = self.current {
            allocate(&mut self.files[current], self.position + len)?;
        }
        Ok(begun)
    }

    fn has_reserved_seal(&self) -> bool {
        let end = self.position + SEAL_LEN as u64;
        self.current.is_some_and(|current| end <= self.files[current].allocated)
    }

    fn begin_file(&mut self, needed_from: u64, len: u64) -> Result<()> {
        let index = match self.free_file(needed_from) {
            Some(index) => index,
            None => self.add_file()?,
        };
        allocate(&mut self.files[index], len)?;
        // Where nobody waits for syncs, most files are written again before they
        // are synced at all.
        if !self.is_synced() {
            self.unsynced.extend(self.current);
        }
        self.unsynced.retain(|unsynced| *unsynced != index);
        self.generation += 1;
        self.files[index].generation = self.generation;
        self.current = Some(index);
        self.position = 0;
        Ok(())
    }

    fn add_file(&mut self) -> Result<usize> {
        if self.files.len() >= FILES_MAX {
            return Err(LogError::NoSpace(self.folder.clone()));
        }
        let path = file_path(&self.folder, self.next_number);
        let handle = self
            .disk
            .open(&path, Open::OrCreate)
            .map_err(|error| failed("creating", &path, &error))?;
        self.disk.sync_dir(&self.folder).map_err(|error| failed_sync(&self.folder, &error))?;
        self.next_number += 1;
        self.files.push(JournalFile {
            path,
            handle,
            generation: 0,
            allocated: 0,
            filled: 0,
            frontier: Arc::default(),
        });
        Ok(self.files.len() - 1)
    }

    /// Writes a group. Room for it was [reserved](Self::reserve). It is durable
    /// after the next [`sync`](Self::sync).
    pub(crate) fn append(&mut self, body: &Body) -> Result<()> {
        self.write(Kind::Group, body)?;
        self.is_sealed = false;
        Ok(())
    }

    /// Syncs, and writes and syncs a frame that says so, unless there is one. True
    /// if that began a file, as [`reserve`](Self::reserve). Where there is no space
    /// for that frame, all before it is synced.
    pub(crate) fn seal(&mut self, needed_from: u64) -> Result<bool> {
        self.sync()?;
        if self.is_sealed {
            return Ok(false);
        }
        // In the file of the frame before it where its space was reserved with that one,
        // however long the file is: no other file may be free.
        let begun = !self.has_reserved_seal() && self.reserve(0, needed_from)?;
        self.write(Kind::Seal, &Body::default())?;
        self.sync()?;
        self.is_sealed = true;
        Ok(begun)
    }

    /// A job that writes a group and makes it durable, with all before it. Room for it
    /// was [reserved](Self::reserve). Until all that were launched are
    /// [known](Self::landed) to be done, nothing is written otherwise.
    pub(crate) fn launch(&mut self, body: Body) -> Result<FrameJob> {
        let at = self.position;
        // It is written when all before it are durable.
        let (index, header) = self.next_frame(Kind::Group, &body, self.sequence - 1)?;
        let syncs = std::mem::take(&mut self.unsynced).into_iter().chain([index]);
        let job = FrameJob {
            sequence: header.sequence,
            header: header.encode(self.salt),
            body,
            at,
            // The last one is the file of the frame.
            files: syncs
                .map(|index| &self.files[index])
                .map(|file| (file.path.clone(), Arc::clone(&file.handle)))
                .collect(),
            has_failed: Arc::clone(&self.has_failed),
        };
        self.is_sealed = false;
        Ok(job)
    }

    /// A frame that was launched is done. After an error the journal must not be
    /// written any more.
    pub(crate) fn landed(&mut self, outcome: FrameOutcome) -> Result<()> {
        outcome.written?;
        self.durable_through = outcome.sequence;
        Ok(())
    }

    fn write(&mut self, kind: Kind, body: &Body) -> Result<()> {
        self.check()?;
        let at = self.position;
        let (index, header) = self.next_frame(kind, body, self.durable_through)?;
        let file = &self.files[index];
        file.handle
            .write_at(&body.slices(&header.encode(self.salt)), at)
            .map_err(|error| failed("writing", &file.path, &error))
    }

    /// An error if a job has failed: what the files hold is unknown.
    fn check(&self) -> Result<()> {
        if self.has_failed.load(Ordering::Acquire) {
            return Err(LogError::Stopped("a write of the journal before it failed".to_owned()));
        }
        Ok(())
    }

    /// Gives the next frame its place, in the file of this index at the position that
    /// was the next one.
    fn next_frame(
        &mut self,
        kind: Kind,
        body: &Body,
        durable_through: u64,
    ) -> Result<(usize, FrameHeader)> {
        let Some(current) = self.current else {
            return Err(LogError::Stopped("the journal has no file".to_owned()));
        };
        let header = FrameHeader {
            kind,
            generation: self.generation,
            sequence: self.sequence,
            durable_through,
            body_len: body.len(),
            body_crc: body.crc(),
        };
        self.position += header.frame_len();
        let file = &mut self.files[current];
        file.filled = file.filled.max(self.position);
        file.frontier.move_to(self.position);
        self.sequence += 1;
        Ok((current, header))
    }

    /// Makes all frames durable. After an error the journal must not be written
    /// any more: what the file holds is unknown until it is read again.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.is_synced() {
            return Ok(());
        }
        self.check()?;
        for index in std::mem::take(&mut self.unsynced).into_iter().chain(self.current) {
            let file = &self.files[index];
            file.handle.sync().map_err(|error| failed_sync(&file.path, &error))?;
        }
        self.durable_through = self.sequence - 1;
        Ok(())
    }

    /// Path and handle of each file with frames that a checkpoint does not
    /// cover, for reading them again.
    pub(crate) fn files_from(&self, needed_from: u64) -> Vec<(PathBuf, Arc<dyn DiskFile>)> {
        self.files
            .iter()
            .filter(|file| file.generation == 0 || file.generation >= needed_from)
            .map(|file| (file.path.clone(), Arc::clone(&file.handle)))
            .collect()
    }
}

fn allocate(file: &mut JournalFile, to: u64) -> Result<()> {
    if to <= file.allocated {
        return Ok(());
    }
    let end = to.max(file.allocated + STEP.min(to.next_power_of_two()));
    file.handle
        .allocate(file.allocated, end - file.allocated, false)
        .map_err(|error| failed("reserving space in", &file.path, &error))?;
    file.allocated = end;
    Ok(())
}

/// Numbers of the journal files in a folder, in order.
pub(crate) fn existing(disk: &dyn Disk, folder: &Path) -> Result<Vec<usize>> {
    let names = disk.list(folder).map_err(|error| failed("listing", folder, &error))?;
    let mut numbers: Vec<usize> =
        names.iter().filter_map(|name| name.strip_suffix(".journal")?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimDisk;

    #[test]
    fn a_group_that_has_room_for_its_seal_is_sealed_though_no_file_is_free() {
        let folder = Path::new("/data");
        let disk = Arc::new(SimDisk::new(1, folder));
        let start = Start { salt: 1, generation: 0, sequence: 1 };
        let mut journal = Journal::open(disk, folder.to_owned(), 16 << 10, start, &[]).unwrap();
        let mut body = Body::default();
        // Longer than a file is to be: the next frame begins another.
        body.put(&Entry::Config(crate::TopicId::nil(), vec![(String::new(), "v".repeat(20_000))]));
        for _ in 0..FILES_MAX {
            journal.reserve(body.len() + SEAL_LEN as u64, 1).unwrap();
            journal.append(&body).unwrap();
            assert!(!journal.is_sealed());
            assert!(!journal.seal(1).unwrap(), "the seal lies behind its group");
            assert!(journal.is_sealed());
        }
        assert!(matches!(journal.reserve(0, 1), Err(LogError::NoSpace(_))));
    }
}
