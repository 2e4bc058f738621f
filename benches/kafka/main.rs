//! Thalweg beside a real Kafka, both driven by one librdkafka client, in the same
//! run on the same disk. `make benchkafka` prints the table.
//!
//! `THALWEG_BENCH_RUNS` (default 3) says how often each case is run; a word as
//! argument runs only the cases whose names hold it.

#![allow(clippy::print_stderr, reason = "a bench tells its progress")]

mod brokers;
mod client;
mod groups;
mod latency;
mod throughput;

use anyhow::Result;
use brokers::Brokers;
use thalweg_harness::measure::{Report, setting};

type Case = fn(&Brokers, u64, &mut Report) -> Result<()>;

fn main() -> Result<()> {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let mut report = Report::default();
    let cases: [(&str, Case); 3] =
        [("throughput", throughput::run), ("groups", groups::run), ("latency", latency::run)];
    let brokers = Brokers::start()?;
    eprintln!("== warming both up");
    throughput::warm_up(&brokers)?;
    for round in 0..setting("THALWEG_BENCH_RUNS", 3) {
        for (name, case) in cases {
            if wanted(name) {
                eprintln!("== {name}, round {}", round + 1);
                case(&brokers, round, &mut report)?;
            }
        }
    }
    report.print();
    Ok(())
}
