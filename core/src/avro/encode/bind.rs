//! A plan made ready for one batch.

use std::ops::Range;

use super::write::{Fault, put_branch};
use super::{Leaf, Op, Plan};
use crate::batch::{Cell, Column, Columns, NodeId};

/// A plan and the columns of a batch. What all rows share (constants, columns
/// without values, structs that are there or absent in all of them) is encoded
/// once, and copied into each row in as long pieces as possible.
#[derive(Debug)]
pub struct Bound<'a> {
    plan: &'a Plan,
    columns: &'a Columns,
    steps: Vec<Step<'a>>,
    shared: Vec<u8>,
}

#[derive(Debug)]
enum Step<'a> {
    /// Bytes that all rows have here.
    Shared(Range<usize>),
    /// A cell of each row.
    Cells(&'a Op, &'a [Cell]),
    /// If absent, go on at that step.
    Struct(Leaf, &'a [bool], usize),
}

impl<'a> Bound<'a> {
    pub(super) fn new(plan: &'a Plan, columns: &'a Columns) -> Self {
        let mut this = Self { plan, columns, steps: Vec::new(), shared: Vec::new() };
        // Unions jump about: they are rare, and run as they are.
        if plan.ops.iter().all(|op| !matches!(op, Op::Union(..) | Op::Jump(_)))
            && this.add(0..plan.ops.len()).is_none()
        {
            this.steps.clear();
        }
        this
    }

    /// Appends the datum of one row, which must be there. On an error `out` is
    /// as it was.
    #[inline]
    pub fn encode(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let start = out.len();
        let written = if self.steps.is_empty() {
            self.plan.run(self.columns, row, out)
        } else {
            self.run(row, out)
        };
        written.inspect_err(|_| out.truncate(start))
    }

    fn run(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mut at = 0;
        while let Some(step) = self.steps.get(at) {
            at += 1;
            match step {
                Step::Shared(range) => out.extend_from_slice(&self.shared[range.clone()]),
                Step::Cells(op, cells) => {
                    let cell = cells.get(row).copied().unwrap_or_default();
                    self.plan.put(op, cell, self.columns, out)?;
                }
                Step::Struct(leaf, present, end) => {
                    if present.get(row).copied().unwrap_or(false) {
                        put_branch(*leaf, out);
                    } else {
                        self.plan.no_value(*leaf, Cell::Null, out)?;
                        at = *end;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the steps of these operations; none if the plan must run as it is
    /// (so that its error names a row).
    fn add(&mut self, ops: Range<usize>) -> Option<()> {
        let mut at = ops.start;
        while at < ops.end {
            let op = &self.plan.ops[at];
            at += 1;
            let leaf = op.leaf()?;
            if let Op::Struct(_, end) = op {
                self.add_struct(leaf, at..*end as usize)?;
                at = *end as usize;
                continue;
            }
            match self.columns.column(leaf.node as NodeId) {
                Column::Cells(cells) if !cells.is_empty() => {
                    self.steps.push(Step::Cells(op, cells));
                }
                Column::Lists { spans, .. } if !spans.is_empty() => {
                    self.steps.push(Step::Cells(op, spans));
                }
                Column::Constant(cell) => self.share(op, *cell)?,
                _ => self.share(op, Cell::Null)?,
            }
        }
        Some(())
    }

    fn add_struct(&mut self, leaf: Leaf, fields: Range<usize>) -> Option<()> {
        match self.columns.column(leaf.node as NodeId) {
            Column::Presence(present) if present.is_empty() => self.share_null(leaf),
            Column::Presence(present) if !self.is_always_there(present) => {
                let at = self.steps.len();
                self.steps.push(Step::Struct(leaf, present, 0));
                self.add(fields)?;
                let end = self.steps.len();
                self.steps[at] = Step::Struct(leaf, present, end);
                // What follows is jumped to: it must not join a piece before it.
                self.steps.push(Step::Shared(self.shared.len()..self.shared.len()));
                Some(())
            }
            Column::Presence(_) | Column::AllPresent => {
                let start = self.shared.len();
                put_branch(leaf, &mut self.shared);
                self.join(start);
                self.add(fields)
            }
            _ => None,
        }
    }

    fn is_always_there(&self, present: &[bool]) -> bool {
        let there = |row: usize| present.get(row).copied().unwrap_or(false);
        (0..self.columns.rows()).all(|row| there(row) || !self.columns.has_row(row))
    }

    fn share(&mut self, op: &Op, cell: Cell) -> Option<()> {
        let start = self.shared.len();
        self.plan.put(op, cell, self.columns, &mut self.shared).ok()?;
        self.join(start);
        Some(())
    }

    fn share_null(&mut self, leaf: Leaf) -> Option<()> {
        let start = self.shared.len();
        self.plan.no_value(leaf, Cell::Null, &mut self.shared).ok()?;
        self.join(start);
        Some(())
    }

    /// Adds what was written to the shared bytes since `start` to the piece
    /// before it, or as a piece of its own.
    fn join(&mut self, start: usize) {
        let end = self.shared.len();
        match self.steps.last_mut() {
            Some(Step::Shared(range)) if range.end == start => range.end = end,
            _ if start == end => {}
            _ => self.steps.push(Step::Shared(start..end)),
        }
    }
}
