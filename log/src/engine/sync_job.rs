//! Checkpoints: segments are synced, their indexes are written, and a checkpoint
//! is stored, beside the commits that go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use super::index_files::{self, Indexed};
use super::{Engine, RETRY_AFTER};
use crate::api::{Result, TopicPartition};
use crate::checkpoint::{self, Checkpoint, PartitionState, TopicState};
use crate::disk::{Disk, DiskFile, Open, failed};
use crate::error::LogError;
use crate::segment::{Part, path};

/// Syncs segments and then stores the checkpoint that counts on them. It may
/// run on any thread; the engine is told of the outcome.
pub(crate) struct SyncJob {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    files: Vec<JobFile>,
    folders: Vec<PathBuf>,
    checkpoint: Checkpoint,
    covers: Covers,
}

#[derive(Clone, Copy)]
struct Covers {
    number: u64,
    generation: u64,
    sequence: u64,
}

struct JobFile {
    target: TopicPartition,
    base: i64,
    folder: PathBuf,
    handle: Option<Arc<dyn DiskFile>>,
    /// Nothing is appended to it any more.
    is_closed: bool,
}

/// What came of a [`SyncJob`].
pub(crate) struct SyncOutcome {
    covers: Covers,
    indexed: Vec<Indexed>,
    synced: Vec<(TopicPartition, i64)>,
    failed: Vec<(TopicPartition, LogError)>,
    folders: Result<()>,
    checkpoint: Result<()>,
}

impl SyncJob {
    /// Does it, and has an outcome even if it panics: whoever drives the engine
    /// waits for one. What was synced by then is unknown, so the engine stops.
    pub(crate) fn run_to_the_end(self) -> SyncOutcome {
        let covers = self.covers;
        catch_unwind(AssertUnwindSafe(|| self.run())).unwrap_or_else(|_| SyncOutcome {
            covers,
            indexed: Vec::new(),
            synced: Vec::new(),
            failed: Vec::new(),
            folders: Err(LogError::Stopped("the sync of the segments panicked".to_owned())),
            checkpoint: Ok(()),
        })
    }

    /// Does it. Blocks on the disk.
    pub(crate) fn run(mut self) -> SyncOutcome {
        let mut outcome = SyncOutcome {
            covers: self.covers,
            indexed: self.write_indexes(),
            synced: Vec::with_capacity(self.files.len()),
            failed: Vec::new(),
            folders: Ok(()),
            checkpoint: Ok(()),
        };
        self.sync_files(&mut outcome);
        for folder in &self.folders {
            if let Err(error) = self.disk.sync_dir(folder) {
                // A folder that went meanwhile needs no sync.
                if error.kind() != std::io::ErrorKind::NotFound {
                    outcome.folders = Err(failed("syncing", folder, &error));
                }
            }
        }
        if outcome.failed.is_empty() && outcome.folders.is_ok() {
            outcome.checkpoint =
                checkpoint::store(&*self.disk, &self.root, &self.checkpoint.encode());
        }
        outcome
    }

    fn sync_files(&self, outcome: &mut SyncOutcome) {
        let mut handles = Vec::with_capacity(self.files.len());
        let mut opened = Vec::with_capacity(self.files.len());
        for file in &self.files {
            match file.open(&*self.disk) {
                Ok(Some(handle)) => {
                    handles.push(handle);
                    opened.push(file);
                }
                Ok(None) => outcome.synced.push((file.target, file.base)),
                Err(error) => outcome.failed.push((file.target, error)),
            }
        }
        for (file, synced) in opened.into_iter().zip(self.disk.sync_files(&handles)) {
            match synced {
                Ok(()) => outcome.synced.push((file.target, file.base)),
                Err(error) => {
                    outcome.failed.push((file.target, failed("syncing", &file.path(), &error)));
                }
            }
        }
    }

    /// Writes the index entries that the checkpoint is to count on, and cuts closed
    /// segments to their lengths.
    fn write_indexes(&mut self) -> Vec<Indexed> {
        let mut indexed = Vec::new();
        for file in &self.files {
            let Some(segment) = self.checkpoint.segment_mut(file.target, file.base) else {
                continue;
            };
            if file.is_closed
                && let Some(handle) = &file.handle
                && let Err(error) = handle.set_len(segment.len)
            {
                tracing::warn!(path = %file.path().display(), %error, "cutting a segment");
            }
            let done = index_files::write(&*self.disk, file.target, &file.folder, segment);
            indexed.extend(done);
        }
        indexed
    }
}

impl JobFile {
    fn path(&self) -> PathBuf {
        path(&self.folder, self.base, Part::Log)
    }

    /// None if it was trimmed away meanwhile.
    fn open(&self, disk: &dyn Disk) -> Result<Option<Arc<dyn DiskFile>>> {
        if let Some(handle) = &self.handle {
            return Ok(Some(Arc::clone(handle)));
        }
        let path = self.path();
        match disk.open(&path, Open::Existing) {
            Ok(handle) => Ok(Some(handle)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("opening", &path, &error)),
        }
    }
}

impl Engine {
    /// The job that is wanted now, if one is. The outcome must be handed to
    /// [`job_done`](Self::job_done).
    pub(crate) fn take_job(&mut self) -> Option<SyncJob> {
        (self.is_job_due() && self.stopped.is_none()).then(|| self.make_job())?
    }

    pub(super) fn is_job_due(&self) -> bool {
        let checkpoints = &self.checkpoints;
        checkpoints.is_wanted
            && !checkpoints.is_running
            && self.clock.elapsed() >= checkpoints.retry_at
    }

    /// A job that covers all that was committed so far. None if writing the
    /// segments has failed.
    pub(super) fn make_job(&mut self) -> Option<SyncJob> {
        self.write_segments();
        // What is broken is written again when the writes under way are done: until then
        // nothing counts on it, even if all else is written.
        if self.stopped.is_some() || !self.unwritten.is_empty() || !self.broken.is_empty() {
            return None;
        }
        self.checkpoints.is_wanted = false;
        self.checkpoints.is_running = true;
        self.checkpoints.number += 1;
        let checkpoint = self.checkpoint();
        for partition in self.topics.values_mut().flat_map(|topic| &mut topic.partitions) {
            let records = partition.view.read();
            partition.settling = records.segments.last().map_or(0, |segment| segment.base);
        }
        let mut files = Vec::with_capacity(self.dirty.len());
        for ((target, base), handle) in std::mem::take(&mut self.dirty) {
            let Ok(partition) = self.partition(target) else {
                continue;
            };
            files.push(JobFile {
                target,
                base,
                folder: partition.view.folder.clone(),
                handle,
                is_closed: partition.active.as_ref().is_none_or(|active| active.base != base),
            });
        }
        Some(SyncJob {
            disk: Arc::clone(&self.disk),
            root: self.root.clone(),
            files,
            folders: std::mem::take(&mut self.dirty_folders).into_iter().collect(),
            covers: Covers {
                number: checkpoint.number,
                generation: checkpoint.generation,
                sequence: checkpoint.sequence,
            },
            checkpoint,
        })
    }

    /// The state of the log at this moment.
    fn checkpoint(&self) -> Checkpoint {
        let topics = self.topics.values().map(|topic| TopicState {
            info: topic.info.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|partition| {
                    let records = partition.view.read();
                    PartitionState {
                        start: records.start,
                        next: partition.next,
                        segments: records.segments.clone(),
                        producers: Arc::clone(&partition.producers),
                        compacted: partition.compacted,
                    }
                })
                .collect(),
        });
        let sequence = self.journal.next_sequence();
        Checkpoint {
            number: self.checkpoints.number,
            salt: self.journal.salt(),
            generation: self.journal.needed_generation(),
            sequence,
            durable_through: sequence - 1,
            place: self.journal.place(),
            topics: topics.collect(),
            producer_ids: self.producer_ids.reserved,
        }
    }

    /// Takes the outcome of a job: what it covers is needed no longer.
    pub(crate) fn job_done(&mut self, outcome: SyncOutcome) {
        self.checkpoints.is_running = false;
        for indexed in &outcome.indexed {
            self.take_indexed(indexed);
        }
        if let Err(error) = outcome.folders {
            self.stop(&error);
            return;
        }
        for (target, error) in outcome.failed {
            tracing::error!(%error, "a segment can't be synced; it is written again");
            self.broken.insert(target);
            self.checkpoints.is_wanted = true;
        }
        if !self.broken.is_empty() {
            // The others are in the next job again.
            for (target, base) in outcome.synced {
                self.dirty.entry((target, base)).or_insert(None);
            }
            self.rewrite_broken();
            return;
        }
        match outcome.checkpoint {
            Ok(()) => {
                self.checkpoints.needed_generation = outcome.covers.generation;
                self.checkpoints.sequence = outcome.covers.sequence;
                self.checkpoints.stored = outcome.covers.number;
                for partition in self.topics.values_mut().flat_map(|topic| &mut topic.partitions) {
                    partition.settled = partition.settling;
                }
                if self.checkpoints.failure.take().is_some() {
                    tracing::info!("checkpoints are stored again");
                }
                for (target, base) in outcome.synced {
                    self.close_idle(target, base);
                }
            }
            Err(error) => {
                // Told once, however often it is tried: a disk stays full for long.
                if self.checkpoints.failure.is_none() {
                    tracing::warn!(%error, "a checkpoint can't be stored; it is tried again");
                }
                self.checkpoints.failure = Some(error);
                for (target, base) in outcome.synced {
                    self.dirty.entry((target, base)).or_insert(None);
                }
                self.checkpoints.is_wanted = true;
                self.checkpoints.retry_at = self.clock.elapsed() + RETRY_AFTER;
            }
        }
    }

    /// Makes everything durable, stores a checkpoint and leaves the mark of a
    /// clean stop. The outcome of a job that was taken must be in.
    pub(crate) fn close(&mut self) -> Result<()> {
        if let Some(reason) = &self.stopped {
            return Err(LogError::Stopped(reason.clone()));
        }
        if self.checkpoints.is_marked_clean {
            return Ok(());
        }
        self.journal.sync()?;
        for _ in 0..3 {
            if self.checkpoints.sequence == self.journal.next_sequence() {
                break;
            }
            if let Some(job) = self.make_job() {
                let outcome = job.run();
                self.job_done(outcome);
            }
        }
        if let Some(reason) = &self.stopped {
            return Err(LogError::Stopped(reason.clone()));
        }
        if self.checkpoints.sequence == self.journal.next_sequence() {
            let number = self.checkpoints.stored;
            checkpoint::mark_clean(&*self.disk, &self.root, number)?;
            self.checkpoints.is_marked_clean = true;
        }
        Ok(())
    }
}
