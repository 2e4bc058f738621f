//! `B`: a transaction begins.

use super::reader::{Malformed, Reader};
use crate::postgres::position::Lsn;

/// Microseconds from 1970 to 2000, where Postgres starts to count.
pub(super) const EPOCH_US: i64 = 946_684_800_000_000;

/// A transaction begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Begin {
    /// Its commit.
    pub(crate) commit_lsn: Lsn,
    /// When it was committed: µs since 1970.
    pub(crate) commit_us: i64,
    /// Its id.
    pub(crate) xid: u32,
}

impl Begin {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            commit_lsn: reader.lsn()?,
            commit_us: reader.i64()?.saturating_add(EPOCH_US),
            xid: reader.u32()?,
        })
    }
}
