//! Crash tests of idempotent producers: clients that send again whatever was not
//! answered, on a simulated disk with power cuts, failing syncs and a full disk.
//! After each restart every batch is there once at most, each acknowledged one is
//! there where it was said to be, and one that is sent again is known again.
//!
//! `THALWEG_SIM_SEEDS=n` runs that many seeds, `THALWEG_SIM_FIRST_SEED=k` begins
//! at that one. A failure names its seed.
#![allow(clippy::unwrap_used)] // a failure is the test's answer

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;

use super::{CheckedGroup, Command, Engine, Produce, Produced, SyncJob};
use crate::api::{Result, TopicInfo, TopicPartition, TopicSpec};
use crate::clock::ManualClock;
use crate::disk::sim::{Faults, SimDisk};
use crate::error::{LogError, Refusal};
use crate::options::{Durability, Options};
use crate::record::{BatchBuilder, BatchHeader, Batches, Compression, check_batches};
use crate::topic::TopicConfig;

/// Batches that a client has under way at most, as Kafka's clients.
const UNDER_WAY_MAX: usize = 5;

/// What tells a batch from all others: producer, epoch and first sequence number.
type Key = (i64, i16, i32);

/// A batch as its client keeps it until it is answered.
#[derive(Clone)]
struct Sent {
    key: Key,
    records: i32,
    bytes: Bytes,
}

/// An idempotent client's side of one partition.
struct Client {
    producer: i64,
    epoch: i16,
    next_sequence: i32,
    /// Not answered yet, in order.
    under_way: VecDeque<Sent>,
    /// The last that were acknowledged in this epoch, oldest first.
    acknowledged: VecDeque<(Sent, Produced)>,
}

/// A batch that a partition must hold at this offset.
struct Known {
    first: i64,
    key: Key,
    records: i32,
}

#[derive(Default)]
struct Partition {
    /// By offset, from 0 on.
    batches: Vec<Known>,
    clients: Vec<Client>,
    /// Lowest and highest start that a restart may show.
    start: (i64, i64),
}

impl Partition {
    fn end(&self) -> i64 {
        self.batches.last().map_or(0, |known| known.first + i64::from(known.records))
    }
}

struct Simulation {
    rng: fastrand::Rng,
    disk: SimDisk,
    clock: Arc<ManualClock>,
    options: Options,
    job: Option<SyncJob>,
    topic: Option<TopicInfo>,
    partitions: Vec<Partition>,
    ids: BTreeSet<i64>,
    acknowledged: u64,
    repeated: u64,
}

enum Asked {
    /// Batches of one client, in order.
    Batches(usize, usize, Vec<(Sent, oneshot::Receiver<Result<Produced>>)>),
    /// An acknowledged batch once more.
    Again(Produced, oneshot::Receiver<Result<Produced>>),
    /// What must be refused.
    Wrong(oneshot::Receiver<Result<Produced>>),
    Id(oneshot::Receiver<Result<i64>>),
    Partitions(oneshot::Receiver<Result<TopicInfo>>),
    Trim(usize, i64, oneshot::Receiver<Result<()>>),
}

fn batch(rng: &mut fastrand::Rng, key: Key, records: i32) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for _ in 0..records {
        let len = if rng.u8(..20) == 0 { rng.usize(..20_000) } else { rng.usize(..400) };
        let time = 1_700_000_000_000 + rng.i64(0..1000);
        builder.append(time, None, Some(&vec![rng.u8(..); len]), &[]).unwrap();
    }
    let mut bytes = BytesMut::from(&builder.finish().unwrap()[..]);
    let mut header = BatchHeader::decode(&bytes).unwrap();
    (header.producer_id, header.producer_epoch, header.base_sequence) = key;
    header.encode_into(&mut bytes).unwrap();
    bytes.freeze()
}

fn after(sequence: i32, records: i32) -> i32 {
    i32::try_from((i64::from(sequence) + i64::from(records)) % (1 << 31)).unwrap()
}

impl Client {
    fn new(rng: &mut fastrand::Rng, producer: i64) -> Self {
        // A producer that the log does not know may go on anywhere: here, near
        // the end of the numbers now and then.
        let next_sequence = if rng.bool() { 0 } else { i32::MAX - rng.i32(0..40) };
        Self {
            producer,
            epoch: rng.i16(0..3),
            next_sequence,
            under_way: VecDeque::new(),
            acknowledged: VecDeque::new(),
        }
    }

    /// The batches that it sends now: all that wait for an answer, and new ones.
    fn send(&mut self, rng: &mut fastrand::Rng) -> Vec<Sent> {
        if self.under_way.is_empty() && rng.u8(..12) == 0 {
            self.epoch += 1;
            self.next_sequence = 0;
            self.acknowledged.clear();
        }
        let total = rng.usize(1..=UNDER_WAY_MAX);
        while self.under_way.len() < total {
            let key = (self.producer, self.epoch, self.next_sequence);
            let records = rng.i32(1..6);
            self.next_sequence = after(self.next_sequence, records);
            self.under_way.push_back(Sent { key, records, bytes: batch(rng, key, records) });
        }
        self.under_way.iter().cloned().collect()
    }
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
                log_append_time: rng.bool(),
                ..TopicConfig::default()
            },
            ..Options::default()
        };
        Self {
            disk: SimDisk::new(rng.u64(..), Path::new("/data")),
            clock: Arc::new(ManualClock::new(1_700_000_000_000, rng.u64(..))),
            rng,
            options,
            job: None,
            topic: None,
            partitions: Vec::new(),
            ids: BTreeSet::new(),
            acknowledged: 0,
            repeated: 0,
        }
    }

    fn open(&mut self) -> Engine {
        for attempt in 0.. {
            let mut faults = Faults::default();
            if attempt < 2 && self.rng.u8(..4) == 0 {
                faults.power_off_at = Some(self.disk.calls() + self.rng.u64(1..60));
            }
            self.disk.set_faults(faults);
            let disk = Arc::new(self.disk.clone());
            let clock: Arc<ManualClock> = Arc::clone(&self.clock);
            match Engine::open(disk, clock, Path::new("/data"), self.options.clone()) {
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

    fn run(&mut self) {
        for _ in 0..5 {
            let mut engine = self.open();
            self.create(&mut engine);
            self.check(&engine);
            self.set_faults(self.disk.calls());
            for _ in 0..self.rng.usize(10..80) {
                self.step(&mut engine);
                if self.disk.is_off() || engine.stopped().is_some() {
                    break;
                }
            }
            self.stop(engine);
        }
        let engine = self.open();
        self.check(&engine);
    }

    #[allow(clippy::needless_update)] // the other faults are for others to try
    fn set_faults(&mut self, calls: u64) {
        self.disk.set_faults(Faults {
            power_off_at: Some(calls + self.rng.u64(1..400)),
            sync_error_at: (self.rng.u8(..3) == 0).then(|| calls + self.rng.u64(1..300)),
            capacity: (self.rng.u8(..4) == 0).then(|| self.rng.u64((64 << 10)..(2 << 20))),
            ..Faults::default()
        });
    }

    fn create(&mut self, engine: &mut Engine) {
        if self.topic.is_some() {
            return;
        }
        let (reply, mut answer) = oneshot::channel();
        let spec = TopicSpec { name: "t".to_owned(), partitions: 1, config: Vec::new() };
        engine.commit(vec![Command::Create(spec, reply)]);
        self.topic = Some(answer.try_recv().unwrap().unwrap());
        self.add_partition();
    }

    fn add_partition(&mut self) {
        let rng = &mut self.rng;
        let clients = (0..3).map(|producer| Client::new(rng, producer)).collect();
        self.partitions.push(Partition { clients, ..Partition::default() });
    }

    fn target(&self, number: usize) -> TopicPartition {
        self.topic.as_ref().unwrap().partition(u32::try_from(number).unwrap())
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
            1 => {
                if let Some(job) = self.job.take() {
                    engine.job_done(job.run());
                }
            }
            _ => {
                let mut asked = Vec::new();
                let mut commands = Vec::new();
                let mut busy = BTreeSet::new();
                for _ in 0..self.rng.usize(1..6) {
                    self.ask(&mut busy, &mut asked, &mut commands);
                }
                engine.commit(commands);
                for asked in asked {
                    self.hear(asked);
                }
            }
        }
        if self.job.is_none() {
            self.job = engine.take_job();
        }
    }

    fn ask(
        &mut self,
        busy: &mut BTreeSet<(usize, usize)>,
        asked: &mut Vec<Asked>,
        commands: &mut Vec<Command>,
    ) {
        let number = self.rng.usize(..self.partitions.len());
        let client = self.rng.usize(..self.partitions[number].clients.len());
        match self.rng.u8(..30) {
            0 => {
                let (reply, answer) = oneshot::channel();
                commands.push(Command::ProducerId(reply));
                asked.push(Asked::Id(answer));
            }
            1 if self.partitions.len() < 4 && busy.insert((usize::MAX, 0)) => {
                let (reply, answer) = oneshot::channel();
                let topic = self.topic.as_ref().unwrap();
                commands.push(Command::AddPartitions(topic.id, topic.partitions + 1, reply));
                asked.push(Asked::Partitions(answer));
            }
            2 => {
                let before = self.rng.i64(0..=self.partitions[number].end());
                let (reply, answer) = oneshot::channel();
                commands.push(Command::Trim(self.target(number), before, reply));
                asked.push(Asked::Trim(number, before, answer));
            }
            _ if !busy.insert((number, client)) => {}
            3..6 => self.ask_again(number, client, asked, commands),
            _ => {
                let sent = self.partitions[number].clients[client].send(&mut self.rng);
                let mut answers = Vec::new();
                for sent in sent {
                    let answer = self.produce(number, &sent.bytes, commands);
                    answers.push((sent, answer));
                }
                asked.push(Asked::Batches(number, client, answers));
            }
        }
    }

    /// One of the last batches once more, or one that is no client's next one.
    fn ask_again(
        &mut self,
        number: usize,
        client: usize,
        asked: &mut Vec<Asked>,
        commands: &mut Vec<Command>,
    ) {
        let client = &self.partitions[number].clients[client];
        let Some((sent, produced)) = self.rng.choice(&client.acknowledged).cloned() else {
            return;
        };
        let (producer, epoch, _) = sent.key;
        let wrong = match self.rng.u8(..4) {
            0 => (producer, epoch, after(client.next_sequence, 100)),
            1 if epoch > 0 => (producer, epoch - 1, client.next_sequence),
            2 => (producer, epoch + 1, 1),
            _ => {
                let answer = self.produce(number, &sent.bytes, commands);
                asked.push(Asked::Again(produced, answer));
                return;
            }
        };
        let bytes = batch(&mut self.rng, wrong, 1);
        let answer = self.produce(number, &bytes, commands);
        asked.push(Asked::Wrong(answer));
    }

    fn produce(
        &self,
        number: usize,
        bytes: &Bytes,
        commands: &mut Vec<Command>,
    ) -> oneshot::Receiver<Result<Produced>> {
        let (reply, answer) = oneshot::channel();
        let group = CheckedGroup {
            target: self.target(number),
            summaries: check_batches(bytes, 1 << 20, "").unwrap(),
            batches: bytes.clone(),
        };
        commands.push(Command::Produce(Produce { group: Some(group), reply, permit: None }));
        answer
    }

    fn hear(&mut self, asked: Asked) {
        let has_failed = self.disk.has_failed();
        match asked {
            Asked::Batches(number, client, answers) => self.hear_batches(number, client, answers),
            Asked::Again(first, mut answer) => match answer.try_recv().unwrap() {
                Ok(again) => {
                    self.repeated += 1;
                    assert!(again.duplicate);
                    assert_eq!((again.first, again.last), (first.first, first.last));
                    assert_eq!(again.log_append_time_ms, first.log_append_time_ms);
                }
                Err(error) => check_refusal(&error, has_failed),
            },
            Asked::Wrong(mut answer) => match answer.try_recv().unwrap() {
                Err(LogError::Refused(
                    Refusal::OutOfOrderSequence { .. } | Refusal::FencedProducer { .. },
                )) => {}
                Err(error) => check_refusal(&error, has_failed),
                Ok(produced) => panic!("a wrong batch was taken: {produced:?}"),
            },
            Asked::Id(mut answer) => match answer.try_recv().unwrap() {
                Ok(id) => assert!(self.ids.insert(id), "id {id} was given before"),
                Err(error) => check_refusal(&error, has_failed),
            },
            Asked::Partitions(mut answer) => match answer.try_recv().unwrap() {
                Ok(info) => {
                    self.topic = Some(info);
                    self.add_partition();
                }
                Err(error) => check_refusal(&error, has_failed),
            },
            Asked::Trim(number, before, mut answer) => {
                let start = &mut self.partitions[number].start;
                match answer.try_recv().unwrap() {
                    Ok(()) => *start = (start.0.max(before), start.1.max(before)),
                    Err(LogError::NoSpace(_)) => {}
                    Err(error) => {
                        check_refusal(&error, has_failed);
                        start.1 = start.1.max(before);
                    }
                }
            }
        }
    }

    fn hear_batches(
        &mut self,
        number: usize,
        client: usize,
        answers: Vec<(Sent, oneshot::Receiver<Result<Produced>>)>,
    ) {
        let has_failed = self.disk.has_failed();
        let mut is_refused = false;
        for (sent, mut answer) in answers {
            let partition = &mut self.partitions[number];
            match answer.try_recv().unwrap() {
                Ok(produced) => {
                    assert!(!is_refused, "a batch landed after one that did not");
                    assert_eq!(produced.last - produced.first + 1, i64::from(sent.records));
                    let known = partition.batches.iter().find(|known| known.key == sent.key);
                    match known {
                        Some(known) => {
                            assert!(produced.duplicate, "stored twice: {:?}", sent.key);
                            assert_eq!(produced.first, known.first);
                            self.repeated += 1;
                        }
                        None => {
                            assert!(!produced.duplicate, "never stored: {:?}", sent.key);
                            assert_eq!(produced.first, partition.end());
                            let Sent { key, records, .. } = sent;
                            partition.batches.push(Known { first: produced.first, key, records });
                        }
                    }
                    self.acknowledged += 1;
                    let client = &mut partition.clients[client];
                    assert_eq!(client.under_way.pop_front().unwrap().key, sent.key);
                    client.acknowledged.push_back((sent, produced));
                    if client.acknowledged.len() > UNDER_WAY_MAX {
                        client.acknowledged.pop_front();
                    }
                }
                // It goes again, with all after it.
                Err(LogError::Refused(Refusal::OutOfOrderSequence { .. })) if is_refused => {}
                Err(error) => {
                    check_refusal(&error, has_failed);
                    is_refused = true;
                }
            }
        }
    }

    /// Compares what the log shows with what is known, and takes what landed
    /// without an answer for known.
    fn check(&mut self, engine: &Engine) {
        let shown = engine.view.by_id(self.topic.as_ref().unwrap().id).unwrap();
        assert!(shown.info.partitions >= self.topic.as_ref().unwrap().partitions);
        self.topic = Some(shown.info.clone());
        while self.partitions.len() < shown.partitions.len() {
            self.add_partition();
        }
        for number in 0..self.partitions.len() {
            let found = found(engine, self.target(number), &mut self.partitions[number].start);
            self.partitions[number].check(found);
        }
    }
}

fn check_refusal(error: &LogError, has_failed: bool) {
    let is_known = matches!(error, LogError::NoSpace(_) | LogError::Stopped(_));
    assert!(is_known || has_failed, "{error}");
}

/// The batches that a partition shows.
fn found(engine: &Engine, target: TopicPartition, expected: &mut (i64, i64)) -> Vec<BatchHeader> {
    let view = engine.view.partition(target).unwrap();
    let (start, end) = {
        let records = view.read();
        (records.start, records.end)
    };
    assert!((expected.0..=expected.1).contains(&start), "start {start} is not in {expected:?}");
    *expected = (start, start);
    let mut found = Vec::new();
    let mut next = start;
    while next < end {
        let fetched = engine.reader.read(&view, next, 20_000).unwrap();
        for batch in Batches::new(&fetched.batches) {
            let batch = batch.unwrap();
            batch.header.check(batch.bytes).unwrap();
            next = batch.header.last_offset() + 1;
            found.push(batch.header);
        }
    }
    assert_eq!(next, end.max(start));
    found
}

impl Partition {
    fn check(&mut self, found: Vec<BatchHeader>) {
        let (start, _) = self.start;
        let kept =
            self.batches.iter().filter(|known| known.first + i64::from(known.records) > start);
        let mut kept: VecDeque<(i64, Key)> = kept.map(|known| (known.first, known.key)).collect();
        let known: BTreeSet<Key> = self.batches.iter().map(|known| known.key).collect();
        let mut landed: BTreeMap<(i64, i16), VecDeque<Key>> = BTreeMap::new();
        for header in found {
            let key = (header.producer_id, header.producer_epoch, header.base_sequence);
            if let Some((first, known)) = kept.pop_front() {
                assert_eq!((header.base_offset, key), (first, known), "not what was acknowledged");
                continue;
            }
            // A client whose batch landed without an answer.
            landed.entry((key.0, key.1)).or_default().push_back(key);
            self.batches.push(Known { first: header.base_offset, key, records: header.records });
        }
        assert!(kept.is_empty(), "acknowledged batches are lost: {kept:?}");
        for client in &mut self.clients {
            let mut landed = landed.remove(&(client.producer, client.epoch)).unwrap_or_default();
            let unanswered = landed.len();
            for sent in client.under_way.iter().filter(|sent| !known.contains(&sent.key)) {
                if let Some(key) = landed.pop_front() {
                    assert_eq!(key, sent.key, "a batch landed twice or out of order");
                }
            }
            // The log remembers these in the place of older ones.
            for _ in 0..unanswered {
                client.acknowledged.pop_front();
            }
            assert!(landed.is_empty(), "nobody waits for {landed:?}");
        }
        assert!(landed.is_empty(), "nobody sent {landed:?}");
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn a_batch_that_is_sent_again_after_a_crash_is_there_once() {
    let first = setting("THALWEG_SIM_FIRST_SEED", 1);
    let count = setting("THALWEG_SIM_SEEDS", 100);
    let (mut acknowledged, mut repeated) = (0, 0);
    let mut failed = Vec::new();
    for seed in first..first + count {
        let ran = std::panic::catch_unwind(|| {
            let mut simulation = Simulation::new(seed);
            simulation.run();
            (simulation.acknowledged, simulation.repeated)
        });
        match ran {
            Ok((stored, again)) => {
                acknowledged += stored;
                repeated += again;
            }
            Err(_) => failed.push(seed),
        }
    }
    assert!(failed.is_empty(), "seeds {failed:?}: run one with THALWEG_SIM_FIRST_SEED");
    assert!(acknowledged > count * 50, "only {acknowledged} batches were acknowledged");
    assert!(count < 10 || repeated > count * 3, "only {repeated} batches were sent again");
}
