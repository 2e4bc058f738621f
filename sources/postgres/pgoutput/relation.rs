//! `R`: a table as the rows that follow have it.

use super::reader::{Malformed, Reader};

/// What old rows of a table hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The primary key.
    Default,
    /// Nothing.
    Nothing,
    /// All columns.
    Full,
    /// The columns of an index.
    Index,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation<'a> {
    /// Its object id.
    pub(crate) oid: u32,
    /// Its schema.
    pub(crate) schema: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
    /// What old rows hold.
    pub(crate) identity: Identity,
    /// Its columns, in the order of the values of rows.
    pub(crate) columns: Vec<RelationColumn<'a>>,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RelationColumn<'a> {
    /// Whether it is part of what old rows hold.
    pub(crate) is_key: bool,
    /// Its name.
    pub(crate) name: &'a str,
    /// Its type's object id.
    pub(crate) type_oid: u32,
    /// Its type's modifier; -1 if none.
    pub(crate) type_modifier: i32,
}

impl<'a> Relation<'a> {
    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let oid = reader.u32()?;
        let schema = match reader.text()? {
            "" => "pg_catalog",
            schema => schema,
        };
        let name = reader.text()?;
        let identity = match reader.u8()? {
            b'd' => Identity::Default,
            b'n' => Identity::Nothing,
            b'f' => Identity::Full,
            b'i' => Identity::Index,
            _ => return Err(Malformed::new("an unknown replica identity")),
        };
        let count = usize::from(reader.u16()?);
        let mut columns = Vec::with_capacity(count);
        for _ in 0..count {
            columns.push(RelationColumn {
                is_key: reader.u8()? & 1 != 0,
                name: reader.text()?,
                type_oid: reader.u32()?,
                type_modifier: reader.i32()?,
            });
        }
        Ok(Self { oid, schema, name, identity, columns })
    }
}
