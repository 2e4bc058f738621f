//! What a partition must remember of idempotent producers.

use std::collections::VecDeque;

/// Batches of a producer that are known again, as in Kafka.
const KNOWN_MAX: usize = 5;

/// A batch of an idempotent producer, as it names itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) producer: i64,
    pub(super) epoch: i16,
    pub(super) sequence: i32,
    pub(super) records: i32,
}

/// What must become of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is stored.
    Stored,
    /// It was stored at this offset.
    Known(i64),
    OutOfOrder,
    Fenced,
}

/// The latest of one producer.
#[derive(Clone, Debug)]
pub(super) struct Sequences {
    pub(super) epoch: i16,
    /// Batches of this epoch and their offsets, oldest first.
    pub(super) known: VecDeque<(Named, i64)>,
}

/// The sequence number that comes so many after this one: 0 follows 2³¹-1.
pub(super) fn after(sequence: i32, records: i32) -> i32 {
    i32::try_from((i64::from(sequence) + i64::from(records)) % (1 << 31)).unwrap()
}

impl Sequences {
    /// The number that its next batch must have.
    pub(super) fn next(&self) -> i32 {
        let (last, _) = self.known[self.known.len() - 1];
        after(last.sequence, last.records)
    }

    pub(super) fn fate(&self, batch: &Named) -> Fate {
        if batch.epoch < self.epoch {
            return Fate::Fenced;
        }
        let is_next = if batch.epoch > self.epoch {
            batch.sequence == 0
        } else if let Some((_, first)) = self.known.iter().find(|(known, _)| known == batch) {
            return Fate::Known(*first);
        } else {
            batch.sequence == self.next()
        };
        if is_next { Fate::Stored } else { Fate::OutOfOrder }
    }

    /// Remembers a batch that was stored, after what was known.
    pub(super) fn stored(before: Option<Self>, batch: Named, first: i64) -> Self {
        let mut known = match before {
            Some(before) if before.epoch == batch.epoch => before.known,
            _ => VecDeque::new(),
        };
        known.push_back((batch, first));
        if known.len() > KNOWN_MAX {
            known.pop_front();
        }
        Self { epoch: batch.epoch, known }
    }
}
