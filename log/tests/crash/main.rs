//! Real crashes: a process that writes to a log on real files is killed at exact
//! calls and at random, its disk fills up, fails, or loses power; what it said is
//! durable must be there.
//!
//! What takes seconds runs with the other tests. More of it:
//! - `make crash`: `THALWEG_CRASH_KILLS=n` random kills, and `THALWEG_CRASH_CALLS=n`
//!   kills at each kind of call.
//! - `make powercut`: `THALWEG_POWERCUTS=n`.
#![allow(clippy::unwrap_used, reason = "a failure is the test's answer")]
#![allow(clippy::print_stdout, reason = "the child tells its parent what is durable")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

mod checker;
mod child;
mod full_disk;
mod kills;
mod mount;
mod powercut;
mod sync_errors;
mod workload;

/// A setting of how much is to be done.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Says why a test does nothing here.
fn skip(what: &str, reason: &str) {
    eprintln!("skipped: {what}: {reason}");
}
