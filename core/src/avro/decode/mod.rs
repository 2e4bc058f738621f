//! Datums to rows: a plan per writer's schema, or per writer's and reader's.
//!
//! | file | what |
//! |---|---|
//! | `compile` | the plan for a writer's schema as it is |
//! | `resolve` | the plan for what another schema sees of it |
//! | `run`, `skip` | plans at work |

mod compile;
mod resolve;
mod run;
mod skip;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{parse, to_connect};
use crate::batch::{Columns, Layout};
use crate::codec::{DecodeError, DecodeProblem, SchemaError};
use crate::schema::{Schema, Value};
use run::{Fault, Input};
use skip::Skip;

/// Most elements that take no bytes (records without fields, ...) in one array.
const EMPTY_ITEMS_MAX: usize = 10_000;

/// Most bytes of defaults that one datum may bring: elements of a few bytes could each
/// bring a long one.
const DEFAULTS_BYTES_MAX: usize = 16 << 20;

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

    /// Compiles the plan from the datums of a writer's schema to what a reader's schema
    /// sees of them, by Avro's rules of schema resolution: fields are found by name or
    /// alias, those that only the reader has get their default, numbers are promoted,
    /// symbols that the reader does not know become its default. The rows have the schema
    /// that [`from_json`](super::from_json) gives of the reader's.
    ///
    /// Branches of a union and symbols of an enum that the reader can't take are errors of
    /// the datums that have them.
    pub fn resolving(writer: &str, reader: &str) -> Result<Self, SchemaError> {
        let (writer, reader) = (parse::parse(writer)?, parse::parse(reader)?);
        let layout = Layout::of(&to_connect::connect(&reader)?);
        let plan = resolve::plan(&writer, &reader, layout)?;
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
        let mut input = Input::new(datum);
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
    /// A number of the writer's that is a float of the reader's.
    Promoted(Leaf, Promotion),
    Fixed(Leaf, usize),
    /// Of each symbol what it is for the reader, if anything.
    Enum(Leaf, Box<[Option<Arc<str>>]>),
    /// If null, go on at the given operation.
    Struct(Leaf, u32),
    List(Leaf, Box<Items>),
    /// The struct's node; of each branch the first operation.
    Union(u32, Box<[Branch]>, u32),
    Jump(u32),
    /// What the reader makes of each branch of a union of the writer's.
    Choose(u32, Box<[Choice]>),
    /// The struct is there, whatever the datum says.
    Present(u32),
    /// Something that the reader does not have.
    Skip(Skip),
    /// The value of what the writer does not have, and its bytes.
    Default(u32, Box<Value>, usize),
}

/// Integers to floats.
#[derive(Clone, Copy, Debug)]
enum Promotion {
    IntToFloat,
    IntToDouble,
    LongToFloat,
    LongToDouble,
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    /// Go on there.
    At(u32),
    /// The reader can't take it.
    Fault(DecodeProblem),
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

/// Numbers of nodes and operations stay far below 32 bits (invariant 7).
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX - 1)
}
