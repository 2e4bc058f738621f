//! Time goes on: the journal is sealed, segments are written, and retention
//! forgets what its settings say, and nothing else.

use std::time::Duration;

use super::Simulation;
use super::compacted::{Compaction, may_be_gone};
use super::model::PartitionState;
use crate::api::TopicInfo;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::topic::TopicConfig;

pub(super) fn tick(simulation: &mut Simulation, engine: &mut Engine) {
    let ms = simulation.rng.u64(1..4000);
    tick_in(simulation, engine, ms);
}

/// Ticks after this time.
pub(super) fn tick_in(simulation: &mut Simulation, engine: &mut Engine, ms: u64) {
    if engine.stopped().is_some() {
        return;
    }
    simulation.clock.advance(Duration::from_millis(ms));
    engine.tick();
    let now_ms = simulation.clock.wall_ms();
    let now = simulation.clock.elapsed();
    let mut state = simulation.model.known().clone();
    if engine.stopped().is_some() {
        for partition in state.partitions_mut() {
            partition.maybe_retained_at = Some(now_ms);
        }
        simulation.model.may_be(state);
    } else {
        let mut is_changed = false;
        for id in state.topics.keys().copied().collect::<Vec<_>>() {
            let (info, compaction) = (state.topics[&id].info.clone(), state.topics[&id].compaction);
            for number in 0..info.partitions {
                let at = info.partition(number);
                let start = engine.view.partition(at).unwrap().read().start;
                if start > state.partition(at).unwrap().start {
                    let partition = state.partition_mut(at).unwrap();
                    retained(partition, &info, compaction, start, now_ms).unwrap();
                    is_changed = true;
                }
            }
        }
        if is_changed {
            simulation.model.begin_group();
            simulation.model.became(state, now);
        }
        simulation.model.ticked(now);
    }
}

/// Takes a start that retention gave, at this wall-clock time, if its settings
/// allow it.
pub(super) fn retained(
    partition: &mut PartitionState,
    topic: &TopicInfo,
    compaction: Option<Compaction>,
    start: i64,
    now_ms: i64,
) -> std::result::Result<(), String> {
    let base = TopicConfig { retention_ms: None, ..TopicConfig::default() };
    let config = TopicConfig::parse(&base, &topic.config).unwrap();
    let (from, to) = (usize::try_from(partition.start).unwrap(), usize::try_from(start).unwrap());
    let forgotten = partition.records.get(from..to).ok_or("retention went past the end")?;
    if !config.delete {
        return Err(format!("retention forgot what {topic:?} is to keep"));
    }
    let oldest_ms = config.retention_ms.map(|keep| now_ms - keep);
    // What is behind a record, also what is forgotten: that may be too old, where
    // the record itself is not.
    let mut left: u64 = partition.records[to..].iter().map(|record| record.batch_len).sum();
    for (index, record) in (from..to).zip(forgotten).rev() {
        let is_gone = compaction.is_some() && may_be_gone(&partition.records[index..]);
        let is_old = oldest_ms.is_some_and(|oldest_ms| record.time_ms < oldest_ms);
        // What compaction has left is not known. It may be a little more than there
        // was, where a batch is written with other differences of times.
        let is_over =
            config.retention_bytes.is_some_and(|keep| left >= keep || compaction.is_some());
        if !(is_gone || is_old || is_over) {
            return Err(format!(
                "retention forgot {record:?} of {topic:?}, with {left} bytes behind it"
            ));
        }
        left += record.batch_len;
    }
    partition.start = start;
    Ok(())
}
