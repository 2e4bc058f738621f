//! Groups of appends that overlap: while one is written to the journal and synced, the
//! next is staged, and the one before is shown and answered.
//!
//! One frame at a time is on its way to the disk, and is written when the one before
//! is durable: a loss of power finds what it would find without (invariant 1).

use super::stage::Staged;
use super::{Command, Engine};
use crate::api::Result;
use crate::journal::{Body, FrameJob, GROUP_BYTES};
use crate::options::Durability;

/// Where the groups that overlap are.
#[derive(Default)]
pub(super) struct Pipeline {
    /// The group that is staged and not on its way yet.
    body: Body,
    staged: Vec<Staged>,
    /// Room in the journal for that one.
    reserved: u64,
    /// What the frame on its way holds.
    under_way: Option<Vec<Staged>>,
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
        under_way.is_some() || !staged.is_empty() || !landed.is_empty()
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

    /// The frame of what is staged, if none is under way. The outcome must be handed to
    /// [`landed`](Self::landed).
    pub(crate) fn take_frame(&mut self) -> Option<FrameJob> {
        let pipeline = &mut self.pipeline;
        if pipeline.under_way.is_some() || pipeline.staged.is_empty() {
            return None;
        }
        pipeline.reserved = 0;
        let body = std::mem::take(&mut pipeline.body);
        let staged = std::mem::take(&mut pipeline.staged);
        if self.stopped.is_none() && body.is_empty() {
            // It was stored before, and that is durable.
            pipeline.landed.extend(staged);
            return None;
        }
        let launched = match &self.stopped {
            Some(reason) => Err(crate::error::LogError::Stopped(reason.clone())),
            None => self.journal.launch(body).map_err(|error| self.stop(&error)),
        };
        match launched {
            Ok(job) => {
                self.pipeline.under_way = Some(staged);
                Some(job)
            }
            Err(error) => {
                staged.into_iter().for_each(|staged| staged.refuse(&error));
                None
            }
        }
    }

    /// Takes the outcome of a frame. What it holds is shown by
    /// [`show_landed`](Self::show_landed), after the next frame was taken.
    pub(crate) fn landed(&mut self, outcome: Result<()>) {
        let staged = self.pipeline.under_way.take().unwrap_or_default();
        match outcome {
            Ok(()) => {
                self.journal.landed();
                self.pipeline.landed.extend(staged);
            }
            Err(error) => {
                let error = self.stop(&error);
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
