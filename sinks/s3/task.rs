//! The task: its partitions, and what they share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use thalweg_core::ConnectError;
use thalweg_core::connector::{
    Assigned, Offsets, Rejected, SinkBatch, SinkContext, SinkPartition, SinkTask, StartOffsets,
    WriteReport,
};

use super::config::S3Config;
use super::lane::Lane;
use super::plan::incarnations_key;
use super::store::Store;
use crate::lake::Files;

/// Memory of all open files of a task above which the largest partition's files
/// are closed early, in bytes (invariant 7).
const OPEN_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Open files of a task above which the largest partition's are closed early.
const OPEN_FILES_MAX: usize = 4000;

/// Ids of a topic's earlier incarnations that are remembered.
const INCARNATIONS_MAX: usize = 8;

/// What all partitions of a task share.
pub(crate) struct Shared {
    pub(crate) config: Arc<S3Config>,
    pub(crate) context: SinkContext,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) files: Files,
    /// Open files of a task above which the largest partition's are closed early.
    pub(crate) open_files_max: usize,
    /// The clock, in ms since 1970.
    pub(crate) clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

/// A running task.
pub struct S3Task {
    shared: Shared,
    lanes: BTreeMap<SinkPartition, Lane>,
}

/// The time of this machine, in ms since 1970.
pub(super) fn system_clock() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

impl Shared {
    pub(super) fn new(
        config: Arc<S3Config>,
        context: SinkContext,
        store: Arc<dyn Store>,
        clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    ) -> Self {
        let files = Files::new(config.files.clone(), Arc::clone(store.spool()));
        Self { config, context, store, files, open_files_max: OPEN_FILES_MAX, clock }
    }
}

impl S3Task {
    pub(super) async fn open(
        shared: Shared,
        assigned: Vec<Assigned>,
    ) -> Result<(Self, StartOffsets), ConnectError> {
        let mut task = Self { shared, lanes: BTreeMap::new() };
        task.note_incarnations(&assigned).await?;
        let mut start = Vec::new();
        for assigned in assigned {
            let lane = task.open_lane(&assigned).await?;
            if lane.next > assigned.committed.unwrap_or_default() {
                start.push((assigned.partition.clone(), lane.next));
            }
            task.lanes.insert(assigned.partition, lane);
        }
        Ok((task, start))
    }

    async fn open_lane(&self, assigned: &Assigned) -> Result<Lane, ConnectError> {
        let first = self.incarnations(&assigned.partition).into_iter().next();
        let again =
            first.is_some_and(|first| first != assigned.partition.topic_id.to_string().as_str());
        Lane::open(assigned, again, &self.shared).await
    }

    /// The ids that a topic has had, the oldest first.
    fn incarnations(&self, partition: &SinkPartition) -> Vec<Value> {
        let ids = self.shared.context.state.get(&incarnations_key(partition));
        ids.and_then(|ids| ids.as_array().cloned()).unwrap_or_default()
    }

    /// Notes the ids of topics: a topic that is made again has another one.
    async fn note_incarnations(&self, assigned: &[Assigned]) -> Result<(), ConnectError> {
        let mut changes = Vec::new();
        for Assigned { partition, .. } in assigned {
            let id = partition.topic_id.to_string();
            let mut ids = self.incarnations(partition);
            if !ids.iter().any(|known| *known == id.as_str()) {
                ids.push(json!(id));
                if ids.len() > INCARNATIONS_MAX {
                    ids.remove(1);
                }
                changes.push((incarnations_key(partition), Some(Value::Array(ids))));
            }
        }
        if changes.is_empty() {
            return Ok(());
        }
        self.shared.context.state.put(changes).await
    }

    /// Closes files early while too many or too large ones are open. What the
    /// plan says of them is all that a restart needs.
    async fn relieve(&mut self) -> Result<(), ConnectError> {
        loop {
            let rounds = || {
                self.lanes
                    .iter()
                    .filter_map(|(key, lane)| Some((key, lane.round.as_ref()?)))
                    .map(|(key, round)| (key, round.memory(), round.open_files(), round.replay))
            };
            let (bytes, files) = rounds().fold((0, 0), |sum, r| (sum.0 + r.1, sum.1 + r.2));
            if bytes <= OPEN_BYTES_MAX && files <= self.shared.open_files_max {
                return Ok(());
            }
            let largest = rounds().filter(|round| !round.3).max_by_key(|round| (round.1, round.2));
            let Some(key) = largest.map(|round| round.0.clone()) else { return Ok(()) };
            if let Some(lane) = self.lanes.get_mut(&key) {
                lane.rotate(&self.shared).await?;
            }
        }
    }
}

impl SinkTask for S3Task {
    async fn write(&mut self, batch: &SinkBatch) -> Result<WriteReport, ConnectError> {
        if !self.lanes.contains_key(&batch.partition) {
            let committed = batch.offsets.first().copied();
            let assigned = Assigned { partition: batch.partition.clone(), committed };
            self.note_incarnations(std::slice::from_ref(&assigned)).await?;
            let lane = self.open_lane(&assigned).await?;
            self.lanes.insert(assigned.partition, lane);
        }
        let now = (self.shared.clock)();
        let mut report = WriteReport::default();
        if let Some(lane) = self.lanes.get_mut(&batch.partition) {
            let before = lane.durable();
            let rejected = lane.write(batch, &self.shared, now).await?;
            report.rejected =
                rejected.into_iter().map(|(row, error)| Rejected { row, error }).collect();
            if lane.durable() > before {
                report.durable.push((batch.partition.clone(), lane.durable()));
            }
        }
        if report.rejected.is_empty() {
            self.relieve().await?;
        }
        // Else it waits for the next write: an error now would lose the refused
        // rows, and a file could hide them from a later run (invariant 4).
        Ok(report)
    }

    async fn flush(&mut self) -> Result<Offsets, ConnectError> {
        let now = (self.shared.clock)();
        for lane in self.lanes.values_mut() {
            lane.tick(&self.shared, now).await?;
        }
        let durable = self.lanes.iter().map(|(key, lane)| (key.clone(), lane.durable()));
        Ok(durable.filter(|(_, offset)| *offset > 0).collect())
    }

    fn committed(&mut self, offsets: &Offsets) {
        for (partition, offset) in offsets {
            if let Some(lane) = self.lanes.get_mut(partition) {
                lane.forget(*offset);
            }
        }
    }

    async fn revoke(&mut self, partitions: &[SinkPartition]) -> Result<(), ConnectError> {
        for partition in partitions {
            // What is open is not durable: whoever is next reads it again.
            self.lanes.remove(partition);
        }
        Ok(())
    }

    async fn close(self) {
        drop(self.lanes);
    }
}

impl Lane {
    /// Plans that end before a committed offset can go.
    fn forget(&mut self, committed: i64) {
        let garbage = &mut self.garbage;
        self.plans.retain_mut(|(end, key)| {
            let kept = *end >= committed;
            if !kept {
                garbage.push(std::mem::take(key));
            }
            kept
        });
    }
}
