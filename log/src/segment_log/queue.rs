//! The queue in front of the engine. Its bytes are bounded by permits that
//! appends hold; the other commands are few.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::closed;
use crate::compact::CompactionOutcome;
use crate::engine::{Command, SyncOutcome, WriteOutcome};
use crate::journal::{FillOutcome, FrameOutcome};

/// About as many bytes as one group commit takes.
const GROUP_BYTES_MAX: u64 = 16 << 20;

/// Commands that are worth a frame of their own while one is under way.
pub(super) const STAGE_MIN: usize = 32;

/// How the log is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// After all that is queued, in order.
    Clean,
    /// At once.
    Abrupt,
}

/// What the engine has to do.
#[derive(Default)]
pub(super) struct Work {
    pub(super) commands: Vec<Command>,
    pub(super) frames: VecDeque<FrameOutcome>,
    pub(super) written: Option<WriteOutcome>,
    pub(super) outcome: Option<SyncOutcome>,
    pub(super) filled: Option<FillOutcome>,
    pub(super) compaction: Option<CompactionOutcome>,
    /// Set when nothing is queued before it.
    pub(super) stop: Option<Stop>,
}

/// What the engine can do with commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// It has to wait for the outcome of a job.
    None,
    /// A frame is under way: a few are not worth a turn.
    Many,
    Any,
}

impl Wants {
    fn count(self) -> usize {
        match self {
            Self::None => usize::MAX,
            Self::Many => STAGE_MIN,
            Self::Any => 1,
        }
    }
}

struct State {
    commands: VecDeque<Command>,
    frames: VecDeque<FrameOutcome>,
    written: Option<WriteOutcome>,
    outcome: Option<SyncOutcome>,
    filled: Option<FillOutcome>,
    compaction: Option<CompactionOutcome>,
    stop: Option<Stop>,
    is_closed: bool,
    /// The engine waits for so many commands. To wake it costs a system call, which
    /// nobody is to pay while it is at work.
    awaited: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            commands: VecDeque::new(),
            frames: VecDeque::new(),
            written: None,
            outcome: None,
            filled: None,
            compaction: None,
            stop: None,
            is_closed: false,
            awaited: usize::MAX,
        }
    }
}

pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a command, or refuses it if the log is stopped.
    pub(super) fn push(&self, command: Command) {
        let mut state = self.lock();
        if state.is_closed || state.stop.is_some() {
            drop(state);
            command.refuse(closed());
            return;
        }
        state.commands.push_back(command);
        let is_awaited = state.commands.len() >= state.awaited;
        if is_awaited {
            state.awaited = usize::MAX;
        }
        drop(state);
        if is_awaited {
            self.changed.notify_one();
        }
    }

    /// Hands the outcome of a frame to the engine.
    pub(super) fn push_frame(&self, outcome: FrameOutcome) {
        self.lock().frames.push_back(outcome);
        self.changed.notify_one();
    }

    /// Waits for the outcome of the next frame that is under way.
    pub(super) fn wait_for_frame(&self) -> FrameOutcome {
        let mut state = self.lock();
        loop {
            if let Some(outcome) = state.frames.pop_front() {
                return outcome;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands the outcome of writes of segments to the engine.
    pub(super) fn push_written(&self, outcome: WriteOutcome) {
        self.lock().written = Some(outcome);
        self.changed.notify_one();
    }

    /// Hands the outcome of a job to the engine.
    pub(super) fn push_outcome(&self, outcome: SyncOutcome) {
        self.lock().outcome = Some(outcome);
        self.changed.notify_one();
    }

    /// Hands the outcome of a job for zeros to the engine.
    pub(super) fn push_filled(&self, outcome: FillOutcome) {
        self.lock().filled = Some(outcome);
        self.changed.notify_one();
    }

    /// Hands the outcome of a step of compaction to the engine.
    pub(super) fn push_compaction(&self, outcome: CompactionOutcome) {
        self.lock().compaction = Some(outcome);
        self.changed.notify_one();
    }

    /// An outcome that the engine did not take before it ended.
    pub(super) fn take_compaction(&self) -> Option<CompactionOutcome> {
        self.lock().compaction.take()
    }

    /// Asks the engine to stop.
    pub(super) fn stop(&self, stop: Stop) {
        let mut state = self.lock();
        if state.stop != Some(Stop::Abrupt) {
            state.stop = Some(stop);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for work, at most this long. Commands that are not wanted now are left in
    /// the queue.
    pub(super) fn take(&self, wait: Duration, wants: Wants) -> Work {
        let deadline = Instant::now().checked_add(wait);
        let mut state = self.lock();
        loop {
            let has_commands = state.commands.len() >= wants.count();
            if has_commands || state.has_outcome() || state.stop.is_some() {
                state.awaited = usize::MAX;
                return state.take(wants != Wants::None);
            }
            state.awaited = wants.count();
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            state = match left {
                Some(left) if left.is_zero() => {
                    state.awaited = usize::MAX;
                    return Work::default();
                }
                Some(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Refuses what is queued and all that comes.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let left = std::mem::take(&mut state.commands);
        drop(state);
        for command in left {
            command.refuse(closed());
        }
    }
}

impl State {
    fn has_outcome(&self) -> bool {
        !self.frames.is_empty()
            || self.written.is_some()
            || self.outcome.is_some()
            || self.filled.is_some()
            || self.compaction.is_some()
    }

    fn take(&mut self, wants_commands: bool) -> Work {
        let mut work = Work {
            frames: std::mem::take(&mut self.frames),
            written: self.written.take(),
            outcome: self.outcome.take(),
            filled: self.filled.take(),
            compaction: self.compaction.take(),
            ..Work::default()
        };
        if self.stop == Some(Stop::Abrupt) {
            work.stop = self.stop;
            return work;
        }
        let mut bytes = 0;
        while wants_commands && bytes < GROUP_BYTES_MAX {
            let Some(command) = self.commands.pop_front() else {
                break;
            };
            bytes += command.journal_len_max();
            work.commands.push(command);
        }
        if self.commands.is_empty() && work.commands.is_empty() {
            work.stop = self.stop;
        }
        work
    }
}
