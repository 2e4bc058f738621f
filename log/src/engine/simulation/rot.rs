//! Bytes that rot while nobody looks: what was acknowledged and is damaged is
//! reported with its file and place, neither served nor cut away, and all else is
//! there.

use std::path::{Path, PathBuf};

use super::Simulation;
use super::shown::Shown;
use crate::disk::sim::{Faults, SimDisk};
use crate::error::LogError;
use crate::options::Durability;
use crate::segment::CLEANED;

/// Most bytes between what is reported and the byte that is damaged.
const REPORT_BYTES_MAX: u64 = 2 << 20;

/// The name that a file of compaction gets.
fn after_swap(path: &Path) -> PathBuf {
    match path.to_string_lossy().strip_suffix(CLEANED) {
        Some(name) => PathBuf::from(name).with_extension(""),
        None => path.to_owned(),
    }
}

/// Bytes at the front of a frame that say which one it is.
const NAME_LEN: usize = 24;
/// Frames begin at multiples of this.
const BLOCK: usize = 4096;

/// Where the journal ended when its process did.
pub(super) struct JournalEnd {
    /// The group before it is sealed.
    pub(super) is_sealed: bool,
    /// Path and position of the next frame.
    pub(super) place: (PathBuf, u64),
}

impl Simulation {
    /// Where a bit flips: anywhere, or in the last groups, which matter most.
    fn rotten_place(&mut self, disk: &SimDisk, end: &JournalEnd) -> Option<(PathBuf, usize)> {
        let files: Vec<_> = disk.files().into_iter().filter(|(_, len)| *len > 0).collect();
        if self.rng.u8(..4) == 0 {
            let (path, position) = &end.place;
            let block = usize::try_from(*position).unwrap() / BLOCK;
            let block = block.checked_sub(self.rng.usize(1..4))? * BLOCK;
            let within = if self.rng.bool() { 200 } else { BLOCK };
            let at = block + self.rng.usize(..within);
            let is_there = files.iter().any(|(known, len)| known == path && *len > at);
            return is_there.then(|| (path.clone(), at));
        }
        let (path, len) = self.rng.choice(files)?;
        // The first bytes of a journal file are the likely ones to matter.
        let within = if self.rng.bool() { len } else { len.min(30_000) };
        Some((path, self.rng.usize(..within)))
    }

    /// Flips a bit in a copy of the disk at rest, and opens that.
    pub(super) fn rot_beside(&mut self, end: &JournalEnd) {
        let is_sealed = end.is_sealed;
        // What a later group does not vouch for is beyond telling; at fsync that
        // is the last group.
        if !is_sealed && self.options.durability != Durability::Fsync {
            return;
        }
        let beside = self.disk.fork();
        beside.set_faults(Faults::default());
        let Some((path, at)) = self.rotten_place(&beside, end) else {
            return;
        };
        let bits = 1 << self.rng.u8(..8);
        self.note(format!("rot in {} at {at}", path.display()));
        // A swap that the journal holds is done when it is opened.
        let renamed = after_swap(&path);
        let is_journal = path.extension().is_some_and(|end| end == "journal");
        let may_lose_last = !is_sealed && is_journal;
        // What a frame says of itself, where the one before it is in another file:
        // what is alone in a file then is told by where it was to be.
        let names_no_frame = is_journal && at < NAME_LEN;
        let check = |error: LogError| match error {
            LogError::Damaged { path: found, .. }
                if names_no_frame && found != path && found.parent() == path.parent() => {}
            LogError::Damaged { path: found, at: start, .. } => {
                assert!(found == path || found == renamed, "{} is reported", found.display());
                let at = at as u64;
                assert!(start.abs_diff(at) <= REPORT_BYTES_MAX, "{start} for {at}");
            }
            other => panic!("rot in {} at {at}: {other}", path.display()),
        };
        beside.rot(&path, at, bits);
        let is_told = match self.open(&beside) {
            Ok(engine) => {
                let shown = Shown::read_around_damage(&engine, &check);
                self.model.matching(&shown, may_lose_last);
                shown.has_damage()
            }
            Err(error) => {
                check(error);
                true
            }
        };
        self.totals.rotten += u64::from(is_told);
        if is_told {
            let is_renamed = !beside.files().iter().any(|(known, _)| *known == path);
            beside.rot(if is_renamed { &renamed } else { &path }, at, bits);
            self.check_whole(&beside);
        }
    }

    /// It was told, not touched: with the bit as it was, all is there.
    fn check_whole(&mut self, disk: &SimDisk) {
        let engine = self.open(disk).unwrap_or_else(|error| panic!("opening: {error}"));
        let shown = Shown::read(&engine, self.rng.usize(..40_000)).unwrap();
        self.model.matching(&shown, false);
    }
}
