//! `D`: a deleted row.

use super::reader::{Malformed, Reader};
use super::tuple::{self, OldKind, Tuples};

/// A deleted row; what is known of it, in [`Tuples::old`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delete {
    /// Its table.
    pub(crate) relation: u32,
    /// What is known of it: its key or all of it.
    pub(crate) old: OldKind,
}

impl Delete {
    #[inline]
    pub(super) fn parse<'a>(
        reader: &mut Reader<'a>,
        tuples: &mut Tuples<'a>,
    ) -> Result<Self, Malformed> {
        let relation = reader.u32()?;
        let old = match reader.u8()? {
            b'K' => OldKind::Key,
            b'O' => OldKind::Full,
            _ => return Err(Malformed::new("a delete without a row")),
        };
        tuple::read(reader, &mut tuples.old)?;
        Ok(Self { relation, old })
    }
}
