//! Crash tests: a random workload on a simulated disk, with power cuts at any
//! call, failing calls and a full disk. After each restart the log must show one
//! of the states that it may be in, as a [`model`] knows them.
//!
//! A seed decides everything: the workload, the faults and what a power cut
//! leaves. [`operations`] lists what the workload is made of; to add to it is a
//! file here and a line there.
#![allow(clippy::unwrap_used)] // a failure is the test's answer

mod appends;
mod background;
mod compacted;
mod model;
mod operations;
mod overlap;
mod producers;
mod reads;
mod restart;
mod retention;
mod rot;
mod sequences;
mod shown;
mod space;
mod tests;
mod topics;
mod trims;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Command, Engine};
use crate::api::TopicPartition;
use crate::clock::{Clock, ManualClock};
use crate::disk::sim::{Faults, SimDisk};
use crate::error::LogError;
use crate::options::{Durability, Options};
use crate::topic::TopicConfig;
use background::Background;
use model::Model;
use operations::{Asked, OPERATIONS, REQUESTS};
use producers::Clients;

const ROOT: &str = "/data";
/// Steps that a failing run tells of.
const TRACE_MAX: usize = 400;

/// One run.
pub(super) struct Simulation {
    rng: fastrand::Rng,
    disk: SimDisk,
    clock: Arc<ManualClock>,
    options: Options,
    model: Model,
    background: Background,
    clients: Clients,
    trace: VecDeque<String>,
    totals: Totals,
}

/// What happened in a run, so that a suite that tests nothing is found out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    acknowledged: u64,
    refused: u64,
    restarts: u64,
    power_cuts: u64,
    /// Damages that were reported.
    rotten: u64,
    /// Segments that compaction replaced.
    compacted: u64,
    /// Batches that were sent again and known again.
    repeated: u64,
    /// Frames that were begun before the one before was shown.
    overlapped: u64,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.restarts += other.restarts;
        self.power_cuts += other.power_cuts;
        self.rotten += other.rotten;
        self.compacted += other.compacted;
        self.repeated += other.repeated;
        self.overlapped += other.overlapped;
    }
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let durability = match rng.u8(..5) {
            0 => Durability::Interval(Duration::from_millis(rng.u64(1..3000))),
            1 => Durability::PageCache,
            _ => Durability::Fsync,
        };
        let options = Options {
            durability,
            journal_file_bytes: [32 << 10, 128 << 10, 512 << 10][rng.usize(..3)],
            write_behind_bytes: [0, 4 << 10, 8 << 20][rng.usize(..3)],
            tail_bytes_max: [0, 8 << 10, 1 << 20][rng.usize(..3)],
            retention_check: Duration::from_secs(rng.u64(1..20)),
            compaction_check: Duration::from_millis(rng.u64(1..5000)),
            compaction_map_bytes_max: [100, 1000, 1 << 20][rng.usize(..3)],
            topics: TopicConfig {
                segment_bytes: [2 << 10, 16 << 10, 1 << 20][rng.usize(..3)],
                retention_ms: None,
                ..TopicConfig::default()
            },
            ..Options::default()
        };
        Self {
            disk: SimDisk::new(rng.u64(..), Path::new(ROOT)),
            clock: Arc::new(ManualClock::new(1_700_000_000_000, rng.u64(..))),
            rng,
            model: Model::new(durability),
            options,
            background: Background::default(),
            clients: Clients::default(),
            trace: VecDeque::new(),
            totals: Totals::default(),
        }
    }

    fn run(&mut self) {
        self.note(format!("{:?}", self.options));
        for _ in 0..4 {
            let mut engine = self.open_at_last();
            self.set_faults();
            for _ in 0..self.rng.usize(10..200) {
                self.step(&mut engine);
                if self.disk.is_off() || engine.stopped().is_some() {
                    break;
                }
            }
            self.stop(engine);
        }
        drop(self.open_at_last());
    }

    fn set_faults(&mut self) {
        let calls = self.disk.calls();
        // Short lives, and such as are long enough for all that takes its time.
        let power_within = [500, 3000][self.rng.usize(..2)];
        let mut at = |one_in: u8, within: u64| {
            (self.rng.u8(..one_in) == 0).then(|| calls + self.rng.u64(1..within))
        };
        let faults = Faults {
            power_off_at: at(1, power_within),
            sync_error_at: at(4, 300),
            error_at: at(4, 300),
            capacity: at(4, 4 << 20).map(|at| (64 << 10) + at),
        };
        self.note(format!("{faults:?} from call {calls} on"));
        self.disk.set_faults(faults);
    }

    fn step(&mut self, engine: &mut Engine) {
        let total: u32 = OPERATIONS.iter().map(|operation| operation.weight).sum();
        let mut drawn = self.rng.u32(..total);
        for operation in OPERATIONS {
            if drawn < operation.weight {
                self.note(operation.name);
                (operation.run)(self, engine);
                break;
            }
            drawn -= operation.weight;
        }
        self.background.take(engine);
        if let Some(reason) = engine.stopped() {
            check_stop(reason);
        }
        // What the log takes for durable must be.
        if engine.stopped().is_none() && engine.journal.is_synced() {
            self.model.all_is_durable();
        }
        self.see(engine);
    }

    /// Commits some requests as one group and hears the answers.
    fn commit_some(&mut self, engine: &mut Engine) {
        let total: u32 = REQUESTS.iter().map(|request| request.weight).sum();
        let mut commands = Vec::new();
        let mut asked = Vec::new();
        for _ in 0..self.rng.usize(1..5) {
            let mut drawn = self.rng.u32(..total);
            for request in REQUESTS {
                if drawn < request.weight {
                    if let Some((command, answer)) = (request.make)(self) {
                        self.note(request.name);
                        commands.push(command);
                        asked.push(answer);
                    }
                    break;
                }
                drawn -= request.weight;
            }
        }
        self.commit(engine, commands, asked);
    }

    /// Commits a group. Every command has an answer then.
    fn commit(&mut self, engine: &mut Engine, commands: Vec<Command>, asked: Vec<Asked>) {
        if engine.stopped().is_some() {
            return;
        }
        let sequence = engine.journal.next_sequence();
        engine.commit(commands);
        self.hear(engine.journal.next_sequence() > sequence, asked, Vec::new());
    }

    /// Hears the answers of a group, and of those after it that were refused since it
    /// failed.
    fn hear(&mut self, is_written: bool, asked: Vec<Asked>, refused: Vec<Asked>) {
        let mut hearing = self.model.hearing(self.disk.has_failed());
        for answer in asked {
            answer(&mut hearing);
        }
        let mut beyond = hearing.clone();
        for answer in refused {
            answer(&mut beyond);
        }
        assert_eq!(beyond.acknowledged, hearing.acknowledged, "what was not written is said done");
        self.totals.acknowledged += hearing.acknowledged;
        self.totals.refused += hearing.refused;
        self.totals.repeated += hearing.repeated;
        let heard = hearing.end();
        if is_written && heard.is_certain() {
            self.model.begin_group();
        }
        self.model.heard(heard, self.clock.elapsed());
    }

    fn note(&mut self, what: impl Into<String>) {
        if self.trace.len() == TRACE_MAX {
            self.trace.pop_front();
        }
        self.trace.push_back(what.into());
    }

    fn some_partition(&mut self) -> Option<TopicPartition> {
        let topics: Vec<_> = self.model.known().topics.values().collect();
        let topic = self.rng.choice(topics)?;
        Some(topic.info.partition(self.rng.u32(..topic.info.partitions)))
    }
}

/// The log stops for what the disk did, never since it lost its own way: a frame that
/// there is no room for is refused before, and what is written again is in the journal.
fn check_stop(reason: &str) {
    let is_full = reason.contains("no space") && reason.contains("/journal");
    assert!(!is_full && !reason.contains("the journal holds"), "it stopped: {reason}");
}

/// Whether a command that was answered with this error was surely not done. An
/// error that is neither this nor the end of all writes is a failure.
fn is_surely_refused(error: &LogError, has_failed: bool) -> bool {
    match error {
        LogError::NoSpace(_)
        | LogError::TopicExists(_)
        | LogError::UnknownTopic(_)
        | LogError::InvalidTopic(_)
        | LogError::OffsetOutOfRange { .. } => true,
        LogError::Stopped(_) => false,
        LogError::Io { .. } if has_failed => true,
        _ => panic!("{error}"),
    }
}
