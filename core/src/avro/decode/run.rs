//! A plan at work: bytes to cells.

use super::{
    Branch, Choice, DEFAULTS_BYTES_MAX, EMPTY_ITEMS_MAX, Items, Leaf, Op, Plan, Promotion, REQUIRED,
};
use crate::avro::varint;
use crate::batch::{Cell, Columns, NodeId};
use crate::codec::{DecodeProblem, join, path_of};

/// The bytes of a datum and how far they are read.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    /// Bytes of defaults that may still be added.
    defaults_left: usize,
}

pub(super) struct Fault {
    pub(super) field: String,
    pub(super) problem: DecodeProblem,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, defaults_left: DEFAULTS_BYTES_MAX }
    }

    /// How many bytes are not read yet.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    pub(super) fn long(&mut self) -> Result<i64, DecodeProblem> {
        varint::read(self.bytes, &mut self.at).map_err(|fault| match fault {
            varint::Fault::Truncated => DecodeProblem::Truncated,
            varint::Fault::TooLong => DecodeProblem::OutOfRange,
        })
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeProblem> {
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
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], DecodeProblem> {
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
    pub(super) fn block(&mut self) -> Result<usize, DecodeProblem> {
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
                | Op::Promoted(leaf, _)
                | Op::Fixed(leaf, _)
                | Op::Enum(leaf, _)
                | Op::Struct(leaf, _)
                | Op::List(leaf, _),
            ) => leaf.node,
            Some(
                Op::Union(node, ..)
                | Op::Choose(node, _)
                | Op::Present(node)
                | Op::Default(node, ..),
            ) => *node,
            Some(Op::Jump(_) | Op::Skip(_)) | None => 0,
        };
        Fault { field: path_of(&self.layout, node as NodeId), problem }
    }

    pub(super) fn run(&self, input: &mut Input<'_>, into: &mut Columns) -> Result<(), Fault> {
        // A copy that nothing refers to, so that how far it is read stays in a register: each
        // operation waits for that of the one before.
        let mut here = *input;
        let mut at = 0;
        while let Some(op) = self.ops.get(at) {
            at += 1;
            if let Op::List(leaf, items) = op {
                *input = here;
                self.read_list(op, *leaf, items, input, into)?;
                here = *input;
                continue;
            }
            match step(op, &mut here, into) {
                Ok(None) => {}
                Ok(Some(to)) => at = to as usize,
                Err(problem) => {
                    *input = here;
                    return Err(self.fault(Some(op), problem));
                }
            }
        }
        *input = here;
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
                if items.takes_bytes && count > input.left() {
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
#[inline(always)]
fn step(op: &Op, input: &mut Input<'_>, into: &mut Columns) -> Result<Option<u32>, DecodeProblem> {
    match op {
        Op::Text(leaf) => {
            if input.is_there(*leaf)? {
                put_text(*leaf, input.bytes()?, into)?;
            }
        }
        Op::Bytes(leaf) => {
            if input.is_there(*leaf)? {
                put_bytes(*leaf, input.bytes()?, into)?;
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
        _ => {
            let mut copy = *input;
            let next = rare_step(op, &mut copy, into);
            *input = copy;
            return next;
        }
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
        Op::Fixed(leaf, size) => {
            if input.is_there(*leaf)? {
                put_bytes(*leaf, input.take(*size)?, into)?;
            }
        }
        Op::Enum(leaf, symbols) => {
            if input.is_there(*leaf)? {
                let symbol = usize::try_from(input.long()?).ok().and_then(|n| symbols.get(n));
                let symbol = symbol.ok_or(DecodeProblem::NoSuchBranch)?;
                let symbol = symbol.as_ref().ok_or(DecodeProblem::WrongType)?;
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
        Op::Promoted(leaf, promotion) => {
            if input.is_there(*leaf)? {
                let float = promoted(input.long()?, *promotion)?;
                into.set(leaf.node as NodeId, Cell::Float(float));
            }
        }
        Op::Choose(_, choices) => {
            let choice = usize::try_from(input.long()?).ok().and_then(|n| choices.get(n));
            return match *choice.ok_or(DecodeProblem::NoSuchBranch)? {
                Choice::At(op) => Ok(Some(op)),
                Choice::Fault(problem) => Err(problem),
            };
        }
        Op::Present(node) => into.set_present(*node as NodeId),
        Op::Skip(skip) => skip.run(input)?,
        Op::Default(node, value, bytes) => {
            let left = input.defaults_left.checked_sub(*bytes).ok_or(DecodeProblem::Full)?;
            input.defaults_left = left;
            into.set_value(*node as NodeId, value);
        }
        Op::Boolean(_)
        | Op::Int(..)
        | Op::Long(_)
        | Op::Float(_)
        | Op::Double(_)
        | Op::Bytes(_)
        | Op::Text(_)
        | Op::Struct(..)
        | Op::Jump(_)
        | Op::List(..) => {}
    }
    Ok(None)
}

#[inline]
fn put_text(leaf: Leaf, text: &[u8], into: &mut Columns) -> Result<(), DecodeProblem> {
    if into.set_if_same(leaf.node as NodeId, text) {
        return Ok(());
    }
    if !text.is_ascii() {
        std::str::from_utf8(text).map_err(|_| DecodeProblem::NotText)?;
    }
    put_bytes(leaf, text, into)
}

#[inline]
fn put_bytes(leaf: Leaf, bytes: &[u8], into: &mut Columns) -> Result<(), DecodeProblem> {
    if into.try_set_bytes(leaf.node as NodeId, bytes) { Ok(()) } else { Err(DecodeProblem::Full) }
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as Avro says")]
fn promoted(integer: i64, promotion: Promotion) -> Result<f64, DecodeProblem> {
    if let Promotion::IntToFloat | Promotion::IntToDouble = promotion
        && i32::try_from(integer).is_err()
    {
        return Err(DecodeProblem::OutOfRange);
    }
    Ok(match promotion {
        Promotion::IntToFloat | Promotion::LongToFloat => f64::from(integer as f32),
        Promotion::IntToDouble | Promotion::LongToDouble => integer as f64,
    })
}
