//! The engine: the one place where the log changes.
//!
//! It is synchronous and owns all it works on; time, chance and the file system
//! come in through traits. Whoever drives it hands it groups of commands, lets
//! it [tick](Engine::tick), and runs the [`SyncJob`]s that it asks for,
//! wherever and whenever it likes.

mod append;
mod change;
mod command;
mod compaction;
#[cfg(test)]
mod compaction_tests;
mod index_files;
mod partitions;
mod pipeline;
mod produce;
#[cfg(test)]
mod producer_simulation_tests;
mod producers;
mod recovery;
mod replay;
mod rewrite;
mod segments;
#[cfg(test)]
mod simulation;
mod stage;
mod sync_job;
mod write_job;
#[cfg(test)]
mod write_job_tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(crate) use command::{Append, CheckedGroup, Command, Produce, Reply, WriterToken};
pub use produce::Produced;
pub(crate) use sync_job::{SyncJob, SyncOutcome};
pub(crate) use write_job::{WriteJob, WriteOutcome};

use crate::api::{Result, TopicId, TopicInfo, TopicPartition};
use crate::checkpoint::{self, Compacted};
use crate::clock::Clock;
use crate::disk::{Disk, DiskFile};
use crate::error::LogError;
use crate::journal::{Body, FillJob, FillOutcome, Journal};
use crate::options::{Durability, Options};
use crate::producers::Producers;
use crate::read::SegmentReader;
use crate::topic::TopicConfig;
use crate::view::{PartitionView, View, unknown};
use compaction::Compactions;
use pipeline::Pipeline;
use producers::ProducerIds;
use stage::Staged;
use write_job::Writes;

/// Idle time after which the journal is sealed.
const SEAL_AFTER: Duration = Duration::from_millis(100);
/// Idle time after which a checkpoint is made.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(2);
/// Time after which a failed checkpoint is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// About so many bytes are evicted from memory between two groups.
const EVICT_STEP: usize = 256 << 10;

/// The log's state and all that changes it.
pub(crate) struct Engine {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    root: PathBuf,
    options: Options,
    journal: Journal,
    pub(crate) view: Arc<View>,
    pub(crate) reader: Arc<SegmentReader>,
    topics: BTreeMap<TopicId, Topic>,
    names: HashMap<Arc<str>, TopicId>,
    /// Partitions with batches that are not in a segment yet.
    unwritten: BTreeSet<TopicPartition>,
    /// Partitions whose segments failed and must be written again.
    broken: BTreeSet<TopicPartition>,
    pending_bytes: usize,
    /// Segments with bytes that no checkpoint covers.
    dirty: BTreeMap<(TopicPartition, i64), Option<Arc<dyn DiskFile>>>,
    dirty_folders: BTreeSet<PathBuf>,
    /// The batches in memory, over all partitions, oldest first.
    tail: VecDeque<TailRun>,
    tail_bytes: usize,
    /// Of these, those that came since some were last evicted.
    tail_fresh: usize,
    /// So many at its end may not be in a segment yet.
    tail_unwritten: usize,
    writes: Writes,
    pipeline: Pipeline,
    checkpoints: Checkpoints,
    producer_ids: ProducerIds,
    /// Producers that are remembered, over all partitions.
    producer_count: usize,
    compactions: Compactions,
    stopped: Option<String>,
    /// Wall-clock time in ms since 1970 and the elapsed time when it was opened.
    started: (i64, Duration),
    last_commit: Duration,
    last_sync: Duration,
    next_retention: Duration,
    /// No zeros are written to the journal before.
    fill_at: Duration,
    /// When the next tick has something to do.
    due_at: Duration,
}

/// Where checkpoints stand.
struct Checkpoints {
    /// Number of the last one that was begun, and of the last that is stored.
    number: u64,
    stored: u64,
    /// First frame that the stored one does not cover.
    sequence: u64,
    /// Journal files of lower generations are covered.
    needed_generation: u64,
    is_running: bool,
    is_wanted: bool,
    /// Not before this.
    retry_at: Duration,
    /// Why the last one could not be stored.
    failure: Option<LogError>,
    /// The mark of a clean stop is on disk.
    is_marked_clean: bool,
}

/// Some batches of one partition in memory.
struct TailRun {
    partition: Arc<PartitionView>,
    batches: usize,
    bytes: usize,
}

struct Topic {
    info: TopicInfo,
    config: TopicConfig,
    partitions: Vec<Partition>,
}

struct Partition {
    view: Arc<PartitionView>,
    /// Offset of the next record.
    next: i64,
    /// The segment that is written to.
    active: Option<Active>,
    /// The segment that the next append begins.
    prepared: Option<Active>,
    pending: Vec<Pending>,
    /// Of these a job is under way.
    writing: Vec<Pending>,
    producers: Arc<Producers>,
    /// Segments before this one are closed in the stored checkpoint.
    settled: i64,
    /// The same of the checkpoint under way.
    settling: i64,
    compacted: Compacted,
}

struct Active {
    base: i64,
    len: u64,
    created_ms: i64,
    /// `None` while nothing is written to it.
    file: Option<Arc<dyn DiskFile>>,
    /// Space is reserved up to here.
    allocated: u64,
}

/// Bytes on their way to a segment.
struct Pending {
    base: i64,
    at: u64,
    bytes: Bytes,
}

impl Engine {
    /// Does these commands as one group: all that they change is in one frame
    /// of the journal, durable by one sync, and visible and answered after it
    /// (invariant 1).
    pub(crate) fn commit(&mut self, commands: Vec<Command>) {
        let len = commands.iter().map(Command::journal_len_max).sum();
        if let Err(error) = self.make_ready(len) {
            self.refuse(commands, &error);
            return;
        }
        let mut body = Body::default();
        let mut staged = Vec::with_capacity(commands.len());
        for command in commands {
            staged.extend(self.stage(command, &mut body));
        }
        let written = self.write_frame(&body).and_then(|()| self.sync_removals(&staged));
        if let Err(error) = written {
            for staged in staged {
                staged.refuse(&error);
            }
            return;
        }
        for staged in staged {
            self.finish(staged);
        }
        self.settle();
    }

    fn refuse(&mut self, commands: Vec<Command>, error: &LogError) {
        for command in commands {
            if let Command::Produce(Produce { group: Some(group), .. }) = &command {
                self.note_refused(group);
            }
            command.refuse(error.clone());
        }
    }

    /// After a group: what waited for it, and a bound to what is kept in memory.
    fn settle(&mut self) {
        self.last_commit = self.clock.elapsed();
        if !self.broken.is_empty() {
            // It failed while frames were under way.
            self.end_writes();
        }
        self.evict_tail();
    }

    /// Sees to it that a frame of this length can be written, or says why not.
    fn make_ready(&mut self, len: u64) -> Result<()> {
        if let Some(reason) = &self.stopped {
            return Err(LogError::Stopped(reason.clone()));
        }
        if len == 0 {
            return Ok(());
        }
        if self.checkpoints.is_marked_clean {
            checkpoint::unmark_clean(&*self.disk, &self.root)?;
            self.checkpoints.is_marked_clean = false;
        }
        let needed_from = self.checkpoints.needed_generation;
        match self.journal.reserve(len, needed_from) {
            Ok(begun) => {
                self.checkpoints.is_wanted |= begun;
                if begun { self.fill_front() } else { Ok(()) }
            }
            // Nothing was written: a full disk refuses this and nothing else.
            Err(error @ LogError::NoSpace(_)) => Err(error),
            Err(error) => Err(self.stop(&error)),
        }
    }

    /// Gives a file that was begun its first zeros, if frames are to be synced.
    fn fill_front(&mut self) -> Result<()> {
        if self.options.durability == Durability::PageCache {
            return Ok(());
        }
        match self.journal.fill_front() {
            // They are only of use, not needed.
            Ok(()) | Err(LogError::NoSpace(_)) => Ok(()),
            Err(error) => Err(self.stop(&error)),
        }
    }

    /// The zeros for the journal that are wanted now, if there are some. The outcome
    /// must be handed to [`filled`](Self::filled).
    pub(crate) fn take_fill(&mut self) -> Option<FillJob> {
        let is_due = self.options.durability != Durability::PageCache
            && self.stopped.is_none()
            && self.clock.elapsed() >= self.fill_at;
        is_due.then(|| self.journal.take_fill())?
    }

    pub(crate) fn filled(&mut self, outcome: FillOutcome) {
        match self.journal.filled(outcome) {
            Ok(true) => {}
            // They wait until there is space.
            Ok(false) => self.fill_at = self.clock.elapsed() + RETRY_AFTER,
            Err(error) => drop(self.stop(&error)),
        }
    }

    fn write_frame(&mut self, body: &Body) -> Result<()> {
        if body.is_empty() {
            return Ok(());
        }
        let written = self.journal.append(body).and_then(|()| {
            if self.options.durability == Durability::Fsync {
                self.journal.sync()?;
            }
            Ok(())
        });
        // A failed sync is never tried again: what the file holds is unknown
        // until a restart reads it.
        written.map_err(|error| self.stop(&error))
    }

    /// At any durability: no file goes before it is durable that it may, as a
    /// loss of power must not leave a checkpoint that counts on it. Sealed, so that
    /// damage to the group that says so is told from a torn tail.
    fn sync_removals(&mut self, staged: &[Staged]) -> Result<()> {
        let removes = |staged: &Staged| matches!(staged, Staged::Delete(..) | Staged::Trim(..));
        if staged.iter().any(removes) {
            return self.seal().map_err(|error| self.stop(&error));
        }
        Ok(())
    }

    /// Syncs the journal, and seals it if there is space for that.
    fn seal(&mut self) -> Result<()> {
        match self.journal.seal(self.checkpoints.needed_generation) {
            Ok(begun) => self.checkpoints.is_wanted |= begun,
            // The seal waits. What is there is synced: a sync has no such error.
            // Where files go after it, its space was reserved.
            Err(LogError::NoSpace(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Stops all writes until a restart.
    fn stop(&mut self, error: &LogError) -> LogError {
        let reason = format!("{error}; restart to go on");
        tracing::error!(%reason, "the log takes no more writes");
        self.stopped = Some(reason.clone());
        LogError::Stopped(reason)
    }

    /// Why writes were stopped, if they were.
    #[cfg(test)]
    pub(crate) fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// Does what is due by time. Returns in how long something will be, if
    /// nothing else comes up.
    pub(crate) fn tick(&mut self) -> Option<Duration> {
        if self.stopped.is_some() {
            return None;
        }
        if let Err(error) = self.tick_journal() {
            self.stop(&error);
            return None;
        }
        let now = self.clock.elapsed();
        let idle = now.saturating_sub(self.last_commit);
        if idle >= SEAL_AFTER && !self.unwritten.is_empty() {
            self.write_segments();
        }
        if self.is_tail_over() {
            self.evict_written(usize::MAX);
        }
        if idle >= CHECKPOINT_AFTER && !self.dirty.is_empty() {
            self.checkpoints.is_wanted = true;
        }
        if now >= self.next_retention {
            self.next_retention = now + self.options.retention_check;
            self.retain();
            self.expire_producers();
        }
        let next = self.next_deadline(now);
        self.due_at = now + next;
        Some(next)
    }

    fn tick_journal(&mut self) -> Result<()> {
        let now = self.clock.elapsed();
        if let Durability::Interval(interval) = self.options.durability
            && !self.journal.is_synced()
            && now.saturating_sub(self.last_sync) >= interval
        {
            self.journal.sync()?;
            self.last_sync = now;
        }
        if now.saturating_sub(self.last_commit) < SEAL_AFTER {
            return Ok(());
        }
        if self.journal.is_sealed() { Ok(()) } else { self.seal() }
    }

    fn next_deadline(&self, now: Duration) -> Duration {
        let mut next = self.next_retention;
        if let Some(check) = self.compactions.deadline() {
            next = next.min(check);
        }
        if !self.journal.is_sealed() || !self.unwritten.is_empty() {
            next = next.min(self.last_commit + SEAL_AFTER);
        }
        if let Durability::Interval(interval) = self.options.durability
            && !self.journal.is_synced()
        {
            next = next.min(self.last_sync + interval);
        }
        if !self.dirty.is_empty() && !self.checkpoints.is_running {
            let due = (self.last_commit + CHECKPOINT_AFTER).max(self.checkpoints.retry_at);
            next = next.min(due);
        }
        // Never in a tight loop, whatever can't be done right now.
        next.saturating_sub(now).max(Duration::from_millis(5))
    }

    /// Whether groups should wait until the job that is under way is done.
    pub(crate) fn is_congested(&self) -> bool {
        let needed_from = self.checkpoints.needed_generation;
        self.is_far_behind()
            || self.is_group_full()
            || (self.checkpoints.is_running && self.journal.is_congested(needed_from))
    }

    fn partition(&mut self, at: TopicPartition) -> Result<&mut Partition> {
        self.topics
            .get_mut(&at.topic)
            .and_then(|topic| topic.partitions.get_mut(at.partition as usize))
            .ok_or_else(|| unknown(at))
    }

    /// Frees what is over the bound of the memory for batches: a few times what came
    /// since, as all that a job has written would hold up the groups.
    fn evict_tail(&mut self) {
        let most = EVICT_STEP + 2 * std::mem::take(&mut self.tail_fresh);
        self.evict_written(most);
        if self.is_tail_over() && self.tail.len() <= self.tail_unwritten {
            self.write_segments();
            self.evict_written(most);
        }
    }

    fn is_tail_over(&self) -> bool {
        self.tail_bytes > self.options.tail_bytes_max
    }

    /// What is not in a segment yet must stay in memory.
    fn evict_written(&mut self, most: usize) {
        let until = self.tail_bytes.saturating_sub(most);
        while self.is_tail_over()
            && self.tail_bytes > until
            && self.tail.len() > self.tail_unwritten
            && let Some(run) = self.tail.pop_front()
        {
            self.tail_bytes -= run.bytes;
            run.partition.write().tail.drain(..run.batches);
        }
    }
}
