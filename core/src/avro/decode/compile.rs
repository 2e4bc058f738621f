//! A plan for a writer's schema as it is.

use std::sync::Arc;

use super::{Branch, IntRange, Items, Leaf, Op, Plan, REQUIRED, number};
use crate::avro::parse::{Avro, Shape};
use crate::avro::to_connect;
use crate::batch::{Layout, NodeId, NodeKind};
use crate::codec::SchemaError;
use crate::schema::Kind;

impl Plan {
    pub(super) fn add(&mut self, avro: &Avro, node: NodeId) -> Result<(), SchemaError> {
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
            Shape::Enum(symbols) => Op::Enum(leaf, symbols.iter().cloned().map(Some).collect()),
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

    pub(super) fn int_range(&self, leaf: Leaf) -> IntRange {
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
    pub(super) fn add_entry(&mut self) {
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
