//! A plan for what a reader's schema sees of a writer's datums, by Avro's rules of schema
//! resolution.

use std::sync::Arc;

use super::skip::Skip;
use super::{Choice, Items, Leaf, Op, Plan, Promotion, REQUIRED, number};
use crate::avro::parse::{Avro, AvroField, Shape};
use crate::avro::{name, to_connect};
use crate::batch::{Layout, NodeId, NodeKind};
use crate::codec::{DecodeProblem, NODES_MAX, SchemaError};
use crate::schema::Value;

/// Most types that are compared: branches of unions are tried one after the other
/// (invariant 7).
const STEPS_MAX: usize = 4 * NODES_MAX;

pub(super) fn plan(writer: &Avro, reader: &Avro, layout: Arc<Layout>) -> Result<Plan, SchemaError> {
    let mut resolver = Resolver { plan: Plan { layout, ops: Vec::new() }, steps_left: STEPS_MAX };
    resolver.any(writer, reader, Layout::ROOT)?;
    Ok(resolver.plan)
}

struct Resolver {
    plan: Plan,
    steps_left: usize,
}

/// Why the two don't get on.
fn mismatch(writer: &Avro, reader: &Avro) -> SchemaError {
    let kind = |avro: &Avro| avro.name.clone().unwrap_or_else(|| avro.kind().to_owned());
    SchemaError::new(format!(
        "the reader's schema has {} where the writer's has {}: Avro can't read one as the other",
        kind(reader),
        kind(writer)
    ))
}

impl Resolver {
    fn any(&mut self, writer: &Avro, reader: &Avro, node: NodeId) -> Result<(), SchemaError> {
        let too_much = || SchemaError::new("the two Avro schemas take too many comparisons");
        self.steps_left = self.steps_left.checked_sub(1).ok_or_else(too_much)?;
        match (&writer.shape, &reader.shape) {
            (Shape::Union(from), Shape::Union(to)) => {
                match (to_connect::nullable(from), to_connect::nullable(to)) {
                    // The union with null of most fields.
                    (Some((place, from)), Some((_, to))) => {
                        let null = if place == 0 { 1 } else { 0 };
                        self.value(from, to, Leaf { node: number(node), null })
                    }
                    _ => self.choose(from, reader, node),
                }
            }
            (Shape::Union(from), _) => self.choose(from, reader, node),
            (Shape::Null, Shape::Union(to)) if to.iter().any(|branch| branch.is_null()) => Ok(()),
            (_, Shape::Union(to)) => match to_connect::nullable(to) {
                Some((_, to)) => {
                    self.value(writer, to, Leaf { node: number(node), null: REQUIRED })
                }
                None => self.branch(writer, to, node),
            },
            _ => self.value(writer, reader, Leaf { node: number(node), null: REQUIRED }),
        }
    }

    /// Each branch of a union of the writer's is read as the reader's type, or is an error
    /// where it is met.
    fn choose(
        &mut self,
        from: &[Arc<Avro>],
        reader: &Avro,
        node: NodeId,
    ) -> Result<(), SchemaError> {
        let at = self.plan.ops.len();
        self.plan.ops.push(Op::Jump(0));
        let (mut choices, mut jumps) = (Vec::with_capacity(from.len()), Vec::new());
        let mut failed = None;
        for branch in from {
            let start = self.plan.ops.len();
            match self.any(branch, reader, node) {
                Ok(()) => {
                    choices.push(Choice::At(number(start)));
                    jumps.push(self.plan.ops.len());
                    self.plan.ops.push(Op::Jump(0));
                }
                Err(error) => {
                    self.plan.ops.truncate(start);
                    let is_null = branch.is_null();
                    let problem =
                        if is_null { DecodeProblem::Missing } else { DecodeProblem::WrongType };
                    choices.push(Choice::Fault(problem));
                    failed = Some(error);
                }
            }
        }
        // No datum could be read.
        if let (true, Some(error)) = (jumps.is_empty(), failed) {
            return Err(error);
        }
        let end = number(self.plan.ops.len());
        for jump in jumps {
            self.plan.ops[jump] = Op::Jump(end);
        }
        self.plan.ops[at] = Op::Choose(number(node), choices.into());
        Ok(())
    }

    /// The first branch of a reader's union that takes the writer's type: one of the same
    /// name, one of the same kind, one that it is promoted to.
    fn branch(&mut self, writer: &Avro, to: &[Arc<Avro>], node: NodeId) -> Result<(), SchemaError> {
        let layout = Arc::clone(&self.plan.layout);
        let branches = to.iter().filter(|branch| !branch.is_null());
        let fields: Vec<(&Arc<Avro>, NodeId)> = branches.zip(layout.fields(node)).collect();
        let ranks: [fn(&Avro, &Avro) -> bool; 4] = [
            |from, to| from.name.is_some() && from.name == to.name,
            |from, to| from.name.is_some() && names_match(from, to),
            |from, to| from.kind() == to.kind(),
            |from, to| from.kind() != to.kind(),
        ];
        for fits in ranks {
            for (branch, field) in fields.iter().filter(|(branch, _)| fits(writer, branch)) {
                let start = self.plan.ops.len();
                self.plan.ops.push(Op::Present(number(node)));
                if self.any(writer, branch, *field).is_ok() {
                    return Ok(());
                }
                self.plan.ops.truncate(start);
            }
        }
        Err(SchemaError::new(format!(
            "no branch of the reader's union takes the writer's {}",
            writer.name.as_deref().unwrap_or(writer.kind())
        )))
    }

    /// Neither is a union any more.
    fn value(&mut self, writer: &Avro, reader: &Avro, leaf: Leaf) -> Result<(), SchemaError> {
        let op = match (&writer.shape, &reader.shape) {
            (Shape::Boolean, Shape::Boolean) => Op::Boolean(leaf),
            (Shape::Int, Shape::Int | Shape::Long) => Op::Int(leaf, self.plan.int_range(leaf)),
            (Shape::Int, Shape::Float) => Op::Promoted(leaf, Promotion::IntToFloat),
            (Shape::Int, Shape::Double) => Op::Promoted(leaf, Promotion::IntToDouble),
            (Shape::Long, Shape::Long) => Op::Long(leaf),
            (Shape::Long, Shape::Float) => Op::Promoted(leaf, Promotion::LongToFloat),
            (Shape::Long, Shape::Double) => Op::Promoted(leaf, Promotion::LongToDouble),
            (Shape::Float, Shape::Float | Shape::Double) => Op::Float(leaf),
            (Shape::Double, Shape::Double) => Op::Double(leaf),
            (Shape::String | Shape::Bytes, Shape::String) => Op::Text(leaf),
            (Shape::String | Shape::Bytes, Shape::Bytes) => Op::Bytes(leaf),
            (Shape::Fixed(from), Shape::Fixed(to)) if from == to && names_match(writer, reader) => {
                Op::Fixed(leaf, *from)
            }
            (Shape::Enum(from), Shape::Enum(to)) if names_match(writer, reader) => {
                let default = reader.text("default");
                let of = |name: &str| to.iter().find(|symbol| ***symbol == *name).cloned();
                let symbols = from.iter().map(|symbol| of(symbol).or_else(|| of(default?)));
                Op::Enum(leaf, symbols.collect())
            }
            (Shape::Array(from), Shape::Array(to)) => self.items(from, to, leaf, false)?,
            (Shape::Map(from), Shape::Map(to)) => self.items(from, to, leaf, true)?,
            (Shape::Record(from), Shape::Record(to)) => {
                let at = self.plan.ops.len();
                self.plan.ops.push(Op::Struct(leaf, 0));
                let layout = Arc::clone(&self.plan.layout);
                let nodes: Vec<NodeId> = layout.fields(leaf.node as NodeId).collect();
                self.fields(from, to, &nodes)?;
                self.plan.ops[at] = Op::Struct(leaf, number(self.plan.ops.len()));
                return Ok(());
            }
            _ => return Err(mismatch(writer, reader)),
        };
        self.plan.ops.push(op);
        Ok(())
    }

    /// The writer's fields in their order, then what only the reader has.
    fn fields(
        &mut self,
        from: &[AvroField],
        to: &[AvroField],
        nodes: &[NodeId],
    ) -> Result<(), SchemaError> {
        let mut filled = vec![false; to.len()];
        let exact = |name: &str| to.iter().position(|field| *field.name == *name);
        for field in from {
            let named = exact(&field.name).or_else(|| {
                let known = |to: &AvroField| {
                    // One that the writer has by its own name is not an alias of another.
                    to.aliases.iter().any(|alias| **alias == *field.name)
                        && !from.iter().any(|other| other.name == to.name)
                };
                to.iter().position(known)
            });
            match named.filter(|place| !filled[*place]) {
                Some(place) => {
                    filled[place] = true;
                    let read = self.any(&field.schema, &to[place].schema, nodes[place]);
                    read.map_err(|error| error.within(&to[place].name))?;
                }
                None => self.plan.ops.push(Op::Skip(Skip::over(&field.schema))),
            }
        }
        for (place, field) in to.iter().enumerate().filter(|(place, _)| !filled[*place]) {
            self.default(field, nodes[place])?;
        }
        Ok(())
    }

    fn default(&mut self, field: &AvroField, node: NodeId) -> Result<(), SchemaError> {
        let Some(json) = &field.default else {
            let reason = "the writer's schema does not have it, and the reader's has no default";
            return Err(SchemaError::new(reason).within(&field.name));
        };
        if json.is_null() {
            return Ok(());
        }
        let schema = &self.plan.layout.node(node).schema;
        let bad = || SchemaError::new("its default is not of its type").within(&field.name);
        let value = to_connect::default_of(schema, json).ok_or_else(bad)?;
        let bytes = size(&value);
        self.plan.ops.push(Op::Default(number(node), Box::new(value), bytes));
        Ok(())
    }

    fn items(
        &mut self,
        from: &Avro,
        to: &Avro,
        leaf: Leaf,
        is_map: bool,
    ) -> Result<Op, SchemaError> {
        let NodeKind::List(layout) = &self.plan.layout.node(leaf.node as NodeId).kind else {
            return Err(SchemaError::new("an Avro array or map is no list in Connect"));
        };
        let layout = Arc::clone(layout);
        let inner = Plan { layout: Arc::clone(&layout), ops: Vec::new() };
        let outer = std::mem::replace(&mut self.plan, inner);
        let resolved = self.item(from, to, &layout, is_map);
        let plan = std::mem::replace(&mut self.plan, outer);
        resolved?;
        let takes_bytes = is_map || from.takes_bytes();
        Ok(Op::List(leaf, Box::new(Items { plan, takes_bytes })))
    }

    fn item(
        &mut self,
        from: &Avro,
        to: &Avro,
        layout: &Arc<Layout>,
        is_map: bool,
    ) -> Result<(), SchemaError> {
        let entry: Vec<NodeId> = layout.fields(Layout::ROOT).collect();
        if let (true, &[key, value]) = (is_map, entry.as_slice()) {
            self.plan.add_entry();
            self.plan.ops.push(Op::Text(Leaf { node: number(key), null: REQUIRED }));
            return self.any(from, to, value);
        }
        // Connect's maps with other keys than texts are arrays of such records.
        if let (Some(_), Shape::Record(of), Shape::Record(into)) =
            (to_connect::map_entry(to), &from.shape, &to.shape)
        {
            self.plan.add_entry();
            return self.fields(of, into, &entry);
        }
        self.any(from, to, Layout::ROOT)
    }
}

/// Java compares names without their namespaces, aliases with them.
fn names_match(writer: &Avro, reader: &Avro) -> bool {
    let (Some(from), Some(to)) = (writer.name.as_deref(), reader.name.as_deref()) else {
        return false;
    };
    name::split(from).1 == name::split(to).1 || reader.aliases().any(|alias| alias == from)
}

/// About how much memory a default takes in columns.
fn size(value: &Value) -> usize {
    let own = size_of::<crate::batch::Cell>();
    own + match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) | Value::Struct(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 0,
    }
}
