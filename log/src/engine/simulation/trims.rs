//! Trims.

use tokio::sync::oneshot;

use super::Simulation;
use super::operations::Asked;
use crate::engine::Command;

pub(super) fn trim(simulation: &mut Simulation) -> Option<(Command, Asked)> {
    let target = simulation.some_partition()?;
    let end = simulation.model.known().partition(target)?.records.len();
    let before = simulation.rng.i64(0..=i64::try_from(end).unwrap());
    let (reply, mut answer) = oneshot::channel();
    let command = Command::Trim(target, before, reply);
    let asked: Asked = Box::new(move |hearing| {
        hearing.take(answer.try_recv().unwrap(), |state, done| match state.partition_mut(target) {
            Some(partition) => partition.start = partition.start.max(before),
            None => assert!(done.is_none(), "a deleted topic was trimmed"),
        });
    });
    Some((command, asked))
}
