//! Rows on their way, column by column.
//!
//! A [`Batch`] holds rows of one topic with one key schema and one value
//! schema. Its two [`Columns`] hold a cell of 16 bytes per leaf and row; text
//! and bytes lie in an arena beside them. A struct is a presence bit and its
//! leaves; a list is a range of rows in a child column set. What no row has
//! takes no space, and what all rows share is stored once.
//!
//! Writing goes row by row, reading in any order:
//!
//! ```
//! use thalweg_core::batch::{Cell, Columns, Layout};
//! use thalweg_core::schema::SchemaBuilder;
//!
//! let schema = SchemaBuilder::structure()
//!     .field("id", SchemaBuilder::int32().build())
//!     .field("note", SchemaBuilder::string().optional().build())
//!     .build();
//! let layout = Layout::of(&schema);
//! let (id, note) = (layout.find(&["id"]).unwrap(), layout.find(&["note"]).unwrap());
//!
//! let mut columns = Columns::new(layout);
//! columns.set_present(Layout::ROOT);
//! columns.set(id, Cell::Int(7));
//! columns.set_bytes(note, b"hello");
//! columns.end_row();
//! columns.absent_row(); // a tombstone
//!
//! assert_eq!(columns.cell(id, 0), Cell::Int(7));
//! assert_eq!(columns.bytes_at(note, 0), Some(&b"hello"[..]));
//! assert!(!columns.has_row(1));
//! ```

mod cell;
mod columns;
mod layout;
mod source;
mod values;

use std::sync::Arc;

pub use cell::Cell;
pub use columns::{Column, Columns, Room};
pub use layout::{Layout, Node, NodeId, NodeKind};
pub use source::{SourceBatch, StateChange};

use crate::schema::{Schema, Value};

/// A header of one row. Headers are rare, so they lie apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The row, counted from 0.
    pub row: u32,
    /// The header's key.
    pub key: Arc<str>,
    /// The schema of its value; none for bare bytes and null.
    pub schema: Option<Arc<Schema>>,
    /// Its value.
    pub value: Value,
}

/// Rows of one topic, one key schema and one value schema.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The topic that they go to or came from.
    pub topic: Arc<str>,
    /// The keys; none where rows have no key at all.
    pub key: Option<Columns>,
    /// The values; none where every row is a tombstone without a schema. A
    /// tombstone among other rows is an absent row.
    pub value: Option<Columns>,
    /// Each row's timestamp in ms since 1970; empty if the rows have none (the
    /// runtime stamps them when it writes them).
    pub timestamps: Vec<i64>,
    /// Each row's place in its source's order, for merging the batches of one
    /// [`SourceBatch`]; strictly rising within a batch.
    pub ordinals: Vec<u64>,
    /// Headers, by rising row.
    pub headers: Vec<Header>,
    /// Number of rows.
    pub rows: usize,
}

impl Batch {
    /// A batch without rows.
    #[must_use]
    pub fn new(topic: Arc<str>, key: Option<Arc<Layout>>, value: Option<Arc<Layout>>) -> Self {
        Self {
            topic,
            key: key.map(Columns::new),
            value: value.map(Columns::new),
            timestamps: Vec::new(),
            ordinals: Vec::new(),
            headers: Vec::new(),
            rows: 0,
        }
    }

    /// About how much memory it takes, in bytes: see [`Columns::memory`].
    #[must_use]
    pub fn memory(&self) -> usize {
        self.key.as_ref().map_or(0, Columns::memory)
            + self.value.as_ref().map_or(0, Columns::memory)
            + self.rows * 16
    }

    /// About how many bytes the rows are: see [`Columns::size`].
    #[must_use]
    pub fn size(&self) -> usize {
        self.key.as_ref().map_or(0, Columns::size)
            + self.value.as_ref().map_or(0, Columns::size)
            + self.rows * 16
    }

    /// The headers of one row.
    pub fn headers_of(&self, row: usize) -> impl Iterator<Item = &Header> {
        let start = self.headers.partition_point(|header| (header.row as usize) < row);
        self.headers[start..].iter().take_while(move |header| header.row as usize == row)
    }
}

#[cfg(test)]
mod tests;
