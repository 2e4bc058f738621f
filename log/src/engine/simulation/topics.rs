//! Topics come, change and go.

use tokio::sync::oneshot;

use super::Simulation;
use super::operations::Asked;
use crate::api::TopicSpec;
use crate::engine::Command;

/// Topics are made under few names, so that names are used again.
const NAMES: u64 = 5;

fn settings(rng: &mut fastrand::Rng) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    let mut set = |name: &str, value: u64| settings.push((name.to_owned(), value.to_string()));
    if rng.bool() {
        set("segment.bytes", rng.u64(1024..20_000));
    }
    if rng.u8(..4) == 0 {
        set("segment.ms", rng.u64(1..20_000));
    }
    if rng.u8(..4) == 0 {
        set("retention.ms", rng.u64(1..60_000));
    }
    if rng.u8(..4) == 0 {
        set("retention.bytes", rng.u64(..100_000));
    }
    if rng.bool() {
        // Tombstones go within a run, or must outlive it.
        let below = [20_000, 1_000_000][rng.usize(..2)];
        set("delete.retention.ms", rng.u64(..below));
    }
    if rng.u8(..6) == 0 {
        set("min.compaction.lag.ms", rng.u64(1..5_000));
    }
    if rng.u8(..6) == 0 {
        set("max.compaction.lag.ms", rng.u64(1..20_000));
    }
    let mut choose = |name: &str, values: &[&str]| {
        let value = values[rng.usize(..values.len())];
        settings.push((name.to_owned(), value.to_owned()));
    };
    choose("cleanup.policy", &["delete", "delete", "compact", "compact,delete"]);
    choose("min.cleanable.dirty.ratio", &["0", "0.3", "0.9"]);
    settings
}

pub(super) fn create(simulation: &mut Simulation) -> Option<(Command, Asked)> {
    let spec = TopicSpec {
        name: format!("t{}", simulation.rng.u64(..NAMES)),
        partitions: simulation.rng.u32(1..4),
        config: settings(&mut simulation.rng),
    };
    let (reply, mut answer) = oneshot::channel();
    let command = Command::Create(spec.clone(), reply);
    let asked: Asked = Box::new(move |hearing| {
        hearing.take(answer.try_recv().unwrap(), |state, info| match info {
            Some(info) => state.add(info),
            None => state.add_nameless(spec),
        });
    });
    Some((command, asked))
}

pub(super) fn configure(simulation: &mut Simulation) -> Option<(Command, Asked)> {
    let id = simulation.some_partition()?.topic;
    let config = settings(&mut simulation.rng);
    let (reply, mut answer) = oneshot::channel();
    let command = Command::Configure(id, config.clone(), reply);
    let asked: Asked = Box::new(move |hearing| {
        hearing.take(answer.try_recv().unwrap(), |state, done| match state.topics.get_mut(&id) {
            Some(topic) => topic.configure(config),
            None => assert!(done.is_none(), "a deleted topic was configured"),
        });
    });
    Some((command, asked))
}

pub(super) fn grow(simulation: &mut Simulation) -> Option<(Command, Asked)> {
    let id = simulation.some_partition()?.topic;
    let known = simulation.model.known().topics.get(&id)?.info.partitions;
    let total = known + simulation.rng.u32(1..3);
    let (reply, mut answer) = oneshot::channel();
    let command = Command::AddPartitions(id, total, reply);
    let asked: Asked = Box::new(move |hearing| {
        hearing.take(answer.try_recv().unwrap(), |state, done| match state.topics.get_mut(&id) {
            Some(topic) if topic.info.partitions < total => topic.grow(total),
            _ => assert!(done.is_none(), "a topic became smaller, or was deleted and grew"),
        });
    });
    Some((command, asked))
}

pub(super) fn delete(simulation: &mut Simulation) -> Option<(Command, Asked)> {
    let id = simulation.some_partition()?.topic;
    let (reply, mut answer) = oneshot::channel();
    let command = Command::Delete(id, reply);
    let asked: Asked = Box::new(move |hearing| {
        hearing.take(answer.try_recv().unwrap(), |state, done| {
            let known = state.topics.remove(&id);
            assert!(known.is_some() || done.is_none(), "a topic was deleted twice");
        });
    });
    Some((command, asked))
}
