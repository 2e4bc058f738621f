//! Opening: the checkpoint, then what the journal holds beyond it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::compaction::Compactions;
use super::pipeline::Pipeline;
use super::producers::ProducerIds;
use super::replay::Foresight;
use super::write_job::Writes;
use super::{Active, Checkpoints, Engine, Partition, Topic};
use crate::api::Result;
use crate::checkpoint::{self, Checkpoint, TopicState};
use crate::clock::Clock;
use crate::disk::{Disk, Open, failed};
use crate::error::LogError;
use crate::journal::scan::{Expected, File, Scan, scan};
use crate::journal::{Journal, Start, existing, file_path};
use crate::options::Options;
use crate::read::SegmentReader;
use crate::segment::folder;
use crate::topic::TopicConfig;
use crate::view::{PartitionRecords, PartitionView};

const JOURNAL: &str = "journal";

impl Engine {
    pub(super) fn journal_folder(&self) -> PathBuf {
        self.root.join(JOURNAL)
    }

    /// Opens the log in the folder `root`, which is there and locked.
    /// [`LogError::Damaged`] if acknowledged bytes of the journal are not what
    /// was written.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        root: &Path,
        options: Options,
    ) -> Result<Self> {
        let folder = root.join(JOURNAL);
        disk.create_dir(&folder).map_err(|error| failed("creating", &folder, &error))?;
        // What is read from here on is built upon. A process that was killed may
        // have left names that a loss of power would take away.
        for of_names in [root, &folder] {
            disk.sync_dir(of_names).map_err(|error| failed("syncing", of_names, &error))?;
        }
        let checkpoint = match Checkpoint::load(&*disk, root, &folder)? {
            Some(checkpoint) => checkpoint,
            None => first_checkpoint(&*disk, &*clock, root, &folder)?,
        };
        let is_clean = checkpoint::is_marked_clean(&*disk, root, checkpoint.number)?;
        let files = open_files(&*disk, &folder)?;
        let found = if is_clean { None } else { Some(scan(&files, &expected(&checkpoint))?) };
        let start = Start {
            salt: checkpoint.salt,
            generation: found.as_ref().map_or(checkpoint.generation, |f| f.generation),
            sequence: found.as_ref().map_or(checkpoint.sequence, |f| f.next_sequence),
        };
        let generations = found.as_ref().map_or(&[][..], |found| &found.generations[..]);
        let file_bytes = options.journal_file_bytes;
        let journal = Journal::open(Arc::clone(&disk), folder, file_bytes, start, generations)?;
        let mut engine = Self::new(disk, clock, root, options, journal, &checkpoint);
        engine.checkpoints.is_marked_clean = is_clean;
        for topic in checkpoint.topics {
            engine.load_topic(topic)?;
        }
        if let Some(found) = found {
            engine.recover(&files, &found)?;
        }
        Ok(engine)
    }

    fn new(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        root: &Path,
        options: Options,
        journal: Journal,
        checkpoint: &Checkpoint,
    ) -> Self {
        let (now, wall_ms) = (clock.elapsed(), clock.wall_ms());
        Self {
            view: Arc::default(),
            reader: Arc::new(SegmentReader::new(Arc::clone(&disk))),
            disk,
            clock,
            root: root.to_owned(),
            journal,
            topics: BTreeMap::new(),
            names: HashMap::new(),
            unwritten: BTreeSet::new(),
            broken: BTreeSet::new(),
            pending_bytes: 0,
            dirty: BTreeMap::new(),
            dirty_folders: BTreeSet::new(),
            tail: VecDeque::new(),
            tail_bytes: 0,
            tail_fresh: 0,
            tail_unwritten: 0,
            writes: Writes::default(),
            pipeline: Pipeline::default(),
            checkpoints: Checkpoints {
                number: checkpoint.number,
                stored: checkpoint.number,
                needed_generation: checkpoint.generation,
                sequence: checkpoint.sequence,
                is_running: false,
                is_wanted: false,
                retry_at: Duration::ZERO,
                failure: None,
                is_marked_clean: false,
            },
            producer_ids: ProducerIds::from(checkpoint.producer_ids),
            producer_count: 0,
            compactions: Compactions::beginning(now + options.compaction_check),
            stopped: None,
            started: (wall_ms, now),
            last_commit: now,
            last_sync: now,
            next_retention: now + options.retention_check,
            fill_at: now,
            due_at: now,
            options,
        }
    }

    fn load_topic(&mut self, state: TopicState) -> Result<()> {
        let info = state.info;
        let config = TopicConfig::parse(&self.options.topics, &info.config)?;
        let partitions = (0..).zip(state.partitions).map(|(number, state)| Partition {
            next: state.next,
            active: state.segments.last().map(|segment| Active {
                base: segment.base,
                len: segment.len,
                created_ms: segment.created_ms,
                file: None,
                allocated: segment.len,
            }),
            prepared: None,
            pending: Vec::new(),
            writing: Vec::new(),
            producers: state.producers,
            settled: state.segments.last().map_or(0, |segment| segment.base),
            settling: 0,
            compacted: state.compacted,
            view: Arc::new(PartitionView::new(
                info.id,
                folder(&self.root, &info.name, number),
                PartitionRecords::new(state.start, state.next, state.segments),
            )),
        });
        let topic = Topic { partitions: partitions.collect(), config, info };
        self.producer_count += topic.producer_count();
        self.view.insert(topic.view());
        self.names.insert(Arc::clone(&topic.info.name), topic.info.id);
        self.topics.insert(topic.info.id, topic);
        Ok(())
    }

    fn recover(&mut self, files: &[File], found: &Scan) -> Result<()> {
        found.settle(files)?;
        let foresight = Foresight::read(files, found)?;
        self.redo_swaps(&foresight)?;
        self.forget_trimmed(&foresight);
        found.replay(files, |entry| self.replay(entry, &foresight))?;
        self.remove_left_overs();
        if found.len() > 0 {
            tracing::info!(frames = found.len(), "replayed the journal");
        }
        if let Some((path, at)) = &found.torn {
            tracing::warn!(
                path = %path.display(), at,
                "cut the journal's torn tail: a group that was never acknowledged"
            );
        }
        if let Some(reason) = &self.stopped {
            return Err(LogError::Stopped(reason.clone()));
        }
        if !found.found_any {
            return Ok(());
        }
        if !found.has_left_overs && self.journal.has_room(self.checkpoints.needed_generation) {
            // The journal goes on behind its last frame, and keeps what it has until
            // a checkpoint covers it: that is no reason to wait for a thousand syncs.
            self.journal.unseal();
            self.checkpoints.is_wanted = true;
            return Ok(());
        }
        self.leave_behind()
    }

    /// Puts the frames of this use behind us, the cut ones too: the checkpoint asks
    /// for a higher generation.
    fn leave_behind(&mut self) -> Result<()> {
        for _ in 0..3 {
            if let Some(job) = self.make_job() {
                let outcome = job.run();
                self.job_done(outcome);
            }
            if self.checkpoints.sequence == self.journal.next_sequence()
                && self.checkpoints.needed_generation == self.journal.needed_generation()
            {
                return Ok(());
            }
        }
        Err(match (self.stopped.clone(), self.checkpoints.failure.take()) {
            (Some(reason), _) => LogError::Stopped(reason),
            (None, Some(error)) => error,
            (None, None) => LogError::Stopped("the recovered segments can't be synced".to_owned()),
        })
    }
}

fn expected(checkpoint: &Checkpoint) -> Expected {
    Expected {
        salt: checkpoint.salt,
        generation: checkpoint.generation,
        sequence: checkpoint.sequence,
        durable_through: checkpoint.durable_through,
        place: checkpoint.place.clone(),
    }
}

/// A new log begins with a checkpoint, so that one that is missing later is
/// known to be lost.
fn first_checkpoint(
    disk: &dyn Disk,
    clock: &dyn Clock,
    root: &Path,
    journal: &Path,
) -> Result<Checkpoint> {
    if !existing(disk, journal)?.is_empty() {
        return Err(LogError::Damaged {
            path: root.join("checkpoint"),
            at: 0,
            reason: "the file is missing, but there is a journal: restore it".to_owned(),
        });
    }
    let (salt, _) = clock.fresh_id().as_u64_pair();
    let checkpoint = Checkpoint {
        number: 1,
        salt,
        generation: 1,
        sequence: 1,
        durable_through: 0,
        place: (file_path(journal, 0), 0),
        topics: Vec::new(),
        producer_ids: 0,
    };
    checkpoint::store(disk, root, &checkpoint.encode())?;
    Ok(checkpoint)
}

fn open_files(disk: &dyn Disk, folder: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for number in existing(disk, folder)? {
        let path = file_path(folder, number);
        let file =
            disk.open(&path, Open::Existing).map_err(|error| failed("opening", &path, &error))?;
        files.push((path, file));
    }
    Ok(files)
}
