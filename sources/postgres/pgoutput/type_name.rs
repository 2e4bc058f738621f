//! `Y`: the name of a type that is not built in.

use super::reader::{Malformed, Reader};

/// The name of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TypeName<'a> {
    /// Its object id.
    pub(crate) oid: u32,
    /// Its schema.
    pub(crate) schema: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
}

impl<'a> TypeName<'a> {
    pub(super) fn parse(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(Self { oid: reader.u32()?, schema: reader.text()?, name: reader.text()? })
    }
}
