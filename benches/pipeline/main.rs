//! Speed and memory of the whole path, each as a ratio to what Postgres itself
//! needs on this machine in this run. `make bench` prints the table.
//!
//! `THALWEG_BENCH_ROWS` (default 1,000,000) and `THALWEG_BENCH_RUNS` (default 3)
//! scale it; a word as argument runs only the cases whose names hold it.

#![allow(clippy::print_stderr, reason = "a bench tells its progress")]

mod catchup;
mod footprint;
mod lake;
mod latency;
mod measure;
mod snapshot;
mod table;

use anyhow::Result;
use measure::Report;

type Case = fn(&mut Report) -> Result<()>;

fn main() -> Result<()> {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let mut report = Report::default();
    let cases: [(&str, Case); 7] = [
        ("footprint", footprint::run),
        ("lake", lake::run),
        ("snapshot", snapshot::run),
        ("catchup", catchup::run),
        ("latency", latency::run),
        ("transaction", footprint::one_transaction),
        ("wide", footprint::wide_row),
    ];
    for (name, case) in cases {
        if wanted(name) {
            eprintln!("== {name}");
            case(&mut report)?;
        }
    }
    report.print();
    Ok(())
}
