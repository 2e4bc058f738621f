//! A column set: the keys or the values of a batch.

use std::sync::Arc;

use super::{Cell, Layout, NodeId, NodeKind};

/// One column. A row past the end of the stored cells has none: null in a leaf,
/// absent in a struct. So a column that no row needs stays empty.
#[derive(Clone, Debug)]
pub enum Column {
    /// A leaf's cells, one per row.
    Cells(Vec<Cell>),
    /// A leaf that is the same in all rows.
    Constant(Cell),
    /// A struct's presence, one per row.
    Presence(Vec<bool>),
    /// A struct that is there in all rows.
    AllPresent,
    /// An array or map: a range of the child's rows per row.
    Lists {
        /// The ranges.
        spans: Vec<Cell>,
        /// The elements of all rows.
        items: Box<Columns>,
    },
}

/// How much room rows take.
#[derive(Clone, Debug)]
pub struct Room {
    cells: Box<[usize]>,
    arena: usize,
}

/// Rows of one schema, column by column.
///
/// A row is written by `set*` calls in any order, then [`Columns::end_row`];
/// what is not set is null. Reading out of range gives null, never a panic.
#[derive(Clone, Debug)]
pub struct Columns {
    layout: Arc<Layout>,
    columns: Vec<Column>,
    /// Root presence; rows past its end are present.
    absent: Vec<bool>,
    arena: Vec<u8>,
    rows: usize,
    cells: usize,
}

impl Columns {
    /// The most bytes of text an arena may hold: a cell's range is 32 bits.
    pub const ARENA_BYTES_MAX: usize = u32::MAX as usize;

    /// A column set without rows.
    #[must_use]
    pub fn new(layout: Arc<Layout>) -> Self {
        let columns = layout
            .nodes()
            .iter()
            .map(|node| match &node.kind {
                NodeKind::Leaf => Column::Cells(Vec::new()),
                NodeKind::Struct => Column::Presence(Vec::new()),
                NodeKind::List(items) => Column::Lists {
                    spans: Vec::new(),
                    items: Box::new(Columns::new(Arc::clone(items))),
                },
            })
            .collect();
        Self { layout, columns, absent: Vec::new(), arena: Vec::new(), rows: 0, cells: 0 }
    }

    /// How much room the rows take, column by column.
    #[must_use]
    pub fn room(&self) -> Room {
        let cells = self.columns.iter().map(|column| match column {
            Column::Cells(cells) | Column::Lists { spans: cells, .. } => cells.len(),
            Column::Presence(present) => present.len(),
            Column::Constant(_) | Column::AllPresent => 0,
        });
        Room { cells: cells.collect(), arena: self.arena.len() }
    }

    /// Makes room for rows like others of the same layout: batches of one table
    /// are much alike.
    pub fn make_room(&mut self, room: &Room) {
        for (column, &count) in self.columns.iter_mut().zip(&room.cells) {
            match column {
                Column::Cells(cells) | Column::Lists { spans: cells, .. } => cells.reserve(count),
                Column::Presence(present) => present.reserve(count),
                Column::Constant(_) | Column::AllPresent => {}
            }
        }
        self.arena.reserve(room.arena);
    }

    /// How the schema lies in columns.
    #[must_use]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Number of finished rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// About how much memory is taken, in bytes, with the room that is made for
    /// rows to come.
    #[must_use]
    pub fn memory(&self) -> usize {
        let columns = self.columns.iter().map(|column| match column {
            Column::Cells(cells) => cells.capacity() * size_of::<Cell>(),
            Column::Presence(present) => present.capacity(),
            Column::Lists { spans, items } => spans.capacity() * size_of::<Cell>() + items.memory(),
            Column::Constant(_) | Column::AllPresent => 0,
        });
        columns.sum::<usize>() + self.absent.capacity() + self.arena.capacity()
    }

    /// About how many bytes the rows are, whatever room there is for more: by
    /// this it is decided when a batch is full.
    #[must_use]
    pub fn size(&self) -> usize {
        let lists: usize = self
            .columns
            .iter()
            .map(|column| match column {
                Column::Lists { items, .. } => items.size(),
                _ => 0,
            })
            .sum();
        self.cells * size_of::<Cell>() + self.arena.len() + lists
    }

    /// Forgets the rows and the constants, keeps the memory.
    pub fn clear(&mut self) {
        for column in &mut self.columns {
            match column {
                Column::Cells(cells) => cells.clear(),
                Column::Constant(_) => *column = Column::Cells(Vec::new()),
                Column::Presence(present) => present.clear(),
                Column::AllPresent => *column = Column::Presence(Vec::new()),
                Column::Lists { spans, items } => {
                    spans.clear();
                    items.clear();
                }
            }
        }
        self.absent.clear();
        self.arena.clear();
        self.rows = 0;
        self.cells = 0;
    }

    // ---- writing the row under construction ----

    /// Sets a leaf of the current row. The node must be a leaf.
    #[inline]
    pub fn set(&mut self, node: NodeId, cell: Cell) {
        if let Column::Cells(cells) = &mut self.columns[node] {
            if cells.len() < self.rows {
                cells.resize(self.rows, Cell::Null);
            }
            cells.push(cell);
            self.cells += 1;
        } else {
            debug_assert!(false, "node {node} is not a leaf of its own");
        }
    }

    /// Sets a text, bytes or JSON leaf of the current row. False if the arena
    /// is full: end the batch before this row.
    #[inline]
    #[must_use = "a full arena must end the batch"]
    pub fn try_set_bytes(&mut self, node: NodeId, bytes: &[u8]) -> bool {
        match self.intern(bytes) {
            Some(cell) => {
                self.set(node, cell);
                true
            }
            None => false,
        }
    }

    /// As [`Columns::try_set_bytes`], for callers that bound their batches far
    /// below 4 GiB; null if the arena is full.
    #[inline]
    pub fn set_bytes(&mut self, node: NodeId, bytes: &[u8]) {
        let cell = self.intern(bytes).unwrap_or_default();
        debug_assert!(!cell.is_null(), "the arena is full");
        self.set(node, cell);
    }

    /// Sets a text or bytes leaf of the current row to its last cell, if that has these bytes:
    /// rows of one table are much alike, and a range of the arena may be that of several
    /// cells. False if it has others, and nothing is set.
    #[inline]
    pub fn set_if_same(&mut self, node: NodeId, bytes: &[u8]) -> bool {
        let Column::Cells(cells) = &mut self.columns[node] else { return false };
        let Some(&Cell::Span { start, len }) = cells.last() else { return false };
        if len as usize != bytes.len() {
            return false;
        }
        let last = self.arena.get(start as usize..).and_then(|rest| rest.get(..bytes.len()));
        if !last.is_some_and(|last| is_same(last, bytes)) {
            return false;
        }
        if cells.len() < self.rows {
            cells.resize(self.rows, Cell::Null);
        }
        // Made anew: copied whole, it would wait for its own parts to be written.
        cells.push(Cell::Span { start, len });
        self.cells += 1;
        true
    }

    /// Puts bytes into the arena, for [`Columns::set`] or
    /// [`Columns::set_constant`].
    #[inline]
    pub fn intern(&mut self, bytes: &[u8]) -> Option<Cell> {
        let start = u32::try_from(self.arena.len()).ok()?;
        let len = u32::try_from(bytes.len()).ok()?;
        start.checked_add(len)?;
        self.arena.extend_from_slice(bytes);
        Some(Cell::Span { start, len })
    }

    /// Lets a writer append bytes of unknown length straight to the arena; the
    /// answer is their range.
    #[inline]
    pub fn intern_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Option<Cell> {
        let start = self.arena.len();
        write(&mut self.arena);
        let len = u32::try_from(self.arena.len() - start).ok()?;
        let start = u32::try_from(start).ok()?;
        start.checked_add(len)?;
        Some(Cell::Span { start, len })
    }

    /// The struct is there in the current row.
    #[inline]
    pub fn set_present(&mut self, node: NodeId) {
        if let Column::Presence(present) = &mut self.columns[node] {
            if present.len() < self.rows {
                present.resize(self.rows, false);
            }
            present.push(true);
            self.cells += 1;
        }
    }

    /// Writes one array or map of the current row: `write` adds the elements
    /// (each a row) to the child column set.
    pub fn set_list<E>(
        &mut self,
        node: NodeId,
        write: impl FnOnce(&mut Columns) -> Result<(), E>,
    ) -> Result<(), E> {
        let Column::Lists { spans, items } = &mut self.columns[node] else {
            debug_assert!(false, "node {node} is not a list");
            return Ok(());
        };
        let first = items.rows;
        write(items)?;
        if spans.len() < self.rows {
            spans.resize(self.rows, Cell::Null);
        }
        spans.push(span(first, items.rows - first));
        self.cells += 1;
        Ok(())
    }

    /// The source did not send this leaf or list in the current row.
    pub fn set_unavailable(&mut self, node: NodeId) {
        let rows = self.rows;
        match &mut self.columns[node] {
            Column::Cells(cells) | Column::Lists { spans: cells, .. } => {
                if cells.len() < rows {
                    cells.resize(rows, Cell::Null);
                }
                cells.push(Cell::Unavailable);
                self.cells += 1;
            }
            _ => {}
        }
    }

    /// A leaf has this cell in all rows.
    pub fn set_constant(&mut self, node: NodeId, cell: Cell) {
        self.columns[node] = Column::Constant(cell);
    }

    /// A struct is there in all rows.
    pub fn set_all_present(&mut self, node: NodeId) {
        self.columns[node] = Column::AllPresent;
    }

    /// The row is complete.
    #[inline]
    pub fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Adds a row that is absent as a whole: a tombstone, a null key.
    pub fn absent_row(&mut self) {
        self.absent.resize(self.rows, false);
        self.absent.push(true);
        self.rows += 1;
    }

    /// Takes back what was set of the current row (it could not be finished).
    pub fn discard_row(&mut self) {
        for column in &mut self.columns {
            match column {
                Column::Cells(cells) => cells.truncate(self.rows),
                Column::Presence(present) => present.truncate(self.rows),
                Column::Lists { spans, .. } => spans.truncate(self.rows),
                Column::Constant(_) | Column::AllPresent => {}
            }
        }
    }

    // ---- reading ----

    /// Whether the row as a whole is there.
    #[inline]
    #[must_use]
    pub fn has_row(&self, row: usize) -> bool {
        row < self.rows && !self.absent.get(row).copied().unwrap_or(false)
    }

    /// Whether some row is absent as a whole.
    #[must_use]
    pub fn has_absent_rows(&self) -> bool {
        !self.absent.is_empty()
    }

    /// A node's column.
    #[must_use]
    pub fn column(&self, node: NodeId) -> &Column {
        &self.columns[node]
    }

    /// A leaf's cell, or a list's range; null for anything else.
    #[inline]
    #[must_use]
    pub fn cell(&self, node: NodeId, row: usize) -> Cell {
        match &self.columns[node] {
            Column::Cells(cells) => cells.get(row).copied().unwrap_or_default(),
            Column::Constant(cell) => *cell,
            Column::Lists { spans, .. } => spans.get(row).copied().unwrap_or_default(),
            Column::Presence(_) | Column::AllPresent => Cell::Null,
        }
    }

    /// Whether a struct is there in this row.
    #[inline]
    #[must_use]
    pub fn present(&self, node: NodeId, row: usize) -> bool {
        match &self.columns[node] {
            Column::Presence(present) => present.get(row).copied().unwrap_or(false),
            Column::AllPresent => true,
            _ => !self.cell(node, row).is_null(),
        }
    }

    /// The elements of an array or map node.
    #[must_use]
    pub fn items(&self, node: NodeId) -> Option<&Columns> {
        match &self.columns[node] {
            Column::Lists { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The bytes of a range in the arena.
    #[inline]
    #[must_use]
    pub fn bytes(&self, cell: Cell) -> Option<&[u8]> {
        match cell {
            Cell::Span { start, len } => {
                let start = start as usize;
                self.arena.get(start..start + len as usize)
            }
            _ => None,
        }
    }

    /// The bytes of a leaf; none if it is null or not text.
    #[must_use]
    pub fn bytes_at(&self, node: NodeId, row: usize) -> Option<&[u8]> {
        self.bytes(self.cell(node, row))
    }
}

/// A range of child rows. Their number is bounded by the batch's bytes, far
/// below 32 bits.
fn span(first: usize, count: usize) -> Cell {
    let bounded = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Cell::Span { start: bounded(first), len: bounded(count) }
}

/// Whether bytes of one length are the same: short ones without a call.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    fn ends<const N: usize>(bytes: &[u8]) -> Option<([u8; N], [u8; N])> {
        Some((*bytes.first_chunk()?, *bytes.last_chunk()?))
    }
    match a.len() {
        0 => true,
        1 => a[0] == b[0],
        2..4 => ends::<2>(a) == ends(b),
        4..8 => ends::<4>(a) == ends(b),
        8..=16 => ends::<8>(a) == ends(b),
        17..=32 => ends::<16>(a) == ends(b),
        _ => a == b,
    }
}
