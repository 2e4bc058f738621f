//! Fetch, version 13: of one topic, by its id, without a session.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest};

use super::error::MISSING;
use super::{Api, Client, ClientError, Refused, Topic, index};
use crate::wire::{Malformed, Reader};

static API: Api = Api {
    key: 1,
    name: "Fetch",
    version: 13,
    is_flexible: true,
    // A first batch is served whole, however large it is.
    answer_len_max: 256 << 20,
};

/// Most bytes of one answer, apart from a first batch that is larger.
const BYTES_MAX: i32 = 8 << 20;
/// Most bytes of one partition in one answer.
const PARTITION_BYTES_MAX: i32 = 4 << 20;
/// Where a batch says how long its rest is, and where that rest begins.
const LENGTH_AT: usize = 8;
const LENGTH_END: usize = 12;

/// Where to read on in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchFrom {
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: i64,
}

/// What came of each partition.
pub type Fetched = Vec<FetchedPartition>;

/// What came of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPartition {
    /// The partition.
    pub partition: u32,
    /// Whole batches, back to back; the first one may begin before the offset
    /// that was asked for.
    pub batches: Result<Bytes, Refused>,
    /// The offset that the next record will have; -1 if it is not known.
    pub end: i64,
}

impl Client {
    /// Reads from a topic, partitions named first before others. Waits for so
    /// long if there is nothing yet.
    pub fn fetch(
        &mut self,
        topic: &Topic,
        from: &[FetchFrom],
        wait: Duration,
    ) -> Result<Fetched, ClientError> {
        let partitions = from.iter().map(|from| {
            FetchPartition::default()
                .with_partition(index(from.partition))
                .with_current_leader_epoch(-1)
                .with_fetch_offset(from.offset)
                .with_last_fetched_epoch(-1)
                .with_log_start_offset(-1)
                .with_partition_max_bytes(PARTITION_BYTES_MAX)
        });
        let topic =
            FetchTopic::default().with_topic_id(topic.id).with_partitions(partitions.collect());
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(i32::try_from(wait.as_millis()).unwrap_or(i32::MAX))
            .with_min_bytes(1)
            .with_max_bytes(BYTES_MAX)
            .with_session_id(0)
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        Ok(self.call(&API, &request, read)??)
    }
}

pub(super) fn read(
    answer: &Bytes,
    reader: &mut Reader<'_>,
) -> Result<Result<Fetched, Refused>, Malformed> {
    let _throttled_ms = reader.i32()?;
    let code = reader.i16()?;
    if let Some(refused) = Refused::of(code, None) {
        return Ok(Err(refused));
    }
    let _session = reader.i32()?;
    if reader.count(18)? != 1 {
        return Err(MISSING);
    }
    let _id = reader.uuid()?;
    let count = reader.count(37)?;
    let mut fetched = Vec::with_capacity(count);
    for _ in 0..count {
        fetched.push(read_partition(answer, reader)?);
    }
    Ok(Ok(fetched))
}

fn read_partition(answer: &Bytes, reader: &mut Reader<'_>) -> Result<FetchedPartition, Malformed> {
    let partition = reader.i32()?;
    let code = reader.i16()?;
    let end = reader.i64()?;
    let (_stable_end, _start) = (reader.i64()?, reader.i64()?);
    for _ in 0..reader.count(17)? {
        // An aborted transaction: producer, first offset.
        reader.take(16)?;
        reader.tags()?;
    }
    let _replica = reader.i32()?;
    let batches = reader.optional_bytes()?.unwrap_or_default();
    reader.tags()?;
    Ok(FetchedPartition {
        partition: u32::try_from(partition).map_err(|_| MISSING)?,
        batches: Refused::check(code, None).map(|()| answer.slice_ref(whole(batches))),
        end,
    })
}

/// Without a last batch that is cut short, as servers are free to send.
fn whole(batches: &[u8]) -> &[u8] {
    let mut len = 0;
    while let Some(batch_len) = batches.get(len..).and_then(batch_len) {
        match len.checked_add(batch_len) {
            Some(end) if end <= batches.len() => len = end,
            _ => break,
        }
    }
    // One that never comes whole is an error of who reads it.
    if len == 0 { batches } else { &batches[..len] }
}

fn batch_len(batch: &[u8]) -> Option<usize> {
    let length = batch.get(LENGTH_AT..LENGTH_END)?.try_into().ok()?;
    usize::try_from(i32::from_be_bytes(length)).ok()?.checked_add(LENGTH_END)
}
