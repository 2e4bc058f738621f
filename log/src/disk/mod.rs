//! The file system, as the engine sees it: [`RealDisk`] and, for crash tests,
//! a simulated one.

mod real;
#[cfg(test)]
pub(crate) mod sim;

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

pub(crate) use real::{FolderLock, RealDisk};

use crate::error::LogError;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Open {
    /// It must be there.
    Existing,
    /// It is made if it is missing.
    OrCreate,
    /// It is made, or emptied if it is there.
    Empty,
}

/// A file system. Nothing that it did is sure to survive a power cut before the
/// file (its bytes) and the folder (its names) were synced.
pub(crate) trait Disk: Send + Sync + 'static {
    /// Opens a file for reading and writing.
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>>;

    /// Makes a folder, if it is missing.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Renames a file, over one of the new name if there is one.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. It is no error if there is none.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and the files in it. It is no error if there is none.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Syncs files, side by side where that is of use. What came of each.
    fn sync_files(&self, files: &[Arc<dyn DiskFile>]) -> Vec<io::Result<()>> {
        files.iter().map(|file| file.sync()).collect()
    }

    /// Names of the files and folders in a folder.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
}

/// An open file.
pub(crate) trait DiskFile: Send + Sync {
    /// Reads up to `into.len()` bytes; 0 at the end of the file.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes all the slices, one after the other.
    fn write_at(&self, slices: &[IoSlice<'_>], at: u64) -> io::Result<()>;

    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Cuts or extends.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Reserves space for `[at, at + len)`, and makes the file that long unless
    /// `keep_len`.
    fn allocate(&self, at: u64, len: u64, keep_len: bool) -> io::Result<()>;

    /// Makes the bytes written so far durable, and the length. After an error
    /// none of them may be taken for durable, whatever a later call says.
    fn sync(&self) -> io::Result<()>;
}

/// Reads exactly `into.len()` bytes, or fewer at the end of the file; returns
/// how many.
pub(crate) fn read_full(file: &dyn DiskFile, into: &mut [u8], at: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(&mut into[filled..], at + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// The error of an operation on a file, a full disk told from others.
pub(crate) fn failed(doing: &'static str, path: &Path, error: &io::Error) -> LogError {
    if is_full(error) {
        return LogError::NoSpace(path.to_owned());
    }
    LogError::Io { doing, path: path.to_owned(), reason: error.to_string() }
}

/// The error of a sync. Never "no space": that is for what was not done and may be
/// tried again, and what a failed sync was to keep is lost for good, though some
/// file systems find only then that they have no space.
pub(crate) fn failed_sync(path: &Path, error: &io::Error) -> LogError {
    LogError::Io { doing: "syncing", path: path.to_owned(), reason: error.to_string() }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
