//! The Avro model, the checker and the codecs beside those of others: Java's Avro library
//! and PyPI's `avro` and `fastavro`, on schemas and changes of schemas that are made from a
//! seed. `make interop` runs these.
//!
//! `THALWEG_ORACLE_PAIRS=n` asks of that many pairs, `THALWEG_ORACLE_SEED=k` of others. The
//! ignored test `record` writes what `make test` compares with, in `tests/recorded`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that can't go on must fail")]

mod changes;
mod data;
mod others;
mod pairs;
mod record;
mod schemas;
mod texts;

use std::io::Write as _;

use thalweg_harness::measure::setting;

/// Questions that are asked at once.
const BATCH: usize = 5000;

/// The dice of case `number`.
fn dice(number: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(setting("THALWEG_ORACLE_SEED", 1) << 32 | number)
}

/// Adds to the counts that `make interop` prints at its end.
fn count(what: &str, number: usize) {
    println!("{number}\t{what}");
    let Some(path) = std::env::var_os("THALWEG_INTEROP_COUNTS") else { return };
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    // In one write, since tests run side by side.
    file.write_all(format!("{number}\t{what}\n").as_bytes()).unwrap();
}

/// Fails with the first few of what differs.
fn assert_none(differences: &[String]) {
    let first = differences.iter().take(10).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(differences.is_empty(), "{} differ:\n{first}", differences.len());
}
