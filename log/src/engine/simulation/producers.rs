//! Idempotent producers: new batches, batches that are sent again, and such as must
//! be refused.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bytes::BytesMut;
use tokio::sync::oneshot;

use super::model::{Hearing, PartitionState, Record};
use super::operations::Asked;
use super::sequences::{Fate, Named, Sequences, after};
use super::{Simulation, appends};
use crate::api::{Result, TopicPartition};
use crate::engine::{CheckedGroup, Command, Produce, Produced};
use crate::error::{LogError, Refusal};
use crate::options::Durability;
use crate::record::{BatchHeader, check_batches};

/// Producers that write to each partition.
const PRODUCERS: i64 = 3;

/// The clients' side.
#[derive(Default)]
pub(super) struct Clients {
    /// The last batch that each sent, whatever came of it.
    sent: BTreeMap<(TopicPartition, i64), Named>,
    /// Those of whom the log knew nothing when it refused a batch for the moment:
    /// it lets none come before that one.
    awaited: Rc<RefCell<BTreeSet<(TopicPartition, i64)>>>,
    ids: Rc<RefCell<BTreeSet<i64>>>,
}

/// The next batch of a producer, as its client takes it to be, or another one.
fn name(simulation: &mut Simulation, target: TopicPartition) -> Named {
    let rng = &mut simulation.rng;
    let producer = rng.i64(0..PRODUCERS);
    let records = rng.i32(1..4);
    let partition = simulation.model.known().partition(target);
    let known = partition.and_then(|partition| partition.sequences.get(&producer));
    let Some(known) = known else {
        // A producer that is not known may go on anywhere: here, near the end of
        // the numbers now and then.
        let sequence = if rng.bool() { 0 } else { i32::MAX - rng.i32(0..6) };
        return Named { producer, epoch: rng.i16(0..2), sequence, records };
    };
    let (epoch, next) = (known.epoch, known.next());
    match rng.u8(..16) {
        // What was sent last, which may have failed, or what was stored.
        0..3 => simulation.clients.sent.get(&(target, producer)).copied().unwrap(),
        3 => known.known[rng.usize(..known.known.len())].0,
        4 => Named { producer, epoch, sequence: after(next, rng.i32(1..9)), records },
        5 => Named { producer, epoch: epoch - 1, sequence: next, records },
        6 => Named { producer, epoch: epoch + 1, sequence: rng.i32(0..2), records },
        _ => Named { producer, epoch, sequence: next, records },
    }
}

pub(super) fn produce(simulation: &mut Simulation) -> Option<(Command, Asked)> {
    let target = simulation.some_partition()?;
    let named = name(simulation, target);
    simulation.clients.sent.insert((target, named.producer), named);
    let count = usize::try_from(named.records).unwrap();
    let (bytes, records) = appends::batch(simulation, count);
    let mut bytes = BytesMut::from(&bytes[..]);
    let mut header = BatchHeader::decode(&bytes).unwrap();
    (header.producer_id, header.producer_epoch) = (named.producer, named.epoch);
    header.base_sequence = named.sequence;
    header.encode_into(&mut bytes).unwrap();
    let batches = bytes.freeze();
    let summaries = check_batches(&batches, 1 << 20, "").unwrap();
    let group = Some(CheckedGroup { target, batches, summaries });
    let (reply, mut answer) = oneshot::channel();
    let command = Command::Produce(Produce { group, reply, permit: None });
    let awaited = Rc::clone(&simulation.clients.awaited);
    let asked: Asked = Box::new(move |hearing| {
        let answer = answer.try_recv().unwrap();
        let mut awaited = awaited.borrow_mut();
        hear(hearing, target, named, records, answer, &mut awaited);
    });
    Some((command, asked))
}

/// What must become of the batch in this partition.
fn fate(partition: &PartitionState, named: &Named) -> Fate {
    partition.sequences.get(&named.producer).map_or(Fate::Stored, |known| known.fate(named))
}

fn hear(
    hearing: &mut Hearing,
    target: TopicPartition,
    named: Named,
    records: Vec<Record>,
    answer: Result<Produced>,
    awaited: &mut BTreeSet<(TopicPartition, i64)>,
) {
    let partition = hearing.latest().partition(target);
    let is_known = partition.is_some_and(|p| p.sequences.contains_key(&named.producer));
    let fate = partition.map(|partition| fate(partition, &named));
    match &answer {
        Err(LogError::Refused(refusal)) => {
            let told = match refusal {
                Refusal::OutOfOrderSequence { .. } => Fate::OutOfOrder,
                Refusal::FencedProducer { .. } => Fate::Fenced,
                other => panic!("{other}"),
            };
            let is_awaited = !is_known && awaited.contains(&(target, named.producer));
            assert!(fate == Some(told) || is_awaited, "{named:?} is {told:?}, not {fate:?}");
            hearing.refused += 1;
            return;
        }
        Err(_) if !is_known => drop(awaited.insert((target, named.producer))),
        Err(_) => {}
        Ok(produced) => {
            hearing.repeated += u64::from(produced.duplicate);
        }
    }
    hearing.take(answer, |state, produced| {
        let Some(partition) = state.partition_mut(target) else {
            assert!(produced.is_none(), "a batch was stored in a deleted topic");
            return;
        };
        store(partition, named, records, produced);
    });
}

/// What a batch does to a partition, and whether the answer says so.
fn store(
    partition: &mut PartitionState,
    named: Named,
    records: Vec<Record>,
    produced: Option<Produced>,
) {
    let fate = fate(partition, &named);
    let first = match fate {
        Fate::Stored => {
            let first = partition.append(records);
            let before = partition.sequences.remove(&named.producer);
            let after = Sequences::stored(before, named, first);
            partition.sequences.insert(named.producer, after);
            first
        }
        Fate::Known(first) => first,
        Fate::OutOfOrder | Fate::Fenced => {
            assert!(produced.is_none(), "{named:?} must be refused: {fate:?}");
            return;
        }
    };
    if let Some(produced) = produced {
        assert_eq!(produced.duplicate, fate != Fate::Stored, "{named:?}");
        assert_eq!((produced.first, produced.last), (first, first + i64::from(named.records) - 1));
    }
}

/// An id for a producer, which nobody else has.
pub(super) fn producer_id(simulation: &mut Simulation) -> Option<(Command, Asked)> {
    let (reply, mut answer) = oneshot::channel();
    let ids = Rc::clone(&simulation.clients.ids);
    // At the other levels a loss of power may take back what was given.
    let is_unique = simulation.options.durability == Durability::Fsync;
    let asked: Asked = Box::new(move |hearing| {
        hearing.take(answer.try_recv().unwrap(), |_, id| {
            let is_new = id.is_none_or(|id| ids.borrow_mut().insert(id));
            assert!(is_new || !is_unique, "producer id {id:?} was given before");
        });
    });
    Some((Command::ProducerId(reply), asked))
}
