//! What the engine does for idempotent producers: their ids, and what it
//! remembers of their batches.

use std::sync::Arc;

use super::append::Landed;
use super::{CheckedGroup, Engine, Topic};
use crate::journal::{Body, Entry};
use crate::producers::Producers;

/// Ids are reserved in the journal in blocks, so that most of them cost no
/// write. What is left of a block at a stop is never given.
const BLOCK: i64 = 1000;

/// The ids of producers: each is given once, also across crashes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProducerIds {
    next: i64,
    /// Ids below this one are reserved.
    pub(super) reserved: i64,
}

impl From<i64> for ProducerIds {
    /// The ids from `reserved` on.
    fn from(reserved: i64) -> Self {
        Self { next: reserved, reserved }
    }
}

impl ProducerIds {
    /// Gives none below this one any more.
    pub(super) fn skip_to(&mut self, below: i64) {
        self.reserved = self.reserved.max(below);
        self.next = self.next.max(below);
    }
}

impl Topic {
    /// Number of producers that are remembered, over all partitions.
    pub(super) fn producer_count(&self) -> usize {
        self.partitions.iter().map(|partition| partition.producers.len()).sum()
    }
}

impl Engine {
    /// The next id, durable with the frame.
    pub(super) fn stage_producer_id(&mut self, body: &mut Body) -> i64 {
        let ids = &mut self.producer_ids;
        if ids.next >= ids.reserved {
            ids.reserved = ids.next.saturating_add(BLOCK);
            body.put(&Entry::ProducerIds(ids.reserved));
        }
        let id = ids.next;
        ids.next += 1;
        id
    }

    /// Time in ms since 1970 that does not jump while the log is open.
    pub(super) fn steady_ms(&self) -> i64 {
        let (wall_ms, elapsed) = self.started;
        let since = self.clock.elapsed().saturating_sub(elapsed).as_millis();
        wall_ms.saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// Remembers the batches of idempotent producers that got their offsets.
    pub(super) fn note_producers(&mut self, landed: &Landed) {
        if landed.summaries.iter().all(|summary| summary.sequenced.is_none()) {
            return;
        }
        let now_ms = self.steady_ms();
        let Ok(partition) = self.partition(landed.target) else {
            return;
        };
        // A checkpoint that is under way keeps what it has.
        let producers: &mut Producers = Arc::make_mut(&mut partition.producers);
        let mut first = landed.first;
        let mut added = 0;
        for summary in &landed.summaries {
            if let Some(batch) = &summary.sequenced {
                let is_new = producers.add(batch, first, summary.max_timestamp, now_ms);
                added += usize::from(is_new);
            }
            first += summary.offsets;
        }
        self.producer_count += added;
        if self.producer_count > self.options.producers_max {
            self.forget_longest_silent();
        }
    }

    /// A batch was refused that may be sent again: no later one may come before.
    pub(super) fn note_refused(&mut self, group: &CheckedGroup) {
        let now_ms = self.steady_ms();
        let Some(batch) = group.summaries.first().and_then(|summary| summary.sequenced) else {
            return;
        };
        if let Ok(partition) = self.partition(group.target) {
            let is_new = Arc::make_mut(&mut partition.producers).await_again(&batch, now_ms);
            self.producer_count += usize::from(is_new);
        }
    }

    /// Forgets the producers that have been silent for long.
    pub(super) fn expire_producers(&mut self) {
        let keep = i64::try_from(self.options.producer_expiration.as_millis());
        self.forget_producers_before(self.steady_ms().saturating_sub(keep.unwrap_or(i64::MAX)));
    }

    /// Forgets about a tenth of the producers, those that have been silent for
    /// longest (invariant 7).
    fn forget_longest_silent(&mut self) {
        let partitions = self.topics.values().flat_map(|topic| &topic.partitions);
        let mut updates: Vec<i64> = Vec::with_capacity(self.producer_count);
        updates.extend(partitions.flat_map(|partition| partition.producers.updates_ms()));
        if updates.is_empty() {
            return;
        }
        let place = updates.len() / 10;
        let (_, oldest_kept, _) = updates.select_nth_unstable(place);
        let before_ms = oldest_kept.saturating_add(1);
        let count = self.producer_count;
        self.forget_producers_before(before_ms);
        tracing::warn!(
            forgotten = count - self.producer_count,
            limit = self.options.producers_max,
            "too many idempotent producers: those that were silent for longest are forgotten"
        );
    }

    fn forget_producers_before(&mut self, ms: i64) {
        let mut count = 0;
        for topic in self.topics.values_mut() {
            for partition in &mut topic.partitions {
                if partition.producers.updates_ms().any(|updated| updated < ms) {
                    Arc::make_mut(&mut partition.producers).forget_before(ms);
                }
                count += partition.producers.len();
            }
        }
        self.producer_count = count;
    }
}
