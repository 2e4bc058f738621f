//! One value of a leaf.

/// One value of a leaf column: 16 bytes, copied freely.
///
/// Text, bytes and JSON are a range of the arena of their column set; an array
/// or map is a range of rows of the child column set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Cell {
    /// No value.
    #[default]
    Null,
    /// A value that the source did not send (unchanged TOAST).
    Unavailable,
    /// For `Boolean`.
    Bool(bool),
    /// For all integers, and for logical types on them in their own unit.
    Int(i64),
    /// For both floats.
    Float(f64),
    /// A range: of bytes in the arena, or of rows in the child column set.
    Span {
        /// First byte or row.
        start: u32,
        /// Number of bytes or rows.
        len: u32,
    },
}

const _: () = assert!(size_of::<Cell>() == 16);

impl Cell {
    /// Whether it is null.
    #[must_use]
    pub fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }
}
