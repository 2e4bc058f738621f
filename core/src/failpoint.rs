//! Places at which a test ends the process, to see what a restart makes of it.
//!
//! Without the cargo feature `failpoints`, which only tests turn on, a place
//! costs nothing and nothing can be set.

/// All places, upstream first.
pub const ALL: &[&str] = &[
    "snapshot.chunk",
    "snapshot.over",
    "backlog.begun",
    "backlog.filled",
    "backlog.chunk",
    "backlog.over",
    "source.polled",
    "source.encoded",
    "source.queued",
    "source.durable",
    "source.told",
    "sink.decoded",
    "sink.written",
    "sink.flushed",
    "sink.committed",
    "s3.closed",
    "s3.planned",
    "s3.put",
    "s3.settled",
    "lake.linked",
    "lake.synced",
];

/// Places that only rows come to whose schema the registry refused first.
pub const PARKED: &[&str] = &["park.encoded", "park.moved", "park.over"];

/// Execution is at a place. With `THALWEG_FAILPOINT=name:n` the process ends, as
/// by a crash, when it comes to that place for the `n`th time.
#[cfg(feature = "failpoints")]
pub fn reach(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static SET: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    debug_assert!(ALL.contains(&name) || PARKED.contains(&name), "{name} is not listed");
    let set = SET.get_or_init(|| {
        let text = std::env::var("THALWEG_FAILPOINT").ok()?;
        let (name, count) = text.rsplit_once(':')?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    if let Some((at, count)) = set
        && at == name
        && COUNT.fetch_add(1, Ordering::Relaxed) + 1 >= *count
    {
        std::process::abort();
    }
}

/// Execution is at a place.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reach(_name: &'static str) {}
