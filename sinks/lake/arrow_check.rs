//! Which rows fit their Arrow columns, found out before any of them is copied.

use arrow_buffer::i256;
use arrow_schema::{DataType, Field};
use thalweg_core::batch::{Cell, Column, Columns, Layout, NodeId, NodeKind};

use super::arrow_columns::{int128, int256};

/// Why a row does not fit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Misfit {
    Null,
    Unavailable,
    Type,
    Range,
}

/// Which rows do not fit, each with the reason for the first field that is wrong.
pub(super) struct Check<'a> {
    columns: &'a Columns,
    rows: &'a [u32],
    /// One a row; the field's number in the layout.
    misfits: Vec<Option<(NodeId, Misfit)>>,
    found: bool,
}

impl<'a> Check<'a> {
    /// Checks rows against the fields of the root.
    pub(super) fn new(columns: &'a Columns, rows: &'a [u32], fields: &[impl AsRef<Field>]) -> Self {
        let mut check = Self { columns, rows, misfits: vec![None; rows.len()], found: false };
        let layout = columns.layout();
        check.fields(layout, Layout::ROOT, fields);
        check
    }

    /// The reasons by index into the rows; none if all fit.
    pub(super) fn misfits(self) -> Option<Vec<Option<String>>> {
        let layout = self.columns.layout();
        self.found.then(|| {
            let tell = |(node, misfit): (NodeId, Misfit)| {
                format!("field {}: {}", path_of(layout, node), why(misfit))
            };
            self.misfits.into_iter().map(|misfit| misfit.map(tell)).collect()
        })
    }

    fn fields(&mut self, layout: &Layout, of: NodeId, fields: &[impl AsRef<Field>]) {
        for (node, field) in layout.fields(of).zip(fields) {
            self.field(layout, node, field.as_ref());
        }
    }

    fn field(&mut self, layout: &Layout, node: NodeId, field: &Field) {
        if let DataType::Struct(fields) = field.data_type() {
            if !field.is_nullable() {
                self.each(layout, node, |columns, row| {
                    (!columns.present(node, row)).then_some(Misfit::Null)
                });
            }
            return self.fields(layout, node, fields);
        }
        // What all rows share is looked at once.
        if let Column::Constant(cell) = self.columns.column(node)
            && leaf(self.columns, *cell, field).is_none()
        {
            return;
        }
        if let NodeKind::List(items) = &layout.node(node).kind {
            let found = self.items(items, node, field);
            return self.each(layout, node, |columns, row| {
                let cell = columns.cell(node, row);
                let Cell::Span { start, len } = cell else { return leaf(columns, cell, field) };
                let range = start as usize..start as usize + len as usize;
                found.as_ref()?.get(range)?.iter().flatten().next().copied()
            });
        }
        self.each(layout, node, |columns, row| leaf(columns, columns.cell(node, row), field));
    }

    /// Checks all elements of a list's column.
    fn items(&self, layout: &Layout, node: NodeId, field: &Field) -> Option<Vec<Option<Misfit>>> {
        let elements = self.columns.items(node)?;
        let rows: Vec<u32> = (0..u32::try_from(elements.rows()).unwrap_or(u32::MAX)).collect();
        let mut check =
            Check { columns: elements, rows: &rows, misfits: vec![None; rows.len()], found: false };
        match field.data_type() {
            DataType::List(item) => check.field(layout, Layout::ROOT, item),
            DataType::Map(entry, _) => {
                if let DataType::Struct(fields) = entry.data_type() {
                    check.fields(layout, Layout::ROOT, fields);
                }
            }
            _ => {}
        }
        let misfits = check.misfits.iter().map(|misfit| misfit.map(|(_, misfit)| misfit));
        check.found.then(|| misfits.collect())
    }

    /// Asks for each row in which the struct around the node is there.
    fn each(
        &mut self,
        layout: &Layout,
        node: NodeId,
        misfit: impl Fn(&Columns, usize) -> Option<Misfit>,
    ) {
        for (index, &row) in self.rows.iter().enumerate() {
            if let Some(misfit) = misfit(self.columns, row as usize)
                && within(self.columns, layout, node, row as usize)
                && self.misfits[index].is_none()
            {
                self.misfits[index] = Some((node, misfit));
                self.found = true;
            }
        }
    }
}

/// Whether all structs around a node are there.
fn within(columns: &Columns, layout: &Layout, node: NodeId, row: usize) -> bool {
    let mut parent = layout.node(node).parent;
    while let Some(id) = parent {
        if !columns.present(id, row) {
            return false;
        }
        parent = layout.node(id).parent;
    }
    true
}

fn leaf(columns: &Columns, cell: Cell, field: &Field) -> Option<Misfit> {
    let fits = |fits: bool| if fits { None } else { Some(Misfit::Range) };
    match (cell, field.data_type()) {
        (Cell::Null, _) => (!field.is_nullable()).then_some(Misfit::Null),
        (Cell::Unavailable, DataType::Utf8 | DataType::Binary)
        | (Cell::Bool(_), DataType::Boolean)
        | (Cell::Int(_), DataType::Int64 | DataType::Timestamp(..))
        | (Cell::Float(_), DataType::Float32 | DataType::Float64)
        | (Cell::Span { .. }, DataType::List(_) | DataType::Map(..) | DataType::Binary) => None,
        (Cell::Unavailable, _) => Some(Misfit::Unavailable),
        (Cell::Int(int), DataType::Int32 | DataType::Date32 | DataType::Time32(_)) => {
            fits(i32::try_from(int).is_ok())
        }
        (Cell::Int(int), DataType::Int16) => fits(i16::try_from(int).is_ok()),
        (Cell::Int(int), DataType::Int8) => fits(i8::try_from(int).is_ok()),
        (Cell::Span { .. }, DataType::Utf8) => {
            let text = columns.bytes(cell).unwrap_or_default();
            (!text.is_ascii() && std::str::from_utf8(text).is_err()).then_some(Misfit::Type)
        }
        (Cell::Span { .. }, DataType::Decimal128(digits, _)) => {
            let number = columns.bytes(cell).and_then(int128);
            let limit = 10_u128.checked_pow((*digits).into()).unwrap_or(u128::MAX);
            fits(number.is_some_and(|number| number.unsigned_abs() < limit))
        }
        (Cell::Span { .. }, DataType::Decimal256(digits, _)) => {
            let number = columns.bytes(cell).and_then(int256);
            let limit = i256::from_i128(10).wrapping_pow((*digits).into());
            fits(number.is_some_and(|number| number.wrapping_abs() < limit))
        }
        _ => Some(Misfit::Type),
    }
}

fn why(misfit: Misfit) -> &'static str {
    match misfit {
        Misfit::Null => "it is null, and its schema is not optional",
        Misfit::Unavailable => {
            "the source did not send it (unchanged TOAST), and its type has no placeholder: set \
             REPLICA IDENTITY FULL on the table"
        }
        Misfit::Type => "its value is not of the type that its schema says",
        Misfit::Range => "its value is out of the range of its type",
    }
}

fn path_of(layout: &Layout, node: NodeId) -> String {
    let mut names = Vec::new();
    let mut at = Some(node);
    while let Some(id) = at {
        names.push(&*layout.node(id).name);
        at = layout.node(id).parent;
    }
    names.reverse();
    names.join(".").trim_start_matches('.').to_owned()
}
