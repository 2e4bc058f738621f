//! An open file.

use std::io::{self, IoSlice};

use super::faults::{Injected, sync_error};
use super::{SimDisk, State, full};
use crate::disk::DiskFile;

pub(super) struct SimFile {
    disk: SimDisk,
    inode: u64,
}

fn no_inode() -> io::Error {
    io::Error::other("no such inode")
}

impl SimFile {
    pub(super) fn new(disk: SimDisk, inode: u64) -> Self {
        Self { disk, inode }
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let mut state = self.disk.lock();
        state.call()?;
        let is_short = into.len() > 1 && state.rng.u8(..8) == 0;
        let count = if is_short { state.rng.usize(1..into.len()) } else { into.len() };
        let inode = state.inodes.get(&self.inode).ok_or_else(no_inode)?;
        Ok(inode.read(&mut into[..count], at))
    }

    fn write_at(&self, slices: &[IoSlice<'_>], at: u64) -> io::Result<()> {
        let mut bytes = Vec::new();
        slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
        let mut state = self.disk.lock();
        let space = state.space_for(self.inode);
        let injected = state.injected(false);
        let State { inodes, rng, has_failed, .. } = &mut *state;
        let inode = inodes.get_mut(&self.inode).ok_or_else(no_inode)?;
        match injected {
            None => {
                let written = inode.write(&bytes, at, space);
                *has_failed |= written.is_err();
                written
            }
            Some(Injected::IsOff) => Err(Injected::IsOff.error()),
            // It may be there in part.
            Some(injected) => {
                let count = rng.usize(..=bytes.len());
                drop(inode.write(&bytes[..count], at, space));
                Err(injected.error())
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        let mut state = self.disk.lock();
        state.call()?;
        Ok(state.inodes.get(&self.inode).ok_or_else(no_inode)?.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.lock();
        state.call()?;
        state.inodes.get_mut(&self.inode).ok_or_else(no_inode)?.set_len(len);
        Ok(())
    }

    fn allocate(&self, at: u64, len: u64, keep_len: bool) -> io::Result<()> {
        let end = at + len;
        let mut state = self.disk.lock();
        state.call()?;
        let space = state.space_for(self.inode);
        let inode = state.inodes.get_mut(&self.inode).ok_or_else(no_inode)?;
        if end > inode.allocated.max(space) {
            state.has_failed = true;
            return Err(full());
        }
        inode.allocate(end, keep_len);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.lock();
        let injected = state.injected(true);
        let State { inodes, rng, has_lost_bytes, .. } = &mut *state;
        let inode = inodes.get_mut(&self.inode).ok_or_else(no_inode)?;
        match injected {
            None => {
                inode.sync();
                Ok(())
            }
            Some(Injected::InputOutput) => {
                *has_lost_bytes = true;
                inode.fail_sync(rng);
                Err(sync_error(rng))
            }
            Some(injected) => Err(injected.error()),
        }
    }
}
