//! Compaction, as far as the engine has a part in it: which partition is due,
//! and the swap of segments.
//!
//! A swap is an entry of the journal, durable before the first file gets its new
//! name; what a crash leaves undone, a replay does. Only segments take part that
//! the stored checkpoint knows as closed, so that no replay writes to them.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{Engine, Partition};
use crate::api::{Result, TopicPartition};
use crate::compact::{
    CompactionJob, CompactionOutcome, PassSettings, PassTarget, Replacement, Step,
};
use crate::disk::{Disk, DiskFile, failed};
use crate::error::LogError;
use crate::journal::{Body, Entry, Swap};
use crate::segment::{CLEANED, Part, Segment, cleaned_path, path};
use crate::topic::TopicConfig;
use crate::view::PartitionRecords;

/// Time after which a partition whose compaction failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(600);

/// Where compaction stands.
#[derive(Default)]
pub(super) struct Compactions {
    /// When it is looked for what is due.
    next_check: Duration,
    is_running: bool,
    /// What is left of the pass under way.
    rest: Option<CompactionJob>,
    /// Partitions that can't be compacted, and until when they are left alone.
    failed: BTreeMap<TopicPartition, Duration>,
    is_stopped: Arc<AtomicBool>,
}

/// What speaks for a partition.
struct Due {
    dirty_ratio: f64,
    segments: usize,
}

impl Compactions {
    /// As at the start, with the first look at this time.
    pub(super) fn beginning(next_check: Duration) -> Self {
        Self { next_check, ..Self::default() }
    }

    /// When there will be something to do, unless an outcome comes before.
    pub(super) fn deadline(&self) -> Option<Duration> {
        (!self.is_running).then_some(self.next_check)
    }
}

impl Engine {
    /// Set when the log is closed: a job under way ends early.
    pub(crate) fn compaction_stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.compactions.is_stopped)
    }

    /// The step of compaction that is wanted now, if one is. Its outcome must be
    /// handed to [`compaction_done`](Self::compaction_done).
    pub(crate) fn take_compaction(&mut self) -> Option<CompactionJob> {
        if self.compactions.is_running || self.stopped.is_some() {
            return None;
        }
        let job = match self.compactions.rest.take() {
            Some(job) => Some(job),
            None => self.next_pass(),
        };
        self.compactions.is_running = job.is_some();
        job
    }

    fn next_pass(&mut self) -> Option<CompactionJob> {
        let now = self.clock.elapsed();
        if now < self.compactions.next_check {
            return None;
        }
        self.compactions.next_check = now + self.options.compaction_check;
        self.compactions.failed.retain(|_, until| *until > now);
        let now_ms = self.clock.wall_ms();
        let mut best: Option<(Due, TopicPartition)> = None;
        for topic in self.topics.values().filter(|topic| topic.config.compact) {
            for (number, partition) in (0..).zip(&topic.partitions) {
                let target = topic.info.partition(number);
                if self.compactions.failed.contains_key(&target) {
                    continue;
                }
                let due = due(partition, &topic.config, now_ms);
                let known = best.as_ref().map_or(-1.0, |(best, _)| best.dirty_ratio);
                if let Some(due) = due.filter(|due| due.dirty_ratio > known) {
                    best = Some((due, target));
                }
            }
        }
        let (due, target) = best?;
        self.pass(target, due.segments, now_ms)
    }

    fn pass(&self, target: TopicPartition, segments: usize, now_ms: i64) -> Option<CompactionJob> {
        let topic = self.topics.get(&target.topic)?;
        let partition = topic.partitions.get(target.partition as usize)?;
        let taken: VecDeque<Segment> =
            partition.view.read().segments.iter().take(segments).cloned().collect();
        let on = PassTarget {
            target,
            folder: partition.view.folder.clone(),
            segments: taken,
            compacted: partition.compacted,
        };
        let settings = PassSettings {
            now_ms,
            delete_retention_ms: topic.config.delete_retention_ms,
            segment_bytes: topic.config.segment_bytes,
            map_bytes_max: self.options.compaction_map_bytes_max,
            secret: self.clock.fresh_id().as_u64_pair(),
        };
        let is_stopped = Arc::clone(&self.compactions.is_stopped);
        Some(CompactionJob::new(Arc::clone(&self.disk), on, settings, is_stopped))
    }

    /// Takes the outcome of a step: the new segment gets its place.
    pub(crate) fn compaction_done(&mut self, outcome: CompactionOutcome) {
        self.compactions.is_running = false;
        let target = outcome.target;
        let left_over = outcome.left_over();
        let step = match outcome.step {
            Ok(step) => step,
            Err(error) => return self.compaction_failed(target, &error),
        };
        match self.swap(target, step) {
            Ok(Some(rest)) => self.compactions.rest = rest,
            // Trimmed, deleted or refused meanwhile: nothing of it counts.
            Ok(None) => left_over.remove(),
            // The journal may hold the swap: its files are needed for it.
            Err(error) if self.stopped.is_none() => {
                self.stop(&error);
            }
            Err(_) => {}
        }
    }

    fn compaction_failed(&mut self, target: TopicPartition, error: &LogError) {
        let until = self.clock.elapsed() + RETRY_AFTER;
        // Deleted meanwhile, or closing: no news.
        if self.partition(target).is_ok() && !matches!(error, LogError::Stopped(_)) {
            self.compactions.failed.insert(target, until);
            tracing::warn!(
                topic = %target.topic, partition = target.partition, %error,
                "compaction failed; it is tried again later"
            );
        }
    }

    /// Journals a swap and does it. None if it can't be, and nothing was done;
    /// else what is left of the pass. An error stops the log.
    fn swap(
        &mut self,
        target: TopicPartition,
        step: Step,
    ) -> Result<Option<Option<CompactionJob>>> {
        let Step { replacement, compacted, rest } = step;
        if !self.is_swappable(target, replacement.as_ref()) {
            return Ok(None);
        }
        let (replaced, segment, originals) = match replacement {
            Some(new) => {
                let bases = new.replaced.iter().map(|(base, _)| *base).collect();
                (bases, Some(new.segment), new.originals)
            }
            None => (Vec::new(), None, Vec::new()),
        };
        let swap = Swap { target, replaced, segment, compacted };
        if self.make_ready(swap.journal_len_max()).is_err() {
            return Ok(None);
        }
        let mut body = Body::default();
        body.put(&Entry::Swap(Box::new(swap.clone())));
        self.write_frame(&body)?;
        // At any durability: the names of files must not be ahead of it, and it
        // must be told from a torn tail.
        self.seal()?;
        self.install(&swap, originals)?;
        if rest.is_none() {
            // There may be more to do, also here.
            self.compactions.next_check = Duration::ZERO;
        }
        Ok(Some(rest))
    }

    /// Whether all is as it was when the step began.
    fn is_swappable(&mut self, target: TopicPartition, replacement: Option<&Replacement>) -> bool {
        if self.broken.contains(&target) {
            return false;
        }
        // Nor once the topic is to keep all its records.
        if self.topics.get(&target.topic).is_none_or(|topic| !topic.config.compact) {
            return false;
        }
        let Ok(partition) = self.partition(target) else {
            return false;
        };
        let records = partition.view.read();
        let known = |(base, revision): &(i64, u32)| {
            let mut segments = records.segments.iter();
            segments.any(|segment| (segment.base, segment.revision) == (*base, *revision))
        };
        replacement.is_none_or(|new| new.replaced.iter().all(known))
    }

    /// Gives the files of a journalled swap their names, and shows the segment.
    fn install(&mut self, swap: &Swap, originals: Vec<(i64, Arc<dyn DiskFile>)>) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let partition = self.partition(swap.target)?;
        partition.compacted = swap.compacted;
        let view = Arc::clone(&partition.view);
        let Some(segment) = &swap.segment else {
            return Ok(());
        };
        view.write().begin_swap(originals);
        rename_cleaned(&*disk, &view.folder, segment)?;
        let (removed, freed) = {
            let mut records = view.write();
            let replaced = records.segments.iter().filter(|s| swap.replaced.contains(&s.base));
            let freed = replaced.map(|s| s.len).sum::<u64>().saturating_sub(segment.len);
            records.end_swap(&swap.replaced, segment.clone());
            (swap.replaced.iter().filter(|base| **base != segment.base), freed)
        };
        for base in removed {
            remove_segment(&*disk, &view.folder, *base);
        }
        self.reader.forget(&view.folder);
        self.dirty_folders.insert(view.folder.clone());
        tracing::info!(
            topic = %swap.target.topic, partition = swap.target.partition,
            segments = swap.replaced.len(), freed_bytes = freed, "compacted"
        );
        Ok(())
    }

    /// Does again what the journal says of a swap. Its files have their names,
    /// or still those of before. Before all else is replayed: the files of the
    /// segments that the checkpoint knows may be gone.
    pub(super) fn redo_swap(&mut self, swap: &Swap) -> Result<()> {
        let Ok(partition) = self.partition(swap.target) else {
            return Ok(());
        };
        let records = partition.view.read();
        let known = |base: &i64| records.segments.iter().any(|segment| segment.base == *base);
        let is_known = swap.replaced.iter().all(known);
        drop(records);
        if !is_known {
            return Err(LogError::Stopped(format!(
                "the journal replaces segments of topic {} partition {} that are not there",
                swap.target.topic, swap.target.partition
            )));
        }
        self.install(swap, Vec::new())
    }

    /// Removes what a compaction that a stop interrupted left behind.
    pub(super) fn remove_left_overs(&self) {
        let compacted = self.topics.values().filter(|topic| topic.config.compact);
        for partition in compacted.flat_map(|topic| &topic.partitions) {
            let folder = &partition.view.folder;
            for name in self.disk.list(folder).unwrap_or_default() {
                if name.ends_with(CLEANED) {
                    // It does no harm where it can't be removed.
                    drop(self.disk.remove_file(&folder.join(name)));
                }
            }
        }
    }
}

/// How much of a partition may be compacted now, if it is due.
fn due(partition: &Partition, config: &TopicConfig, now_ms: i64) -> Option<Due> {
    let records = partition.view.read();
    let segments = cleanable(&records, partition.settled, config, now_ms);
    let clean_to = partition.compacted.to;
    let bytes = |segments: &mut dyn Iterator<Item = &Segment>| -> u64 {
        segments.map(|segment| segment.len).sum()
    };
    let dirty = bytes(&mut segments.iter().filter(|segment| segment.next > clean_to));
    let all = bytes(&mut segments.iter());
    let oldest = segments.iter().find(|segment| segment.next > clean_to);
    let is_late = oldest.is_some_and(|segment| {
        now_ms.saturating_sub(segment.created_ms) >= config.max_compaction_lag_ms
    });
    let has_horizon = !segments.is_empty()
        && partition.compacted.horizon_ms.is_some_and(|horizon_ms| horizon_ms <= now_ms);
    // Ratios of sizes need no more bits than they have.
    #[allow(clippy::cast_precision_loss)]
    let dirty_ratio = if all == 0 { 0.0 } else { dirty as f64 / all as f64 };
    let is_due = dirty_ratio > config.min_cleanable_dirty_ratio || is_late || has_horizon;
    is_due.then_some(Due { dirty_ratio, segments: segments.len() })
}

/// The segments that no one writes to, that a checkpoint covers, that are stable
/// and old enough.
fn cleanable<'a>(
    records: &'a PartitionRecords,
    settled: i64,
    config: &TopicConfig,
    now_ms: i64,
) -> &'a [Segment] {
    let end = records.stable_end();
    let lag = config.min_compaction_lag_ms;
    let is_ready = |segment: &&Segment| {
        segment.base < settled
            && segment.next <= end
            && (lag == 0 || segment.newest_ms() <= now_ms.saturating_sub(lag))
    };
    let count = records.segments.iter().take_while(is_ready).count();
    &records.segments[..count]
}

/// Gives the files of a new segment their names, those that have them not yet.
fn rename_cleaned(disk: &dyn Disk, folder: &Path, segment: &Segment) -> Result<()> {
    for part in Part::ALL {
        let from = cleaned_path(folder, segment.base, part, segment.revision);
        match disk.rename(&from, &path(folder, segment.base, part)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed("renaming", &from, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes the files of a segment.
fn remove_segment(disk: &dyn Disk, folder: &Path, base: i64) {
    for part in Part::ALL {
        let file_path = path(folder, base, part);
        if let Err(error) = disk.remove_file(&file_path) {
            tracing::warn!(path = %file_path.display(), %error, "removing a segment");
        }
    }
}
