//! The file system of the machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, FlockOperation};

use super::{Disk, DiskFile, Open, failed};
use crate::api::Result;
use crate::error::LogError;

/// Most slices that one system call takes (`IOV_MAX`).
const SLICES_MAX: usize = 1024;

/// Files that are synced side by side.
const SYNCS_AT_ONCE: usize = 8;

/// The file system of the machine.
pub(crate) struct RealDisk;

/// The lock on a data folder, until it is dropped or the process ends.
pub(crate) struct FolderLock {
    _file: File,
}

impl RealDisk {
    /// Takes the lock of this folder. [`LogError::InUse`] if another process
    /// has it.
    pub(crate) fn lock(folder: &Path) -> Result<FolderLock> {
        let path = folder.join(".lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| failed("opening", &path, &error))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(LogError::InUse(folder.to_owned())),
            Err(error) => Err(failed("locking", &path, &error.into())),
        }
    }
}

impl RealDisk {
    /// Lets this process open as many files as the system allows it to: busy
    /// partitions have one each.
    pub(crate) fn raise_open_files() {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the limit of open files stays");
        }
    }
}

fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(how != Open::Existing)
            .truncate(how == Open::Empty)
            .open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            done => done,
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        unless_missing(fs::remove_file(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        unless_missing(fs::remove_dir_all(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// A file system commits what several threads wait for at once.
    fn sync_files(&self, files: &[Arc<dyn DiskFile>]) -> Vec<io::Result<()>> {
        let sync = |files: &[Arc<dyn DiskFile>]| -> Vec<io::Result<()>> {
            files.iter().map(|file| file.sync()).collect()
        };
        if files.len() < SYNCS_AT_ONCE {
            return sync(files);
        }
        std::thread::scope(|scope| {
            let spawn = |share| {
                let builder = std::thread::Builder::new().name("log-sync".to_owned());
                (share, builder.spawn_scoped(scope, move || sync(share)))
            };
            let shares = files.chunks(files.len().div_ceil(SYNCS_AT_ONCE));
            let threads: Vec<_> = shares.map(spawn).collect();
            let synced = threads.into_iter().flat_map(|(share, thread)| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // Without a thread it takes longer.
                Err(_) => sync(share),
            });
            synced.collect()
        })
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(into, at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn write_at(&self, slices: &[IoSlice<'_>], at: u64) -> io::Result<()> {
        let mut at = at;
        for chunk in slices.chunks(SLICES_MAX) {
            at += write_chunk(&self.0, chunk, at)?;
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, at: u64, len: u64, keep_len: bool) -> io::Result<()> {
        let flags = if keep_len { FallocateFlags::KEEP_SIZE } else { FallocateFlags::empty() };
        match rustix::fs::fallocate(&self.0, flags, at, len) {
            // A file system without reservations finds out when it writes.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// One vectored write where the system takes all of it, else slice by slice.
fn write_chunk(file: &File, slices: &[IoSlice<'_>], at: u64) -> io::Result<u64> {
    let total: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
    let mut written = loop {
        match rustix::io::pwritev(file, slices, at) {
            Ok(count) => break count as u64,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    if written < total {
        let mut start = 0;
        for slice in slices {
            let end = start + slice.len() as u64;
            if end > written {
                let skip = usize::try_from(written - start).unwrap_or(slice.len());
                file.write_all_at(&slice[skip..], at + written)?;
                written = end;
            }
            start = end;
        }
    }
    Ok(total)
}
