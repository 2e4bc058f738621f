//! A lake in a local folder: a temporary file, synced, then linked under its
//! name, which fails if the name is taken; then its folder is synced.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use thalweg_core::{BoxFuture, ConnectError, failpoint};

use super::folders::{Folders, sync_folder};
use super::{Found, Put, Store};
use crate::lake::{Body, SpoolFolder, Spooled};
use crate::s3::plan::FilePlan;

/// The folder of temporary files, in the lake so that links work.
const TEMPORARY: &str = ".thalweg";

/// A lake in a local folder.
#[derive(Debug)]
pub(crate) struct LocalFolder {
    root: PathBuf,
    spool: Arc<SpoolFolder>,
    folders: Arc<Folders>,
}

impl LocalFolder {
    /// Opens it for one task. Temporary files that a killed run of the same
    /// task left are removed.
    pub(crate) fn open(root: &Path, task: &str) -> Self {
        let spool = SpoolFolder::open(&root.join(TEMPORARY).join(task));
        Self { root: root.to_owned(), spool, folders: Arc::new(Folders::new(root)) }
    }

    fn path(&self, key: &str) -> Result<PathBuf, ConnectError> {
        let relative = Path::new(key);
        // Names hold values of rows: they must not lead out of the lake.
        if relative.components().all(|part| matches!(part, Component::Normal(_))) {
            Ok(self.root.join(relative))
        } else {
            Err(ConnectError::fatal(format!(
                "the file name {key} leads out of {}: change topics.dir or path.format",
                self.root.display()
            )))
        }
    }
}

impl Store for LocalFolder {
    fn place(&self, key: &str) -> String {
        self.root.join(key).display().to_string()
    }

    fn spool(&self) -> &Arc<SpoolFolder> {
        &self.spool
    }

    fn look<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Found>, ConnectError>> {
        Box::pin(async move {
            let path = self.path(key)?;
            let folders = Arc::clone(&self.folders);
            blocking(move || {
                read_crc(&folders, &path).map_err(|error| failed("reading", &path, &error))
            })
            .await
        })
    }

    fn put<'a>(
        &'a self,
        plan: &'a FilePlan,
        file: &'a Spooled,
    ) -> BoxFuture<'a, Result<Put, ConnectError>> {
        Box::pin(async move {
            let path = self.path(&plan.key)?;
            let folders = Arc::clone(&self.folders);
            let (spool, body) = (self.spool.clone(), file.body.clone());
            blocking(move || {
                put(&folders, &spool, &path, &body)
                    .map_err(|error| failed("writing", &path, &error))
            })
            .await
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ConnectError>> {
        Box::pin(async move {
            let (root, spool) = (self.root.clone(), self.spool.clone());
            blocking(move || {
                let tried = spool.create().and_then(|(_, path)| fs::remove_file(path));
                tried.map_err(|error| failed("writing to the lake", &root, &error))
            })
            .await
        })
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ConnectError> + Send + 'static,
) -> Result<T, ConnectError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(ConnectError::retriable("writing to the lake was interrupted")))
}

fn put(folders: &Folders, spool: &SpoolFolder, path: &Path, body: &Body) -> io::Result<Put> {
    let kept;
    let temporary = match body {
        Body::Disk(file) => {
            File::open(file.path())?.sync_all()?;
            file.path()
        }
        Body::Memory(bytes) => {
            let (mut file, path) = spool.create()?;
            kept = Removed(path);
            file.write_all(bytes)?;
            file.sync_all()?;
            &kept.0
        }
    };
    let folder = path.parent().unwrap_or(path);
    folders.make(folder)?;
    match fs::hard_link(temporary, path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Put::Taken),
        Err(error) => return Err(error),
    }
    failpoint::reach("lake.linked");
    // invariant 3: durable only once the folder knows the name.
    sync_folder(folder)?;
    failpoint::reach("lake.synced");
    Ok(Put::Done)
}

/// A temporary file that goes when it is out of scope.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn read_crc(folders: &Folders, path: &Path) -> io::Result<Option<Found>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (mut bytes, mut crc, mut buffer) = (0, 0, vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            // It may have been linked by a run that was killed before its sync.
            file.sync_all()?;
            if let Some(folder) = path.parent() {
                folders.make(folder)?;
                sync_folder(folder)?;
            }
            return Ok(Some(Found { bytes, crc: Some(crc), written_for: None }));
        }
        bytes += read as u64;
        crc = crc32c::crc32c_append(crc, &buffer[..read]);
    }
}

fn failed(doing: &str, what: &Path, error: &io::Error) -> ConnectError {
    let message = format!("{doing} {}: {error}", what.display());
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
            ConnectError::bad_config(format!("{message} (see the folder of store.url)"))
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            ConnectError::retriable(format!("{message} (free space; it is tried again)"))
        }
        ErrorKind::InvalidFilename => {
            ConnectError::fatal(format!("{message} (shorten topics.dir or path.format)"))
        }
        _ => ConnectError::retriable(message),
    }
}
