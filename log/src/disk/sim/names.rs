//! Names of files and folders, and what is left of their changes when the power
//! goes: each change is there as a whole or not at all.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(u64),
}

type Tree = BTreeMap<PathBuf, Node>;

/// A change that no sync of its folder covers.
#[derive(Clone, Debug)]
struct Change {
    folder: PathBuf,
    /// The names that go: others of the same path may have come meanwhile.
    removed: Vec<(PathBuf, Node)>,
    added: Option<(PathBuf, Node)>,
}

#[derive(Clone)]
pub(super) struct Names {
    current: Tree,
    durable: Tree,
    /// Oldest first.
    unsynced: Vec<Change>,
}

pub(super) fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, path.display().to_string())
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}

fn apply(names: &mut Tree, change: &Change) {
    for (path, node) in &change.removed {
        if names.get(path) == Some(node) {
            names.remove(path);
        }
    }
    if let Some((path, node)) = &change.added {
        names.insert(path.clone(), *node);
    }
}

impl Names {
    pub(super) fn new(root: &Path) -> Self {
        let names = Tree::from([(root.to_owned(), Node::Folder)]);
        Self { current: names.clone(), durable: names, unsynced: Vec::new() }
    }

    pub(super) fn get(&self, path: &Path) -> Option<Node> {
        self.current.get(path).copied()
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.current.iter().filter_map(|(path, node)| match node {
            Node::File(number) => Some((path.as_path(), *number)),
            Node::Folder => None,
        })
    }

    pub(super) fn inodes(&self) -> impl Iterator<Item = u64> {
        self.files().map(|(_, number)| number)
    }

    /// The folder that this path is to be in must be there.
    pub(super) fn check_parent(&self, path: &Path) -> io::Result<()> {
        let folder = folder_of(path);
        if self.get(&folder) != Some(Node::Folder) {
            return Err(missing(&folder));
        }
        Ok(())
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.current, &change);
        self.unsynced.push(change);
    }

    pub(super) fn add(&mut self, path: &Path, node: Node) {
        let added = Some((path.to_owned(), node));
        self.change(Change { folder: folder_of(path), removed: Vec::new(), added });
    }

    /// Removes a name, and all below it.
    pub(super) fn remove(&mut self, path: &Path) {
        let below = self.current.iter().filter(|(name, _)| name.starts_with(path));
        let removed: Vec<_> = below.map(|(name, node)| (name.clone(), *node)).collect();
        if !removed.is_empty() {
            self.change(Change { folder: folder_of(path), removed, added: None });
        }
    }

    /// Renames within a folder.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        assert_eq!(from.parent(), to.parent(), "renames are within a folder");
        let node = self.get(from).ok_or_else(|| missing(from))?;
        self.change(Change {
            folder: folder_of(to),
            removed: vec![(from.to_owned(), node)],
            added: Some((to.to_owned(), node)),
        });
        Ok(())
    }

    pub(super) fn list(&self, path: &Path) -> Vec<String> {
        let names = self.current.keys().filter(|name| name.parent() == Some(path));
        let names = names.filter_map(|name| name.file_name());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    fn take_unsynced(&mut self, folder: &Path) -> Vec<Change> {
        let changes = std::mem::take(&mut self.unsynced);
        let (of_folder, others) = changes.into_iter().partition(|change| change.folder == folder);
        self.unsynced = others;
        of_folder
    }

    /// Makes the names of a folder durable.
    pub(super) fn sync(&mut self, folder: &Path) -> io::Result<()> {
        if self.get(folder) != Some(Node::Folder) {
            return Err(missing(folder));
        }
        for change in self.take_unsynced(folder) {
            apply(&mut self.durable, &change);
        }
        Ok(())
    }

    /// The same when it fails: the first changes are durable. The others still can
    /// be: a file system that can't write its journal takes no more changes, and
    /// one that can keeps them.
    pub(super) fn fail_sync(&mut self, folder: &Path, rng: &mut fastrand::Rng) {
        let mut changes = self.take_unsynced(folder);
        let left = changes.split_off(rng.usize(..=changes.len()));
        for change in &changes {
            apply(&mut self.durable, change);
        }
        self.unsynced.extend(left);
    }

    /// What a loss of power may leave: of each folder the first changes since its
    /// last sync or, where a file system keeps no order, any of them.
    pub(super) fn after_power_cut(&self, rng: &mut fastrand::Rng) -> Self {
        let mut names = self.durable.clone();
        let has_order = rng.u8(..4) > 0;
        let mut left: BTreeMap<&Path, usize> = BTreeMap::new();
        for change in &self.unsynced {
            *left.entry(&change.folder).or_default() += 1;
        }
        for count in left.values_mut() {
            *count = rng.usize(..=*count);
        }
        for change in &self.unsynced {
            let left = left.entry(&change.folder).or_default();
            let is_kept = if has_order { *left > 0 } else { rng.bool() };
            *left = left.saturating_sub(1);
            if is_kept {
                apply(&mut names, change);
            }
        }
        // What lies in a folder that is not there is not there either.
        let all = names.clone();
        let is_root = |folder: &Path| folder == Path::new("/");
        names.retain(|path, _| {
            path.parent().is_none_or(|folder| is_root(folder) || all.contains_key(folder))
        });
        Self { current: names.clone(), durable: names, unsynced: Vec::new() }
    }
}
