//! A fuzzer for all that reads schemas and datums: samples are damaged by a seeded mutator,
//! and read. Nothing may panic, run on, or take memory that the input does not account for.
//!
//! `THALWEG_FUZZ_RUNS=n` gives each target that many inputs, `THALWEG_FUZZ_FIRST=k` begins
//! at that one: `make fuzz RUNS=n FIRST=k`. An input follows from its number alone.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a failure is the test's answer")]

#[path = "../oracle/changes.rs"]
mod changes;
mod datums;
mod extremes;
#[path = "../../../log/src/fuzz/mutate.rs"]
mod mutate;
#[path = "../oracle/schemas.rs"]
#[allow(dead_code, reason = "the oracle needs more of it")]
mod schemas;
mod texts;

use std::time::{Duration, Instant};

use fastrand::Rng;
use thalweg_harness::measure::{peak_kib, setting};

/// Makes an input by these dice, and reads it.
type Reader = Box<dyn Fn(&mut Rng) + std::panic::RefUnwindSafe>;

/// Something that reads.
struct Target {
    name: &'static str,
    /// One in so many of the inputs of others.
    share: u64,
    make: fn() -> Reader,
}

const TARGETS: &[Target] = &[
    Target { name: "schema texts", share: 1, make: texts::parser },
    Target { name: "pairs of schemas", share: 1, make: texts::checker },
    Target { name: "fixes of schemas", share: 50, make: texts::fixer },
    Target { name: "plans of schemas", share: 1, make: texts::plans },
    Target { name: "datums", share: 1, make: datums::decoder },
    Target { name: "datums for another reader", share: 1, make: datums::resolver },
];

#[test]
fn no_input_makes_a_reader_panic() {
    let first = setting("THALWEG_FUZZ_FIRST", 0);
    let runs = setting("THALWEG_FUZZ_RUNS", 2000);
    // Other tests of this process reserve some too; `make fuzz` asks for less.
    let growth_max_kib = setting("THALWEG_FUZZ_GROWTH_MAX_KIB", 4 << 20);
    let mut failed = Vec::new();
    for target in TARGETS {
        let read = (target.make)();
        let before_kib = peak_kib().unwrap();
        let mut slowest = (Duration::ZERO, 0);
        let count = runs.div_ceil(target.share);
        for index in first..first + count {
            let began = Instant::now();
            let once = || read(&mut Rng::with_seed(index));
            if std::panic::catch_unwind(once).is_err() {
                failed.push((target.name, index));
            }
            slowest = slowest.max((began.elapsed(), index));
        }
        let grown_kib = peak_kib().unwrap() - before_kib;
        println!(
            "{}: {count} inputs from {first} on, the slowest (number {}) took {:?}, memory grew \
             by {grown_kib} KiB",
            target.name, slowest.1, slowest.0
        );
        assert!(grown_kib <= growth_max_kib, "{} takes {grown_kib} KiB", target.name);
        assert!(slowest.0.as_secs() < 10, "{} runs on at input {}", target.name, slowest.1);
    }
    assert!(failed.is_empty(), "inputs with panics: {failed:?}");
}
