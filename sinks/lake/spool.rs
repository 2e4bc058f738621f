//! Where a file lies until it is complete: in memory while it is small, then in
//! a local file. So memory is bounded whatever the number and size of the open
//! files, and length and checksum are known before an upload begins.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// Bytes that one spool keeps in memory before it goes to disk.
const MEMORY_BYTES_MAX: usize = 64 * 1024;

/// How often a folder that vanishes while it is made is made again.
const TRIES_MAX: usize = 100;

/// The folder of a run's spool files. It is made when the first one spills, and
/// removed with what is left in it when the run ends.
#[derive(Debug)]
pub(crate) struct SpoolFolder {
    path: PathBuf,
    next: AtomicU64,
}

impl SpoolFolder {
    /// A folder for one run of a task within the folder of that task. What killed
    /// runs left in there is removed.
    pub(crate) fn open(task: &Path) -> Arc<Self> {
        // Of its own name: an upload of the run before may be just ending.
        let path = task.join(uuid::Uuid::new_v4().simple().to_string());
        if let Err(error) = fs::remove_dir_all(task)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %task.display(), %error, "temporary files can't be removed");
        }
        Arc::new(Self { path, next: AtomicU64::new(0) })
    }

    /// A new file in it.
    pub(crate) fn create(&self) -> io::Result<(File, PathBuf)> {
        let mut tries = 0;
        loop {
            match self.try_to_create() {
                // A run that ends removes the folders above that are empty, and they are
                // while this one is made.
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES_MAX => {
                    tries += 1;
                }
                done => return done,
            }
        }
    }

    fn try_to_create(&self) -> io::Result<(File, PathBuf)> {
        fs::create_dir_all(&self.path).map_err(|error| at(&self.path, &error))?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(number.to_string());
        let opened = File::options().read(true).write(true).create_new(true).open(&path);
        Ok((opened.map_err(|error| at(&path, &error))?, path))
    }
}

/// The error, told with the place that it is about.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl Drop for SpoolFolder {
    fn drop(&mut self) {
        // A leftover is removed at the next open.
        let _ = fs::remove_dir_all(&self.path);
        for folder in self.path.ancestors().skip(1).take(2) {
            // Goes only if nobody else has a folder in it.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A spool file, removed when nobody needs it any more.
#[derive(Debug)]
pub(crate) struct SpoolFile {
    path: PathBuf,
}

impl SpoolFile {
    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        // A leftover is removed at the next open.
        let _ = fs::remove_file(&self.path);
    }
}

/// The bytes of a finished file.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Small files.
    Memory(Bytes),
    /// All others.
    Disk(Arc<SpoolFile>),
}

/// A finished file, not yet in its place.
#[derive(Clone, Debug)]
pub(crate) struct Spooled {
    /// Its bytes.
    pub(crate) body: Body,
    /// Their number.
    pub(crate) bytes: u64,
    /// Their CRC-32C.
    pub(crate) crc: u32,
}

/// Takes the bytes of a file.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: Arc<SpoolFolder>,
    memory: Vec<u8>,
    disk: Option<(File, SpoolFile)>,
    bytes: u64,
    crc: u32,
}

impl Spool {
    pub(crate) fn new(folder: Arc<SpoolFolder>) -> Self {
        Self { folder, memory: Vec::new(), disk: None, bytes: 0, crc: 0 }
    }

    /// Memory that it holds, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.memory.capacity()
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> io::Result<Spooled> {
        let body = if self.disk.is_some() {
            self.spill()?;
            match self.disk {
                Some((_, file)) => Body::Disk(Arc::new(file)),
                None => Body::Memory(Bytes::new()),
            }
        } else {
            Body::Memory(Bytes::from(self.memory))
        };
        Ok(Spooled { body, bytes: self.bytes, crc: self.crc })
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.disk.is_none() {
            let (file, path) = self.folder.create()?;
            self.disk = Some((file, SpoolFile { path }));
        }
        if let Some((file, spooled)) = &mut self.disk {
            file.write_all(&self.memory).map_err(|error| at(&spooled.path, &error))?;
        }
        self.memory.clear();
        Ok(())
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.bytes += bytes.len() as u64;
        if self.memory.len() + bytes.len() > MEMORY_BYTES_MAX {
            self.spill()?;
            if bytes.len() >= MEMORY_BYTES_MAX
                && let Some((file, spooled)) = &mut self.disk
            {
                file.write_all(bytes).map_err(|error| at(&spooled.path, &error))?;
                return Ok(bytes.len());
            }
        }
        self.memory.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_end_do_not_take_the_folder_of_one_that_begins() {
        let root = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for task in ["a", "b", "c", "d"] {
                let task = root.path().join("spool").join(task);
                scope.spawn(move || {
                    for _ in 0..1_000 {
                        let folder = SpoolFolder::open(&task);
                        let (_, path) = folder.create().unwrap();
                        assert!(path.exists());
                    }
                });
            }
        });
    }
}
