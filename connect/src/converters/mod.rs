//! Converters: rows to the bytes of records, and back.
//!
//! A [`Converter`] belongs to one connector and one [`Side`] of its records. It
//! compiles a plan per schema, once ([`RowEncoder`], [`RowDecoder`]); the plans
//! move cells to bytes and bytes to cells without an object per row.
//!
//! A null in the log is not a converter's business: the runtime adds an absent
//! row ([`Columns::absent_row`]) without asking.

pub mod avro;
mod bytes;
mod factory;
pub mod json;
mod number;
mod registered;
mod string;

use std::sync::Arc;

use thalweg_core::batch::{Cell, Columns, Layout};
use thalweg_core::schema::Kind;
use thalweg_core::{BoxFuture, ConnectError, ErrorKind};

pub use bytes::ByteArrayConverter;
pub use factory::{Converters, DEFAULT_CLASS, Purpose};
pub use number::NumberConverter;
pub use registered::{
    Foretold, Incompatible, IncompatibleAction, NoPlan, NumberedPlan, RecordHeader, Registered,
    Unregistered,
};
pub use string::StringConverter;

/// Which part of a record a converter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl Side {
    /// `key` or `value`, as it stands in config keys and subject names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

/// A configured converter: of one connector and one side.
pub trait Converter: Send + Sync {
    /// The plan for rows of this layout that go to this topic. The first call
    /// for a (topic, schema) may ask a registry; the answer is cached.
    fn encoder<'a>(
        &'a self,
        topic: &'a str,
        layout: &'a Arc<Layout>,
    ) -> BoxFuture<'a, Result<Arc<dyn RowEncoder>, ConnectError>>;

    /// Its other face, if its schemas are in a registry.
    fn registered(&self) -> Option<&dyn Registered> {
        None
    }

    /// A decoder for the records of one topic; it owns its caches.
    fn decoder(&self, topic: &str) -> Box<dyn RowDecoder>;
}

/// A plan from cells to bytes.
pub trait RowEncoder: Send + Sync {
    /// Appends the bytes of one row; `false` if the row is absent and stands in
    /// the log as null. On an error `out` is as it was.
    fn encode(
        &self,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConnectError>;

    /// Gets ready for all rows of a batch, so that work that they share is done
    /// once.
    fn bind<'a>(&'a self, columns: &'a Columns) -> RowWriter<'a> {
        Box::new(move |row, out| self.encode(columns, row, out))
    }
}

/// Does for the rows of one batch what [`RowEncoder::encode`] does.
pub type RowWriter<'a> = Box<dyn Fn(usize, &mut Vec<u8>) -> Result<bool, ConnectError> + 'a>;

/// Which schema rows are of, within one [`RowDecoder`]: rows with equal tags
/// share a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u32);

/// Plans from bytes to cells.
///
/// Its errors are `BadRecord` without coordinates (the caller knows topic,
/// partition and offset) where the bytes are at fault, or `Retriable` where a
/// registry did not answer.
pub trait RowDecoder: Send {
    /// The tag of these bytes if their schema is known already. `None` asks for
    /// [`RowDecoder::learn`].
    fn tag(&mut self, bytes: &[u8]) -> Result<Option<Tag>, ConnectError>;

    /// The tag of bytes whose schema is not known yet: looks it up and compiles
    /// its plan.
    fn learn<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<Tag, ConnectError>>;

    /// The layout of the rows with this tag, which [`RowDecoder::tag`] or
    /// [`RowDecoder::learn`] gave.
    fn layout(&self, tag: Tag) -> Arc<Layout>;

    /// Adds one row to columns of the tag's layout. On an error the row is not
    /// there.
    fn decode(&mut self, tag: Tag, bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError>;

    /// Its other face, if its schemas are versions of subjects.
    fn versioned(&mut self) -> Option<&mut dyn Versioned> {
        None
    }
}

/// A decoder whose records name schemas of a registry: it can read them with
/// other schemas than they were written with. Its errors are those of
/// [`RowDecoder`].
pub trait Versioned: Send {
    /// The id of the schema that a record was written with.
    fn writer(&self, bytes: &[u8]) -> Result<u32, ConnectError>;

    /// Where a schema stands among those that the topic's are versions of; none
    /// if it is no version there.
    fn version(&mut self, id: u32) -> BoxFuture<'_, Result<Option<SchemaVersion>, ConnectError>>;

    /// The newest version of the subject that a schema is for.
    fn newest(&mut self, id: u32) -> BoxFuture<'_, Result<Option<NewestSchema>, ConnectError>>;

    /// Whether records are to be read with the newest version.
    fn wants_newest(&self) -> bool;

    /// From here on records are read with the schema of this id; with none, each
    /// with its writer's.
    fn read_as(&mut self, reader: Option<u32>);
}

/// Where a schema stands in its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The subject.
    pub subject: Arc<str>,
    /// The version, from 1.
    pub version: i32,
}

/// The newest schema of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestSchema {
    /// The subject.
    pub subject: Arc<str>,
    /// The schema's id.
    pub id: u32,
}

/// A decoder of records that all have one layout: there is nothing to look up.
trait OneLayout: Send {
    /// The layout of all rows.
    fn layout(&self) -> &Arc<Layout>;

    /// See [`RowDecoder::decode`].
    fn decode(&self, bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError>;
}

impl<D: OneLayout> RowDecoder for D {
    fn tag(&mut self, _bytes: &[u8]) -> Result<Option<Tag>, ConnectError> {
        Ok(Some(Tag(0)))
    }

    fn learn<'a>(&'a mut self, _bytes: &'a [u8]) -> BoxFuture<'a, Result<Tag, ConnectError>> {
        Box::pin(std::future::ready(Ok(Tag(0))))
    }

    fn layout(&self, _tag: Tag) -> Arc<Layout> {
        Arc::clone(OneLayout::layout(self))
    }

    fn decode(&mut self, _tag: Tag, bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError> {
        OneLayout::decode(self, bytes, into)
    }
}

/// Adds a row that is these bytes.
fn add_bytes(bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError> {
    match into.intern(bytes) {
        Some(cell @ Cell::Span { .. }) => into.set(Layout::ROOT, cell),
        _ => {
            return Err(ConnectError::new(
                ErrorKind::BadRecord,
                "the batch has no room for these bytes",
            ));
        }
    }
    into.end_row();
    Ok(())
}

/// What people call a kind.
fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Boolean => "booleans",
        Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => "integers",
        Kind::Float32 | Kind::Float64 => "floats",
        Kind::String => "text",
        Kind::Bytes => "bytes",
        Kind::Struct(_) => "structs",
        Kind::Array(_) => "arrays",
        Kind::Map(..) => "maps",
        Kind::Json => "JSON values",
    }
}

#[cfg(test)]
mod tests;
