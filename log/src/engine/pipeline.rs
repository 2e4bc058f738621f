//! Groups of appends that overlap: while one is written to the journal and synced, the
//! next is staged, and the one before is shown and answered.
//!
//! A frame is written when the one before it is durable: a loss of power finds what it
//! would find without (invariant 1).

use std::collections::VecDeque;

use super::stage::Staged;
use super::{Command, Engine};
use crate::error::LogError;
use crate::journal::{Body, FrameJob, FrameOutcome, GROUP_BYTES};
use crate::options::Durability;

/// Most frames under way: one that is written, and one that follows it at once.
const UNDER_WAY_MAX: usize = 2;

/// Where the groups that overlap are.
#[derive(Default)]
pub(super) struct Pipeline {
    /// The group that is staged and not on its way yet.
    body: Body,
    staged: Vec<Staged>,
    /// Room in the journal for that one.
    reserved: u64,
    /// What the frames on their way hold.
    under_way: VecDeque<Vec<Staged>>,
    /// What is durable, and not shown yet.
    landed: Vec<Staged>,
}

impl Engine {
    /// Whether these may be staged beside a group that is under way: appends, while
    /// nothing is due that must see all that is staged.
    pub(crate) fn overlaps(&self, commands: &[Command]) -> bool {
        let is_append =
            |command: &Command| matches!(command, Command::Append(_) | Command::Produce(_));
        self.options.durability == Durability::Fsync
            && self.stopped.is_none()
            && self.broken.is_empty()
            && !self.is_job_due()
            && self.clock.elapsed() < self.due_at
            && commands.iter().all(is_append)
    }

    /// Whether anything is staged that is not shown yet. Until then nothing but
    /// [`begin`](Self::begin), [`take_writes`](Self::take_writes) and
    /// [`writes_done`](Self::writes_done) may be asked for.
    pub(crate) fn is_under_way(&self) -> bool {
        let Pipeline { staged, under_way, landed, .. } = &self.pipeline;
        !under_way.is_empty() || !staged.is_empty() || !landed.is_empty()
    }

    /// Number of commands that are staged for the next frame.
    pub(crate) fn staged_count(&self) -> usize {
        self.pipeline.staged.len()
    }

    /// Whether the group that is staged is as long as one should be.
    pub(super) fn is_group_full(&self) -> bool {
        self.pipeline.reserved >= GROUP_BYTES
    }

    /// Stages commands that [overlap](Self::overlaps), for the next frame.
    pub(crate) fn begin(&mut self, commands: Vec<Command>) {
        let more: u64 = commands.iter().map(Command::journal_len_max).sum();
        let reserved = self.pipeline.reserved + more;
        if let Err(error) = self.make_ready(reserved) {
            self.refuse(commands, &error);
            return;
        }
        self.pipeline.reserved = reserved;
        let mut body = std::mem::take(&mut self.pipeline.body);
        for command in commands {
            let staged = self.stage(command, &mut body);
            self.pipeline.staged.extend(staged);
        }
        self.pipeline.body = body;
    }

    /// The frame of what is staged, unless enough are under way. The outcomes must be
    /// handed to [`landed`](Self::landed), in order.
    pub(crate) fn take_frame(&mut self) -> Option<FrameJob> {
        let pipeline = &mut self.pipeline;
        if pipeline.under_way.len() >= UNDER_WAY_MAX || pipeline.staged.is_empty() {
            return None;
        }
        let stopped = self.stopped.clone().map(LogError::Stopped);
        if stopped.is_none() && pipeline.body.is_empty() {
            // It was stored before, by a group that may be under way.
            if pipeline.under_way.is_empty() {
                pipeline.landed.append(&mut pipeline.staged);
            }
            return None;
        }
        pipeline.reserved = 0;
        let body = std::mem::take(&mut pipeline.body);
        let staged = std::mem::take(&mut pipeline.staged);
        let launched = match stopped {
            Some(error) => Err(error),
            None => self.journal.launch(body).map_err(|error| self.stop(&error)),
        };
        match launched {
            Ok(job) => {
                self.pipeline.under_way.push_back(staged);
                Some(job)
            }
            Err(error) => {
                staged.into_iter().for_each(|staged| staged.refuse(&error));
                None
            }
        }
    }

    /// Takes the outcome of a frame. What it holds is shown by
    /// [`show_landed`](Self::show_landed), which may be after the next frame was taken.
    pub(crate) fn landed(&mut self, outcome: FrameOutcome) {
        let staged = self.pipeline.under_way.pop_front().unwrap_or_default();
        match self.journal.landed(outcome) {
            Ok(()) => self.pipeline.landed.extend(staged),
            Err(error) => {
                let stopped = self.stopped.clone().map(LogError::Stopped);
                let error = stopped.unwrap_or_else(|| self.stop(&error));
                staged.into_iter().for_each(|staged| staged.refuse(&error));
            }
        }
    }

    /// Makes what has landed visible, and answers.
    pub(crate) fn show_landed(&mut self) {
        let landed = std::mem::take(&mut self.pipeline.landed);
        if landed.is_empty() {
            return;
        }
        for staged in landed {
            self.finish(staged);
        }
        self.settle();
    }
}
