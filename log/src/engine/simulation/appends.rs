//! Appends over several partitions.

use tokio::sync::oneshot;

use super::Simulation;
use super::model::{Record, State};
use super::operations::Asked;
use crate::api::{Appended, TopicPartition};
use crate::clock::Clock;
use crate::engine::{Append, CheckedGroup, Command, WriterToken};
use crate::record::{BatchBuilder, BatchDecoder, Batches, Compression, check_batches};

/// The value of a record with this id: the id, and bytes that follow from it.
fn value_bytes(id: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; 8 + len];
    bytes[..8].copy_from_slice(&id.to_be_bytes());
    fastrand::Rng::with_seed(id).fill(&mut bytes[8..]);
    bytes
}

/// Offsets and ids of the records in `batches`, which are checked.
pub(super) fn ids(batches: &[u8]) -> Vec<(i64, u64)> {
    let mut found = Vec::new();
    let mut decoder = BatchDecoder::new(1 << 24);
    for batch in Batches::new(batches) {
        let batch = batch.unwrap();
        batch.header.check(batch.bytes).unwrap();
        for record in decoder.decode(&batch).unwrap() {
            let record = record.unwrap();
            let value = record.value.unwrap();
            let id = u64::from_be_bytes(value[..8].try_into().unwrap());
            assert_eq!(value, value_bytes(id, value.len() - 8), "a value is not its own");
            found.push((record.offset, id));
        }
    }
    found
}

/// A writer that nobody fences. Each append has one of its own: one that fails
/// ends its writer.
fn writer() -> WriterToken {
    WriterToken {
        id: "w".into(),
        current: std::sync::Arc::new(1.into()),
        generation: 1,
        failed: std::sync::Arc::default(),
    }
}

/// An append to a few partitions, one of them perhaps twice.
pub(super) fn append(simulation: &mut Simulation) -> Option<(Command, Asked)> {
    let mut groups = Vec::new();
    let mut sent = Vec::new();
    for _ in 0..simulation.rng.usize(1..4) {
        let target = simulation.some_partition()?;
        let (group, records) = group(simulation, target);
        groups.push(group);
        sent.push((target, records));
    }
    let (reply, mut answer) = oneshot::channel();
    let command = Command::Append(Append { writer: writer(), groups, reply, permit: None });
    let asked: Asked = Box::new(move |hearing| {
        let answer = answer.try_recv().unwrap();
        hearing.take(answer, |state, landed| appended(state, sent, landed));
    });
    Some((command, asked))
}

fn group(simulation: &mut Simulation, target: TopicPartition) -> (CheckedGroup, Vec<Record>) {
    let mut builder = BatchBuilder::new(Compression::None);
    let now_ms = simulation.clock.wall_ms();
    let mut records = Vec::new();
    for _ in 0..simulation.rng.usize(1..4) {
        let id = simulation.model.fresh_value();
        let len = match simulation.rng.u8(..20) {
            0 => simulation.rng.usize(..40_000),
            _ => simulation.rng.usize(..2_000),
        };
        let time_ms = now_ms - simulation.rng.i64(..1000);
        builder.append(time_ms, None, Some(&value_bytes(id, len)), &[]).unwrap();
        records.push(Record { id, time_ms, batch_len: 0 });
    }
    let batches = builder.finish().unwrap();
    records[0].batch_len = batches.len() as u64;
    let summaries = check_batches(&batches, 1 << 20, "").unwrap();
    (CheckedGroup { target, batches, summaries }, records)
}

/// What an append does to the state.
fn appended(
    state: &mut State,
    sent: Vec<(TopicPartition, Vec<Record>)>,
    landed: Option<Vec<Appended>>,
) {
    if let Some(landed) = &landed {
        assert_eq!(landed.len(), sent.len());
    }
    for (index, (target, records)) in sent.into_iter().enumerate() {
        let Some(partition) = state.partition_mut(target) else {
            assert!(landed.is_none(), "an append to a deleted topic");
            continue;
        };
        let first = partition.records.len();
        partition.records.extend(records);
        if let Some(landed) = &landed {
            let next = i64::try_from(partition.records.len()).unwrap();
            let expected =
                Appended { target, first: i64::try_from(first).unwrap(), last: next - 1 };
            assert_eq!(landed[index], expected);
        }
    }
}
