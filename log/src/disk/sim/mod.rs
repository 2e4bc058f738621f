//! A file system in memory that keeps no more promises than a real one.
//!
//! - Bytes that were not synced may be lost, torn at sector borders, or kept in
//!   any mix, when the power goes ([`inode`]).
//! - Names need a sync of their folder ([`names`]).
//! - Calls fail, and a sync that fails has lost what it was to keep, for good,
//!   whatever a later one says ([`faults`]).
//! - Space ends; a write may be done in part; a read may bring less than asked.
//! - Bytes rot at rest.

mod faults;
mod file;
mod inode;
mod names;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use faults::Faults;
use faults::{Injected, sync_error};
use file::SimFile;
use inode::Inode;
use names::{Names, Node, missing};

use super::{Disk, DiskFile, Open};

/// The simulated file system. Clones are handles to the same one.
#[derive(Clone)]
pub(crate) struct SimDisk(Arc<Mutex<State>>);

#[derive(Clone)]
struct State {
    rng: fastrand::Rng,
    names: Names,
    inodes: HashMap<u64, Inode>,
    next_inode: u64,
    calls: u64,
    faults: Faults,
    /// A call has failed since the faults were set.
    has_failed: bool,
    /// A sync has failed since the power was there.
    has_lost_bytes: bool,
    is_off: bool,
}

impl SimDisk {
    /// An empty file system with the folder `root`.
    pub(crate) fn new(seed: u64, root: &Path) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng: fastrand::Rng::with_seed(seed),
            names: Names::new(root),
            inodes: HashMap::new(),
            next_inode: 1,
            calls: 0,
            faults: Faults::default(),
            has_failed: false,
            has_lost_bytes: false,
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
        let mut state = self.lock();
        state.faults = faults;
        state.has_failed = false;
    }

    pub(crate) fn faults(&self) -> Faults {
        self.lock().faults
    }

    /// Sets the limit of the bytes of all files, and leaves the other faults.
    pub(crate) fn set_capacity(&self, capacity: Option<u64>) {
        self.lock().faults.capacity = capacity;
    }

    /// Bytes that the files take.
    pub(crate) fn used(&self) -> u64 {
        self.lock().used_but(0)
    }

    /// Whether a call has failed since the faults were set.
    pub(crate) fn has_failed(&self) -> bool {
        let state = self.lock();
        state.has_failed || state.is_off
    }

    /// Whether a sync has failed since the power came: bytes that it was to keep
    /// may be gone without a loss of power.
    pub(crate) fn has_lost_bytes(&self) -> bool {
        self.lock().has_lost_bytes
    }

    /// Whether the power is gone.
    pub(crate) fn is_off(&self) -> bool {
        self.lock().is_off
    }

    /// The file system after the power went and came back. Handles of before stay
    /// dead.
    pub(crate) fn power_cycle(&self) -> Self {
        self.lock().is_off = true;
        self.after_power_cut()
    }

    /// What a loss of power at this moment might leave. This one goes on.
    pub(crate) fn after_power_cut(&self) -> Self {
        let mut state = self.lock();
        let mut rng = state.rng.fork();
        let names = state.names.after_power_cut(&mut rng);
        let mut inodes = HashMap::new();
        for number in names.inodes() {
            let found = state.inodes.get(&number);
            inodes
                .insert(number, found.map_or_else(Inode::default, |i| i.after_power_cut(&mut rng)));
        }
        Self(Arc::new(Mutex::new(State {
            rng,
            names,
            inodes,
            next_inode: state.next_inode,
            calls: 0,
            faults: Faults { capacity: state.faults.capacity, ..Faults::default() },
            has_failed: false,
            has_lost_bytes: false,
            is_off: false,
        })))
    }

    /// A copy that goes its own way.
    pub(crate) fn fork(&self) -> Self {
        let mut state = self.lock();
        let mut copy = state.clone();
        copy.rng = state.rng.fork();
        Self(Arc::new(Mutex::new(copy)))
    }

    /// Paths and lengths of all files.
    pub(crate) fn files(&self) -> Vec<(PathBuf, usize)> {
        let state = self.lock();
        let files = state.names.files();
        files.map(|(path, number)| (path.to_owned(), state.inodes[&number].len())).collect()
    }

    /// Flips bits of one byte at rest.
    pub(crate) fn rot(&self, path: &Path, at: usize, bits: u8) {
        let mut state = self.lock();
        if let Some(Node::File(number)) = state.names.get(path)
            && let Some(inode) = state.inodes.get_mut(&number)
        {
            inode.rot(at, bits);
        }
    }
}

impl State {
    /// Counts a call, and says how it fails if it does.
    fn call(&mut self) -> io::Result<()> {
        match self.injected(false) {
            None => Ok(()),
            Some(injected) => Err(injected.error()),
        }
    }

    /// Counts a call. How it fails, if it does.
    fn injected(&mut self, is_sync: bool) -> Option<Injected> {
        self.calls += 1;
        if self.is_off {
            return Some(Injected::IsOff);
        }
        let injected = self.faults.at_call(self.calls, is_sync);
        self.has_failed |= injected.is_some();
        self.is_off = matches!(injected, Some(Injected::PowerCut));
        injected
    }

    /// Bytes that all files but this one take.
    fn used_but(&self, inode: u64) -> u64 {
        let others = self.names.inodes().filter(|number| *number != inode);
        others.filter_map(|number| self.inodes.get(&number)).map(|inode| inode.allocated).sum()
    }

    /// Bytes that this file may take.
    fn space_for(&self, inode: u64) -> u64 {
        let capacity = self.faults.capacity.unwrap_or(u64::MAX);
        capacity.saturating_sub(self.used_but(inode))
    }

    /// A name takes space too, now and then.
    fn has_space_for_name(&mut self) -> io::Result<()> {
        if self.faults.capacity.is_some_and(|capacity| self.used_but(0) >= capacity)
            && self.rng.bool()
        {
            self.has_failed = true;
            return Err(full());
        }
        Ok(())
    }
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.lock();
        state.call()?;
        let inode = match state.names.get(path) {
            Some(Node::File(inode)) => inode,
            Some(Node::Folder) => return Err(io::Error::from(io::ErrorKind::IsADirectory)),
            None if how == Open::Existing => return Err(missing(path)),
            None => {
                state.names.check_parent(path)?;
                state.has_space_for_name()?;
                let inode = state.next_inode;
                state.next_inode += 1;
                state.inodes.insert(inode, Inode::default());
                state.names.add(path, Node::File(inode));
                inode
            }
        };
        drop(state);
        let file = SimFile::new(self.clone(), inode);
        if how == Open::Empty && file.len()? > 0 {
            file.set_len(0)?;
        }
        Ok(Arc::new(file))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.call()?;
        if state.names.get(path).is_none() {
            state.has_space_for_name()?;
            state.names.add(path, Node::Folder);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.call()?;
        state.has_space_for_name()?;
        state.names.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        state.call()?;
        state.names.remove(path);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        match state.injected(true) {
            None => state.names.sync(path),
            Some(Injected::InputOutput) => {
                let State { names, rng, .. } = &mut *state;
                names.fail_sync(path, rng);
                Err(sync_error(rng))
            }
            Some(injected) => Err(injected.error()),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut state = self.lock();
        state.call()?;
        Ok(state.names.list(path))
    }
}
