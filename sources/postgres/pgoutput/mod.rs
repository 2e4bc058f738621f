//! The messages of Postgres' `pgoutput`, protocol version 1: one file each,
//! read without copies.
//!
//! Source: "Logical Replication Message Formats" of the Postgres manual.

mod begin;
mod commit;
mod delete;
mod insert;
mod logical;
mod origin;
mod reader;
mod relation;
mod truncate;
mod tuple;
mod type_name;
mod update;

pub(crate) use begin::Begin;
pub(crate) use commit::Commit;
pub(crate) use delete::Delete;
pub(crate) use insert::Insert;
pub(crate) use logical::Logical;
pub(crate) use origin::OriginName;
pub(crate) use reader::Malformed;
pub(crate) use relation::{Identity, Relation, RelationColumn};
pub(crate) use truncate::Truncate;
pub(crate) use tuple::{OldKind, Tuples};
pub(crate) use type_name::TypeName;
pub(crate) use update::Update;

use reader::Reader;

/// One message. The values of rows are left in [`Tuples`], whose memory is used
/// again for every message of one buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// A transaction begins.
    Begin(Begin),
    /// It ends.
    Commit(Commit),
    /// Where its changes were made first.
    Origin(OriginName<'a>),
    /// A table, before its first row and after each change of it.
    Relation(Relation<'a>),
    /// The name of a type.
    Type(TypeName<'a>),
    /// A new row.
    Insert(Insert),
    /// A changed row.
    Update(Update),
    /// A deleted row.
    Delete(Delete),
    /// Emptied tables.
    Truncate(Truncate),
    /// What an application wrote with `pg_logical_emit_message`.
    Logical(Logical<'a>),
}

impl<'a> Message<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// If it is none, or longer or shorter than it says.
    #[inline]
    pub(crate) fn parse(body: &'a [u8], tuples: &mut Tuples<'a>) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let message = match reader.u8()? {
            b'I' => Self::Insert(Insert::parse(&mut reader, tuples)?),
            b'U' => Self::Update(Update::parse(&mut reader, tuples)?),
            b'D' => Self::Delete(Delete::parse(&mut reader, tuples)?),
            b'B' => Self::Begin(Begin::parse(&mut reader)?),
            b'C' => Self::Commit(Commit::parse(&mut reader)?),
            b'R' => Self::Relation(Relation::parse(&mut reader)?),
            b'Y' => Self::Type(TypeName::parse(&mut reader)?),
            b'T' => Self::Truncate(Truncate::parse(&mut reader)?),
            b'M' => Self::Logical(Logical::parse(&mut reader)?),
            b'O' => Self::Origin(OriginName::parse(&mut reader)?),
            other => return Err(Malformed::unknown(other)),
        };
        reader.end()?;
        Ok(message)
    }

    /// Whether a message of this kind counts as one of its transaction: those
    /// that a new session sends again in the same number (not Relation and
    /// Type, which are sent once a session).
    #[inline]
    pub(crate) fn counts(body: &[u8]) -> bool {
        matches!(body.first(), Some(b'I' | b'U' | b'D' | b'T' | b'M'))
    }
}

#[cfg(test)]
mod tests;
