//! The journal's files, as they lie in the data folder.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use anyhow::Result;

/// How often a journal file was begun in this log: each use has the next number,
/// which its first frame tells.
pub(crate) fn uses(data: &Path) -> Result<u64> {
    let mut last = 0;
    for entry in std::fs::read_dir(data.join("journal"))? {
        let mut head = [0; 16];
        let mut file = File::open(entry?.path())?;
        if file.read_exact(&mut head).is_ok()
            && let Some(number) = head.last_chunk()
        {
            last = last.max(u64::from_be_bytes(*number));
        }
    }
    Ok(last)
}

/// Puts a journal file of zeros in place, as files are that were used before.
pub(crate) fn zero_fill(data: &Path, bytes: u64) -> Result<()> {
    let mut file = File::create(data.join("journal").join("0000.journal"))?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    Ok(())
}
