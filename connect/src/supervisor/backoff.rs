//! Pauses between tries.

use std::time::Duration;

/// How long to pause between tries of what failed.
#[derive(Clone, Copy, Debug)]
pub struct BackoffRange {
    /// The first pause.
    pub min: Duration,
    /// The longest pause.
    pub max: Duration,
}

impl Default for BackoffRange {
    fn default() -> Self {
        Self { min: Duration::from_millis(500), max: Duration::from_secs(60) }
    }
}

/// Pauses that double, each with up to a quarter more or less, so that tasks
/// that failed together do not try again together.
#[derive(Debug)]
pub(crate) struct Backoff {
    range: BackoffRange,
    tries: u32,
}

impl Backoff {
    /// From the first pause on.
    pub(crate) fn new(range: BackoffRange) -> Self {
        Self { range, tries: 0 }
    }

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        let doubled = self.range.min.saturating_mul(1 << self.tries.min(20));
        self.tries = self.tries.saturating_add(1);
        doubled.min(self.range.max).mul_f64(0.75 + fastrand::f64() / 2.0)
    }

    /// Whether there was a pause.
    pub(crate) fn was_used(&self) -> bool {
        self.tries > 0
    }

    /// Something went well: begin with the first pause again.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }
}
