//! A plan at work: cells to bytes.

use super::super::{varint, words};
use super::{Leaf, NO_BRANCH, NO_DATUM, Op, Plan, Union};
use crate::batch::{Cell, Columns, NodeId};
use crate::codec::{EncodeError, EncodeProblem, join, path_of};

/// What stopped a plan: the operation's node, or a place within its elements.
pub(super) type Fault = EncodeError;

impl Op {
    /// The node whose cells it reads; a jump reads none.
    pub(super) fn leaf(&self) -> Option<Leaf> {
        match self {
            Self::Boolean(leaf)
            | Self::Int(leaf)
            | Self::Long(leaf)
            | Self::Float(leaf)
            | Self::Double(leaf)
            | Self::Bytes(leaf)
            | Self::Fixed(leaf, _)
            | Self::Struct(leaf, _)
            | Self::List(leaf, _)
            | Self::Union(leaf, _) => Some(*leaf),
            Self::Jump(_) => None,
        }
    }
}

impl Plan {
    #[cold]
    fn fault(&self, leaf: Leaf, problem: EncodeProblem) -> Fault {
        EncodeError { field: path_of(&self.layout, leaf.node as NodeId), problem }
    }

    /// Writes what stands for a cell without a value, or fails.
    #[inline]
    pub(super) fn no_value(&self, leaf: Leaf, cell: Cell, out: &mut Vec<u8>) -> Result<(), Fault> {
        let (datum, problem) = match cell {
            Cell::Null => (leaf.null, EncodeProblem::Null),
            Cell::Unavailable => (leaf.unavailable, EncodeProblem::Unavailable),
            _ => (NO_DATUM, EncodeProblem::WrongType),
        };
        match self.datums.get(datum as usize) {
            Some(datum) => {
                out.extend_from_slice(datum);
                Ok(())
            }
            None => Err(self.fault(leaf, problem)),
        }
    }

    pub(super) fn run(
        &self,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let mut at = 0;
        while let Some(op) = self.ops.get(at) {
            at += 1;
            match op {
                Op::Struct(leaf, end) => {
                    if columns.present(leaf.node as NodeId, row) {
                        put_branch(*leaf, out);
                    } else {
                        self.no_value(*leaf, Cell::Null, out)?;
                        at = *end as usize;
                    }
                }
                Op::Jump(to) => at = *to as usize,
                Op::Union(leaf, union) => at = self.branch(*leaf, union, columns, row, out)?,
                Op::Boolean(leaf)
                | Op::Int(leaf)
                | Op::Long(leaf)
                | Op::Float(leaf)
                | Op::Double(leaf)
                | Op::Bytes(leaf)
                | Op::Fixed(leaf, _)
                | Op::List(leaf, _) => {
                    self.put(op, columns.cell(leaf.node as NodeId, row), columns, out)?;
                }
            }
        }
        Ok(())
    }

    /// Writes one cell by the operation of its leaf or list.
    #[inline]
    pub(super) fn put(
        &self,
        op: &Op,
        cell: Cell,
        columns: &Columns,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        match (op, cell) {
            (Op::Bytes(leaf), Cell::Span { .. }) => match columns.bytes(cell) {
                Some(bytes) => {
                    put_branch(*leaf, out);
                    put_bytes(bytes, out);
                }
                None => return self.no_value(*leaf, cell, out),
            },
            (Op::Long(leaf), Cell::Int(int)) => {
                put_branch(*leaf, out);
                varint::write(out, int);
            }
            (Op::Int(leaf), Cell::Int(int)) => {
                if i32::try_from(int).is_err() {
                    return Err(self.fault(*leaf, EncodeProblem::OutOfRange));
                }
                put_branch(*leaf, out);
                varint::write(out, int);
            }
            (Op::Boolean(leaf), Cell::Bool(bool)) => {
                put_branch(*leaf, out);
                out.push(bool.into());
            }
            (Op::Double(leaf), Cell::Float(float)) => {
                put_branch(*leaf, out);
                out.extend_from_slice(&float.to_le_bytes());
            }
            (Op::Float(leaf), Cell::Float(float)) => put_float(*leaf, float, out),
            (Op::Fixed(leaf, size), Cell::Span { .. }) => {
                return self.write_fixed(*leaf, *size, cell, columns, out);
            }
            (Op::List(leaf, plan), Cell::Span { .. }) => {
                return self.write_list(*leaf, plan, cell, columns, out);
            }
            _ => {
                let Some(leaf) = op.leaf() else { return Ok(()) };
                return self.no_value(leaf, cell, out);
            }
        }
        Ok(())
    }

    fn write_fixed(
        &self,
        leaf: Leaf,
        size: usize,
        cell: Cell,
        columns: &Columns,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let Some(bytes) = columns.bytes(cell) else { return self.no_value(leaf, cell, out) };
        let schema = &self.layout.node(leaf.node as NodeId).schema;
        let is_number = schema.name() == Some(words::DECIMAL) && !bytes.is_empty();
        if bytes.len() > size || (bytes.len() < size && !is_number) {
            return Err(self.fault(leaf, EncodeProblem::OutOfRange));
        }
        put_branch(leaf, out);
        let sign = if is_number && bytes[0] >= 0x80 { 0xff } else { 0 };
        out.resize(out.len() + size - bytes.len(), sign);
        out.extend_from_slice(bytes);
        Ok(())
    }

    fn write_list(
        &self,
        leaf: Leaf,
        plan: &Plan,
        cell: Cell,
        columns: &Columns,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let node = leaf.node as NodeId;
        let (Cell::Span { start, len }, Some(items)) = (cell, columns.items(node)) else {
            return self.no_value(leaf, cell, out);
        };
        put_branch(leaf, out);
        if len > 0 {
            varint::write(out, len.into());
            for item in start as usize..start as usize + len as usize {
                plan.run(items, item, out).map_err(|inner| EncodeError {
                    field: join(&path_of(&self.layout, node), &inner.field),
                    problem: inner.problem,
                })?;
            }
        }
        out.push(0);
        Ok(())
    }

    /// Writes the number of the branch that has a value; where to go on.
    fn branch(
        &self,
        leaf: Leaf,
        union: &Union,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, Fault> {
        if !columns.present(leaf.node as NodeId, row) {
            self.no_value(leaf, Cell::Null, out)?;
            return Ok(union.end as usize);
        }
        let mut there = union.branches.iter().filter(|(field, ..)| columns.present(*field, row));
        match (there.next(), there.next()) {
            (Some((_, number, first)), None) => {
                varint::write(out, *number);
                Ok(*first as usize)
            }
            _ => Err(self.fault(leaf, EncodeProblem::NotOneBranch)),
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the schema says 32 bits")]
fn put_float(leaf: Leaf, float: f64, out: &mut Vec<u8>) {
    put_branch(leaf, out);
    out.extend_from_slice(&(float as f32).to_le_bytes());
}

#[inline]
pub(super) fn put_branch(leaf: Leaf, out: &mut Vec<u8>) {
    if leaf.branch != NO_BRANCH {
        out.push(leaf.branch);
    }
}

#[inline]
fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    // A cell's length has 32 bits.
    varint::write(out, i64::try_from(bytes.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(bytes);
}
