//! The queue in front of the engine. Its bytes are bounded by permits that
//! appends hold; the other commands are few.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::closed;
use crate::compact::CompactionOutcome;
use crate::engine::{Command, SyncOutcome, WriteOutcome};

/// About as many bytes as one group commit takes.
const GROUP_BYTES_MAX: u64 = 16 << 20;

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
    pub(super) written: Option<WriteOutcome>,
    pub(super) outcome: Option<SyncOutcome>,
    pub(super) compaction: Option<CompactionOutcome>,
    /// Set when nothing is queued before it.
    pub(super) stop: Option<Stop>,
}

#[derive(Default)]
struct State {
    commands: VecDeque<Command>,
    written: Option<WriteOutcome>,
    outcome: Option<SyncOutcome>,
    compaction: Option<CompactionOutcome>,
    stop: Option<Stop>,
    is_closed: bool,
    /// The engine waits. To wake it costs a system call, which nobody is to pay
    /// while it is at work.
    is_waiting: bool,
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
        let is_waiting = std::mem::take(&mut state.is_waiting);
        drop(state);
        if is_waiting {
            self.changed.notify_one();
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

    /// Waits for work, at most this long. Commands are left in the queue while
    /// the log is congested.
    pub(super) fn take(&self, wait: Option<Duration>, is_congested: bool) -> Work {
        let deadline = wait.and_then(|wait| Instant::now().checked_add(wait));
        let mut state = self.lock();
        loop {
            let has_commands = !state.commands.is_empty() && !is_congested;
            let has_outcome =
                state.written.is_some() || state.outcome.is_some() || state.compaction.is_some();
            if has_commands || has_outcome || state.stop.is_some() {
                state.is_waiting = false;
                return state.take(is_congested);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            // Commands are of no use while the log is congested.
            state.is_waiting = !is_congested;
            state = match left {
                Some(left) if left.is_zero() => {
                    state.is_waiting = false;
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
    fn take(&mut self, is_congested: bool) -> Work {
        let mut work = Work {
            written: self.written.take(),
            outcome: self.outcome.take(),
            compaction: self.compaction.take(),
            ..Work::default()
        };
        if self.stop == Some(Stop::Abrupt) {
            work.stop = self.stop;
            return work;
        }
        let mut bytes = 0;
        while !is_congested && bytes < GROUP_BYTES_MAX {
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
