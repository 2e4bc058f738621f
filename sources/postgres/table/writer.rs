//! Rows of one table into batches of events.

use std::sync::Arc;

use thalweg_core::ConnectError;
use thalweg_core::batch::Batch;

use super::{SourceInfo, TableSettings};
use crate::postgres::catalog::{TableInfo, Types};
use crate::postgres::types::TupleValue;

/// What an update or delete tells of the row before.
#[derive(Clone, Copy, Debug)]
pub enum OldRow<'a> {
    /// Nothing.
    None,
    /// Its key: all other values are null.
    Key(&'a [TupleValue<'a>]),
    /// All of it.
    Full(&'a [TupleValue<'a>]),
}

/// Writes rows of one table into a batch of events. Compiled once per table,
/// schema and settings.
///
/// Rows come with one value per column of the [`TableInfo`], in its order.
/// `ordinal` is the next row's place in the source's order: each row that is
/// written takes one, and it is moved on by as many.
pub struct TableWriter {
    batch: Batch,
}

impl TableWriter {
    /// A writer for rows of this table.
    ///
    /// # Errors
    /// If the settings can't be followed for this table (`message.key.columns`
    /// names a column that it does not have).
    pub fn new(
        table: &TableInfo,
        settings: &Arc<TableSettings>,
        types: &Types,
    ) -> Result<Self, ConnectError> {
        let _ = types;
        let topic = settings.topics.table(&table.schema, &table.name);
        Ok(Self { batch: Batch::new(topic.into(), None, None) })
    }

    /// Where its rows go.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.batch.topic
    }

    /// Columns whose types are not known and whose values are written as text,
    /// for a warning: column and type.
    #[must_use]
    pub fn unknown_types(&self) -> &[(String, String)] {
        &[]
    }

    /// A row that a snapshot reads.
    ///
    /// # Errors
    /// If a value can't be read: names the column, never the value.
    pub fn read(
        &mut self,
        row: &[TupleValue<'_>],
        source: &SourceInfo<'_>,
        ordinal: &mut u64,
    ) -> Result<(), ConnectError> {
        let _ = (row, source, ordinal);
        Err(not_yet())
    }

    /// A new row.
    ///
    /// # Errors
    /// As [`TableWriter::read`].
    pub fn insert(
        &mut self,
        row: &[TupleValue<'_>],
        source: &SourceInfo<'_>,
        ordinal: &mut u64,
    ) -> Result<(), ConnectError> {
        let _ = (row, source, ordinal);
        Err(not_yet())
    }

    /// A changed row. A changed key makes a delete, a tombstone and a create.
    ///
    /// # Errors
    /// As [`TableWriter::read`].
    pub fn update(
        &mut self,
        old: OldRow<'_>,
        row: &[TupleValue<'_>],
        source: &SourceInfo<'_>,
        ordinal: &mut u64,
    ) -> Result<(), ConnectError> {
        let _ = (old, row, source, ordinal);
        Err(not_yet())
    }

    /// A deleted row, and its tombstone.
    ///
    /// # Errors
    /// As [`TableWriter::read`].
    pub fn delete(
        &mut self,
        old: OldRow<'_>,
        source: &SourceInfo<'_>,
        ordinal: &mut u64,
    ) -> Result<(), ConnectError> {
        let _ = (old, source, ordinal);
        Err(not_yet())
    }

    /// The table was emptied.
    ///
    /// # Errors
    /// If the batch is full.
    pub fn truncate(
        &mut self,
        source: &SourceInfo<'_>,
        ordinal: &mut u64,
    ) -> Result<(), ConnectError> {
        let _ = (source, ordinal);
        Err(not_yet())
    }

    /// About how much memory the rows take, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.batch.size()
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batch.rows
    }

    /// The rows so far; none if there are none.
    #[must_use]
    pub fn take(&mut self) -> Option<Batch> {
        None
    }
}

fn not_yet() -> ConnectError {
    ConnectError::fatal("rows of tables can't be written yet")
}
