//! What was given to the sink, what is durable, what is committed.

use std::collections::BTreeMap;

use thalweg_core::ConnectError;
use thalweg_core::ErrorKind;
use thalweg_core::connector::{Assigned, Notes, Offsets, SinkBatch, SinkPartition};
use thalweg_log::{GroupOffset, GroupOffsets};

use crate::log_errors::from_log;

const NOTE: &str = "offsets";

/// Offsets of one partition; each is the next one.
struct At {
    /// After the last row that the sink was given.
    delivered: i64,
    /// Before the first row that is not durable.
    durable: Option<i64>,
    /// As committed.
    committed: Option<i64>,
}

/// How far a sink task is.
pub(super) struct Progress {
    group: String,
    partitions: BTreeMap<SinkPartition, At>,
}

impl Progress {
    pub(super) fn new(group: String, assigned: &[Assigned], next: &Offsets) -> Self {
        let partitions = assigned
            .iter()
            .zip(next)
            .map(|(one, (partition, next))| {
                let at = At { delivered: *next, durable: None, committed: one.committed };
                (partition.clone(), at)
            })
            .collect();
        Self { group, partitions }
    }

    /// The sink was given these rows.
    pub(super) fn delivered(&mut self, batch: &SinkBatch) {
        if let (Some(at), Some(last)) =
            (self.partitions.get_mut(&batch.partition), batch.offsets.last())
        {
            at.delivered = last + 1;
        }
    }

    /// The sink says that this is durable. It can't be more than it was given.
    pub(super) fn durable(&mut self, offsets: &Offsets) -> Result<(), ConnectError> {
        for (partition, offset) in offsets {
            let Some(at) = self.partitions.get_mut(partition) else { continue };
            if *offset > at.delivered {
                return Err(ConnectError::fatal(format!(
                    "the sink said that {}-{} is durable up to offset {offset}, but was given \
                     rows up to {} only: its target holds rows of another log, or this is a bug",
                    partition.topic, partition.partition, at.delivered
                )));
            }
            at.durable = at.durable.max(Some(*offset));
        }
        Ok(())
    }

    /// These partitions are no longer the task's.
    pub(super) fn forget(&mut self, partitions: &[SinkPartition]) {
        for partition in partitions {
            self.partitions.remove(partition);
        }
    }

    /// What is committed.
    pub(super) fn committed(&self) -> Offsets {
        let partitions = self.partitions.iter();
        partitions.filter_map(|(key, at)| Some((key.clone(), at.committed?))).collect()
    }

    /// Commits what is durable and was not committed yet (invariant 3). A log
    /// that can't take it now gets it with the next commit.
    pub(super) async fn commit(
        &mut self,
        groups: &dyn GroupOffsets,
        notes: &Notes,
    ) -> Result<(), ConnectError> {
        let moved: Vec<GroupOffset> = self
            .partitions
            .iter()
            .filter(|(_, at)| at.durable.is_some() && at.durable != at.committed)
            .filter_map(|(partition, at)| {
                Some(GroupOffset {
                    topic: partition.topic.clone(),
                    topic_id: Some(partition.topic_id),
                    partition: partition.partition,
                    offset: at.durable?,
                })
            })
            .collect();
        if moved.is_empty() {
            return Ok(());
        }
        if let Err(error) = groups.commit(&self.group, moved).await {
            let error = from_log(&error, format!("committing offsets of group {}", self.group));
            if error.kind() != ErrorKind::Retriable {
                return Err(error);
            }
            tracing::warn!(group = %self.group, "{error}");
            notes.set(NOTE, error.to_string());
            return Ok(());
        }
        notes.clear(NOTE);
        for at in self.partitions.values_mut() {
            if at.durable.is_some() {
                at.committed = at.durable;
            }
        }
        Ok(())
    }
}
