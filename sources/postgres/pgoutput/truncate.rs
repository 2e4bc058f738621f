//! `T`: emptied tables.

use super::reader::{Malformed, Reader};

/// Emptied tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Truncate {
    /// The tables.
    pub(crate) relations: Vec<u32>,
}

impl Truncate {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = reader.u32()?;
        // 1 is CASCADE, 2 is RESTART IDENTITY: nothing to us.
        let _flags = reader.u8()?;
        let mut relations = Vec::new();
        for _ in 0..count {
            relations.push(reader.u32()?);
        }
        Ok(Self { relations })
    }
}
