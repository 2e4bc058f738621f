//! The folders of a local lake, each durable in the one above it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Folders known to be durable that are remembered: a lake may have any number.
const KNOWN_MAX: usize = 10_000;

/// The folders of a local lake.
#[derive(Debug)]
pub(super) struct Folders {
    root: PathBuf,
    /// Those that this run made sure of, with all above them.
    known: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    /// Those of the lake in `root`.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), known: Mutex::default() }
    }

    /// Makes a folder of the lake, and all above it, durable. One that is there
    /// already is no exception: the run that made it may have been cut off before
    /// the folder above knew of it.
    pub(super) fn make(&self, folder: &Path) -> io::Result<()> {
        self.make_with(folder, &mut sync_folder)
    }

    fn known(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn make_with(
        &self,
        folder: &Path,
        sync: &mut dyn FnMut(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        if folder.is_dir() {
            if self.known().contains(folder) {
                return Ok(());
            }
        } else {
            // Those that were known, and that somebody removed since.
            for gone in folder.ancestors().take_while(|folder| !folder.is_dir()) {
                self.known().remove(gone);
            }
            fs::create_dir_all(folder)?;
        }
        let above: Vec<PathBuf> = {
            let known = self.known();
            let unknown = folder.ancestors().take_while(|folder| !known.contains(*folder));
            unknown.filter_map(Path::parent).map(Path::to_owned).collect()
        };
        for above in above.iter().rev().filter(|above| !above.as_os_str().is_empty()) {
            match sync(above) {
                // Above the lake may be folders that are not ours to read.
                Err(error) if !above.starts_with(&self.root) && is_foreign(&error) => {}
                synced => synced?,
            }
        }
        // invariant 3: only now, a folder with a file in it is there for good.
        let mut known = self.known();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(folder.to_owned());
        known.extend(above.into_iter().filter(|above| above.starts_with(&self.root)));
        Ok(())
    }
}

/// Whether a folder can't be read or synced by us, whatever is tried.
fn is_foreign(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput)
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn synced(folders: &Folders, folder: &Path) -> Vec<PathBuf> {
        let mut synced = Vec::new();
        folders
            .make_with(folder, &mut |folder| {
                synced.push(folder.to_owned());
                sync_folder(folder)
            })
            .unwrap();
        assert!(folder.is_dir());
        synced.retain(|folder| folder.starts_with(&folders.root));
        synced
    }

    #[test]
    fn a_folder_that_a_cut_off_run_left_is_made_durable_once() {
        let lake = tempfile::tempdir().unwrap();
        let root = lake.path();
        let (topic, day) = (root.join("t"), root.join("t/day=1"));
        fs::create_dir_all(&day).unwrap();
        let folders = Folders::new(root);
        assert_eq!(synced(&folders, &day), [root.to_owned(), topic.clone()]);
        assert!(synced(&folders, &day).is_empty());
        // A new one beside it, then one that somebody removes.
        let other = root.join("t/day=2");
        assert_eq!(synced(&folders, &other), std::slice::from_ref(&topic));
        fs::remove_dir_all(&topic).unwrap();
        assert_eq!(synced(&folders, &other), [root.to_owned(), topic]);
    }

    #[test]
    fn a_folder_that_was_not_synced_is_not_known() {
        let lake = tempfile::tempdir().unwrap();
        let folders = Folders::new(lake.path());
        let day = lake.path().join("t/day=1");
        let mut fails = |_: &Path| Err(io::Error::other("no"));
        assert!(folders.make_with(&day, &mut fails).is_err());
        assert_eq!(synced(&folders, &day).len(), 2);
    }
}
