//! A file system in memory that keeps no more promises than a real one: what
//! was not synced may be lost, torn at sector borders or kept in any mix when
//! the power goes; names need a sync of their folder; syncs fail, and then what
//! they were to keep is lost for good; space ends.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, Open};

const SECTOR: usize = 512;

/// The simulated file system. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

struct State {
    rng: fastrand::Rng,
    names: BTreeMap<PathBuf, Node>,
    durable_names: BTreeMap<PathBuf, Node>,
    /// Changes of names that no sync of their folder covers, oldest first.
    name_changes: Vec<NameChange>,
    inodes: HashMap<u64, Inode>,
    next_inode: u64,
    calls: u64,
    faults: Faults,
    is_off: bool,
}

/// What is to go wrong, and when, in numbers of calls.
#[derive(Clone, Copy, Default)]
pub(crate) struct Faults {
    /// The power goes at this call.
    pub(crate) power_off_at: Option<u64>,
    /// The first sync at or after this call fails.
    pub(crate) sync_error_at: Option<u64>,
    /// Bytes of all files; none is without limit.
    pub(crate) capacity: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(u64),
}

#[derive(Clone)]
struct NameChange {
    folder: PathBuf,
    path: PathBuf,
    /// None removes the name.
    node: Option<Node>,
    /// The names that go: others of the same path may have come meanwhile.
    removed: Vec<(PathBuf, Node)>,
}

#[derive(Default)]
struct Inode {
    current: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    allocated: u64,
}

enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

fn apply(to: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(at, bytes) => {
            if to.len() < at + bytes.len() {
                to.resize(at + bytes.len(), 0);
            }
            to[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Change::Len(len) => to.resize(*len, 0),
    }
}

fn usize_of(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

impl SimDisk {
    /// An empty file system with the folder `root`.
    pub(crate) fn new(seed: u64, root: &Path) -> Self {
        let names = BTreeMap::from([(root.to_owned(), Node::Folder)]);
        Self(Arc::new(Mutex::new(State {
            rng: fastrand::Rng::with_seed(seed),
            durable_names: names.clone(),
            names,
            name_changes: Vec::new(),
            inodes: HashMap::new(),
            next_inode: 1,
            calls: 0,
            faults: Faults::default(),
            is_off: false,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.lock().calls
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Whether the power is gone.
    pub(crate) fn is_off(&self) -> bool {
        self.lock().is_off
    }

    /// The file system after the power came back. Handles of before stay dead.
    pub(crate) fn power_cycle(&self) -> Self {
        let mut state = self.lock();
        state.is_off = true;
        let mut rng = state.rng.fork();
        let names = surviving_names(&state, &mut rng);
        let mut inodes = HashMap::new();
        for node in names.values() {
            if let Node::File(number) = node {
                let found = state.inodes.get(number);
                let current = found.map_or_else(Vec::new, |inode| surviving(inode, &mut rng));
                inodes.insert(
                    *number,
                    Inode {
                        durable: current.clone(),
                        allocated: current.len() as u64,
                        current,
                        unsynced: Vec::new(),
                    },
                );
            }
        }
        Self(Arc::new(Mutex::new(State {
            rng,
            durable_names: names.clone(),
            names,
            name_changes: Vec::new(),
            inodes,
            next_inode: state.next_inode,
            calls: 0,
            faults: Faults { capacity: state.faults.capacity, ..Faults::default() },
            is_off: false,
        })))
    }
}

/// Each folder keeps a prefix of the changes since its last sync.
fn surviving_names(state: &State, rng: &mut fastrand::Rng) -> BTreeMap<PathBuf, Node> {
    let mut names = state.durable_names.clone();
    let mut kept: BTreeMap<&Path, usize> = BTreeMap::new();
    for change in &state.name_changes {
        *kept.entry(&change.folder).or_default() += 1;
    }
    for count in kept.values_mut() {
        *count = rng.usize(..=*count);
    }
    for change in &state.name_changes {
        let left = kept.entry(&change.folder).or_default();
        if *left == 0 {
            continue;
        }
        *left -= 1;
        change_name(&mut names, change);
    }
    // What lies in a folder that is not there is not there either.
    let all = names.clone();
    names
        .retain(|path, _| path.parent().is_none_or(|p| p == Path::new("/") || all.contains_key(p)));
    names
}

fn change_name(names: &mut BTreeMap<PathBuf, Node>, change: &NameChange) {
    for (path, node) in &change.removed {
        if names.get(path) == Some(node) {
            names.remove(path);
        }
    }
    if let Some(node) = change.node {
        names.insert(change.path.clone(), node);
    }
}

/// The synced bytes and any mix of what was written since.
fn surviving(inode: &Inode, rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = inode.durable.clone();
    for change in &inode.unsynced {
        match (rng.u8(..3), change) {
            (0, _) => {}
            (1, change) => apply(&mut bytes, change),
            (_, Change::Len(_)) => {}
            (_, Change::Write(at, data)) => {
                let mut start = 0;
                while start < data.len() {
                    let end = ((at + start) / SECTOR + 1) * SECTOR - at;
                    let end = end.min(data.len());
                    if rng.bool() {
                        let piece = Change::Write(at + start, data[start..end].to_vec());
                        apply(&mut bytes, &piece);
                    }
                    start = end;
                }
            }
        }
    }
    bytes
}

impl State {
    /// Counts a call, and fails it if the power is gone or goes now.
    fn call(&mut self) -> io::Result<()> {
        self.calls += 1;
        if self.faults.power_off_at.is_some_and(|at| self.calls >= at) {
            self.is_off = true;
        }
        if self.is_off {
            return Err(io::Error::other("the power is off"));
        }
        Ok(())
    }

    /// Whether this sync is the one that fails.
    fn sync_fails(&mut self) -> bool {
        let fails = self.faults.sync_error_at.is_some_and(|at| self.calls >= at);
        if fails {
            self.faults.sync_error_at = None;
        }
        fails
    }

    fn change(&mut self, path: &Path, node: Option<Node>) {
        let folder = path.parent().unwrap_or(path).to_owned();
        let removed = match node {
            Some(_) => Vec::new(),
            None => {
                let below = self.names.iter().filter(|(name, _)| name.starts_with(path));
                below.map(|(name, node)| (name.clone(), *node)).collect()
            }
        };
        let change = NameChange { folder, path: path.to_owned(), node, removed };
        change_name(&mut self.names, &change);
        self.name_changes.push(change);
    }

    fn has_space(&self, inode: u64, allocated: u64) -> bool {
        let Some(capacity) = self.faults.capacity else {
            return true;
        };
        let used = |node: &Node| match node {
            Node::File(number) if *number != inode => {
                self.inodes.get(number).map_or(0, |inode| inode.allocated)
            }
            _ => 0,
        };
        self.names.values().map(used).sum::<u64>() + allocated <= capacity
    }
}

fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, path.display().to_string())
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.lock();
        state.call()?;
        let inode = match state.names.get(path) {
            Some(Node::File(inode)) => *inode,
            Some(Node::Folder) => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
            None if how == Open::Existing => return Err(missing(path)),
            None => {
                let folder = path.parent().unwrap_or(path);
                if state.names.get(folder) != Some(&Node::Folder) {
                    return Err(missing(folder));
                }
                let inode = state.next_inode;
                state.next_inode += 1;
                state.inodes.insert(inode, Inode::default());
                state.change(path, Some(Node::File(inode)));
                inode
            }
        };
        let file = SimFile { disk: self.clone(), inode };
        drop(state);
        if how == Open::Empty && file.len()? > 0 {
            file.set_len(0)?;
        }
        Ok(Arc::new(file))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.call()?;
        if !state.names.contains_key(path) {
            state.change(path, Some(Node::Folder));
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.call()?;
        let node = *state.names.get(from).ok_or_else(|| missing(from))?;
        // In one: a file system never has a file under none of the two.
        let folder = to.parent().unwrap_or(to).to_owned();
        let removed = vec![(from.to_owned(), node)];
        let change = NameChange { folder, path: to.to_owned(), node: Some(node), removed };
        change_name(&mut state.names, &change);
        state.name_changes.push(change);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.call()?;
        if state.names.contains_key(path) {
            state.change(path, None);
        }
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.call()?;
        if !state.names.contains_key(path) {
            return Err(missing(path));
        }
        let changes = std::mem::take(&mut state.name_changes);
        let (synced, left) = changes.into_iter().partition(|change| change.folder == path);
        state.name_changes = left;
        let synced: Vec<NameChange> = synced;
        for change in &synced {
            change_name(&mut state.durable_names, change);
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        state.call()?;
        let names = state.names.keys().filter(|name| name.parent() == Some(path));
        let names = names.filter_map(|name| name.file_name());
        Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
    }
}

struct SimFile {
    disk: SimDisk,
    inode: u64,
}

impl SimFile {
    fn with<T>(&self, act: impl FnOnce(&mut Inode) -> T) -> io::Result<T> {
        let mut state = self.disk.lock();
        state.call()?;
        let inode = state.inodes.get_mut(&self.inode);
        inode.map(act).ok_or_else(|| io::Error::other("no such inode"))
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        self.with(|inode| {
            let bytes = inode.current.get(usize_of(at)..).unwrap_or(&[]);
            let count = bytes.len().min(into.len());
            into[..count].copy_from_slice(&bytes[..count]);
            count
        })
    }

    fn write_at(&self, slices: &[IoSlice<'_>], at: u64) -> io::Result<()> {
        let mut bytes = Vec::new();
        slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
        let end = at + bytes.len() as u64;
        let mut state = self.disk.lock();
        let allocated = state.inodes.get(&self.inode).map_or(0, |inode| inode.allocated);
        if end > allocated && !state.has_space(self.inode, end) {
            return Err(full());
        }
        // A write that the power cut meets may be there in part.
        let met = state.call();
        if state.is_off && met.is_err() && state.faults.power_off_at != Some(state.calls) {
            return met;
        }
        if let Some(inode) = state.inodes.get_mut(&self.inode) {
            inode.allocated = inode.allocated.max(end);
            let change = Change::Write(usize_of(at), bytes);
            apply(&mut inode.current, &change);
            inode.unsynced.push(change);
        }
        met
    }

    fn len(&self) -> io::Result<u64> {
        self.with(|inode| inode.current.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|inode| {
            let change = Change::Len(usize_of(len));
            apply(&mut inode.current, &change);
            inode.unsynced.push(change);
            inode.allocated = len;
        })
    }

    fn allocate(&self, at: u64, len: u64, keep_len: bool) -> io::Result<()> {
        let end = at + len;
        let mut state = self.disk.lock();
        state.call()?;
        if !state.has_space(self.inode, end) {
            return Err(full());
        }
        if let Some(inode) = state.inodes.get_mut(&self.inode) {
            inode.allocated = inode.allocated.max(end);
            if !keep_len && inode.current.len() < usize_of(end) {
                let change = Change::Len(usize_of(end));
                apply(&mut inode.current, &change);
                inode.unsynced.push(change);
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.call()?;
        let fails = state.sync_fails();
        let Some(inode) = state.inodes.get_mut(&self.inode) else {
            return Ok(());
        };
        let changes = std::mem::take(&mut inode.unsynced);
        if fails {
            // As Linux does: the pages are clean now, and were never written.
            return Err(io::Error::other("input/output error"));
        }
        for change in &changes {
            apply(&mut inode.durable, change);
        }
        Ok(())
    }
}
