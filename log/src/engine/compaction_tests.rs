//! Tests of compaction on a simulated disk: what readers find, whatever was
//! appended, and whenever the power goes. They unwrap: a failure is the test's
//! answer. `THALWEG_COMPACTION_RUNS=6` makes the power go at each call there is.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Append, CheckedGroup, Command, Engine, WriterToken};
use crate::api::{Result, TopicId, TopicInfo, TopicPartition, TopicSpec};
use crate::clock::{Clock, ManualClock};
use crate::compact::CompactionJob;
use crate::disk::sim::{Faults, SimDisk};
use crate::options::Options;
use crate::record::{BatchBuilder, BatchDecoder, Batches, Compression, check_batches};

const RETENTION_MS: i64 = 60_000;
const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// A record that was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    time_ms: i64,
}

/// A log with one compacted partition, and all that was appended to it.
struct Keyed {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    options: Options,
    engine: Option<Engine>,
    at: TopicPartition,
    sent: Vec<Sent>,
}

fn settings(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let retention = RETENTION_MS.to_string();
    let all = [("cleanup.policy", "compact"), ("delete.retention.ms", &retention)];
    let all = all.iter().chain(more);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Keyed {
    fn new(seed: u64, more: &[(&str, &str)], options: Options) -> Self {
        let root = PathBuf::from("/data");
        let mut keyed = Self {
            disk: SimDisk::new(seed, &root),
            clock: Arc::new(ManualClock::new(1_700_000_000_000, seed)),
            options,
            engine: None,
            at: TopicPartition { topic: TopicId::nil(), partition: 0 },
            sent: Vec::new(),
        };
        keyed.open().unwrap();
        let spec = TopicSpec { name: "t".to_owned(), partitions: 1, config: settings(more) };
        let (reply, mut answer) = oneshot::channel();
        keyed.engine().commit(vec![Command::Create(spec, reply)]);
        let info: TopicInfo = answer.try_recv().unwrap().unwrap();
        keyed.at = info.partition(0);
        keyed
    }

    fn open(&mut self) -> Result<()> {
        let disk = Arc::new(self.disk.clone());
        let clock: Arc<ManualClock> = Arc::clone(&self.clock);
        self.engine = Some(Engine::open(disk, clock, Path::new("/data"), self.options.clone())?);
        Ok(())
    }

    fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().unwrap()
    }

    /// Appends a batch; false if it was refused.
    fn append(&mut self, compression: Compression, records: &[(&str, Option<&str>)]) -> bool {
        let time_ms = self.clock.wall_ms();
        let mut builder = BatchBuilder::new(compression);
        for (key, value) in records {
            let value = value.map(str::as_bytes);
            builder.append(time_ms, Some(key.as_bytes()), value, &[("h", None)]).unwrap();
        }
        let batches = builder.finish().unwrap();
        let summaries = check_batches(&batches, 1 << 20, "").unwrap();
        let writer = WriterToken {
            id: "w".into(),
            current: Arc::new(AtomicU64::new(1)),
            generation: 1,
            failed: Arc::default(),
        };
        let groups = vec![CheckedGroup { target: self.at, batches, summaries }];
        let (reply, mut answer) = oneshot::channel();
        let append = Append { writer, groups, reply, permit: None };
        self.engine().commit(vec![Command::Append(append)]);
        if answer.try_recv().unwrap().is_err() {
            return false;
        }
        self.sent.extend(records.iter().map(|(key, value)| Sent {
            key: key.as_bytes().to_vec(),
            value: value.map(|value| value.as_bytes().to_vec()),
            time_ms,
        }));
        true
    }

    fn checkpoint(&mut self) {
        if let Some(job) = self.engine().make_job() {
            let outcome = job.run();
            self.engine().job_done(outcome);
        }
    }

    /// What is due now, one step after the other. Returns how many there were.
    fn compact(&mut self) -> usize {
        self.checkpoint();
        self.clock.advance(Duration::from_secs(20));
        let mut steps = 0;
        while let Some(job) = self.engine().take_compaction() {
            let outcome = job.run_to_the_end();
            self.engine().compaction_done(outcome);
            steps += 1;
            assert!(steps < 10_000, "compaction does not end");
        }
        steps
    }

    fn next_job(&mut self) -> Option<CompactionJob> {
        self.checkpoint();
        self.clock.advance(Duration::from_secs(20));
        self.engine().take_compaction()
    }

    /// All records from `from` on, by offset.
    fn read_from(&mut self, from: i64) -> Vec<(i64, Sent)> {
        let at = self.at;
        let engine = self.engine();
        let view = engine.view.partition(at).unwrap();
        let end = view.read().end;
        let mut decoder = BatchDecoder::new(1 << 20);
        let mut found = Vec::new();
        let mut next = from;
        while next < end {
            let fetched = engine.reader.read(&view, next, 3000).unwrap();
            assert!(!fetched.batches.is_empty());
            for batch in Batches::new(&fetched.batches) {
                let batch = batch.unwrap();
                assert!(batch.header.last_offset() >= next);
                for record in decoder.decode(&batch).unwrap() {
                    let record = record.unwrap();
                    assert_eq!(record.headers.len(), 1);
                    let sent = Sent {
                        key: record.key.unwrap().to_vec(),
                        value: record.value.map(<[u8]>::to_vec),
                        time_ms: record.timestamp,
                    };
                    if record.offset >= next {
                        found.push((record.offset, sent));
                    }
                }
                next = batch.header.last_offset() + 1;
            }
        }
        assert_eq!(next, end);
        found
    }

    /// Checks all that holds after any number of compactions.
    fn check(&mut self) {
        let now = self.clock.wall_ms();
        let found = self.read_from(0);
        assert!(found.is_sorted_by(|a, b| a.0 < b.0), "the order changed");
        for (offset, record) in &found {
            assert_eq!(*record, self.sent[usize::try_from(*offset).unwrap()], "at {offset}");
        }
        let mut last: BTreeMap<&[u8], usize> = BTreeMap::new();
        for (offset, record) in self.sent.iter().enumerate() {
            last.insert(&record.key, offset);
        }
        let kept: BTreeMap<i64, &Sent> = found.iter().map(|(at, sent)| (*at, sent)).collect();
        let mut latest: BTreeMap<&[u8], &Sent> = BTreeMap::new();
        for (_, record) in &found {
            latest.insert(&record.key, record);
        }
        for (key, offset) in last {
            let record = &self.sent[offset];
            let is_there = kept.contains_key(&i64::try_from(offset).unwrap());
            if record.value.is_some() || now < record.time_ms + RETENTION_MS {
                assert!(is_there, "the last record of a key is gone: {offset}");
            } else if !is_there {
                // A tombstone goes after all that it hides.
                assert_eq!(latest.get(key), None, "a deleted key is back");
            }
        }
    }

    /// Reads from any offset find what a read of all finds. What is in memory is
    /// not compacted, so that they may find more there.
    fn check_offsets(&mut self) {
        let at = self.at;
        let view = self.engine().view.partition(at).unwrap();
        let in_memory = view.read().tail.front().map_or(i64::MAX, |batch| batch.base);
        let mut all = self.read_from(0);
        all.retain(|(offset, _)| *offset < in_memory);
        for offset in (0..i64::try_from(self.sent.len()).unwrap()).step_by(3) {
            let mut found = self.read_from(offset);
            found.retain(|(offset, _)| *offset < in_memory);
            let from = all.partition_point(|(at, _)| *at < offset);
            let first = |records: &[(i64, Sent)]| records.first().map(|(at, _)| *at);
            assert_eq!(first(&found), first(&all[from..]), "from {offset}");
            assert!(found == all[from..], "from {offset}");
        }
    }

    /// Files of the partition and their sizes.
    fn names(&self) -> Vec<String> {
        let disk: &dyn crate::disk::Disk = &self.disk;
        disk.list(Path::new("/data/t-0")).unwrap()
    }

    fn bytes(&mut self) -> u64 {
        let at = self.at;
        let view = self.engine().view.partition(at).unwrap();
        let records = view.read();
        records.segments.iter().map(|segment| segment.len).sum()
    }
}

/// How often something is tried, times what the environment says.
fn runs(count: u64) -> u64 {
    let factor = std::env::var("THALWEG_COMPACTION_RUNS").ok();
    count * factor.and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn small() -> Options {
    Options { tail_bytes_max: 0, ..Options::default() }
}

#[test]
fn the_last_record_of_each_key_is_left() {
    let mut log = Keyed::new(1, &[("segment.bytes", "2000")], small());
    for n in 0..200 {
        let (key, value) = (format!("k{}", n % 5), format!("value {n}"));
        assert!(log.append(CODECS[n % 5], &[(&key, Some(&value)), ("all", Some(&value))]));
    }
    let before = log.bytes();
    assert!(log.compact() > 0);
    log.check();
    log.check_offsets();
    assert!(log.bytes() < before / 3, "{} of {before} bytes are left", log.bytes());
    let closed = log.read_from(0);
    assert!(closed.len() < 50, "{} records are left", closed.len());
    assert!(log.names().iter().all(|name| !name.contains("cleaned")), "{:?}", log.names());
    // Nothing is due, and all is there after a restart, in order or not.
    assert_eq!(log.compact(), 0);
    log.engine().close().unwrap();
    log.open().unwrap();
    assert_eq!(log.read_from(0), closed);
    log.check_offsets();
    assert!(log.append(Compression::None, &[("k1", Some("after"))]));
    log.engine = None;
    log.open().unwrap();
    assert_eq!(log.read_from(0).len(), closed.len() + 1);
    assert_eq!(log.compact(), 0);
}

#[test]
fn a_map_that_is_too_small_takes_more_passes() {
    let options = Options { compaction_map_bytes_max: 1000, ..small() };
    let more = [("segment.bytes", "4000"), ("min.cleanable.dirty.ratio", "0")];
    let mut log = Keyed::new(2, &more, options);
    for round in 0..4 {
        for n in 0..300 {
            let key = format!("key {n}");
            assert!(log.append(Compression::None, &[(&key, Some(&format!("{round}")))]));
        }
    }
    assert!(log.compact() > 10);
    log.check();
    let found = log.read_from(0);
    assert!(found.len() < 400, "{} records are left", found.len());
}

#[test]
fn deleted_keys_are_forgotten_in_time() {
    let mut log = Keyed::new(3, &[("segment.bytes", "1500")], small());
    for n in 0..40 {
        assert!(log.append(Compression::Lz4, &[(&format!("k{n}"), Some("value"))]));
    }
    for n in 0..40 {
        assert!(log.append(Compression::Lz4, &[(&format!("k{n}"), None)]));
    }
    for n in 0..40 {
        assert!(log.append(Compression::None, &[("other", Some(&format!("{n}")))]));
    }
    assert!(log.compact() > 0);
    log.check();
    let tombstones = |log: &mut Keyed| {
        let found = log.read_from(0);
        found.iter().filter(|(_, record)| record.value.is_none()).count()
    };
    assert_eq!(tombstones(&mut log), 40);
    assert_eq!(log.compact(), 0);
    // The time is known after a restart too, and no append is needed.
    log.engine().close().unwrap();
    log.open().unwrap();
    log.clock.advance(Duration::from_millis(RETENTION_MS.unsigned_abs()));
    assert!(log.compact() > 0);
    log.check();
    assert_eq!(tombstones(&mut log), 0);
    assert_eq!(log.compact(), 0);
}

#[test]
fn young_and_open_segments_are_left_alone() {
    let more = [("segment.bytes", "1500"), ("min.compaction.lag.ms", "100000")];
    let mut log = Keyed::new(4, &more, small());
    for n in 0..100 {
        assert!(log.append(Compression::None, &[("k", Some(&format!("{n}")))]));
    }
    assert_eq!(log.compact(), 0);
    assert_eq!(log.read_from(0).len(), 100);
    log.clock.advance(Duration::from_secs(100));
    assert!(log.compact() > 0);
    let left = log.read_from(0);
    assert!((2..30).contains(&left.len()), "{}", left.len());
    // What is written to is whole.
    let at = log.at;
    let base = log.engine().view.partition(at).unwrap().read().segments.last().unwrap().base;
    let open = left.iter().filter(|(offset, _)| *offset >= base).count();
    assert_eq!(i64::try_from(open).unwrap(), 100 - base);
}

#[test]
fn the_ratio_and_the_longest_lag_decide() {
    let more = [("segment.bytes", "1500"), ("min.cleanable.dirty.ratio", "0.9")];
    let mut log = Keyed::new(5, &more, small());
    let fill = |log: &mut Keyed, from: usize, to: usize| {
        for n in from..to {
            assert!(log.append(Compression::None, &[(&format!("key {n}"), Some("value"))]));
        }
    };
    fill(&mut log, 0, 100);
    assert!(log.compact() > 0, "nothing was ever compacted");
    fill(&mut log, 100, 200);
    assert_eq!(log.compact(), 0);
    let mut config = settings(&more);
    config.push(("max.compaction.lag.ms".to_owned(), "100000".to_owned()));
    let (reply, mut answer) = oneshot::channel();
    let topic = log.at.topic;
    log.engine().commit(vec![Command::Configure(topic, config, reply)]);
    answer.try_recv().unwrap().unwrap();
    assert_eq!(log.compact(), 0);
    log.clock.advance(Duration::from_secs(100));
    assert!(log.compact() > 0);
    log.check();
    // What is written to is closed by the lag, too.
    let segments = |log: &mut Keyed| {
        let at = log.at;
        log.engine().view.partition(at).unwrap().read().segments.len()
    };
    let before = segments(&mut log);
    fill(&mut log, 200, 201);
    assert_eq!(segments(&mut log), before + 1);
}

#[test]
fn small_segments_are_joined() {
    let mut log = Keyed::new(6, &[("segment.bytes", "1500")], small());
    for n in 0..400 {
        assert!(log.append(Compression::None, &[(&format!("k{}", n % 3), Some("value"))]));
    }
    let segments = |log: &mut Keyed| {
        let at = log.at;
        log.engine().view.partition(at).unwrap().read().segments.len()
    };
    let before = segments(&mut log);
    log.compact();
    for n in 0..100 {
        assert!(log.append(Compression::None, &[(&format!("k{}", n % 3), Some("value"))]));
    }
    log.compact();
    assert!(segments(&mut log) * 3 < before, "{} of {before}", segments(&mut log));
    log.check();
    log.check_offsets();
}

#[test]
fn a_trim_or_a_deletion_during_a_step_wins() {
    let mut log = Keyed::new(7, &[("segment.bytes", "1500")], small());
    for n in 0..200 {
        assert!(log.append(Compression::None, &[("k", Some(&format!("{n}")))]));
    }
    let outcome = log.next_job().unwrap().run_to_the_end();
    let (reply, mut answer) = oneshot::channel();
    let at = log.at;
    log.engine().commit(vec![Command::Trim(at, 100, reply)]);
    answer.try_recv().unwrap().unwrap();
    log.engine().compaction_done(outcome);
    assert!(log.names().iter().all(|name| !name.contains("cleaned")), "{:?}", log.names());
    assert_eq!(log.read_from(100).len(), 100);
    let outcome = log.next_job().unwrap().run_to_the_end();
    let (reply, mut answer) = oneshot::channel();
    log.engine().commit(vec![Command::Delete(at.topic, reply)]);
    answer.try_recv().unwrap().unwrap();
    log.engine().compaction_done(outcome);
    assert!(log.engine().stopped().is_none());
    log.engine = None;
    log.open().unwrap();
}

/// Files that a step reads may be trimmed: that is no failure, after which the
/// partition would be left alone for long.
#[test]
fn what_a_trim_interrupts_goes_on_at_once() {
    // Before the first step reads, after it has read, and between two steps.
    for when in 0..3 {
        let mut log = Keyed::new(9, &[("segment.bytes", "1500")], small());
        for n in 0..200 {
            let key = format!("k{}", n % 30);
            assert!(log.append(Compression::None, &[(&key, Some(&format!("{n}")))]));
        }
        let mut job = log.next_job();
        let mut outcome = (when > 0).then(|| job.take().unwrap().run_to_the_end());
        if when == 2 {
            log.engine().compaction_done(outcome.take().unwrap());
        }
        let (reply, mut answer) = oneshot::channel();
        let at = log.at;
        log.engine().commit(vec![Command::Trim(at, 100, reply)]);
        answer.try_recv().unwrap().unwrap();
        if when == 2 {
            job = log.engine().take_compaction();
        }
        let outcome = outcome.unwrap_or_else(|| job.unwrap().run_to_the_end());
        assert_eq!(outcome.step.is_ok(), when == 1, "{when}");
        log.engine().compaction_done(outcome);
        // With no time between.
        let outcome = log.engine().take_compaction().unwrap().run_to_the_end();
        assert!(outcome.step.is_ok(), "{when}");
        log.engine().compaction_done(outcome);
        log.compact();
        let left = log.read_from(100);
        assert!(left.len() < 70, "{when}: {} records are left", left.len());
    }
}

#[test]
fn reads_go_on_during_a_swap() {
    let mut log = Keyed::new(8, &[("segment.bytes", "3000")], small());
    for n in 0..300 {
        assert!(log.append(Compression::None, &[(&format!("k{}", n % 4), Some("value"))]));
    }
    log.checkpoint();
    let at = log.at;
    let view = log.engine().view.partition(at).unwrap();
    let reader = Arc::clone(&log.engine().reader);
    // Found before the swap, read after it.
    let found: Vec<_> = (0..200)
        .map(|offset| match view.read().find(offset, 500).unwrap() {
            crate::view::Found::File(read) => (offset, read),
            crate::view::Found::Memory(_) => panic!("it is in memory"),
        })
        .collect();
    assert!(log.compact() > 0);
    for (offset, read) in found {
        let fetched = reader.read_file(&view, &read, offset, 500).unwrap();
        let batch = Batches::new(&fetched.batches).next().unwrap().unwrap();
        assert!(batch.header.last_offset() >= offset);
    }
    log.check_offsets();
}

#[test]
fn any_appends_and_passes_keep_what_counts() {
    for seed in 0..runs(6) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let options = Options {
            compaction_map_bytes_max: [500, 5_000, 1 << 20][rng.usize(..3)],
            tail_bytes_max: [0, 10_000][rng.usize(..2)],
            journal_file_bytes: 64 << 10,
            ..Options::default()
        };
        let segment_bytes = [1024, 4000, 20_000][rng.usize(..3)].to_string();
        let more = [
            ("segment.bytes", segment_bytes.as_str()),
            ("min.cleanable.dirty.ratio", ["0", "0.3"][rng.usize(..2)]),
        ];
        let mut log = Keyed::new(seed, &more, options);
        for _ in 0..rng.usize(5..25) {
            for _ in 0..rng.usize(1..30) {
                append_some(&mut log, &mut rng);
            }
            match rng.u8(..8) {
                0 => {
                    log.engine().close().unwrap();
                    log.open().unwrap();
                }
                1 => {
                    log.engine = None;
                    log.open().unwrap();
                }
                2 => log.clock.advance(Duration::from_secs(rng.u64(..100))),
                _ => drop(log.compact()),
            }
            log.check();
        }
        log.check_offsets();
    }
}

fn append_some(log: &mut Keyed, rng: &mut fastrand::Rng) {
    let keys = [3, 20, 200][rng.usize(..3)];
    let records: Vec<(String, Option<String>)> = (0..rng.usize(1..6))
        .map(|_| {
            let value = (rng.u8(..4) > 0).then(|| "v".repeat(rng.usize(..60)));
            (format!("key {}", rng.u32(..keys)), value)
        })
        .collect();
    let records: Vec<(&str, Option<&str>)> =
        records.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
    let compression = CODECS[rng.usize(..CODECS.len())];
    assert!(log.append(compression, &records));
}

/// The power goes at each call of the disk that a few passes make, one after
/// the other, and once more during the recovery.
#[test]
fn the_power_may_go_at_each_step() {
    let prepare = || {
        let options = Options { journal_file_bytes: 64 << 10, ..small() };
        let mut log = Keyed::new(9, &[("segment.bytes", "1500")], options);
        for n in 0..60 {
            let (key, value) = (format!("k{}", n % 7), format!("{n}"));
            let value = (n % 10 > 0).then_some(value.as_str());
            assert!(log.append(CODECS[n % 5], &[(&key, value)]));
        }
        log
    };
    let mut whole = prepare();
    let from = whole.disk.calls();
    let work = |log: &mut Keyed| {
        for n in 0..3 {
            log.compact();
            if !log.append(Compression::Lz4, &[(&format!("late {n}"), Some("v"))]) {
                return;
            }
            log.clock.advance(Duration::from_secs(30));
        }
    };
    work(&mut whole);
    whole.check();
    let calls = whole.disk.calls() - from;
    assert!(calls > 50, "{calls}");
    let stride = usize::try_from(60 / runs(10)).unwrap().max(1);
    for cut in (1..=calls).step_by(stride) {
        let mut log = prepare();
        let calls = log.disk.calls();
        log.disk.set_faults(Faults { power_off_at: Some(calls + cut), ..Faults::default() });
        work(&mut log);
        restart(&mut log, [0, 3, 17, 40][usize::try_from(cut % 4).unwrap()]);
        // An append that was not acknowledged may be there.
        let at = log.at;
        let end = log.engine().view.partition(at).unwrap().read().end;
        let sent = i64::try_from(log.sent.len()).unwrap();
        assert!((sent..=sent + 1).contains(&end), "cut {cut}: {sent} sent, {end} there");
        if end > sent {
            let late = log.read_from(sent).remove(0).1;
            log.sent.push(late);
        }
        log.check();
        log.compact();
        log.check();
        log.check_offsets();
        assert!(log.names().iter().all(|name| !name.contains("cleaned")), "cut {cut}");
    }
}

/// The power is gone, and comes back; it goes once more at this call of the
/// recovery.
fn restart(log: &mut Keyed, again: u64) {
    log.engine = None;
    log.disk = log.disk.power_cycle();
    if again > 0 {
        log.disk.set_faults(Faults { power_off_at: Some(again), ..Faults::default() });
        let opened = log.open();
        log.engine = None;
        assert!(opened.is_ok() || log.disk.is_off(), "{:?}", opened.err());
        log.disk = log.disk.power_cycle();
    }
    log.open().unwrap();
}

/// A sync fails at each call, and space ends: nothing is lost, and nothing of a
/// file that was not synced is taken.
#[test]
fn syncs_may_fail_and_space_may_end() {
    for at in 1..runs(60) {
        let mut log = Keyed::new(at, &[("segment.bytes", "1500")], small());
        for n in 0..80 {
            assert!(log.append(Compression::None, &[(&format!("k{}", n % 7), Some("value"))]));
        }
        let calls = log.disk.calls();
        let capacity = (at % 3 == 0).then_some(calls % 5_000 + 16_000_000);
        let faults = Faults { sync_error_at: Some(calls + at), capacity, ..Faults::default() };
        log.disk.set_faults(faults);
        log.compact();
        log.check();
        log.disk.set_faults(Faults::default());
        restart(&mut log, 0);
        log.check();
        log.compact();
        log.check();
        log.check_offsets();
    }
}
