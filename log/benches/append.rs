//! Durable appends against a loop that writes and syncs as many bytes in groups
//! of the same size, and reads of what was appended.
//!
//! `cargo bench -p thalweg-log --bench append -- [SECONDS] [FOLDER]`
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a tool for a person at a terminal
#![allow(clippy::cast_precision_loss)] // figures for people

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use thalweg_log::record::{BatchBuilder, BatchDecoder, Batches, Compression};
use thalweg_log::{Group, Log, Options, SegmentLog, TopicInfo, TopicSpec};

struct Case {
    name: &'static str,
    writers: usize,
    partitions: u32,
    /// Records of 1 KB in one append.
    records: usize,
    /// Appends that each writer has under way.
    depth: usize,
}

const CASES: &[Case] = &[
    Case { name: "1 writer, 1 KB", writers: 1, partitions: 1, records: 1, depth: 1 },
    Case {
        name: "1 writer, 256 KB, 4 under way",
        writers: 1,
        partitions: 1,
        records: 256,
        depth: 4,
    },
    Case { name: "16 writers, 1 KB", writers: 16, partitions: 12, records: 1, depth: 1 },
    Case { name: "256 writers, 1 KB", writers: 256, partitions: 12, records: 1, depth: 1 },
];

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let seconds = args.next().and_then(|text| text.parse().ok()).unwrap_or(3.0);
    let folder = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!(
        "{:32} {:>9} {:>9} {:>6}  {:>9} {:>9}",
        "", "MB/s", "loop", "ratio", "group", "appends/s"
    );
    for case in CASES {
        let folder = tempfile::tempdir_in(&folder).unwrap();
        let length = Duration::from_secs_f64(seconds);
        let ran = runtime.block_on(run(case, folder.path(), length));
        let per_group = ran.bytes / ran.groups.max(1);
        let base = write_and_sync(folder.path(), per_group, length);
        let rate = ran.bytes as f64 / ran.seconds / 1e6;
        println!(
            "{:32} {rate:9.1} {base:9.1} {:6.2}  {per_group:9} {:9.0}",
            case.name,
            rate / base,
            ran.appends as f64 / ran.seconds,
        );
    }
    let folder = tempfile::tempdir_in(&folder).unwrap();
    runtime.block_on(read_back(folder.path()));
}

struct Ran {
    bytes: u64,
    appends: u64,
    groups: u64,
    seconds: f64,
}

async fn make_topic(log: &SegmentLog, partitions: u32) -> TopicInfo {
    let spec = TopicSpec { name: "t".to_owned(), partitions, config: Vec::new() };
    log.create_topic(spec).await.unwrap()
}

fn encode(records: usize, value: &[u8]) -> bytes::Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for _ in 0..records {
        builder.append(1_700_000_000_000, None, Some(value), &[]).unwrap();
    }
    builder.finish().unwrap()
}

async fn run(case: &Case, folder: &Path, length: Duration) -> Ran {
    let log = Arc::new(SegmentLog::open(folder, Options::default()).unwrap());
    let info = make_topic(&log, case.partitions).await;
    let bytes = Arc::new(AtomicU64::new(0));
    let appends = Arc::new(AtomicU64::new(0));
    let groups = log.group_commits();
    let start = Instant::now();
    let mut tasks = Vec::new();
    for number in 0..case.writers {
        let writer = log.open_writer(&number.to_string()).await.unwrap();
        let target = info.partition(u32::try_from(number).unwrap() % case.partitions);
        let (bytes, appends) = (Arc::clone(&bytes), Arc::clone(&appends));
        let (records, depth) = (case.records, case.depth);
        tasks.push(tokio::spawn(async move {
            let value = vec![7; 1000];
            let mut pending = std::collections::VecDeque::new();
            while start.elapsed() < length {
                let batches = encode(records, &value);
                bytes.fetch_add(batches.len() as u64, Ordering::Relaxed);
                appends.fetch_add(1, Ordering::Relaxed);
                pending.push_back(writer.append(vec![Group { target, batches }]).await.unwrap());
                if pending.len() >= depth {
                    pending.pop_front().unwrap().await.unwrap();
                }
            }
            for outcome in pending {
                outcome.await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let ran = Ran {
        bytes: bytes.load(Ordering::Relaxed),
        appends: appends.load(Ordering::Relaxed),
        groups: log.group_commits() - groups,
        seconds: start.elapsed().as_secs_f64(),
    };
    log.close().await.unwrap();
    ran
}

/// MB/s of a loop that writes this many bytes into a zero-filled file and syncs.
fn write_and_sync(folder: &Path, group: u64, length: Duration) -> f64 {
    let group = usize::try_from(group).unwrap().max(1);
    let size = (64 << 20).max(group as u64);
    let path = folder.join("loop");
    let file = OpenOptions::new().create_new(true).write(true).open(path).unwrap();
    let zeros = vec![0; 1 << 20];
    for at in (0..size).step_by(1 << 20) {
        file.write_all_at(&zeros, at).unwrap();
    }
    file.sync_all().unwrap();
    let data = vec![7; group];
    let step = (group as u64).next_multiple_of(4096);
    let (mut at, mut bytes) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < length {
        if at + step > size {
            at = 0;
        }
        file.write_all_at(&data, at).unwrap();
        file.sync_data().unwrap();
        at += step;
        bytes += group as u64;
    }
    bytes as f64 / start.elapsed().as_secs_f64() / 1e6
}

/// Reads 400 MB back from files and decodes every record.
async fn read_back(folder: &Path) {
    let log = SegmentLog::open(folder, Options::default()).unwrap();
    let target = make_topic(&log, 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    for _ in 0..400 {
        let batches = encode(10_000, &[7; 90]);
        let groups = vec![Group { target, batches }];
        writer.append(groups).await.unwrap().await.unwrap();
    }
    log.close().await.unwrap();
    let start = Instant::now();
    let log = SegmentLog::open(folder, Options::default()).unwrap();
    println!("opened in {:?}", start.elapsed());
    let start = Instant::now();
    let mut decoder = BatchDecoder::new(1 << 28);
    let (mut next, mut records, mut bytes) = (0, 0u64, 0);
    loop {
        let fetched = log.read(target, next, 1 << 20).await.unwrap();
        if fetched.batches.is_empty() {
            break;
        }
        bytes += fetched.batches.len();
        for batch in Batches::new(&fetched.batches) {
            let batch = batch.unwrap();
            next = batch.header.last_offset() + 1;
            for record in decoder.decode(&batch).unwrap() {
                records += u64::from(record.unwrap().value.is_some());
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "read and decoded {:.1}M records/s, {:.0} MB/s",
        records as f64 / seconds / 1e6,
        bytes as f64 / seconds / 1e6
    );
    log.close().await.unwrap();
}
