//! As many records as fast as they go, in big batches, and read back.

use anyhow::Result;
use thalweg_harness::measure::Report;

use crate::brokers::{Brokers, Durability, Ran, Side};

/// The client's settings for big batches.
const BIG_BATCHES: [&str; 3] = ["linger.ms=20", "batch.num.messages=100000", "batch.size=1000000"];
/// Size of a record, and how many make a run of some seconds.
const LOADS: [(&str, &str); 2] = [("100", "5000000"), ("1024", "1000000")];

fn load(
    brokers: &Brokers,
    side: Side,
    durability: Durability,
    (size, count): (&str, &str),
) -> Result<Vec<Ran>> {
    let mut produce = vec!["produce", count, size];
    produce.extend(BIG_BATCHES);
    brokers.run(side, durability, 1, &[produce, vec!["consume", count]])
}

/// A JVM is at its speed after some work.
pub(crate) fn warm_up(brokers: &Brokers) -> Result<()> {
    for durability in Durability::ALL {
        for side in [Side::Kafka, Side::Thalweg] {
            load(brokers, side, durability, LOADS[0])?;
        }
    }
    Ok(())
}

pub(crate) fn run(brokers: &Brokers, round: u64, report: &mut Report) -> Result<()> {
    for durability in Durability::ALL {
        for (size, count) in LOADS {
            let mut rates = Vec::new();
            for side in Side::in_round(round) {
                let ran = load(brokers, side, durability, (size, count))?;
                rates.push((side, ran));
            }
            for (index, what) in ["produce", "consume"].into_iter().enumerate() {
                let case = format!("{what} {size} B, {}", durability.name());
                compare(report, &case, &rates, index)?;
            }
        }
    }
    Ok(())
}

/// Adds the figures of both sides and their ratios.
fn compare(
    report: &mut Report,
    case: &str,
    rates: &[(Side, Vec<Ran>)],
    index: usize,
) -> Result<()> {
    let mut of_kafka = (1.0, 1.0);
    let mut of_ours = (1.0, 1.0);
    for (side, ran) in rates {
        let (rate, cpu) = (ran[index].printed.rate()?, ran[index].cpu_seconds);
        report.add(&format!("{case}, {}", side.name()), "records/s", rate);
        report.add(&format!("{case}, {}", side.name()), "CPU s per 1M", cpu);
        match side {
            Side::Kafka => of_kafka = (rate, cpu),
            Side::Thalweg => of_ours = (rate, cpu),
        }
    }
    report.add(case, "of Kafka's rate (>= 1)", of_ours.0 / of_kafka.0);
    // Below a tick of the clock there is nothing to compare.
    if of_kafka.1 > 0.0 {
        report.add(case, "of Kafka's CPU (<= 0.5)", of_ours.1 / of_kafka.1);
    }
    Ok(())
}
