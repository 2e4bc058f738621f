//! Writers that append records of 1 KB, each when its last one is durable.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use thalweg_harness::measure::{cpu_seconds, percentile};
use thalweg_log::record::{BatchBuilder, Compression};
use thalweg_log::{Group, Log, Options, SegmentLog, TopicInfo, TopicSpec};

use crate::journal;

const RECORD_BYTES: usize = 1_000;
/// Uses of the journal's files before the clock starts: they all hold blocks that
/// were written by then, as in a log that is older than a minute.
const USES_BEFORE: u64 = 5;
/// Records of one append of those, and such appends that are under way.
const WARM_RECORDS: usize = 256;
const WARM_DEPTH: usize = 8;
/// Bytes that a run without checkpoints may write in a second.
const JOURNAL_BYTES_PER_SECOND: u64 = 512 << 20;

/// One load.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) writers: u32,
    pub(crate) partitions: u32,
    /// Without, the journal is as long as the run, and no file of it is used
    /// again.
    pub(crate) has_checkpoints: bool,
}

impl Case {
    pub(crate) fn name(&self) -> String {
        let writers = if self.writers == 1 { "writer" } else { "writers" };
        let partitions = if self.partitions == 1 { "partition" } else { "partitions" };
        let without = if self.has_checkpoints { "" } else { ", no checkpoints" };
        format!("{} {writers}, {} {partitions}{without}", self.writers, self.partitions)
    }
}

/// What became of it.
pub(crate) struct Ran {
    pub(crate) bytes: u64,
    pub(crate) appends: u64,
    pub(crate) groups: u64,
    pub(crate) seconds: f64,
    /// Of the whole process, the writers included.
    pub(crate) cpu_seconds: f64,
    pub(crate) files_begun: u64,
    /// From an append to its answer.
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Runs it in a new log in this folder.
pub(crate) async fn run(case: &Case, folder: &Path, length: Duration) -> Result<Ran> {
    let data = folder.join("data");
    let log = Arc::new(open(case, &data, length).await?);
    let spec = TopicSpec { name: "t".to_owned(), partitions: case.partitions, config: Vec::new() };
    let topic = log.create_topic(spec).await?;
    if case.has_checkpoints {
        use_all_files(&log, &topic, &data).await?;
    }
    let files_before = journal::uses(&data)?;
    let groups_before = log.group_commits();
    let cpu_before = cpu_seconds(std::process::id()).unwrap_or(0.0);
    let start = Instant::now();
    let mut writers = Vec::new();
    for number in 0..case.writers {
        writers.push(tokio::spawn(write(Arc::clone(&log), topic.clone(), *case, number, length)));
    }
    let mut times = Vec::new();
    for writer in writers {
        times.append(&mut writer.await??);
    }
    let seconds = start.elapsed().as_secs_f64();
    let cpu_seconds = cpu_seconds(std::process::id()).unwrap_or(0.0) - cpu_before;
    let groups = log.group_commits() - groups_before;
    log.close().await?;
    times.sort_by(f64::total_cmp);
    let appends = times.len() as u64;
    Ok(Ran {
        bytes: appends * batch(1)?.len() as u64,
        appends,
        groups,
        seconds,
        cpu_seconds,
        files_begun: journal::uses(&data)? - files_before,
        median_ms: percentile(&times, 500),
        p99_ms: percentile(&times, 990),
    })
}

async fn open(case: &Case, data: &Path, length: Duration) -> Result<SegmentLog> {
    let mut options = Options::default();
    if !case.has_checkpoints {
        SegmentLog::open(data, options.clone())?.close().await?;
        options.journal_file_bytes = JOURNAL_BYTES_PER_SECOND * length.as_secs();
        journal::zero_fill(data, options.journal_file_bytes)?;
    }
    Ok(SegmentLog::open(data, options)?)
}

/// Appends until each file of the journal was written.
async fn use_all_files(log: &SegmentLog, topic: &TopicInfo, data: &Path) -> Result<()> {
    let writer = log.open_writer("warm").await?;
    let batches = batch(WARM_RECORDS)?;
    let mut pending = VecDeque::new();
    for number in 0.. {
        let target = topic.partition(number % topic.partitions);
        let groups = vec![Group { target, batches: Bytes::from(batches.clone()) }];
        pending.push_back(writer.append(groups).await?);
        if pending.len() >= WARM_DEPTH
            && let Some(oldest) = pending.pop_front()
        {
            oldest.await?;
        }
        if number % 64 == 0 && journal::uses(data)? >= USES_BEFORE {
            break;
        }
    }
    for append in pending {
        append.await?;
    }
    Ok(())
}

/// One writer; ms that each of its appends took.
async fn write(
    log: Arc<SegmentLog>,
    topic: TopicInfo,
    case: Case,
    number: u32,
    length: Duration,
) -> Result<Vec<f64>> {
    let writer = log.open_writer(&number.to_string()).await?;
    let batches = batch(1)?;
    let mut times = Vec::new();
    let start = Instant::now();
    let mut at = start;
    let mut partition = number % case.partitions;
    while at - start < length {
        let target = topic.partition(partition);
        partition = (partition + case.writers) % case.partitions;
        let groups = vec![Group { target, batches: Bytes::from(batches.clone()) }];
        writer.append(groups).await?.await?;
        let now = Instant::now();
        times.push((now - at).as_secs_f64() * 1e3);
        at = now;
    }
    Ok(times)
}

fn batch(records: usize) -> Result<Vec<u8>> {
    let mut builder = BatchBuilder::new(Compression::None);
    for _ in 0..records {
        builder.append(1_700_000_000_000, None, Some(&[7; RECORD_BYTES]), &[])?;
    }
    Ok(builder.finish()?.to_vec())
}
