//! Which partitions a task reads, and from where.

use std::collections::HashMap;

use thalweg_core::ConnectError;
use thalweg_core::connector::{Assigned, Offsets, SinkPartition, StartOffsets};
use thalweg_log::record::partition_of;
use thalweg_log::{OffsetAt, TopicPartition};

use super::{SinkRun, name_of};
use crate::log_errors::from_log;
use crate::store::is_internal;

/// The partitions of this task, by topic. Each partition belongs to one task by
/// its name and number alone, so that tasks need not agree, and a new topic
/// moves no other.
pub(super) fn partitions(run: &SinkRun) -> Vec<SinkPartition> {
    let mut mine = Vec::new();
    for topic in run.log.topics() {
        if is_internal(&topic.name) || !run.settings.topics.has(&topic.name) {
            continue;
        }
        let first = partition_of(topic.name.as_bytes(), run.tasks);
        for number in 0..topic.partitions {
            if (first.wrapping_add(number)) % run.tasks.max(1) == run.task {
                mine.push(SinkPartition {
                    topic: topic.name.clone(),
                    topic_id: topic.id,
                    partition: number,
                });
            }
        }
    }
    mine.sort();
    mine
}

/// The partitions with what was committed for them. What was committed for a
/// former topic of the same name does not count.
pub(super) async fn committed(
    run: &SinkRun,
    group: &str,
    partitions: &[SinkPartition],
) -> Result<Vec<Assigned>, ConnectError> {
    let offsets = run.stores.groups.committed(group).await;
    let offsets = offsets.map_err(|error| from_log(&error, "reading committed offsets"))?;
    let offsets: HashMap<_, _> = offsets
        .iter()
        .map(|committed| ((&*committed.topic, committed.partition), committed))
        .collect();
    Ok(partitions
        .iter()
        .map(|partition| {
            let committed = offsets
                .get(&(&*partition.topic, partition.partition))
                .filter(|committed| committed.topic_id.is_none_or(|id| id == partition.topic_id));
            Assigned {
                partition: partition.clone(),
                committed: committed.map(|committed| committed.offset),
            }
        })
        .collect())
}

/// Where reading begins: where the sink says, else at what was committed, else
/// at the start.
pub(super) async fn first_offsets(
    run: &SinkRun,
    assigned: &[Assigned],
    start: &StartOffsets,
) -> Result<Offsets, ConnectError> {
    let mut first = Vec::with_capacity(assigned.len());
    for one in assigned {
        let wanted = start.iter().find(|(partition, _)| *partition == one.partition);
        let offset = match wanted.map(|(_, offset)| *offset).or(one.committed) {
            Some(offset) => offset,
            None => match run.log.offset(in_log(&one.partition), OffsetAt::Start).await {
                Ok(offset) => offset,
                Err(error) => {
                    return Err(from_log(&error, format!("reading {}", name_of(one))));
                }
            },
        };
        first.push((one.partition.clone(), offset));
    }
    Ok(first)
}

/// The log's name of a partition.
pub(super) fn in_log(partition: &SinkPartition) -> TopicPartition {
    TopicPartition { topic: partition.topic_id, partition: partition.partition }
}
