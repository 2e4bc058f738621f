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

/// A clock that only moves when it is told to, with ids from a seed.
#[cfg(test)]
pub(crate) struct ManualClock {
    ms: std::sync::atomic::AtomicU64,
    rng: std::sync::Mutex<fastrand::Rng>,
}

#[cfg(test)]
impl ManualClock {
    pub(crate) fn new(ms: u64, seed: u64) -> Self {
        Self { ms: ms.into(), rng: std::sync::Mutex::new(fastrand::Rng::with_seed(seed)) }
    }

    pub(crate) fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ms.fetch_add(ms, std::sync::atomic::Ordering::SeqCst);
    }
}

#[cfg(test)]
impl Clock for ManualClock {
    fn wall_ms(&self) -> i64 {
        let ms = self.ms.load(std::sync::atomic::Ordering::SeqCst);
        i64::try_from(ms).unwrap_or(i64::MAX)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.ms.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn fresh_id(&self) -> Uuid {
        let mut rng = self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Uuid::from_u128(rng.u128(..))
    }
}
