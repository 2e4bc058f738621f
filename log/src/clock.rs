//! Time and chance, as the engine asks for them.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// The engine's only source of time and of random ids, so that a test can
/// repeat a run.
pub(crate) trait Clock: Send + Sync + 'static {
    /// Wall-clock time in ms since 1970. It may jump.
    fn wall_ms(&self) -> i64;

    /// Time since some fixed moment. It never goes back.
    fn elapsed(&self) -> Duration;

    /// An id that no one else has.
    fn fresh_id(&self) -> Uuid;
}

/// The clock of the machine.
pub(crate) struct SystemClock {
    start: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn fresh_id(&self) -> Uuid {
        Uuid::new_v4()
    }
}
