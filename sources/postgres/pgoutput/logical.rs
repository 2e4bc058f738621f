//! `M`: what an application wrote into the log.

use super::reader::{Malformed, Reader};
use crate::postgres::position::Lsn;

/// What an application wrote with `pg_logical_emit_message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logical<'a> {
    /// Whether it is part of a transaction.
    pub(crate) transactional: bool,
    /// Its place.
    pub(crate) lsn: Lsn,
    /// Its prefix.
    pub(crate) prefix: &'a str,
    /// What was written.
    pub(crate) content: &'a [u8],
}

impl<'a> Logical<'a> {
    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            transactional: reader.u8()? & 1 != 0,
            lsn: reader.lsn()?,
            prefix: reader.text()?,
            content: reader.counted()?,
        })
    }
}
