//! From produce to consume, at a fixed rate and without lingering.

use std::time::Duration;

use anyhow::Result;
use thalweg_harness::measure::{Report, setting, write_and_sync};

use crate::brokers::{Brokers, Durability, Side};

const RATES: [&str; 2] = ["1000", "10000"];
const PARTS: [&str; 3] = ["p50", "p99", "p99.9"];

pub(crate) fn run(brokers: &Brokers, round: u64, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sync = write_and_sync(folder.path(), 4096, Duration::from_secs(1))?;
    report.add("fdatasync of 4 KiB", "ms, median", sync.median_ms);
    let seconds = setting("THALWEG_BENCH_LATENCY_SECONDS", 10).to_string();
    for rate in RATES {
        let mut medians = [[0.0; 2]; 2];
        for durability in Durability::ALL {
            let mut times = [[0.0; 3]; 2];
            for side in Side::in_round(round) {
                let latency = vec!["latency", rate, &seconds, "100", "linger.ms=0"];
                let ran = brokers.run(side, durability, 1, &[latency])?;
                let who = usize::from(side == Side::Thalweg);
                for (part, time) in PARTS.into_iter().zip(&mut times[who]) {
                    *time = ran[0].printed.get(part)?;
                    let case = format!("{rate} records/s, {}, {}", durability.name(), side.name());
                    report.add(&case, &format!("ms {part}"), *time);
                }
                medians[who][usize::from(durability == Durability::Fsync)] = times[who][0];
            }
            let case = format!("{rate} records/s, {}", durability.name());
            for (index, part) in PARTS.into_iter().enumerate() {
                let unit = format!("of Kafka's {part} (< 1)");
                report.add(&case, &unit, times[1][index] / times[0][index]);
            }
        }
        // What a synced record may cost over Kafka's that is not.
        let allowed = medians[0][0] + 1.2 * sync.median_ms;
        let case = format!("{rate} records/s, ours synced over Kafka's not");
        report.add(&case, "p50 of what is allowed (<= 1)", medians[1][1] / allowed);
    }
    Ok(())
}
