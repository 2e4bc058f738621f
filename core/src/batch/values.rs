//! Whole values in and out of columns: for headers, defaults and tests, not for rows in bulk.

use super::{Cell, Column, Columns, Layout, NodeId, NodeKind};
use crate::schema::{Kind, Value};

impl Columns {
    /// The whole value of a row; null if the row is absent.
    #[must_use]
    pub fn value(&self, row: usize) -> Value {
        if self.has_row(row) { self.value_of(Layout::ROOT, row) } else { Value::Null }
    }

    /// The value of one node in a row. Text that is not UTF-8 is replaced by
    /// its lossy reading.
    #[must_use]
    pub fn value_of(&self, node: NodeId, row: usize) -> Value {
        let layout = self.layout();
        match &layout.node(node).kind {
            NodeKind::Struct if !self.present(node, row) => Value::Null,
            NodeKind::Struct => {
                Value::Struct(layout.fields(node).map(|f| self.value_of(f, row)).collect())
            }
            NodeKind::List(_) => self.list_of(node, row),
            NodeKind::Leaf => match self.cell(node, row) {
                Cell::Null => Value::Null,
                Cell::Unavailable => Value::Unavailable,
                Cell::Bool(bool) => Value::Bool(bool),
                Cell::Int(int) => Value::Int(int),
                Cell::Float(float) => Value::Float(float),
                cell @ Cell::Span { .. } => {
                    let bytes = self.bytes(cell).unwrap_or_default();
                    if matches!(layout.node(node).schema.kind(), Kind::Bytes) {
                        Value::Bytes(bytes.to_vec())
                    } else {
                        Value::Text(String::from_utf8_lossy(bytes).into_owned())
                    }
                }
            },
        }
    }

    fn list_of(&self, node: NodeId, row: usize) -> Value {
        let Column::Lists { spans, items } = self.column(node) else { return Value::Null };
        match spans.get(row) {
            Some(&Cell::Span { start, len }) => {
                let rows = start as usize..start as usize + len as usize;
                let values = rows.map(|item| items.value(item));
                if matches!(self.layout().node(node).schema.kind(), Kind::Map(..)) {
                    Value::Map(values.filter_map(entry).collect())
                } else {
                    Value::List(values.collect())
                }
            }
            Some(Cell::Unavailable) => Value::Unavailable,
            _ => Value::Null,
        }
    }

    /// Adds a row with this value, which must fit the schema.
    pub fn push_value(&mut self, value: &Value) {
        if matches!(value, Value::Null) && matches!(self.layout().node(0).kind, NodeKind::Struct) {
            return self.absent_row();
        }
        self.set_value(Layout::ROOT, value);
        self.end_row();
    }

    /// Sets a node of the current row, with all below it.
    pub fn set_value(&mut self, node: NodeId, value: &Value) {
        match value {
            Value::Null => {}
            Value::Unavailable => self.set_unavailable(node),
            Value::Bool(bool) => self.set(node, Cell::Bool(*bool)),
            Value::Int(int) => self.set(node, Cell::Int(*int)),
            Value::Float(float) => self.set(node, Cell::Float(*float)),
            Value::Text(text) => self.set_bytes(node, text.as_bytes()),
            Value::Bytes(bytes) => self.set_bytes(node, bytes),
            Value::Struct(values) => {
                self.set_present(node);
                let fields: Vec<NodeId> = self.layout().fields(node).collect();
                for (field, value) in fields.into_iter().zip(values) {
                    self.set_value(field, value);
                }
            }
            Value::List(values) => self.set_rows(node, values.iter()),
            Value::Map(entries) => {
                let entries: Vec<Value> = entries
                    .iter()
                    .map(|(key, value)| Value::Struct(vec![key.clone(), value.clone()]))
                    .collect();
                self.set_rows(node, entries.iter());
            }
        }
    }

    fn set_rows<'a>(&mut self, node: NodeId, values: impl Iterator<Item = &'a Value>) {
        let written: Result<(), std::convert::Infallible> = self.set_list(node, |items| {
            values.for_each(|value| items.push_value(value));
            Ok(())
        });
        match written {
            Ok(()) => {}
        }
    }
}

fn entry(value: Value) -> Option<(Value, Value)> {
    match value {
        Value::Struct(mut fields) if fields.len() == 2 => {
            let value = fields.pop()?;
            Some((fields.pop()?, value))
        }
        _ => None,
    }
}
