//! Batches that clients produce: told from those that were sent before, and
//! stamped where the topic wants the time of the append.

use bytes::BytesMut;

use super::append::Landed;
use super::{CheckedGroup, Engine};
use crate::api::{Result, TopicPartition};
use crate::journal::Body;
use crate::producers::Stored;
use crate::record::stamp;
use crate::view::unknown;

/// What became of a batch that a client produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Produced {
    /// Offset of the first record.
    pub first: i64,
    /// Offset of the last one.
    pub last: i64,
    /// First offset that is kept in the partition.
    pub log_start: i64,
    /// Time of the append in ms since 1970, where the topic has
    /// `message.timestamp.type=LogAppendTime`.
    pub log_append_time_ms: Option<i64>,
    /// The batch was stored before, and was not stored again.
    pub duplicate: bool,
}

impl Engine {
    /// Gives a produced batch its offsets and adds it to the frame, unless it was
    /// stored before.
    pub(super) fn stage_produce(
        &mut self,
        mut group: CheckedGroup,
        body: &mut Body,
    ) -> Result<(Produced, Option<Landed>)> {
        let target = group.target;
        let topic = self.topics.get(&target.topic).ok_or_else(|| unknown(target))?;
        let stamps = topic.config.log_append_time;
        let log_start = self.partition(target)?.view.read().start;
        if let Some(stored) = self.repeated(target, &group)? {
            let produced = Produced {
                first: stored.first,
                last: stored.last(),
                log_start,
                log_append_time_ms: stamps.then_some(stored.timestamp),
                duplicate: true,
            };
            return Ok((produced, None));
        }
        let room = self.make_room(target, group.batches.len() as u64);
        if let Err(error) = room {
            self.note_refused(&group);
            return Err(error);
        }
        // From here on nothing can be refused.
        if stamps {
            stamp_group(&mut group, self.clock.wall_ms());
        }
        let timestamp = group.summaries.last().map(|summary| summary.max_timestamp);
        let landed = self.land(group, body)?;
        let appended = landed.appended();
        let produced = Produced {
            first: appended.first,
            last: appended.last,
            log_start,
            log_append_time_ms: timestamp.filter(|_| stamps),
            duplicate: false,
        };
        Ok((produced, Some(landed)))
    }

    /// The batch as it was stored before, if it was.
    fn repeated(&mut self, target: TopicPartition, group: &CheckedGroup) -> Result<Option<Stored>> {
        let partition = self.partition(target)?;
        // A client sends one batch at a time.
        match group.summaries.first().and_then(|summary| summary.sequenced) {
            Some(batch) => partition.producers.check(&batch),
            None => Ok(None),
        }
    }
}

/// Gives the batches of a group the time of their append.
fn stamp_group(group: &mut CheckedGroup, now_ms: i64) {
    let mut bytes = BytesMut::from(std::mem::take(&mut group.batches));
    for summary in &mut group.summaries {
        stamp(&mut bytes, summary, now_ms);
    }
    group.batches = bytes.freeze();
}
