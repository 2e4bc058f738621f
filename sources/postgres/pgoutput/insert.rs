//! `I`: a new row.

use super::reader::{Malformed, Reader};
use super::tuple::{self, Tuples};

/// A new row, in [`Tuples::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Insert {
    /// Its table.
    pub(crate) relation: u32,
}

impl Insert {
    #[inline]
    pub(super) fn parse<'a>(
        reader: &mut Reader<'a>,
        tuples: &mut Tuples<'a>,
    ) -> Result<Self, Malformed> {
        let relation = reader.u32()?;
        match reader.u8()? {
            b'N' => tuple::read(reader, &mut tuples.new)?,
            _ => return Err(Malformed::new("an insert without a row")),
        }
        Ok(Self { relation })
    }
}
