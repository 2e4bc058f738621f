//! Rows of one table into batches of events.

use std::sync::Arc;

use thalweg_core::batch::{Batch, Cell, Columns, Header, Layout, Room};
use thalweg_core::connector::RowSchemas;
use thalweg_core::{ConnectError, Coordinates};

use super::plan::{ColumnError, Plan, Row, Side};
use super::source_info::SourceTexts;
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

/// What happened to a row.
#[derive(Clone, Copy, Debug)]
enum Op {
    Create,
    Read,
    Update,
    Delete,
    Truncate,
}

impl Op {
    const NAMES: [&str; 5] = ["c", "r", "u", "d", "t"];
}

/// Writes rows of one table into a batch of events. Compiled once per table,
/// schema and settings.
///
/// Rows come with one value per column of the [`TableInfo`], in its order.
/// `ordinal` is the next row's place in the source's order: each row that is
/// written takes one, and it is moved on by as many.
pub struct TableWriter {
    plan: Plan,
    settings: Arc<TableSettings>,
    batch: Batch,
    /// What the keys and values of the batch before took. The room is made when
    /// a row comes: most tables are idle most of the time.
    room: [Option<Room>; 2],
    /// Texts of the batch's arena that rows share.
    ops: [Cell; Op::NAMES.len()],
    texts: SourceTexts,
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
        let plan = Plan::new(table, settings, types)?;
        let (batch, ops, texts) = start(&plan, settings);
        Ok(Self { plan, settings: Arc::clone(settings), batch, room: [None, None], ops, texts })
    }

    /// Where its rows go.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.plan.topic
    }

    /// Where its rows go, and their schemas.
    #[must_use]
    pub fn schemas(&self) -> RowSchemas {
        RowSchemas {
            topic: Arc::clone(&self.plan.topic),
            key: self.plan.key.as_ref().map(|layout| Arc::clone(layout.schema())),
            value: Arc::clone(self.plan.value.schema()),
        }
    }

    /// Columns whose types are not known and whose values are written as text,
    /// for a warning: column and type.
    #[must_use]
    pub fn unknown_types(&self) -> &[(String, String)] {
        &self.plan.unknown_types
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
        self.check_width(row)?;
        self.event(Op::Read, None, Some(Row::of(row)), source, ordinal)
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
        if self.settings.modes.skipped.create {
            return Ok(());
        }
        self.check_width(row)?;
        self.event(Op::Create, None, Some(Row::of(row)), source, ordinal)
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
        self.check_width(row)?;
        let (before, known) = match old {
            OldRow::None => (None, None),
            OldRow::Key(values) => {
                self.check_width(values)?;
                (Some(values), None)
            }
            OldRow::Full(values) => {
                self.check_width(values)?;
                (Some(values), Some(values))
            }
        };
        let after = Row { values: row, old: known };
        if let Some(values) = before
            && self.plan.key_changed(values, row)
        {
            return self.move_row(Row::of(values), after, source, ordinal);
        }
        let modes = &self.settings.modes;
        let unchanged =
            modes.skip_unchanged && known.is_some_and(|values| !self.plan.row_changed(values, row));
        if modes.skipped.update || unchanged {
            return Ok(());
        }
        self.event(Op::Update, known.map(Row::of), Some(after), source, ordinal)
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
        if self.settings.modes.skipped.delete {
            return Ok(());
        }
        let (OldRow::Key(values) | OldRow::Full(values)) = old else {
            return Err(self.bad_record(
                source,
                "the server sent nothing of the deleted row: set the table's REPLICA IDENTITY",
            ));
        };
        self.check_width(values)?;
        let before = Row::of(values);
        self.event(Op::Delete, Some(before), None, source, ordinal)?;
        self.tombstone(before, source, ordinal)
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
        if self.settings.modes.skipped.truncate {
            return Ok(());
        }
        self.event(Op::Truncate, None, None, source, ordinal)
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
        if self.batch.rows == 0 {
            return None;
        }
        let (batch, ops, texts) = start(&self.plan, &self.settings);
        let room = |columns: &Option<Columns>| columns.as_ref().map(Columns::room);
        self.room = [room(&self.batch.key), room(&self.batch.value)];
        (self.ops, self.texts) = (ops, texts);
        Some(std::mem::replace(&mut self.batch, batch))
    }

    /// A row whose key changed: one goes, another one comes.
    fn move_row(
        &mut self,
        before: Row<'_>,
        after: Row<'_>,
        source: &SourceInfo<'_>,
        ordinal: &mut u64,
    ) -> Result<(), ConnectError> {
        let skipped = self.settings.modes.skipped;
        let first = self.batch.rows;
        if !skipped.delete {
            self.event(Op::Delete, Some(before), None, source, ordinal)?;
            self.tombstone(before, source, ordinal)?;
        }
        let create = self.batch.rows;
        if !skipped.create {
            let mut source = *source;
            // The delete has taken one number.
            if let Some(transaction) = &mut source.transaction {
                transaction.total_order += 1;
                transaction.table_order += 1;
            }
            self.event(Op::Create, None, Some(after), &source, ordinal)?;
        }
        let mut keys = self.scratch_keys(&[before, after], source)?;
        let new_key = keys.pop();
        for row in first..create {
            self.header(row, "__debezium.newkey", new_key.clone());
        }
        if create < self.batch.rows {
            self.header(create, "__debezium.oldkey", keys.pop());
        }
        Ok(())
    }

    /// The keys of rows as values, for headers.
    fn scratch_keys(
        &self,
        rows: &[Row<'_>],
        source: &SourceInfo<'_>,
    ) -> Result<Vec<thalweg_core::schema::Value>, ConnectError> {
        let Some(layout) = &self.plan.key else { return Ok(Vec::new()) };
        let mut columns = Columns::new(Arc::clone(layout));
        for row in rows {
            let put = self.plan.put_key(*row, &mut columns);
            put.map_err(|error| self.unreadable(source, &error))?;
        }
        Ok((0..rows.len()).map(|row| columns.value(row)).collect())
    }

    fn header(&mut self, row: usize, name: &str, value: Option<thalweg_core::schema::Value>) {
        let (Some(value), Some(layout)) = (value, &self.plan.key) else { return };
        // A batch has far fewer than 2^32 rows: it is bounded in bytes.
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        let schema = Some(Arc::clone(layout.schema()));
        self.batch.headers.push(Header { row, key: name.into(), schema, value });
    }

    #[inline]
    fn event(
        &mut self,
        op: Op,
        before: Option<Row<'_>>,
        after: Option<Row<'_>>,
        source: &SourceInfo<'_>,
        ordinal: &mut u64,
    ) -> Result<(), ConnectError> {
        if let Err(error) = self.put(op, before, after, source) {
            if let Some(columns) = &mut self.batch.value {
                columns.discard_row();
            }
            if let Some(columns) = &mut self.batch.key {
                columns.discard_row();
            }
            return Err(self.unreadable(source, &error));
        }
        self.end_row(ordinal);
        Ok(())
    }

    #[inline]
    fn put(
        &mut self,
        op: Op,
        before: Option<Row<'_>>,
        after: Option<Row<'_>>,
        source: &SourceInfo<'_>,
    ) -> Result<(), ColumnError> {
        let Self { plan, batch, room, ops, texts, .. } = self;
        let Some(value) = &mut batch.value else { return Ok(()) };
        if let [key_room, Some(value_room)] = room {
            value.make_room(value_room);
            if let (Some(key), Some(room)) = (&mut batch.key, key_room) {
                key.make_room(room);
            }
            *room = [None, None];
        }
        if let Some(row) = before {
            plan.put(Side::Before, row, value)?;
        }
        if let Some(row) = after {
            plan.put(Side::After, row, value)?;
        }
        value.set_present(Layout::ROOT);
        plan.source.put(value, source, texts);
        value.set(plan.nodes.op, ops[op as usize]);
        value.set(plan.nodes.ts_ms, Cell::Int(source.now_ns.div_euclid(1_000_000)));
        value.set(plan.nodes.ts_us, Cell::Int(source.now_ns.div_euclid(1000)));
        value.set(plan.nodes.ts_ns, Cell::Int(source.now_ns));
        if let Some(transaction) = &source.transaction {
            let block = plan.nodes.transaction;
            value.set_present(block);
            value.set_bytes(block + 1, transaction.id.as_bytes());
            value.set(block + 2, Cell::Int(transaction.total_order));
            value.set(block + 3, Cell::Int(transaction.table_order));
        }
        // The key ends its row, so it comes when nothing else can fail.
        if let Some(key) = &mut batch.key {
            match after.or(before) {
                Some(row) => plan.put_key(row, key)?,
                None => key.absent_row(),
            }
        }
        value.end_row();
        Ok(())
    }

    fn tombstone(
        &mut self,
        before: Row<'_>,
        source: &SourceInfo<'_>,
        ordinal: &mut u64,
    ) -> Result<(), ConnectError> {
        if !self.settings.modes.tombstones {
            return Ok(());
        }
        let Self { plan, batch, .. } = self;
        let put = batch.key.as_mut().map_or(Ok(()), |key| plan.put_key(before, key));
        if let Err(error) = put {
            if let Some(key) = &mut self.batch.key {
                key.discard_row();
            }
            return Err(self.unreadable(source, &error));
        }
        if let Some(value) = &mut self.batch.value {
            value.absent_row();
        }
        self.end_row(ordinal);
        Ok(())
    }

    #[inline]
    fn end_row(&mut self, ordinal: &mut u64) {
        self.batch.ordinals.push(*ordinal);
        self.batch.rows += 1;
        *ordinal += 1;
    }

    #[inline]
    fn check_width(&self, row: &[TupleValue<'_>]) -> Result<(), ConnectError> {
        if row.len() == self.plan.width {
            return Ok(());
        }
        Err(ConnectError::fatal(format!(
            "{}: a row of {} values came for a table of {} columns: report this as a fault of \
             Thalweg",
            self.plan.table,
            row.len(),
            self.plan.width
        )))
    }

    #[cold]
    fn unreadable(&self, source: &SourceInfo<'_>, (column, reason): &ColumnError) -> ConnectError {
        // invariant 8: the reason never holds the value
        self.bad_record(source, &format!("column {column} can't be read: {}", reason.0))
    }

    fn bad_record(&self, source: &SourceInfo<'_>, message: &str) -> ConnectError {
        let at = format!("LSN {:X}/{:X}", source.lsn >> 32, source.lsn & 0xffff_ffff);
        let place = self.plan.table.clone();
        ConnectError::bad_record(Coordinates { place, partition: None, at }, message)
    }
}

/// An empty batch with what all its rows share.
fn start(plan: &Plan, settings: &TableSettings) -> (Batch, [Cell; Op::NAMES.len()], SourceTexts) {
    let mut value = Columns::new(Arc::clone(&plan.value));
    let server = settings.topics.prefix.as_str();
    let constants = [server, &settings.database, &plan.schema, &plan.name];
    let texts = plan.source.start(&mut value, constants);
    let ops = Op::NAMES.map(|name| value.intern(name.as_bytes()).unwrap_or_default());
    let mut batch = Batch::new(Arc::clone(&plan.topic), plan.key.clone(), None);
    batch.value = Some(value);
    (batch, ops, texts)
}
