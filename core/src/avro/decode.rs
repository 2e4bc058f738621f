//! Datums to rows: a plan per writer's schema.

use std::sync::Arc;

use super::parse::{self, Avro, Shape};
use super::{to_connect, varint};
use crate::batch::{Cell, Columns, Layout, NodeId, NodeKind};
use crate::codec::{DecodeError, DecodeProblem, SchemaError, join, path_of};
use crate::schema::{Kind, Schema};

/// Most elements that take no bytes (records without fields, ...) in one array.
const EMPTY_ITEMS_MAX: usize = 10_000;

/// A compiled plan from the datums of one writer's schema to rows.
#[derive(Debug)]
pub struct Decoder {
    plan: Plan,
}

impl Decoder {
    /// Compiles the plan for a writer's schema (JSON text). The rows have the
    /// schema that [`from_json`](super::from_json) gives.
    pub fn new(schema: &str) -> Result<Self, SchemaError> {
        let avro = parse::parse(schema)?;
        let layout = Layout::of(&to_connect::connect(&avro)?);
        let mut plan = Plan { layout, ops: Vec::new() };
        plan.add(&avro, Layout::ROOT)?;
        Ok(Self { plan })
    }

    /// The rows' layout.
    #[must_use]
    pub fn layout(&self) -> &Arc<Layout> {
        &self.plan.layout
    }

    /// The rows' schema.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        self.plan.layout.schema()
    }

    /// Adds the row of one datum to columns of this decoder's layout. On an
    /// error the row is not there.
    pub fn decode(&self, datum: &[u8], into: &mut Columns) -> Result<(), DecodeError> {
        let mut input = Input { bytes: datum, at: 0 };
        let read = self.plan.run(&mut input, into).and_then(|()| {
            if input.at == datum.len() {
                Ok(())
            } else {
                Err(Fault { field: String::new(), problem: DecodeProblem::LeftOver })
            }
        });
        match read {
            Ok(()) => into.end_row(),
            Err(fault) => {
                into.discard_row();
                let Fault { field, problem } = fault;
                return Err(DecodeError { field, at: input.at, problem });
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Plan {
    layout: Arc<Layout>,
    ops: Vec<Op>,
}

/// A leaf, and where null stands in its union.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    node: u32,
    /// Number of the null branch; [`REQUIRED`] if it is no union with null.
    null: u8,
}

const REQUIRED: u8 = u8::MAX;

#[derive(Debug)]
enum Op {
    Boolean(Leaf),
    Int(Leaf, IntRange),
    Long(Leaf),
    Float(Leaf),
    Double(Leaf),
    Bytes(Leaf),
    Text(Leaf),
    Fixed(Leaf, usize),
    Enum(Leaf, Box<[Arc<str>]>),
    /// If null, go on at the given operation.
    Struct(Leaf, u32),
    List(Leaf, Box<Items>),
    /// The struct's node; of each branch the first operation.
    Union(u32, Box<[Branch]>, u32),
    Jump(u32),
}

/// The integers of a type.
#[derive(Clone, Copy, Debug)]
struct IntRange {
    min: i32,
    max: i32,
}

#[derive(Clone, Copy, Debug)]
enum Branch {
    Null,
    Value(u32),
}

#[derive(Debug)]
struct Items {
    plan: Plan,
    /// Whether each takes a byte at least, so that a count can be checked.
    takes_bytes: bool,
}

impl Plan {
    fn add(&mut self, avro: &Avro, node: NodeId) -> Result<(), SchemaError> {
        match &avro.shape {
            Shape::Union(branches) => match to_connect::nullable(branches) {
                Some((value, branch)) => {
                    let null = if value == 0 { 1 } else { 0 };
                    self.add_value(branch, Leaf { node: number(node), null })
                }
                None => self.add_union(branches, node),
            },
            _ => self.add_value(avro, Leaf { node: number(node), null: REQUIRED }),
        }
    }

    fn add_value(&mut self, avro: &Avro, leaf: Leaf) -> Result<(), SchemaError> {
        let op = match &avro.shape {
            Shape::Boolean => Op::Boolean(leaf),
            Shape::Int => Op::Int(leaf, self.int_range(leaf)),
            Shape::Long => Op::Long(leaf),
            Shape::Float => Op::Float(leaf),
            Shape::Double => Op::Double(leaf),
            Shape::Bytes => Op::Bytes(leaf),
            Shape::String => Op::Text(leaf),
            Shape::Fixed(size) => Op::Fixed(leaf, *size),
            Shape::Enum(symbols) => Op::Enum(leaf, symbols.as_slice().into()),
            Shape::Array(element) => self.items(avro, element, leaf)?,
            Shape::Map(value) => self.items(avro, value, leaf)?,
            Shape::Record(fields) => {
                let at = self.ops.len();
                self.ops.push(Op::Struct(leaf, 0));
                let layout = Arc::clone(&self.layout);
                for (field, node) in fields.iter().zip(layout.fields(leaf.node as NodeId)) {
                    self.add(&field.schema, node)?;
                }
                self.ops[at] = Op::Struct(leaf, number(self.ops.len()));
                return Ok(());
            }
            Shape::Null | Shape::Union(_) => {
                return Err(SchemaError::new("Connect has no type for this Avro type"));
            }
        };
        self.ops.push(op);
        Ok(())
    }

    fn int_range(&self, leaf: Leaf) -> IntRange {
        match self.layout.node(leaf.node as NodeId).schema.kind() {
            Kind::Int8 => IntRange { min: i8::MIN.into(), max: i8::MAX.into() },
            Kind::Int16 => IntRange { min: i16::MIN.into(), max: i16::MAX.into() },
            _ => IntRange { min: i32::MIN, max: i32::MAX },
        }
    }

    fn items(&self, avro: &Avro, of: &Avro, leaf: Leaf) -> Result<Op, SchemaError> {
        let NodeKind::List(items) = &self.layout.node(leaf.node as NodeId).kind else {
            return Err(SchemaError::new("an Avro array or map is no list in Connect"));
        };
        let mut plan = Self { layout: Arc::clone(items), ops: Vec::new() };
        let entry: Vec<NodeId> = items.fields(Layout::ROOT).collect();
        let mut takes_bytes = true;
        match (&avro.shape, to_connect::map_entry(of), entry.as_slice()) {
            (Shape::Map(_), _, &[key, value]) => {
                plan.add_entry();
                plan.ops.push(Op::Text(Leaf { node: number(key), null: REQUIRED }));
                plan.add(of, value)?;
            }
            (Shape::Array(_), Some((key_type, value_type)), &[key, value]) => {
                plan.add_entry();
                plan.add(key_type, key)?;
                plan.add(value_type, value)?;
                takes_bytes = of.takes_bytes();
            }
            _ => {
                plan.add(of, Layout::ROOT)?;
                takes_bytes = of.takes_bytes();
            }
        }
        Ok(Op::List(leaf, Box::new(Items { plan, takes_bytes })))
    }

    /// The struct of key and value that a map's entry is in columns.
    fn add_entry(&mut self) {
        self.ops.push(Op::Struct(Leaf { node: number(Layout::ROOT), null: REQUIRED }, 0));
    }

    fn add_union(&mut self, branches: &[Arc<Avro>], node: NodeId) -> Result<(), SchemaError> {
        let at = self.ops.len();
        self.ops.push(Op::Jump(0));
        let layout = Arc::clone(&self.layout);
        let mut fields = layout.fields(node);
        let (mut table, mut jumps) = (Vec::new(), Vec::new());
        for branch in branches {
            if branch.is_null() {
                table.push(Branch::Null);
                continue;
            }
            let Some(field) = fields.next() else { break };
            table.push(Branch::Value(number(self.ops.len())));
            self.add(branch, field)?;
            jumps.push(self.ops.len());
            self.ops.push(Op::Jump(0));
        }
        let end = number(self.ops.len());
        for jump in jumps {
            self.ops[jump] = Op::Jump(end);
        }
        self.ops[at] = Op::Union(number(node), table.into(), end);
        Ok(())
    }
}

/// Numbers of nodes and operations stay far below 32 bits (invariant 7).
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX - 1)
}

/// The bytes of a datum and how far they are read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

struct Fault {
    field: String,
    problem: DecodeProblem,
}

impl<'a> Input<'a> {
    #[inline]
    fn long(&mut self) -> Result<i64, DecodeProblem> {
        varint::read(self.bytes, &mut self.at).map_err(|fault| match fault {
            varint::Fault::Truncated => DecodeProblem::Truncated,
            varint::Fault::TooLong => DecodeProblem::OutOfRange,
        })
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeProblem> {
        let end = self.at.checked_add(len).ok_or(DecodeProblem::BadLength)?;
        let taken = self.bytes.get(self.at..end).ok_or(DecodeProblem::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeProblem> {
        self.take(N)?.try_into().map_err(|_| DecodeProblem::Truncated)
    }

    /// Bytes behind their length.
    #[inline]
    fn bytes(&mut self) -> Result<&'a [u8], DecodeProblem> {
        let len = usize::try_from(self.long()?).map_err(|_| DecodeProblem::BadLength)?;
        self.take(len)
    }

    /// Whether a leaf has a value: reads the branch of its union with null.
    #[inline]
    fn is_there(&mut self, leaf: Leaf) -> Result<bool, DecodeProblem> {
        if leaf.null == REQUIRED {
            return Ok(true);
        }
        // Branches 0 and 1 are the bytes 0 and 2.
        let branch = match self.bytes.get(self.at) {
            Some(0) => 0,
            Some(2) => 1,
            Some(_) => return Err(DecodeProblem::NoSuchBranch),
            None => return Err(DecodeProblem::Truncated),
        };
        self.at += 1;
        Ok(branch != leaf.null)
    }

    /// Number of elements in the next block of an array or map.
    fn block(&mut self) -> Result<usize, DecodeProblem> {
        let count = self.long()?;
        if count < 0 {
            // The block's size in bytes follows, for readers that skip it.
            self.long()?;
        }
        usize::try_from(count.unsigned_abs()).map_err(|_| DecodeProblem::BadLength)
    }
}

impl Plan {
    #[cold]
    fn fault(&self, op: Option<&Op>, problem: DecodeProblem) -> Fault {
        let node = match op {
            Some(
                Op::Boolean(leaf)
                | Op::Int(leaf, _)
                | Op::Long(leaf)
                | Op::Float(leaf)
                | Op::Double(leaf)
                | Op::Bytes(leaf)
                | Op::Text(leaf)
                | Op::Fixed(leaf, _)
                | Op::Enum(leaf, _)
                | Op::Struct(leaf, _)
                | Op::List(leaf, _),
            ) => leaf.node,
            Some(Op::Union(node, ..)) => *node,
            Some(Op::Jump(_)) | None => 0,
        };
        Fault { field: path_of(&self.layout, node as NodeId), problem }
    }

    fn run(&self, input: &mut Input<'_>, into: &mut Columns) -> Result<(), Fault> {
        let mut at = 0;
        while let Some(op) = self.ops.get(at) {
            at += 1;
            match op {
                Op::List(leaf, items) => self.read_list(op, *leaf, items, input, into)?,
                _ => match step(op, input, into) {
                    Ok(None) => {}
                    Ok(Some(to)) => at = to as usize,
                    Err(problem) => return Err(self.fault(Some(op), problem)),
                },
            }
        }
        Ok(())
    }

    fn read_list(
        &self,
        op: &Op,
        leaf: Leaf,
        items: &Items,
        input: &mut Input<'_>,
        into: &mut Columns,
    ) -> Result<(), Fault> {
        let fault = |problem| self.fault(Some(op), problem);
        if !input.is_there(leaf).map_err(fault)? {
            return Ok(());
        }
        into.set_list(leaf.node as NodeId, |rows| {
            let mut empty = 0;
            loop {
                let count = input.block().map_err(fault)?;
                if count == 0 {
                    return Ok(());
                }
                // invariant 7: a count says nothing until the bytes are there.
                if items.takes_bytes && count > input.bytes.len() - input.at {
                    return Err(fault(DecodeProblem::BadLength));
                }
                if !items.takes_bytes {
                    empty += count.min(EMPTY_ITEMS_MAX + 1);
                    if empty > EMPTY_ITEMS_MAX {
                        return Err(fault(DecodeProblem::BadLength));
                    }
                }
                for _ in 0..count {
                    if let Err(inner) = items.plan.run(input, rows) {
                        rows.discard_row();
                        let outer = path_of(&self.layout, leaf.node as NodeId);
                        return Err(Fault { field: join(&outer, &inner.field), ..inner });
                    }
                    rows.end_row();
                }
            }
        })
    }
}

/// One operation on a leaf or struct; where to go on if not at the next one.
#[inline]
fn step(op: &Op, input: &mut Input<'_>, into: &mut Columns) -> Result<Option<u32>, DecodeProblem> {
    match op {
        Op::Text(leaf) => {
            if input.is_there(*leaf)? {
                let bytes = input.bytes()?;
                std::str::from_utf8(bytes).map_err(|_| DecodeProblem::NotText)?;
                put_bytes(*leaf, bytes, into)?;
            }
        }
        Op::Int(leaf, range) => {
            if input.is_there(*leaf)? {
                let int = input.long()?;
                if int < range.min.into() || int > range.max.into() {
                    return Err(DecodeProblem::OutOfRange);
                }
                into.set(leaf.node as NodeId, Cell::Int(int));
            }
        }
        Op::Long(leaf) => {
            if input.is_there(*leaf)? {
                let int = input.long()?;
                into.set(leaf.node as NodeId, Cell::Int(int));
            }
        }
        Op::Boolean(leaf) => {
            if input.is_there(*leaf)? {
                let bool = match input.array::<1>()?[0] {
                    0 => false,
                    1 => true,
                    _ => return Err(DecodeProblem::WrongType),
                };
                into.set(leaf.node as NodeId, Cell::Bool(bool));
            }
        }
        Op::Double(leaf) => {
            if input.is_there(*leaf)? {
                let float = f64::from_le_bytes(input.array()?);
                into.set(leaf.node as NodeId, Cell::Float(float));
            }
        }
        Op::Float(leaf) => {
            if input.is_there(*leaf)? {
                let float = f32::from_le_bytes(input.array()?);
                into.set(leaf.node as NodeId, Cell::Float(float.into()));
            }
        }
        Op::Struct(leaf, end) => {
            if !input.is_there(*leaf)? {
                return Ok(Some(*end));
            }
            into.set_present(leaf.node as NodeId);
        }
        Op::Jump(to) => return Ok(Some(*to)),
        _ => return rare_step(op, input, into),
    }
    Ok(None)
}

/// The operations that Debezium's rows seldom need.
fn rare_step(
    op: &Op,
    input: &mut Input<'_>,
    into: &mut Columns,
) -> Result<Option<u32>, DecodeProblem> {
    match op {
        Op::Bytes(leaf) => {
            if input.is_there(*leaf)? {
                put_bytes(*leaf, input.bytes()?, into)?;
            }
        }
        Op::Fixed(leaf, size) => {
            if input.is_there(*leaf)? {
                put_bytes(*leaf, input.take(*size)?, into)?;
            }
        }
        Op::Enum(leaf, symbols) => {
            if input.is_there(*leaf)? {
                let symbol = usize::try_from(input.long()?).ok().and_then(|n| symbols.get(n));
                let symbol = symbol.ok_or(DecodeProblem::NoSuchBranch)?;
                put_bytes(*leaf, symbol.as_bytes(), into)?;
            }
        }
        Op::Union(node, branches, end) => {
            let branch = usize::try_from(input.long()?).ok().and_then(|n| branches.get(n));
            match branch.ok_or(DecodeProblem::NoSuchBranch)? {
                Branch::Null => return Ok(Some(*end)),
                Branch::Value(first) => {
                    into.set_present(*node as NodeId);
                    return Ok(Some(*first));
                }
            }
        }
        Op::Boolean(_)
        | Op::Int(..)
        | Op::Long(_)
        | Op::Float(_)
        | Op::Double(_)
        | Op::Text(_)
        | Op::Struct(..)
        | Op::Jump(_)
        | Op::List(..) => {}
    }
    Ok(None)
}

#[inline]
fn put_bytes(leaf: Leaf, bytes: &[u8], into: &mut Columns) -> Result<(), DecodeProblem> {
    if into.try_set_bytes(leaf.node as NodeId, bytes) { Ok(()) } else { Err(DecodeProblem::Full) }
}
