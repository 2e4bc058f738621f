//! Appends over several partitions.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Simulation;
use super::model::{PartitionState, Record, State};
use super::operations::Asked;
use crate::api::{Appended, TopicPartition};
use crate::clock::Clock;
use crate::engine::{Append, CheckedGroup, Command, WriterToken};
use crate::record::{BatchBuilder, BatchDecoder, Batches, Compression, check_batches};

/// Few, so that there is much for compaction to take.
const KEYS: u8 = 6;

/// The value of a record with this id: the id, and bytes that follow from it.
fn value_bytes(id: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; 8 + len];
    bytes[..8].copy_from_slice(&id.to_be_bytes());
    fastrand::Rng::with_seed(id).fill(&mut bytes[8..]);
    bytes
}

/// What a read has brought.
pub(super) struct Read {
    /// Offsets and ids.
    pub(super) records: Vec<(i64, u64)>,
    /// Offset after it.
    pub(super) next: i64,
}

/// The records in `batches`, which are checked. There is a batch, but there may be
/// no record: compaction keeps the end of a segment.
pub(super) fn read(batches: &[u8]) -> Read {
    let mut records = Vec::new();
    let mut next = None;
    let mut decoder = BatchDecoder::new(1 << 24);
    for batch in Batches::new(batches) {
        let batch = batch.unwrap();
        batch.header.check(batch.bytes).unwrap();
        assert!(next.is_none_or(|next| batch.header.base_offset >= next), "offsets go back");
        for record in decoder.decode(&batch).unwrap() {
            let record = record.unwrap();
            let id = match record.value {
                Some(value) => {
                    let id = u64::from_be_bytes(value[..8].try_into().unwrap());
                    assert_eq!(value, value_bytes(id, value.len() - 8), "a value is not its own");
                    id
                }
                None => {
                    let (_, id) = { record.headers }.next().unwrap().unwrap();
                    u64::from_be_bytes(id.unwrap().try_into().unwrap())
                }
            };
            records.push((record.offset, id));
        }
        next = Some(batch.header.last_offset() + 1);
    }
    Read { records, next: next.expect("a read without an error has a batch") }
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
    let count = simulation.rng.usize(1..4);
    let (batches, records) = batch(simulation, count);
    let summaries = check_batches(&batches, 1 << 20, "").unwrap();
    (CheckedGroup { target, batches, summaries }, records)
}

/// A batch of this many records.
pub(super) fn batch(simulation: &mut Simulation, count: usize) -> (Bytes, Vec<Record>) {
    let compression = match simulation.rng.u8(..4) {
        0 => Compression::Lz4,
        _ => Compression::None,
    };
    let mut builder = BatchBuilder::new(compression);
    let now_ms = simulation.clock.wall_ms();
    let mut records = Vec::new();
    for _ in 0..count {
        let id = simulation.model.fresh_value();
        let len = match simulation.rng.u8(..20) {
            0 => simulation.rng.usize(..40_000),
            _ => simulation.rng.usize(..2_000),
        };
        let time_ms = now_ms - simulation.rng.i64(0..1000);
        let key = (simulation.rng.u8(..12) > 0).then(|| simulation.rng.u8(..KEYS));
        let is_tombstone = key.is_some() && simulation.rng.u8(..5) == 0;
        let key_bytes = key.map(|key| [b'k', key]);
        let key_bytes = key_bytes.as_ref().map(|bytes| &bytes[..]);
        let appended = if is_tombstone {
            builder.append(time_ms, key_bytes, None, &[("id", Some(&id.to_be_bytes()))])
        } else {
            builder.append(time_ms, key_bytes, Some(&value_bytes(id, len)), &[])
        };
        appended.unwrap();
        let appended_ms = now_ms;
        records.push(Record { id, time_ms, batch_len: 0, key, is_tombstone, appended_ms });
    }
    let batches = builder.finish().unwrap();
    records[0].batch_len = batches.len() as u64;
    (batches, records)
}

impl PartitionState {
    /// Adds records, and returns the offset of the first.
    pub(super) fn append(&mut self, records: Vec<Record>) -> i64 {
        let first = i64::try_from(self.records.len()).unwrap();
        self.records.extend(records);
        first
    }
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
        let first = partition.append(records);
        if let Some(landed) = &landed {
            let last = i64::try_from(partition.records.len()).unwrap() - 1;
            assert_eq!(landed[index], Appended { target, first, last });
        }
    }
}
