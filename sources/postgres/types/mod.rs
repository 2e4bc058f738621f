//! Values of Postgres: which schema a column has, and how its values are read
//! from the wire straight into cells.

mod absent;
mod arrays;
mod cells;
mod codec;
mod column;
mod hstore;
pub(crate) mod iso;
pub mod modes;
mod net;
mod numeric;
mod scalar;
mod times;

use crate::postgres::catalog::Types;

pub(crate) use column::ColumnType;
pub use modes::Modes;

/// A value as it came: of a tuple of pgoutput, or of a row of COPY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TupleValue<'a> {
    /// Null.
    Null,
    /// An unchanged value that lies outside of the row (TOAST): not sent.
    Unchanged,
    /// The type's text.
    Text(&'a [u8]),
    /// The type's binary form.
    Binary(&'a [u8]),
}

/// Why a value can't be read. Never holds the value (invariant 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) &'static str);

/// Whether values of a type can be read in its binary form. Ask for text
/// where not: cast to text in COPY; in the stream, binary mode is only for
/// publications whose columns can all be read so.
#[must_use]
pub fn binary_decodable(oid: u32, types: &Types) -> bool {
    column::binary_decodable(oid, types)
}

#[cfg(test)]
mod tests;
