//! Rows inside messages.

use super::reader::{Malformed, Reader};
use crate::postgres::types::TupleValue;

/// What a message says of the row before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OldKind {
    /// Nothing.
    #[default]
    None,
    /// Its key.
    Key,
    /// All of it.
    Full,
}

/// The values of the row before and of the row after.
#[derive(Debug, Default)]
pub(crate) struct Tuples<'a> {
    /// The row before.
    pub(crate) old: Vec<TupleValue<'a>>,
    /// The row after.
    pub(crate) new: Vec<TupleValue<'a>>,
}

/// Reads the values of a row.
#[inline]
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    values: &mut Vec<TupleValue<'a>>,
) -> Result<(), Malformed> {
    values.clear();
    for _ in 0..reader.u16()? {
        values.push(match reader.u8()? {
            b'n' => TupleValue::Null,
            b'u' => TupleValue::Unchanged,
            b't' => TupleValue::Text(reader.counted()?),
            b'b' => TupleValue::Binary(reader.counted()?),
            _ => return Err(Malformed::new("an unknown kind of value")),
        });
    }
    Ok(())
}
