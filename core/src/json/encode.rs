//! Rows to JSON: a plan per schema.

use std::sync::Arc;

use super::{DecimalFormat, Options, decimal, write};
use crate::batch::{Cell, Columns, Layout, NodeId, NodeKind};
use crate::codec::{EncodeError, EncodeProblem, SchemaError, join, path_of, placeholder};
use crate::schema::{Kind, Schema, SchemaBuilder, Value};

/// A compiled plan from the rows of one layout to JSON values.
#[derive(Debug)]
pub struct Encoder {
    plan: Plan,
}

impl Encoder {
    /// Compiles the plan for a layout.
    pub fn new(layout: &Arc<Layout>, options: &Options) -> Result<Self, SchemaError> {
        let setup = Setup { options, placeholders: true };
        Ok(Self { plan: Plan::of(layout, Layout::ROOT, setup)? })
    }

    /// Appends the JSON of one row, which must be there ([`Columns::has_row`]).
    /// On an error `out` is as it was.
    #[inline]
    pub fn encode(
        &self,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        self.plan.run(columns, row, out).inspect_err(|_| out.truncate(start))
    }
}

/// How plans are made.
#[derive(Clone, Copy)]
struct Setup<'a> {
    options: &'a Options,
    /// Off while a ready-made text is made, which holds none.
    placeholders: bool,
}

/// The operations for one node and all below it, in the text's order.
#[derive(Debug)]
struct Plan {
    layout: Arc<Layout>,
    ops: Vec<Op>,
    /// What stands before each operation's value: brace, comma, name.
    texts: Vec<u8>,
    /// Ready-made texts: nulls, defaults, placeholders.
    ready: Vec<Box<[u8]>>,
}

#[derive(Debug)]
struct Op {
    node: u32,
    /// The range of `texts` that is written first.
    text: (u32, u32),
    /// What is written for null: a ready-made text, or [`NONE`].
    null: u32,
    /// What is written for a value that the source did not send.
    unavailable: u32,
    write: Write,
}

const NONE: u32 = u32::MAX;

#[derive(Debug)]
enum Write {
    Boolean,
    Int,
    Float,
    Double,
    Text,
    Base64,
    Decimal(i32),
    /// JSON text as it came.
    Json,
    /// A struct; if absent, go on at the operation given.
    Struct(u32),
    /// The text is all.
    Nothing,
    Array(Box<Plan>),
    /// A map with keys of text: the key's node in the entries, and the values.
    Object(NodeId, Box<Plan>),
    /// Any other map: an array of pairs.
    Pairs(Box<Plan>, Box<Plan>),
}

impl Plan {
    fn of(layout: &Arc<Layout>, node: NodeId, setup: Setup<'_>) -> Result<Self, SchemaError> {
        let mut plan = Self {
            layout: Arc::clone(layout),
            ops: Vec::new(),
            texts: Vec::new(),
            ready: Vec::new(),
        };
        plan.add(node, &[], setup)?;
        Ok(plan)
    }

    fn text(&mut self, text: &[u8]) -> (u32, u32) {
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        (number(start), number(self.texts.len()))
    }

    fn ready(&mut self, text: Vec<u8>) -> u32 {
        self.ready.push(text.into());
        number(self.ready.len() - 1)
    }

    fn add(&mut self, node: NodeId, before: &[u8], setup: Setup<'_>) -> Result<(), SchemaError> {
        let layout = Arc::clone(&self.layout);
        let schema = &layout.node(node).schema;
        let text = self.text(before);
        let (null, unavailable) = self.stand_ins(schema, setup)?;
        let write = self.writer(node, setup)?;
        let at = self.ops.len();
        self.ops.push(Op { node: number(node), text, null, unavailable, write });
        if let Kind::Struct(_) = schema.kind() {
            let mut before = Vec::new();
            for (count, field) in layout.fields(node).enumerate() {
                before.clear();
                before.push(if count == 0 { b'{' } else { b',' });
                write::text(layout.node(field).name.as_bytes(), &mut before);
                before.push(b':');
                self.add(field, &before, setup)?;
            }
            let close: &[u8] = if schema.fields().is_empty() { b"{}" } else { b"}" };
            let (text, write) = (self.text(close), Write::Nothing);
            self.ops.push(Op { node: number(node), text, null: NONE, unavailable: NONE, write });
            self.ops[at].write = Write::Struct(number(self.ops.len()));
        }
        Ok(())
    }

    /// What is written for null and for a value that was not sent.
    fn stand_ins(
        &mut self,
        schema: &Arc<Schema>,
        setup: Setup<'_>,
    ) -> Result<(u32, u32), SchemaError> {
        let default = schema.default_value().filter(|_| setup.options.nulls_to_defaults);
        let null = match default {
            Some(value) => Some(ready_made(schema, value, setup.options)?),
            None if schema.optional() || matches!(schema.kind(), Kind::Json) => {
                Some(b"null".to_vec())
            }
            None => None,
        };
        let null = null.map_or(NONE, |text| self.ready(text));
        let value = placeholder(schema, &setup.options.placeholder);
        let unavailable = match value.filter(|_| setup.placeholders) {
            Some(value) => Some(ready_made(schema, &value, setup.options)?),
            None => schema.optional().then(|| b"null".to_vec()),
        };
        Ok((null, unavailable.map_or(NONE, |text| self.ready(text))))
    }

    fn writer(&self, node: NodeId, setup: Setup<'_>) -> Result<Write, SchemaError> {
        let node = self.layout.node(node);
        Ok(match node.schema.kind() {
            Kind::Boolean => Write::Boolean,
            Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => Write::Int,
            Kind::Float32 => Write::Float,
            Kind::Float64 => Write::Double,
            Kind::String => Write::Text,
            Kind::Json => Write::Json,
            Kind::Bytes => match decimal_scale(&node.schema)? {
                Some(scale) if setup.options.decimals == DecimalFormat::Numeric => {
                    Write::Decimal(scale)
                }
                _ => Write::Base64,
            },
            Kind::Struct(_) => Write::Struct(0),
            Kind::Array(_) | Kind::Map(..) => {
                let NodeKind::List(items) = &node.kind else { return Ok(Write::Nothing) };
                list_writer(node.schema.kind(), items, setup)?
            }
        })
    }
}

fn list_writer(kind: &Kind, items: &Arc<Layout>, setup: Setup<'_>) -> Result<Write, SchemaError> {
    let plan = |node| Plan::of(items, node, setup).map(Box::new);
    let Kind::Map(key, _) = kind else { return Ok(Write::Array(plan(Layout::ROOT)?)) };
    let entry: Vec<NodeId> = items.fields(Layout::ROOT).collect();
    match *entry.as_slice() {
        [key_node, value] if matches!(key.kind(), Kind::String) => {
            Ok(Write::Object(key_node, plan(value)?))
        }
        [key_node, value] => Ok(Write::Pairs(plan(key_node)?, plan(value)?)),
        _ => Ok(Write::Nothing),
    }
}

/// The scale of a decimal; none if the schema is none.
pub(super) fn decimal_scale(schema: &Schema) -> Result<Option<i32>, SchemaError> {
    if schema.name() != Some("org.apache.kafka.connect.data.Decimal") {
        return Ok(None);
    }
    let scale = schema.parameter("scale").and_then(|scale| scale.parse().ok());
    let bad = || SchemaError::new("a decimal's parameter scale must be a whole number");
    scale.map(Some).ok_or_else(bad)
}

/// The JSON of one value.
pub(super) fn ready_made(
    schema: &Schema,
    value: &Value,
    options: &Options,
) -> Result<Vec<u8>, SchemaError> {
    let bare = SchemaBuilder::from_schema(schema).without_default().build();
    let layout = Layout::of(&bare);
    let mut row = Columns::new(Arc::clone(&layout));
    row.push_value(value);
    let mut text = Vec::new();
    Plan::of(&layout, Layout::ROOT, Setup { options, placeholders: false })?
        .run(&row, 0, &mut text)
        .map_err(|error| SchemaError::new(format!("its default can't be written: {error}")))?;
    Ok(text)
}

/// Numbers of nodes and operations stay far below 32 bits (invariant 7).
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX - 1)
}

impl Plan {
    #[cold]
    fn fault(&self, op: &Op, problem: EncodeProblem) -> EncodeError {
        EncodeError { field: path_of(&self.layout, op.node as NodeId), problem }
    }

    fn no_value(&self, op: &Op, cell: Cell, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (ready, problem) = match cell {
            Cell::Null => (op.null, EncodeProblem::Null),
            Cell::Unavailable => (op.unavailable, EncodeProblem::Unavailable),
            _ => (NONE, EncodeProblem::WrongType),
        };
        match self.ready.get(ready as usize) {
            Some(text) => {
                out.extend_from_slice(text);
                Ok(())
            }
            None => Err(self.fault(op, problem)),
        }
    }

    fn run(&self, columns: &Columns, row: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut at = 0;
        while let Some(op) = self.ops.get(at) {
            at += 1;
            out.extend_from_slice(&self.texts[op.text.0 as usize..op.text.1 as usize]);
            match &op.write {
                Write::Nothing => {}
                Write::Struct(end) => {
                    if !columns.present(op.node as NodeId, row) {
                        self.no_value(op, Cell::Null, out)?;
                        at = *end as usize;
                    }
                }
                _ => match columns.cell(op.node as NodeId, row) {
                    cell @ (Cell::Null | Cell::Unavailable) => self.no_value(op, cell, out)?,
                    cell => self.value(op, cell, columns, out)?,
                },
            }
        }
        Ok(())
    }

    #[inline]
    fn value(
        &self,
        op: &Op,
        cell: Cell,
        columns: &Columns,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match (&op.write, cell) {
            (Write::Int, Cell::Int(int)) => write::int(int, out),
            (Write::Boolean, Cell::Bool(bool)) => {
                out.extend_from_slice(if bool { b"true" } else { b"false" });
            }
            (Write::Double, Cell::Float(float)) => write::double(float, out),
            (Write::Float, Cell::Float(float)) => write::float(float, out),
            (Write::Text | Write::Base64 | Write::Decimal(_) | Write::Json, Cell::Span { .. }) => {
                let bytes = columns.bytes(cell).unwrap_or_default();
                match &op.write {
                    Write::Text => write::text(bytes, out),
                    Write::Base64 => write::base64(bytes, out),
                    Write::Decimal(scale) => decimal::write(bytes, *scale, out),
                    _ => out.extend_from_slice(bytes),
                }
            }
            (_, Cell::Span { start, len }) => {
                let Some(items) = columns.items(op.node as NodeId) else {
                    return Err(self.fault(op, EncodeProblem::WrongType));
                };
                let rows = start as usize..start as usize + len as usize;
                write_list(&op.write, items, rows, out).map_err(|inner| EncodeError {
                    field: join(&path_of(&self.layout, op.node as NodeId), &inner.field),
                    problem: inner.problem,
                })?;
            }
            _ => return Err(self.fault(op, EncodeProblem::WrongType)),
        }
        Ok(())
    }
}

fn write_list(
    write: &Write,
    items: &Columns,
    rows: std::ops::Range<usize>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let is_object = matches!(write, Write::Object(..));
    out.push(if is_object { b'{' } else { b'[' });
    let first = rows.start;
    for row in rows {
        if row > first {
            out.push(b',');
        }
        match write {
            Write::Array(plan) => plan.run(items, row, out)?,
            Write::Object(key, values) => {
                match items.bytes_at(*key, row) {
                    Some(key) => write::text(key, out),
                    None => write::text(b"null", out),
                }
                out.push(b':');
                values.run(items, row, out)?;
            }
            Write::Pairs(keys, values) => {
                out.push(b'[');
                keys.run(items, row, out)?;
                out.push(b',');
                values.run(items, row, out)?;
                out.push(b']');
            }
            _ => {}
        }
    }
    out.push(if is_object { b'}' } else { b']' });
    Ok(())
}
