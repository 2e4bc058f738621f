//! A walk over a request before its decoder sees it: the decoder allocates
//! arrays by the length on the wire, so lengths and counts are checked here
//! first (invariant 7).

use super::reader::{Malformed, Reader};

/// One kind of field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    /// So many bytes.
    Fixed(usize),
    /// A text, or null.
    Text,
    /// An array of fields.
    Array(&'static Field),
    /// An array of structures.
    Structs(&'static [Part]),
}

/// A field, and the versions that have it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    first: i16,
    last: i16,
    field: Field,
}

/// The layout of a request.
pub(crate) type Layout = &'static [Part];

/// A field of all versions.
pub(crate) const fn always(field: Field) -> Part {
    between(0, i16::MAX, field)
}

/// A field of this version and later ones.
pub(crate) const fn since(first: i16, field: Field) -> Part {
    between(first, i16::MAX, field)
}

/// A field of these versions.
pub(crate) const fn between(first: i16, last: i16, field: Field) -> Part {
    Part { first, last, field }
}

/// Checks that `body` has this layout. Returns what follows it.
pub(crate) fn check(
    body: &[u8],
    layout: Layout,
    version: i16,
    is_flexible: bool,
) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(body, is_flexible);
    walk(&mut reader, layout, version)?;
    Ok(reader.rest())
}

fn walk(reader: &mut Reader<'_>, layout: Layout, version: i16) -> Result<(), Malformed> {
    for part in layout.iter().filter(|part| (part.first..=part.last).contains(&version)) {
        field(reader, &part.field, version)?;
    }
    reader.tags()
}

fn field(reader: &mut Reader<'_>, field: &Field, version: i16) -> Result<(), Malformed> {
    match *field {
        Field::Fixed(len) => reader.take(len).map(drop),
        Field::Text => reader.optional_text().map(drop),
        Field::Array(element) => {
            for _ in 0..reader.count(1)? {
                self::field(reader, element, version)?;
            }
            Ok(())
        }
        Field::Structs(layout) => {
            for _ in 0..reader.count(1)? {
                walk(reader, layout, version)?;
            }
            Ok(())
        }
    }
}
