//! `C`: a transaction ends.

use super::begin::EPOCH_US;
use super::reader::{Malformed, Reader};
use crate::postgres::position::Lsn;

/// A transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    /// Its commit.
    pub(crate) commit_lsn: Lsn,
    /// What follows it.
    pub(crate) end_lsn: Lsn,
    /// When it was committed: µs since 1970.
    pub(crate) commit_us: i64,
}

impl Commit {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let _flags = reader.u8()?;
        Ok(Self {
            commit_lsn: reader.lsn()?,
            end_lsn: reader.lsn()?,
            commit_us: reader.i64()?.saturating_add(EPOCH_US),
        })
    }
}
