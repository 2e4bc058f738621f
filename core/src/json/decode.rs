//! JSON to rows: a plan per schema.

use std::sync::Arc;

use super::read::{Quoted, Reader};
use super::scalar::{Read as Scalar, read as read_scalar, set_text};
use super::{Options, encode};
use crate::batch::{Columns, Layout, NodeId, NodeKind};
use crate::codec::{DecodeError, DecodeProblem, SchemaError, join, path_of};
use crate::schema::{Kind, Schema, SchemaBuilder, Value};

/// A compiled plan from JSON values to rows of one schema.
#[derive(Debug)]
pub struct Decoder {
    plan: Plan,
}

impl Decoder {
    /// Compiles the plan for a schema.
    pub fn new(schema: &Arc<Schema>, options: &Options) -> Result<Self, SchemaError> {
        let layout = Layout::of(schema);
        Ok(Self { plan: Plan::of(&layout, options)? })
    }

    /// The plan for values without a schema: each is one cell of JSON text,
    /// kept as it came.
    #[must_use]
    pub fn schemaless() -> Self {
        let layout = Layout::of(&SchemaBuilder::json().optional().build());
        let nodes = vec![Node { read: Read::Scalar(Scalar::Json), optional: true, default: None }];
        Self { plan: Plan { layout, nodes } }
    }

    /// The rows' layout.
    #[must_use]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.plan.layout
    }

    /// Adds the row of one JSON value to columns of this decoder's layout. On
    /// an error the row is not there.
    pub fn decode(&self, json: &[u8], into: &mut Columns) -> Result<(), DecodeError> {
        self.decode_within(json, 0, b"", into)
    }

    /// As [`Decoder::decode`], of a value that begins at `start` and is followed
    /// by `tail` and nothing else.
    pub fn decode_within(
        &self,
        json: &[u8],
        start: usize,
        tail: &[u8],
        into: &mut Columns,
    ) -> Result<(), DecodeError> {
        let mut reader = Reader::starting(json, start.min(json.len()));
        let read = match std::str::from_utf8(json) {
            Ok(_) => self.plan.row(&mut reader, into).and_then(|absent| {
                tail.iter()
                    .try_for_each(|&byte| reader.expect(byte))
                    .and_then(|()| reader.end())?;
                Ok(absent)
            }),
            Err(_) => Err(DecodeProblem::NotText.into()),
        };
        match read {
            Ok(false) => into.end_row(),
            Ok(true) => into.absent_row(),
            Err(Fault { field, problem }) => {
                into.discard_row();
                return Err(DecodeError { field, at: reader.at(), problem });
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Plan {
    layout: Arc<Layout>,
    /// By the layout's numbers.
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    read: Read,
    optional: bool,
    /// What null becomes.
    default: Option<Value>,
}

#[derive(Debug)]
enum Read {
    Scalar(Scalar),
    /// Its fields: the name as it stands in JSON without escapes, and the node.
    Struct(Box<[(Arc<str>, NodeId)]>),
    Array(Box<Plan>),
    /// A map with keys of text.
    Object(Box<Plan>, NodeId, NodeId),
    /// Any other map.
    Pairs(Box<Plan>, NodeId, NodeId),
}

struct Fault {
    field: String,
    problem: DecodeProblem,
}

/// A problem whose field is told by the one who knows it.
impl From<DecodeProblem> for Fault {
    fn from(problem: DecodeProblem) -> Self {
        Self { field: String::new(), problem }
    }
}

impl Plan {
    fn of(layout: &Arc<Layout>, options: &Options) -> Result<Self, SchemaError> {
        let nodes = (0..layout.nodes().len()).map(|id| node(layout, id, options));
        Ok(Self { layout: Arc::clone(layout), nodes: nodes.collect::<Result<_, _>>()? })
    }
}

fn node(layout: &Layout, id: NodeId, options: &Options) -> Result<Node, SchemaError> {
    let node = layout.node(id);
    let schema = &node.schema;
    let read = match schema.kind() {
        Kind::Boolean => Read::Scalar(Scalar::Boolean),
        Kind::Int8 => Read::Scalar(Scalar::Int(i8::MIN.into(), i8::MAX.into())),
        Kind::Int16 => Read::Scalar(Scalar::Int(i16::MIN.into(), i16::MAX.into())),
        Kind::Int32 => Read::Scalar(Scalar::Int(i32::MIN.into(), i32::MAX.into())),
        Kind::Int64 => Read::Scalar(Scalar::Int(i64::MIN, i64::MAX)),
        Kind::Float32 => Read::Scalar(Scalar::Float),
        Kind::Float64 => Read::Scalar(Scalar::Double),
        Kind::String => Read::Scalar(Scalar::Text),
        Kind::Bytes => {
            let scale = encode::decimal_scale(schema)?;
            Read::Scalar(scale.map_or(Scalar::Base64, Scalar::Decimal))
        }
        Kind::Json => Read::Scalar(Scalar::Json),
        Kind::Struct(_) => {
            let fields =
                layout.fields(id).map(|field| (Arc::clone(&layout.node(field).name), field));
            Read::Struct(fields.collect())
        }
        Kind::Array(_) | Kind::Map(..) => {
            let NodeKind::List(items) = &node.kind else {
                return Err(SchemaError::new("a list without elements"));
            };
            list(schema.kind(), items, options)?
        }
    };
    let default = schema.default_value().filter(|_| options.nulls_to_defaults).cloned();
    Ok(Node { read, optional: schema.optional(), default })
}

fn list(kind: &Kind, items: &Arc<Layout>, options: &Options) -> Result<Read, SchemaError> {
    let plan = Box::new(Plan::of(items, options)?);
    let Kind::Map(key, _) = kind else { return Ok(Read::Array(plan)) };
    let entry: Vec<NodeId> = items.fields(Layout::ROOT).collect();
    match *entry.as_slice() {
        [name, value] if matches!(key.kind(), Kind::String) => Ok(Read::Object(plan, name, value)),
        [key, value] => Ok(Read::Pairs(plan, key, value)),
        _ => Err(SchemaError::new("a map without entries")),
    }
}

impl Plan {
    /// Reads a whole row; whether it is absent.
    fn row(&self, reader: &mut Reader<'_>, into: &mut Columns) -> Result<bool, Fault> {
        let root = &self.nodes[Layout::ROOT];
        if reader.peek() == Some(b'n') && root.default.is_none() && root.optional {
            reader.word("null")?;
            return Ok(matches!(root.read, Read::Struct(_) | Read::Scalar(Scalar::Json)));
        }
        self.value(Layout::ROOT, reader, into)?;
        Ok(false)
    }

    #[cold]
    fn at(&self, node: NodeId, problem: DecodeProblem) -> Fault {
        Fault { field: path_of(&self.layout, node), problem }
    }

    /// Sets what null, or nothing, means for a node.
    fn null(&self, node: NodeId, into: &mut Columns) -> Result<(), Fault> {
        let plan = &self.nodes[node];
        match &plan.default {
            Some(default) => into.set_value(node, default),
            None if plan.optional || matches!(plan.read, Read::Scalar(Scalar::Json)) => {}
            None => return Err(self.at(node, DecodeProblem::Missing)),
        }
        Ok(())
    }

    fn value(
        &self,
        node: NodeId,
        reader: &mut Reader<'_>,
        into: &mut Columns,
    ) -> Result<(), Fault> {
        let next = reader.peek();
        if next == Some(b'n') {
            reader.word("null").map_err(|problem| self.at(node, problem))?;
            return self.null(node, into);
        }
        match (&self.nodes[node].read, next) {
            (Read::Struct(fields), Some(b'{')) => self.fields(node, fields, reader, into),
            (Read::Array(plan), Some(b'[')) => {
                self.list(node, into, |rows| plan.elements(reader, rows))
            }
            (Read::Object(plan, key, value), Some(b'{')) => {
                self.list(node, into, |rows| plan.entries(*key, *value, reader, rows))
            }
            (Read::Pairs(plan, key, value), Some(b'[')) => {
                self.list(node, into, |rows| plan.pairs(*key, *value, reader, rows))
            }
            (Read::Scalar(scalar), _) => {
                read_scalar(scalar, node, reader, into).map_err(|problem| self.at(node, problem))
            }
            _ => Err(self.at(node, DecodeProblem::WrongType)),
        }
    }

    fn fields(
        &self,
        node: NodeId,
        fields: &[(Arc<str>, NodeId)],
        reader: &mut Reader<'_>,
        into: &mut Columns,
    ) -> Result<(), Fault> {
        into.set_present(node);
        let mut seen = Seen::new(fields.len());
        // Fields mostly come in the schema's order.
        let mut expected = 0;
        if !reader.eat(b'{') {
            return Err(self.at(node, reader.broken()));
        }
        let mut more = !reader.eat(b'}');
        while more {
            let name = reader.text().map_err(|problem| self.at(node, problem))?;
            reader.expect(b':').map_err(|problem| self.at(node, problem))?;
            match position(fields, expected, name) {
                Some(at) => {
                    if seen.set(at) {
                        return Err(self.at(fields[at].1, DecodeProblem::Twice));
                    }
                    self.value(fields[at].1, reader, into)?;
                    expected = at + 1;
                }
                // JsonConverter leaves out what the schema does not name.
                None => reader.skip_value().map_err(|problem| self.at(node, problem))?,
            }
            more = reader.eat(b',');
            if !more {
                reader.expect(b'}').map_err(|problem| self.at(node, problem))?;
            }
        }
        for (at, (_, field)) in fields.iter().enumerate() {
            if !seen.has(at) {
                self.null(*field, into)?;
            }
        }
        Ok(())
    }

    fn list(
        &self,
        node: NodeId,
        into: &mut Columns,
        read: impl FnOnce(&mut Columns) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        into.set_list(node, |rows| {
            read(rows).map_err(|inner| {
                rows.discard_row();
                Fault { field: join(&path_of(&self.layout, node), &inner.field), ..inner }
            })
        })
    }

    fn elements(&self, reader: &mut Reader<'_>, rows: &mut Columns) -> Result<(), Fault> {
        reader.expect(b'[')?;
        let mut more = !reader.eat(b']');
        while more {
            self.value(Layout::ROOT, reader, rows)?;
            rows.end_row();
            more = reader.eat(b',');
            if !more {
                reader.expect(b']')?;
            }
        }
        Ok(())
    }

    fn entries(
        &self,
        key: NodeId,
        value: NodeId,
        reader: &mut Reader<'_>,
        rows: &mut Columns,
    ) -> Result<(), Fault> {
        reader.expect(b'{')?;
        let mut more = !reader.eat(b'}');
        while more {
            rows.set_present(Layout::ROOT);
            let name = reader.text()?;
            set_text(key, name, rows)?;
            reader.expect(b':')?;
            self.value(value, reader, rows)?;
            rows.end_row();
            more = reader.eat(b',');
            if !more {
                reader.expect(b'}')?;
            }
        }
        Ok(())
    }

    fn pairs(
        &self,
        key: NodeId,
        value: NodeId,
        reader: &mut Reader<'_>,
        rows: &mut Columns,
    ) -> Result<(), Fault> {
        reader.expect(b'[')?;
        let mut more = !reader.eat(b']');
        while more {
            rows.set_present(Layout::ROOT);
            reader.expect(b'[')?;
            self.value(key, reader, rows)?;
            reader.expect(b',')?;
            self.value(value, reader, rows)?;
            reader.expect(b']')?;
            rows.end_row();
            more = reader.eat(b',');
            if !more {
                reader.expect(b']')?;
            }
        }
        Ok(())
    }
}

/// The field of this name, looked for first where it is expected.
#[inline]
fn position(fields: &[(Arc<str>, NodeId)], expected: usize, name: Quoted<'_>) -> Option<usize> {
    match fields.get(expected) {
        Some((known, _)) if name.is(known.as_bytes()) => Some(expected),
        _ => fields.iter().position(|(known, _)| name.is(known.as_bytes())),
    }
}

/// Which fields of a struct have come.
enum Seen {
    Few(u128),
    Many(Vec<bool>),
}

impl Seen {
    fn new(fields: usize) -> Self {
        if fields <= 128 { Self::Few(0) } else { Self::Many(vec![false; fields]) }
    }

    /// Marks a field; whether it was marked before.
    fn set(&mut self, at: usize) -> bool {
        match self {
            Self::Few(bits) => {
                let bit = 1 << at;
                let was = *bits & bit != 0;
                *bits |= bit;
                was
            }
            Self::Many(seen) => std::mem::replace(&mut seen[at], true),
        }
    }

    fn has(&self, at: usize) -> bool {
        match self {
            Self::Few(bits) => bits & 1 << at != 0,
            Self::Many(seen) => seen[at],
        }
    }
}
