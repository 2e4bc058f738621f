//! `THALWEG_SIM_SEEDS=n` runs that many seeds, `THALWEG_SIM_FIRST_SEED=k` begins
//! at that one: `make simulate SEEDS=n FIRST_SEED=k`. A failure names its seed.

use super::{Simulation, Totals};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs a seed; a failure tells the last steps.
fn run(seed: u64) -> Result<Totals, Vec<String>> {
    let mut simulation = Simulation::new(seed);
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| simulation.run()));
    ran.map(|()| simulation.totals).map_err(|_| simulation.trace.into())
}

#[test]
fn acknowledged_records_survive_any_crash() {
    let first = setting("THALWEG_SIM_FIRST_SEED", 1);
    let count = setting("THALWEG_SIM_SEEDS", 200);
    let mut totals = Totals::default();
    let mut failed = Vec::new();
    for seed in first..first + count {
        match run(seed) {
            Ok(of_seed) => totals.add(of_seed),
            Err(trace) => {
                println!("seed {seed} failed after:\n  {}", trace.join("\n  "));
                failed.push(seed);
            }
        }
    }
    println!("{count} seeds from {first} on: {totals:?}");
    assert!(
        failed.is_empty(),
        "seeds {failed:?} failed; to run one again: make simulate SEEDS=1 FIRST_SEED={}",
        failed[0]
    );
    assert!(count < 10 || totals.acknowledged > count * 10, "{totals:?}");
    assert!(count < 100 || totals.compacted > count / 4, "{totals:?}");
    assert!(count < 10 || totals.repeated > count / 2, "{totals:?}");
    assert!(count < 100 || totals.overlapped > count, "{totals:?}");
    assert!(count < 100 || totals.refused > 0, "no append ever met a full disk");
}
