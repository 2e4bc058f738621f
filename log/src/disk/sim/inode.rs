//! The bytes of a file: those that are shown, those that are durable, and what is
//! left of the changes between them when the power goes.

use super::full;

const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Len(usize),
}

#[derive(Clone, Default)]
pub(super) struct Inode {
    current: Vec<u8>,
    durable: Vec<u8>,
    /// Oldest first.
    unsynced: Vec<Change>,
    /// Space that it takes.
    pub(super) allocated: u64,
}

fn usize_of(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
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

/// Applies nothing of a change, all of it, or some of its sectors.
fn apply_some(to: &mut Vec<u8>, change: &Change, rng: &mut fastrand::Rng) {
    match (rng.u8(..3), change) {
        (0, _) => {}
        (1, _) => apply(to, change),
        (_, Change::Len(_)) => {}
        (_, Change::Write(at, data)) => {
            let mut start = 0;
            while start < data.len() {
                let end = ((at + start) / SECTOR + 1) * SECTOR - at;
                let end = end.min(data.len());
                if rng.bool() {
                    apply(to, &Change::Write(at + start, data[start..end].to_vec()));
                }
                start = end;
            }
        }
    }
}

impl Inode {
    pub(super) fn len(&self) -> usize {
        self.current.len()
    }

    pub(super) fn read(&self, into: &mut [u8], at: u64) -> usize {
        let bytes = self.current.get(usize_of(at)..).unwrap_or(&[]);
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        count
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.current, &change);
        self.unsynced.push(change);
    }

    /// Writes what there is space for; an error if that is not all.
    pub(super) fn write(&mut self, bytes: &[u8], at: u64, space: u64) -> std::io::Result<()> {
        let end = at + bytes.len() as u64;
        let fits = if end <= self.allocated.max(space) {
            bytes.len()
        } else {
            usize_of(self.allocated.max(space).saturating_sub(at)).min(bytes.len())
        };
        if fits > 0 {
            self.allocated = self.allocated.max(at + fits as u64);
            self.change(Change::Write(usize_of(at), bytes[..fits].to_vec()));
        }
        if fits < bytes.len() { Err(full()) } else { Ok(()) }
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.change(Change::Len(usize_of(len)));
        self.allocated = len;
    }

    pub(super) fn allocate(&mut self, end: u64, keep_len: bool) {
        self.allocated = self.allocated.max(end);
        if !keep_len && self.current.len() < usize_of(end) {
            self.change(Change::Len(usize_of(end)));
        }
    }

    pub(super) fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            apply(&mut self.durable, &change);
        }
    }

    /// The same when it fails. As Linux does: the pages are clean now, and were
    /// written or not. A later read may find them, or what is on the disk.
    pub(super) fn fail_sync(&mut self, rng: &mut fastrand::Rng) {
        for change in std::mem::take(&mut self.unsynced) {
            apply_some(&mut self.durable, &change, rng);
        }
        if rng.bool() {
            self.current.clone_from(&self.durable);
        }
    }

    /// The synced bytes and any mix of what was written since.
    pub(super) fn after_power_cut(&self, rng: &mut fastrand::Rng) -> Self {
        let mut bytes = self.durable.clone();
        for change in &self.unsynced {
            apply_some(&mut bytes, change, rng);
        }
        Self {
            durable: bytes.clone(),
            allocated: bytes.len() as u64,
            current: bytes,
            unsynced: Vec::new(),
        }
    }

    pub(super) fn rot(&mut self, at: usize, bits: u8) {
        for bytes in [&mut self.current, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bits;
            }
        }
    }
}
