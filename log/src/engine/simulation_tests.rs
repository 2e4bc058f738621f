//! Crash tests: a random workload on a simulated disk, with power cuts at any
//! call, failing syncs and a full disk, checked against a model after each
//! restart.
//!
//! `THALWEG_SIM_SEEDS=n` runs that many seeds, `THALWEG_SIM_FIRST_SEED=k` begins
//! at that one. A failure names its seed.
#![allow(clippy::unwrap_used)] // a failure is the test's answer

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Append, CheckedGroup, Command, Engine, SyncJob, WriterToken};
use crate::api::{Appended, Result, TopicId, TopicInfo, TopicPartition, TopicSpec};
use crate::clock::ManualClock;
use crate::disk::sim::{Faults, SimDisk};
use crate::error::LogError;
use crate::options::{Durability, Options};
use crate::record::{BatchBuilder, BatchDecoder, Batches, Compression, check_batches};
use crate::topic::TopicConfig;

/// What a partition must hold.
#[derive(Default)]
struct ModelPartition {
    /// Id of the value at each offset, from 0.
    values: Vec<u64>,
    /// Lowest and highest start that a restart may show.
    start: (i64, i64),
}

struct ModelTopic {
    info: TopicInfo,
    partitions: Vec<ModelPartition>,
    /// A deletion was asked for, and its outcome is not known.
    may_be_gone: bool,
}

#[derive(Default)]
struct Model {
    topics: BTreeMap<TopicId, ModelTopic>,
    gone: BTreeSet<TopicId>,
    /// Appends whose outcome is not known: each must be there as a whole or not
    /// at all.
    open: Vec<Vec<(TopicPartition, Vec<u64>)>>,
    next_value: u64,
    next_name: u64,
    acknowledged: u64,
    refused: u64,
}

enum Asked {
    Append(Vec<(TopicPartition, Vec<u64>)>, oneshot::Receiver<Result<Vec<Appended>>>),
    Create(oneshot::Receiver<Result<TopicInfo>>),
    Delete(TopicId, oneshot::Receiver<Result<()>>),
    Trim(TopicPartition, i64, oneshot::Receiver<Result<()>>),
}

struct Simulation {
    rng: fastrand::Rng,
    disk: SimDisk,
    clock: Arc<ManualClock>,
    options: Options,
    model: Model,
    token: WriterToken,
    /// A job that was taken and not run yet.
    job: Option<SyncJob>,
}

fn root() -> PathBuf {
    PathBuf::from("/data")
}

fn value_bytes(id: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; 8 + len];
    bytes[..8].copy_from_slice(&id.to_be_bytes());
    fastrand::Rng::with_seed(id).fill(&mut bytes[8..]);
    bytes
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let options = Options {
            durability: Durability::Fsync,
            journal_file_bytes: [32 << 10, 128 << 10, 512 << 10][rng.usize(..3)],
            tail_bytes_max: [0, 8 << 10, 1 << 20][rng.usize(..3)],
            topics: TopicConfig {
                segment_bytes: [2 << 10, 16 << 10, 1 << 20][rng.usize(..3)],
                retention_ms: None,
                ..TopicConfig::default()
            },
            ..Options::default()
        };
        Self {
            disk: SimDisk::new(rng.u64(..), &root()),
            clock: Arc::new(ManualClock::new(1_700_000_000_000, rng.u64(..))),
            rng,
            options,
            model: Model::default(),
            token: WriterToken {
                id: "w".into(),
                current: Arc::new(AtomicU64::new(1)),
                generation: 1,
                failed: Arc::default(),
            },
            job: None,
        }
    }

    fn open(&self) -> Result<Engine> {
        let disk = Arc::new(self.disk.clone());
        let clock: Arc<ManualClock> = Arc::clone(&self.clock);
        Engine::open(disk, clock, Path::new("/data"), self.options.clone())
    }

    /// Opens, with the power going now and then while it does.
    fn open_at_last(&mut self) -> Engine {
        for attempt in 0.. {
            if attempt < 3 && self.rng.u8(..4) == 0 {
                let at = self.disk.calls() + self.rng.u64(1..60);
                self.disk.set_faults(Faults { power_off_at: Some(at), ..Faults::default() });
            } else {
                self.disk.set_faults(Faults::default());
            }
            match self.open() {
                Ok(engine) if !self.disk.is_off() => {
                    self.disk.set_faults(Faults::default());
                    return engine;
                }
                Ok(_) => {}
                Err(error) => assert!(self.disk.is_off(), "opening: {error}"),
            }
            self.disk = self.disk.power_cycle();
        }
        unreachable!("the last attempt has no fault")
    }

    fn set_faults(&mut self) {
        let calls = self.disk.calls();
        let faults = Faults {
            power_off_at: Some(calls + self.rng.u64(1..500)),
            sync_error_at: (self.rng.u8(..3) == 0).then(|| calls + self.rng.u64(1..300)),
            capacity: (self.rng.u8(..4) == 0).then(|| self.rng.u64((64 << 10)..(4 << 20))),
        };
        self.disk.set_faults(faults);
    }

    fn run(&mut self) {
        for _ in 0..4 {
            let mut engine = self.open_at_last();
            self.check(&engine);
            self.set_faults();
            for _ in 0..self.rng.usize(10..120) {
                self.step(&mut engine);
                if self.disk.is_off() || engine.stopped().is_some() {
                    break;
                }
            }
            self.stop(engine);
        }
        let engine = self.open_at_last();
        self.check(&engine);
    }

    fn stop(&mut self, mut engine: Engine) {
        match self.rng.u8(..4) {
            0 if self.job.is_none() => drop(engine.close()),
            // The process ends, the system goes on.
            1 if !self.disk.is_off() => {}
            _ => self.disk = self.disk.power_cycle(),
        }
        self.job = None;
        drop(engine);
        if self.disk.is_off() {
            self.disk = self.disk.power_cycle();
        }
    }

    fn step(&mut self, engine: &mut Engine) {
        match self.rng.u8(..10) {
            0 => {
                self.clock.advance(Duration::from_millis(self.rng.u64(1..4000)));
                engine.tick();
            }
            1 => self.sync(engine),
            2 => self.read_somewhere(engine),
            _ => {
                let count = self.rng.usize(1..5);
                let mut asked = Vec::new();
                let commands = (0..count).filter_map(|_| self.command(&mut asked)).collect();
                engine.commit(commands);
                self.hear(asked);
            }
        }
        if self.job.is_none() {
            self.job = engine.take_job();
        }
    }

    fn sync(&mut self, engine: &mut Engine) {
        if let Some(job) = self.job.take() {
            engine.job_done(job.run());
        }
    }

    fn command(&mut self, asked: &mut Vec<Asked>) -> Option<Command> {
        let kind = if self.model.topics.is_empty() { 0 } else { self.rng.u8(..30) };
        match kind {
            0 => {
                self.model.next_name = (self.model.next_name + 1) % 5;
                let (reply, answer) = oneshot::channel();
                let spec = TopicSpec {
                    name: format!("t{}", self.model.next_name),
                    partitions: self.rng.u32(1..4),
                    config: Vec::new(),
                };
                asked.push(Asked::Create(answer));
                Some(Command::Create(spec, reply))
            }
            1 => {
                let id = self.some_partition()?.topic;
                let (reply, answer) = oneshot::channel();
                asked.push(Asked::Delete(id, answer));
                Some(Command::Delete(id, reply))
            }
            2 | 3 => {
                let target = self.some_partition()?;
                let end = self.model.topics[&target.topic].partitions[target.partition as usize]
                    .values
                    .len();
                let before = self.rng.i64(0..=i64::try_from(end).unwrap());
                let (reply, answer) = oneshot::channel();
                asked.push(Asked::Trim(target, before, answer));
                Some(Command::Trim(target, before, reply))
            }
            _ => self.append(asked),
        }
    }

    fn some_partition(&mut self) -> Option<TopicPartition> {
        let topics: Vec<&ModelTopic> = self.model.topics.values().collect();
        let topic = self.rng.choice(topics)?;
        let partition = self.rng.u32(..topic.info.partitions);
        Some(topic.info.partition(partition))
    }

    fn append(&mut self, asked: &mut Vec<Asked>) -> Option<Command> {
        let mut groups = Vec::new();
        let mut sent = Vec::new();
        for _ in 0..self.rng.usize(1..4) {
            let target = self.some_partition()?;
            let mut builder = BatchBuilder::new(Compression::None);
            let mut values = Vec::new();
            for _ in 0..self.rng.usize(1..4) {
                self.model.next_value += 1;
                let id = self.model.next_value;
                let len = match self.rng.u8(..20) {
                    0 => self.rng.usize(..40_000),
                    _ => self.rng.usize(..2_000),
                };
                builder.append(1000, None, Some(&value_bytes(id, len)), &[]).unwrap();
                values.push(id);
            }
            let batches = builder.finish().unwrap();
            let summaries = check_batches(&batches, 1 << 20, "").unwrap();
            groups.push(CheckedGroup { target, batches, summaries });
            sent.push((target, values));
        }
        let (reply, answer) = oneshot::channel();
        asked.push(Asked::Append(sent, answer));
        // Each append has a writer of its own: one that fails ends its writer.
        let writer = WriterToken { failed: Arc::default(), ..self.token.clone() };
        Some(Command::Append(Append { writer, groups, reply, permit: None }))
    }

    /// Takes the answers. Every command has one by now.
    fn hear(&mut self, asked: Vec<Asked>) {
        let is_off = self.disk.is_off();
        for asked in asked {
            match asked {
                Asked::Append(sent, mut answer) => {
                    let answer = answer.try_recv().unwrap();
                    self.model.hear_append(sent, answer, is_off);
                }
                Asked::Create(mut answer) => match answer.try_recv().unwrap() {
                    Ok(info) => self.model.add(info),
                    Err(error) => check_refusal(&error, is_off),
                },
                Asked::Delete(id, mut answer) => match answer.try_recv().unwrap() {
                    Ok(()) => self.model.remove(id),
                    Err(LogError::UnknownTopic(_) | LogError::NoSpace(_)) => {}
                    Err(error) => {
                        check_refusal(&error, is_off);
                        if let Some(topic) = self.model.topics.get_mut(&id) {
                            topic.may_be_gone = true;
                        }
                    }
                },
                Asked::Trim(target, before, mut answer) => {
                    let answer = answer.try_recv().unwrap();
                    self.model.hear_trim(target, before, answer, is_off);
                }
            }
        }
    }

    fn read_somewhere(&mut self, engine: &Engine) {
        let Some(target) = self.some_partition() else {
            return;
        };
        let model = &self.model.topics[&target.topic].partitions[target.partition as usize];
        let start = usize::try_from(model.start.1).unwrap();
        if start >= model.values.len() {
            return;
        }
        let offset = self.rng.usize(start..model.values.len());
        let view = engine.view.partition(target).unwrap();
        let read =
            engine.reader.read(&view, i64::try_from(offset).unwrap(), self.rng.usize(..9000));
        let fetched = match read {
            Ok(fetched) => fetched,
            Err(error) => {
                assert!(self.disk.is_off(), "reading: {error}");
                return;
            }
        };
        let found = decode(&fetched.batches);
        let (first, _) = found[0];
        assert!(first <= offset);
        for (at, id) in found {
            assert_eq!(model.values[at], id, "at offset {at}");
        }
    }

    /// Compares all that the log shows with the model, and takes what was open
    /// into it as it turned out.
    fn check(&mut self, engine: &Engine) {
        let shown: BTreeSet<TopicId> = engine.view.infos().iter().map(|info| info.id).collect();
        for info in engine.view.infos() {
            assert!(!self.model.gone.contains(&info.id), "a deleted topic is back");
            if !self.model.topics.contains_key(&info.id) {
                // A creation that was not answered.
                self.model.add(info);
            }
        }
        let missing: Vec<TopicId> =
            self.model.topics.keys().filter(|id| !shown.contains(id)).copied().collect();
        for id in missing {
            assert!(self.model.topics[&id].may_be_gone, "a topic is lost");
            self.model.remove(id);
        }
        let open = std::mem::take(&mut self.model.open);
        let mut extra: BTreeMap<TopicPartition, Vec<u64>> = BTreeMap::new();
        for topic in self.model.topics.values_mut() {
            topic.may_be_gone = false;
            for (number, partition) in (0..).zip(&mut topic.partitions) {
                let target = topic.info.partition(number);
                extra.insert(target, partition.check(engine, target));
            }
        }
        // Each open append is there as a whole, in its order, or not at all.
        for append in open {
            let lives = |target: &TopicPartition| self.model.topics.contains_key(&target.topic);
            let parts: Vec<_> = append.iter().filter(|(target, _)| lives(target)).collect();
            let is_there =
                |(target, values): &&(TopicPartition, Vec<u64>)| extra[target].contains(&values[0]);
            let count = parts.iter().copied().filter(|part| is_there(part)).count();
            assert!(count == 0 || count == parts.len(), "an append is there in part");
            if count == 0 {
                continue;
            }
            for (target, values) in parts {
                let found = extra.get_mut(target).unwrap();
                assert!(found.len() >= values.len());
                let rest = found.split_off(values.len());
                assert_eq!(found, values, "an append is there in part or out of order");
                *found = rest;
            }
        }
        for (target, left) in extra {
            assert!(left.is_empty(), "{target:?} holds values that no one appended: {left:?}");
        }
    }
}

fn check_refusal(error: &LogError, is_off: bool) {
    let is_known = matches!(
        error,
        LogError::NoSpace(_)
            | LogError::Stopped(_)
            | LogError::TopicExists(_)
            | LogError::UnknownTopic(_)
            | LogError::OffsetOutOfRange { .. }
    );
    assert!(is_known || is_off, "{error}");
}

impl Model {
    fn add(&mut self, info: TopicInfo) {
        let partitions = (0..info.partitions).map(|_| ModelPartition::default()).collect();
        let id = info.id;
        self.topics.insert(id, ModelTopic { info, partitions, may_be_gone: false });
    }

    fn remove(&mut self, id: TopicId) {
        self.topics.remove(&id);
        self.gone.insert(id);
    }

    fn hear_append(
        &mut self,
        sent: Vec<(TopicPartition, Vec<u64>)>,
        answer: Result<Vec<Appended>>,
        is_off: bool,
    ) {
        match answer {
            Ok(appended) => {
                self.acknowledged += 1;
                assert_eq!(appended.len(), sent.len());
                for (landed, (target, values)) in appended.iter().zip(sent) {
                    assert_eq!(landed.target, target);
                    // Unless the topic was deleted in the same group.
                    if let Some(topic) = self.topics.get_mut(&target.topic) {
                        let known = &mut topic.partitions[target.partition as usize].values;
                        assert_eq!(landed.first, i64::try_from(known.len()).unwrap());
                        known.extend(values);
                        assert_eq!(landed.last + 1, i64::try_from(known.len()).unwrap());
                    }
                }
            }
            // Nothing of it may ever be seen: the check finds it if it is.
            Err(LogError::NoSpace(_) | LogError::UnknownTopic(_)) => self.refused += 1,
            Err(error) => {
                check_refusal(&error, is_off);
                self.open.push(sent);
            }
        }
    }

    fn hear_trim(&mut self, target: TopicPartition, before: i64, answer: Result<()>, is_off: bool) {
        let Some(topic) = self.topics.get_mut(&target.topic) else {
            return;
        };
        let partition = &mut topic.partitions[target.partition as usize];
        match answer {
            Ok(()) => {
                partition.start.0 = partition.start.0.max(before);
                partition.start.1 = partition.start.1.max(before);
            }
            Err(LogError::NoSpace(_) | LogError::UnknownTopic(_)) => {}
            Err(error) => {
                check_refusal(&error, is_off);
                partition.start.1 = partition.start.1.max(before);
            }
        }
    }
}

impl ModelPartition {
    /// Checks what is shown of a partition; returns the values beyond those
    /// that are known, and takes them for known.
    fn check(&mut self, engine: &Engine, target: TopicPartition) -> Vec<u64> {
        let view = engine.view.partition(target).unwrap();
        let (start, end) = {
            let records = view.read();
            (records.start, records.end)
        };
        let (low, high) = self.start;
        assert!((low..=high).contains(&start), "start {start} is not in {low} to {high}");
        self.start = (start, start);
        let known = self.values.len();
        assert!(end >= i64::try_from(known).unwrap(), "acknowledged records are lost");
        let mut next = start;
        let mut extra = Vec::new();
        while next < end {
            let fetched = engine.reader.read(&view, next, 20_000).unwrap();
            for (at, id) in decode(&fetched.batches) {
                if at < usize::try_from(next).unwrap() {
                    continue;
                }
                assert_eq!(at, usize::try_from(next).unwrap(), "offsets have a gap");
                if at < known {
                    assert_eq!(self.values[at], id, "at offset {at}");
                } else {
                    extra.push(id);
                }
                next += 1;
            }
        }
        assert_eq!(next, end);
        self.values.extend(&extra);
        extra
    }
}

fn decode(batches: &[u8]) -> Vec<(usize, u64)> {
    let mut found = Vec::new();
    let mut decoder = BatchDecoder::new(1 << 24);
    for batch in Batches::new(batches) {
        let batch = batch.unwrap();
        batch.header.check(batch.bytes).unwrap();
        for record in decoder.decode(&batch).unwrap() {
            let record = record.unwrap();
            let value = record.value.unwrap();
            let id = u64::from_be_bytes(value[..8].try_into().unwrap());
            assert_eq!(value, value_bytes(id, value.len() - 8));
            found.push((usize::try_from(record.offset).unwrap(), id));
        }
    }
    found
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn acknowledged_records_survive_any_crash() {
    let first = setting("THALWEG_SIM_FIRST_SEED", 1);
    let count = setting("THALWEG_SIM_SEEDS", 200);
    let mut acknowledged = 0;
    let mut refused = 0;
    let mut failed = Vec::new();
    for seed in first..first + count {
        let ran = std::panic::catch_unwind(|| {
            let mut simulation = Simulation::new(seed);
            simulation.run();
            (simulation.model.acknowledged, simulation.model.refused)
        });
        match ran {
            Ok((yes, no)) => {
                acknowledged += yes;
                refused += no;
            }
            Err(_) => failed.push(seed),
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?}: run one with THALWEG_SIM_FIRST_SEED");
    assert!(acknowledged > count * 10, "only {acknowledged} appends were acknowledged");
    assert!(count < 100 || refused > 0, "no append ever met a full disk");
}
