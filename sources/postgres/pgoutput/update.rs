//! `U`: a changed row.

use super::reader::{Malformed, Reader};
use super::tuple::{self, OldKind, Tuples};

/// A changed row, in [`Tuples::new`]; what is known of it before, in
/// [`Tuples::old`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    /// Its table.
    pub(crate) relation: u32,
    /// What is known of it before.
    pub(crate) old: OldKind,
}

impl Update {
    #[inline]
    pub(super) fn parse<'a>(
        reader: &mut Reader<'a>,
        tuples: &mut Tuples<'a>,
    ) -> Result<Self, Malformed> {
        let relation = reader.u32()?;
        let mut kind = reader.u8()?;
        let old = match kind {
            b'K' => OldKind::Key,
            b'O' => OldKind::Full,
            _ => OldKind::None,
        };
        if old != OldKind::None {
            tuple::read(reader, &mut tuples.old)?;
            kind = reader.u8()?;
        }
        match kind {
            b'N' => tuple::read(reader, &mut tuples.new)?,
            _ => return Err(Malformed::new("an update without a row")),
        }
        Ok(Self { relation, old })
    }
}
