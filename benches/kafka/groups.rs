//! Where groups matter: single records, each durable, from many sides at once.

use anyhow::Result;
use thalweg_harness::measure::Report;

use crate::brokers::{Brokers, Durability, Side};

const SECONDS: &str = "5";
const SIZE: &str = "100";

/// A load of the client's `window` command.
struct Load {
    name: &'static str,
    partitions: u32,
    producers: &'static str,
    records: &'static str,
}

const LOADS: [Load; 2] = [
    Load { name: "1,000 partitions", partitions: 1_000, producers: "1", records: "1000" },
    Load { name: "256 producers", partitions: 12, producers: "256", records: "1" },
];

pub(crate) fn run(brokers: &Brokers, round: u64, report: &mut Report) -> Result<()> {
    for load in LOADS {
        let mut rates = [0.0; 2];
        for side in Side::in_round(round) {
            let window = vec!["window", SECONDS, SIZE, load.producers, load.records, "linger.ms=0"];
            let ran = brokers.run(side, Durability::Fsync, load.partitions, &[window])?;
            let case = format!("{}, linger 0, fsync, {}", load.name, side.name());
            let rate = ran[0].printed.rate()?;
            report.add(&case, "records/s", rate);
            report.add(&case, "CPU s per 1M", ran[0].cpu_seconds);
            rates[usize::from(side == Side::Thalweg)] = rate;
        }
        let case = format!("{}, linger 0, fsync", load.name);
        report.add(&case, "of Kafka's rate (>= 5)", rates[1] / rates[0]);
    }
    Ok(())
}
