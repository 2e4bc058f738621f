//! The thread of the engine: it hands the engine what is queued, and the workers what
//! the engine asks for.

use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::Shared;
use super::queue::{STAGE_MIN, Stop, Wants, Work};
use crate::api::Result;
use crate::compact::CompactionJob;
use crate::engine::{Command, Engine, SyncJob, WriteJob};
use crate::journal::{FillJob, FrameJob};

/// Wait of an engine that has nothing to do.
const IDLE_WAIT: Duration = Duration::from_secs(60);

/// From so many appends on, a group is handed to the thread of the journal, and the next
/// is staged meanwhile. For fewer the way there and back takes longer than it saves.
const OVERLAP_MIN: usize = 16;

/// Where the engine's jobs are done.
pub(super) struct Workers {
    pub(super) frames: Sender<FrameJob>,
    pub(super) writes: Sender<WriteJob>,
    pub(super) behind: Sender<Behind>,
    pub(super) compaction: Sender<CompactionJob>,
}

/// What is in no hurry.
pub(super) enum Behind {
    Sync(SyncJob),
    Fill(FillJob),
}

pub(super) struct Driver<'a> {
    engine: Engine,
    shared: &'a Shared,
    workers: Workers,
    /// Frames that the journal's thread has.
    flying: usize,
    is_syncing: bool,
    is_writing: bool,
}

impl<'a> Driver<'a> {
    pub(super) fn new(engine: Engine, shared: &'a Shared, workers: Workers) -> Self {
        let (flying, is_syncing, is_writing) = (0, false, false);
        Self { engine, shared, workers, flying, is_syncing, is_writing }
    }

    pub(super) fn run(mut self) -> Result<()> {
        // A recovery may have left work.
        let mut wait = Duration::ZERO;
        loop {
            let mut work = self.shared.queue.take(wait, self.wants());
            for outcome in work.frames.drain(..) {
                self.flying -= 1;
                self.engine.landed(outcome);
            }
            self.launch();
            if let Some(outcome) = work.written.take() {
                self.is_writing = false;
                self.engine.writes_done(outcome);
            }
            if let Some(outcome) = work.filled.take() {
                self.engine.filled(outcome);
            }
            if self.stays_under_way(&mut work) {
                wait = IDLE_WAIT;
                self.hand_out_writes();
                continue;
            }
            self.land();
            let stop = work.stop;
            self.settle(work);
            match stop {
                Some(Stop::Abrupt) => return Ok(()),
                Some(Stop::Clean) if !self.is_syncing && !self.is_writing => {
                    return self.engine.close();
                }
                Some(Stop::Clean) => {
                    // The outcome of a job wakes the queue; until then rest.
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                }
                None => {}
            }
            wait = self.engine.tick().unwrap_or(IDLE_WAIT);
            self.hand_out();
        }
    }

    fn wants(&self) -> Wants {
        match (self.engine.is_congested(), self.flying > 0) {
            (true, _) => Wants::None,
            (false, true) => Wants::Many,
            (false, false) => Wants::Any,
        }
    }

    /// Stages appends beside the frame that is under way, or as the first of such. False
    /// if there is something that all of them must have landed for.
    fn stays_under_way(&mut self, work: &mut Work) -> bool {
        if work.outcome.is_some() || work.compaction.is_some() || work.stop.is_some() {
            return false;
        }
        if !self.may_overlap(&work.commands) {
            return false;
        }
        if !work.commands.is_empty() {
            self.engine.begin(std::mem::take(&mut work.commands));
            self.launch();
        }
        self.engine.show_landed();
        self.engine.is_under_way()
    }

    fn may_overlap(&self, commands: &[Command]) -> bool {
        (self.engine.is_under_way() || commands.len() >= OVERLAP_MIN)
            && self.engine.overlaps(commands)
    }

    /// Hands over the frame of what is staged, once that is worth it.
    fn launch(&mut self) {
        if self.flying > 0 && self.engine.staged_count() < STAGE_MIN {
            return;
        }
        let Some(job) = self.engine.take_frame() else { return };
        self.shared.groups.fetch_add(1, Ordering::Relaxed);
        match self.workers.frames.send(job) {
            Ok(()) => self.flying += 1,
            Err(unsent) => self.engine.landed(unsent.0.run_to_the_end()),
        }
    }

    /// Waits for all that is staged to land, and shows it.
    fn land(&mut self) {
        while self.engine.is_under_way() {
            for _ in 0..std::mem::take(&mut self.flying) {
                let outcome = self.shared.queue.wait_for_frame();
                self.engine.landed(outcome);
            }
            if let Some(job) = self.engine.take_frame() {
                self.shared.groups.fetch_add(1, Ordering::Relaxed);
                self.engine.landed(job.run_to_the_end());
            }
            self.engine.show_landed();
        }
    }

    /// Does what all must have landed for.
    fn settle(&mut self, work: Work) {
        if let Some(outcome) = work.outcome {
            self.is_syncing = false;
            self.engine.job_done(outcome);
        }
        if let Some(outcome) = work.compaction {
            self.engine.compaction_done(outcome);
        }
        if !work.commands.is_empty() {
            self.engine.commit(work.commands);
            self.shared.groups.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn hand_out(&mut self) {
        if let Some(job) = self.engine.take_job() {
            self.is_syncing = self.workers.behind.send(Behind::Sync(job)).is_ok();
        }
        if let Some(job) = self.engine.take_fill() {
            drop(self.workers.behind.send(Behind::Fill(job)));
        }
        if let Some(job) = self.engine.take_compaction() {
            // Without its thread there is no compaction, and all else goes on.
            drop(self.workers.compaction.send(job));
        }
        // After the job that is wanted, which has to wait for writes under way.
        self.hand_out_writes();
    }

    fn hand_out_writes(&mut self) {
        if let Some(job) = self.engine.take_writes() {
            self.is_writing = self.workers.writes.send(job).is_ok();
        }
    }
}
