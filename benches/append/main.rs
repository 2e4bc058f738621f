//! Durable appends, as a ratio to a loop that writes and syncs as many bytes in
//! groups of the size that was measured, in the same run. `make bench` prints the
//! table.
//!
//! `THALWEG_BENCH_APPEND_SECONDS` (default 10) is the length of a case, and
//! `THALWEG_BENCH_RUNS` (default 3) says how often all of them are run; a word as
//! argument runs only the cases whose names hold it.

#![allow(clippy::print_stderr, reason = "a bench tells its progress")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

mod journal;
mod load;

use std::time::Duration;

use anyhow::Result;
use load::{Case, Ran};
use thalweg_harness::measure::{Report, setting, write_and_sync};

/// How long the loop is measured, at the most.
const LOOP: Duration = Duration::from_secs(3);

fn main() -> Result<()> {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let length = Duration::from_secs(setting("THALWEG_BENCH_APPEND_SECONDS", 10).max(1));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::default();
    for _ in 0..setting("THALWEG_BENCH_RUNS", 3) {
        for case in cases().into_iter().filter(|case| wanted(&case.name())) {
            eprintln!("== {}", case.name());
            let folder = tempfile::tempdir()?;
            let ran = runtime.block_on(load::run(&case, folder.path(), length))?;
            tell(&mut report, &case, &ran, folder.path())?;
        }
    }
    report.print();
    Ok(())
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for partitions in [1, 12, 1_000] {
        for writers in [1, 16, 256] {
            cases.push(Case { writers, partitions, has_checkpoints: true });
        }
    }
    let without = |partitions| Case { writers: 256, partitions, has_checkpoints: false };
    cases.extend([without(1), without(1_000)]);
    cases
}

fn tell(report: &mut Report, case: &Case, ran: &Ran, folder: &std::path::Path) -> Result<()> {
    let name = case.name();
    let group = usize::try_from(ran.bytes / ran.groups.max(1))?;
    let base = write_and_sync(folder, group, LOOP)?;
    let rate = ran.bytes as f64 / ran.seconds;
    report.add(&name, "MB/s", rate / 1e6);
    report.add(&name, "MB/s, the loop", base.bytes_per_second / 1e6);
    let bar = match (case.writers, case.has_checkpoints) {
        (256, true) => "of the loop (>= 0.4)",
        (256, false) => "of the loop (>= 0.8)",
        _ => "of the loop",
    };
    report.add(&name, bar, rate / base.bytes_per_second);
    report.add(&name, "KB in a group", group as f64 / 1e3);
    report.add(&name, "us of CPU an append", ran.cpu_seconds * 1e6 / ran.appends.max(1) as f64);
    report.add(&name, "ms p50", ran.median_ms);
    report.add(&name, "ms p99", ran.p99_ms);
    if case.has_checkpoints {
        report.add(&name, "journal files begun", ran.files_begun as f64);
    }
    Ok(())
}
