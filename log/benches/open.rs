//! How fast a large log opens, and what its idle partitions cost.
//!
//! `cargo bench -p thalweg-log --bench open -- [MB] [PARTITIONS] [FOLDER]`
//!
//! Fills a log (10,240 MB in 1,000 partitions unless told), in `FOLDER` if there
//! is none yet, and opens it in turn after a clean stop and after one like a crash,
//! which leaves 3,000 appends of 8 KiB over all partitions in the journal. Each
//! process that opens begins anew, so that its memory is its own.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a tool for a person at a terminal
#![allow(clippy::cast_precision_loss)] // figures for people

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use thalweg_log::record::{BatchBuilder, Compression};
use thalweg_log::{Group, Log, Options, SegmentLog, TopicInfo, TopicSpec};

/// In the environment of the processes that open: how the log is to be stopped.
const STOP: &str = "THALWEG_OPEN_BENCH_STOP";
const VALUE_BYTES: usize = 8 << 10;
/// How often it is opened after each kind of stop.
const RUNS: usize = 5;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let megabytes: usize = args.next().and_then(|text| text.parse().ok()).unwrap_or(10 << 10);
    let partitions: u32 = args.next().and_then(|text| text.parse().ok()).unwrap_or(1000);
    let made = tempfile::tempdir().unwrap();
    let folder = args.next().map_or_else(|| made.path().to_owned(), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Ok(stop) = std::env::var(STOP) {
        runtime.block_on(open(&folder, &stop));
        return;
    }
    if !folder.join("checkpoint").exists() {
        let took = runtime.block_on(fill(&folder, megabytes, partitions));
        let seconds = took.as_secs_f64();
        println!("{megabytes} MB in {partitions} partitions, written in {seconds:.0} s");
    }
    let open = |stop| {
        let this = std::env::current_exe().unwrap();
        let args = [megabytes.to_string(), partitions.to_string()];
        let opened = Command::new(this).args(args).arg(&folder).env(STOP, stop).output();
        let opened = opened.unwrap();
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        let line = String::from_utf8(opened.stdout).unwrap();
        line.split_whitespace().map(|word| word.parse().unwrap()).collect::<Vec<f64>>()
    };
    let mut opened = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (lines, stop) in opened.iter_mut().zip(["crash", "clean"]) {
            lines.push(open(stop));
        }
    }
    println!("{:22} {:>9} {:>9} {:>9}", "min / median / max", "open ms", "files", "RSS MB");
    for (name, lines) in ["after a clean stop", "after a crash"].iter().zip(opened) {
        for (number, at) in [0, RUNS / 2, RUNS - 1].into_iter().enumerate() {
            let of = |column: usize| {
                let mut values: Vec<f64> = lines.iter().map(|line| line[column]).collect();
                values.sort_by(f64::total_cmp);
                values[at]
            };
            let name = if number == 0 { *name } else { "" };
            println!("{name:22} {:9.1} {:9.0} {:9.1}", of(0), of(1), of(2));
        }
    }
}

fn topic(log: &SegmentLog) -> TopicInfo {
    log.topic("t").unwrap()
}

fn record(partitions: u32, number: usize, value: &[u8]) -> Vec<(u32, bytes::Bytes)> {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(1_700_000_000_000, None, Some(value), &[]).unwrap();
    let partition = u32::try_from(number).unwrap() % partitions;
    vec![(partition, builder.finish().unwrap())]
}

/// Batches of 8 KiB, evenly over the partitions, in segments of 1 MiB.
async fn fill(folder: &Path, megabytes: usize, partitions: u32) -> Duration {
    let start = Instant::now();
    let log = SegmentLog::open(folder, Options::default()).unwrap();
    let config = [("segment.bytes", "1048576"), ("retention.ms", "-1")];
    let config = config.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let spec = TopicSpec { name: "t".to_owned(), partitions, config };
    let info = log.create_topic(spec).await.unwrap();
    let writer = log.open_writer("w").await.unwrap();
    let value = vec![7; VALUE_BYTES];
    let batches = megabytes * (1 << 20) / VALUE_BYTES;
    let mut pending = std::collections::VecDeque::new();
    for first in (0..batches).step_by(500) {
        let groups = (first..batches.min(first + 500)).flat_map(|n| record(partitions, n, &value));
        let groups = groups
            .map(|(partition, batches)| Group { target: info.partition(partition), batches })
            .collect();
        pending.push_back(writer.append(groups).await.unwrap());
        if pending.len() > 4 {
            pending.pop_front().unwrap().await.unwrap();
        }
    }
    for outcome in pending {
        outcome.await.unwrap();
    }
    log.close().await.unwrap();
    start.elapsed()
}

/// Opens, tells what that cost, appends to a few partitions, and stops.
async fn open(folder: &Path, stop: &str) {
    let start = Instant::now();
    let log = SegmentLog::open(folder, Options::default()).unwrap();
    let took = start.elapsed();
    println!("{:9.1} {:12} {:9.1}", took.as_secs_f64() * 1e3, open_files(folder), rss_mb());
    let info = topic(&log);
    let writer = log.open_writer("w").await.unwrap();
    let value = vec![7; VALUE_BYTES];
    for n in 0..3000 {
        let groups = record(info.partitions, n, &value);
        let groups = groups
            .into_iter()
            .map(|(partition, batches)| Group { target: info.partition(partition), batches });
        writer.append(groups.collect()).await.unwrap().await.unwrap();
    }
    if stop == "clean" {
        log.close().await.unwrap();
    } else {
        std::process::exit(0);
    }
}

/// Files of the log that this process has open.
fn open_files(folder: &Path) -> usize {
    let folder = folder.canonicalize().unwrap();
    let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = links.filter_map(|link| std::fs::read_link(link.path()).ok());
    targets.filter(|target| target.starts_with(&folder)).count()
}

fn rss_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024.0
}
