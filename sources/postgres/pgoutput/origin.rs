//! `O`: where a transaction's changes were made first.

use super::reader::{Malformed, Reader};
use crate::postgres::position::Lsn;

/// Where a transaction's changes were made first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OriginName<'a> {
    /// The commit there.
    pub(crate) lsn: Lsn,
    /// The origin's name.
    pub(crate) name: &'a str,
}

impl<'a> OriginName<'a> {
    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { lsn: reader.lsn()?, name: reader.text()? })
    }
}
