//! Rows to datums: a plan per schema.

mod bind;
mod write;

use std::sync::Arc;

pub use bind::Bound;

use super::Options;
use super::from_connect::{self, fixed_size, is_union, null_is_first};
use crate::batch::{Columns, Layout, NodeId, NodeKind};
use crate::codec::{EncodeError, SchemaError, placeholder};
use crate::schema::{Kind, Schema, SchemaBuilder, Value};

/// A compiled plan from the rows of one layout to Avro datums.
#[derive(Debug)]
pub struct Encoder {
    plan: Plan,
    schema: String,
}

impl Encoder {
    /// Compiles the plan for a layout.
    pub fn new(layout: &Arc<Layout>, options: &Options) -> Result<Self, SchemaError> {
        let schema = from_connect::schema_json(layout.schema(), options)?;
        Ok(Self { plan: Plan::of(layout, Setup { options, placeholders: true })?, schema })
    }

    /// The Avro schema of the datums, as JSON text.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Gets ready for all rows of a batch: what they share is encoded once.
    #[must_use]
    pub fn bind<'a>(&'a self, columns: &'a Columns) -> Bound<'a> {
        Bound::new(&self.plan, columns)
    }

    /// Appends the datum of one row, which must be there
    /// ([`Columns::has_row`]). On an error `out` is as it was.
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

/// The operations for one layout, in the order of the datum's fields.
#[derive(Debug)]
struct Plan {
    layout: Arc<Layout>,
    ops: Vec<Op>,
    /// Ready-made datums: nulls, defaults, placeholders.
    datums: Vec<Box<[u8]>>,
}

/// What every operation knows of its node.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    node: u32,
    /// Byte of the branch of a union with null; [`NO_BRANCH`] without one.
    branch: u8,
    /// What is written for null: a datum, or [`NO_DATUM`].
    null: u32,
    /// What is written for a value that the source did not send.
    unavailable: u32,
}

const NO_BRANCH: u8 = u8::MAX;
const NO_DATUM: u32 = u32::MAX;

#[derive(Debug)]
enum Op {
    Boolean(Leaf),
    /// An integer of 8, 16 or 32 bits.
    Int(Leaf),
    Long(Leaf),
    Float(Leaf),
    Double(Leaf),
    /// Text or bytes.
    Bytes(Leaf),
    Fixed(Leaf, usize),
    /// If absent, go on at `end`.
    Struct(Leaf, u32),
    List(Leaf, Box<Plan>),
    Union(Leaf, Box<Union>),
    Jump(u32),
}

#[derive(Debug)]
struct Union {
    /// Of each branch: the field's node, the branch's number, its first operation.
    branches: Vec<(NodeId, i64, u32)>,
    end: u32,
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a struct, or alone.
    Field,
    /// In an array or a map, where null stays null even if there is a default.
    Element,
    /// In a union of several.
    Branch,
}

/// How plans are made.
#[derive(Clone, Copy)]
struct Setup<'a> {
    options: &'a Options,
    /// Off while a ready-made datum is made, which holds none.
    placeholders: bool,
}

impl Setup<'_> {
    fn placeholder(self, schema: &Schema) -> Option<Value> {
        placeholder(schema, &self.options.placeholder)
            .filter(|_| self.placeholders && fixed_size(schema).is_none())
    }
}

impl Plan {
    fn of(layout: &Arc<Layout>, setup: Setup<'_>) -> Result<Self, SchemaError> {
        let mut plan = Self { layout: Arc::clone(layout), ops: Vec::new(), datums: Vec::new() };
        plan.add(Layout::ROOT, Place::Field, setup)?;
        Ok(plan)
    }

    fn node(&self, node: NodeId) -> Arc<Schema> {
        Arc::clone(&self.layout.node(node).schema)
    }

    fn datum(&mut self, bytes: Vec<u8>) -> u32 {
        self.datums.push(bytes.into());
        number(self.datums.len() - 1)
    }

    fn leaf(&mut self, node: NodeId, place: Place, setup: Setup<'_>) -> Result<Leaf, SchemaError> {
        let schema = self.node(node);
        let optional = schema.optional() && place != Place::Branch;
        let null_first = null_is_first(&schema);
        let (branch, null_branch) = match (optional, null_first) {
            (false, _) => (NO_BRANCH, None),
            (true, true) => (2, Some(0)),
            (true, false) => (0, Some(2)),
        };
        let mut leaf = Leaf { node: number(node), branch, null: NO_DATUM, unavailable: NO_DATUM };
        let keeps_null = match place {
            Place::Field => optional && setup.options.keep_nulls,
            Place::Element => optional,
            Place::Branch => true,
        };
        let default = schema.default_value().filter(|_| !keeps_null);
        if let Some(value) = default {
            let datum = ready_made(&schema, value, branch, setup)?;
            leaf.null = self.datum(datum);
        } else if let Some(null) = null_branch {
            leaf.null = self.datum(vec![null]);
        }
        leaf.unavailable = match setup.placeholder(&schema) {
            Some(value) => {
                let datum = ready_made(&schema, &value, branch, setup)?;
                self.datum(datum)
            }
            None => null_branch.map_or(NO_DATUM, |null| self.datum(vec![null])),
        };
        Ok(leaf)
    }

    fn add(&mut self, node: NodeId, place: Place, setup: Setup<'_>) -> Result<(), SchemaError> {
        let schema = self.node(node);
        if is_union(&schema) {
            return self.add_union(node, setup);
        }
        let leaf = self.leaf(node, place, setup)?;
        match schema.kind() {
            Kind::Boolean => self.ops.push(Op::Boolean(leaf)),
            Kind::Int8 | Kind::Int16 | Kind::Int32 => self.ops.push(Op::Int(leaf)),
            Kind::Int64 => self.ops.push(Op::Long(leaf)),
            Kind::Float32 => self.ops.push(Op::Float(leaf)),
            Kind::Float64 => self.ops.push(Op::Double(leaf)),
            Kind::String => self.ops.push(Op::Bytes(leaf)),
            Kind::Bytes => self.ops.push(match fixed_size(&schema) {
                Some(size) => Op::Fixed(leaf, size),
                None => Op::Bytes(leaf),
            }),
            Kind::Array(_) | Kind::Map(..) => self.add_list(leaf, setup)?,
            Kind::Struct(_) => self.add_struct(leaf, setup)?,
            Kind::Json => return Err(SchemaError::new("a value without a schema is no Avro")),
        }
        Ok(())
    }

    fn add_struct(&mut self, leaf: Leaf, setup: Setup<'_>) -> Result<(), SchemaError> {
        let at = self.ops.len();
        self.ops.push(Op::Struct(leaf, 0));
        let layout = Arc::clone(&self.layout);
        for field in layout.fields(leaf.node as NodeId) {
            self.add(field, Place::Field, setup)?;
        }
        self.ops[at] = Op::Struct(leaf, number(self.ops.len()));
        Ok(())
    }

    fn add_list(&mut self, leaf: Leaf, setup: Setup<'_>) -> Result<(), SchemaError> {
        let layout = Arc::clone(&self.layout);
        let node = layout.node(leaf.node as NodeId);
        let NodeKind::List(items) = &node.kind else { return Ok(()) };
        let mut plan = Self { layout: Arc::clone(items), ops: Vec::new(), datums: Vec::new() };
        // A map's entry is a key and a value: in Avro's maps, and in arrays of
        // records of the two, all the same.
        if matches!(node.schema.kind(), Kind::Map(..)) {
            for field in items.fields(Layout::ROOT) {
                plan.add(field, Place::Element, setup)?;
            }
        } else {
            plan.add(Layout::ROOT, Place::Element, setup)?;
        }
        self.ops.push(Op::List(leaf, Box::new(plan)));
        Ok(())
    }

    fn add_union(&mut self, node: NodeId, setup: Setup<'_>) -> Result<(), SchemaError> {
        let optional = self.layout.node(node).schema.optional();
        let mut leaf =
            Leaf { node: number(node), branch: NO_BRANCH, null: NO_DATUM, unavailable: NO_DATUM };
        if optional {
            leaf.null = self.datum(vec![0]);
        }
        let at = self.ops.len();
        self.ops.push(Op::Jump(0));
        let layout = Arc::clone(&self.layout);
        let (mut branches, mut jumps) = (Vec::new(), Vec::new());
        let first = i64::from(optional);
        for (field, branch) in layout.fields(node).zip(first..) {
            branches.push((field, branch, number(self.ops.len())));
            self.add(field, Place::Branch, setup)?;
            jumps.push(self.ops.len());
            self.ops.push(Op::Jump(0));
        }
        let end = number(self.ops.len());
        for jump in jumps {
            self.ops[jump] = Op::Jump(end);
        }
        self.ops[at] = Op::Union(leaf, Box::new(Union { branches, end }));
        Ok(())
    }
}

/// The datum of one value, with the byte of its branch before it.
fn ready_made(
    schema: &Arc<Schema>,
    value: &Value,
    branch: u8,
    setup: Setup<'_>,
) -> Result<Vec<u8>, SchemaError> {
    let bare = SchemaBuilder::from_schema(schema).optional_if(false).without_default().build();
    let layout = Layout::of(&bare);
    let mut columns = Columns::new(Arc::clone(&layout));
    columns.push_value(value);
    let mut datum = if branch == NO_BRANCH { Vec::new() } else { vec![branch] };
    let plan = Plan::of(&layout, Setup { placeholders: false, ..setup })?;
    plan.run(&columns, 0, &mut datum)
        .map_err(|error| SchemaError::new(format!("its default can't be written: {error}")))?;
    Ok(datum)
}

/// Numbers of nodes, operations and datums stay far below 32 bits (invariant 7).
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX - 1)
}
