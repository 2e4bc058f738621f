//! What a partition remembers of idempotent producers: enough to tell a batch
//! that is sent again from the next one, as Kafka does it.

mod format;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(crate) use format::{decode_producers, encode_producers};

use crate::api::Result;
use crate::error::{LogError, Refusal};
use crate::record::Sequenced;

/// Batches that are remembered of each producer: a client has at most this many
/// under way.
const BATCHES_MAX: usize = 5;

/// The producers of one partition, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    by_id: BTreeMap<i64, Producer>,
}

/// The latest of one producer in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Producer {
    epoch: i16,
    /// When its last batch came, in ms since 1970 by the engine's clock.
    updated_ms: i64,
    /// Its last batches of this epoch, oldest first: the first `count` of them.
    /// If nothing of it is stored yet, the first one ends before the batch that
    /// is awaited.
    batches: [Stored; BATCHES_MAX],
    count: u8,
}

/// A batch that was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Sequence number of its last record.
    last_sequence: i32,
    /// Its number of offsets, less one.
    last_delta: i32,
    /// Offset of its first record.
    pub(crate) first: i64,
    /// Its largest timestamp, in ms since 1970.
    pub(crate) timestamp: i64,
}

impl Stored {
    /// Offset of its last record.
    pub(crate) fn last(&self) -> i64 {
        self.first + i64::from(self.last_delta)
    }

    fn first_sequence(&self) -> i32 {
        sequence_before(self.last_sequence, self.last_delta)
    }
}

/// Sequence numbers are 0 to 2³¹-1, and then 0 again.
fn sequence_after(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_add(count) & i32::MAX
}

fn sequence_before(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_sub(count) & i32::MAX
}

impl Producer {
    fn batches(&self) -> &[Stored] {
        &self.batches[..usize::from(self.count)]
    }

    fn last_sequence(&self) -> i32 {
        let last = usize::from(self.count).saturating_sub(1);
        self.batches[last].last_sequence
    }
}

impl Producers {
    /// Number of producers.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether this batch may follow. Answers the stored one if it was sent
    /// again. A producer that is not known, as it was silent for long, may go on
    /// with any sequence number.
    pub(crate) fn check(&self, batch: &Sequenced) -> Result<Option<Stored>> {
        let Some(known) = self.by_id.get(&batch.producer) else {
            return Ok(None);
        };
        let Sequenced { producer, epoch, sequence, last_delta } = *batch;
        if epoch < known.epoch {
            let latest = known.epoch;
            return Err(refused(Refusal::FencedProducer { producer, epoch, latest }));
        }
        let expected = if epoch > known.epoch {
            0
        } else {
            let repeated = known.batches().iter().find(|stored| {
                stored.last_delta == last_delta && stored.first_sequence() == sequence
            });
            if let Some(stored) = repeated {
                return Ok(Some(*stored));
            }
            sequence_after(known.last_sequence(), 1)
        };
        if sequence != expected {
            return Err(refused(Refusal::OutOfOrderSequence {
                producer,
                epoch,
                sequence,
                expected,
            }));
        }
        Ok(None)
    }

    /// Remembers a batch that got its offsets. True if its producer is new.
    pub(crate) fn add(
        &mut self,
        batch: &Sequenced,
        first: i64,
        timestamp: i64,
        now_ms: i64,
    ) -> bool {
        let stored = Stored {
            last_sequence: sequence_after(batch.sequence, batch.last_delta),
            last_delta: batch.last_delta,
            first,
            timestamp,
        };
        let fresh = || Producer {
            epoch: batch.epoch,
            updated_ms: now_ms,
            batches: [Stored::default(); BATCHES_MAX],
            count: 0,
        };
        let mut is_new = false;
        let producer = self.by_id.entry(batch.producer).or_insert_with(|| {
            is_new = true;
            fresh()
        });
        if producer.epoch != batch.epoch {
            *producer = fresh();
        }
        producer.push(stored);
        producer.updated_ms = now_ms;
        is_new
    }

    /// Remembers that this batch was refused for the moment, so that no later one
    /// of a producer that is not known takes its place. True if it is new.
    pub(crate) fn await_again(&mut self, batch: &Sequenced, now_ms: i64) -> bool {
        let mut is_new = false;
        self.by_id.entry(batch.producer).or_insert_with(|| {
            is_new = true;
            let mut batches = [Stored::default(); BATCHES_MAX];
            batches[0].last_sequence = sequence_before(batch.sequence, 1);
            Producer { epoch: batch.epoch, updated_ms: now_ms, batches, count: 0 }
        });
        is_new
    }

    /// When the last batch of each came.
    pub(crate) fn updates_ms(&self) -> impl Iterator<Item = i64> + '_ {
        self.by_id.values().map(|producer| producer.updated_ms)
    }

    /// Forgets the producers whose last batch came before this time.
    pub(crate) fn forget_before(&mut self, ms: i64) {
        self.by_id.retain(|_, producer| producer.updated_ms >= ms);
    }
}

impl Producer {
    fn push(&mut self, stored: Stored) {
        let count = usize::from(self.count);
        if count == BATCHES_MAX {
            self.batches.rotate_left(1);
            self.batches[BATCHES_MAX - 1] = stored;
        } else {
            self.batches[count] = stored;
            self.count += 1;
        }
    }
}

fn refused(refusal: Refusal) -> LogError {
    LogError::Refused(refusal)
}
