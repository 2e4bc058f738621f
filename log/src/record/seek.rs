//! Finding a record by its time.

use super::batches::{Batch, Batches};
use super::decode::{BatchDecoder, OPENED_BYTES_MAX};

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOffset {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp, in ms since 1970.
    pub timestamp_ms: i64,
}

/// The first record in `batches` at or after `time` (ms since 1970) and at or
/// after the offset `from`.
pub(crate) fn first_at(batches: &[u8], time: i64, from: i64) -> Option<TimedOffset> {
    for batch in Batches::new(batches).flatten() {
        let header = &batch.header;
        if header.last_offset() < from || header.max_timestamp < time {
            continue;
        }
        if let Some(found) = first_in(&batch, time, from) {
            return Some(found);
        }
    }
    None
}

fn first_in(batch: &Batch<'_>, time: i64, from: i64) -> Option<TimedOffset> {
    let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
    match decoder.decode(batch) {
        Ok(records) => records
            .flatten()
            .find(|record| record.timestamp >= time && record.offset >= from)
            .map(|record| TimedOffset { offset: record.offset, timestamp_ms: record.timestamp }),
        // Records that can't be opened: the batch as a whole is the answer.
        Err(_) => Some(TimedOffset {
            offset: batch.header.base_offset.max(from),
            timestamp_ms: batch.header.max_timestamp,
        }),
    }
}

/// The latest time of the records of a batch from the offset `from` on.
pub(crate) fn latest_from(batch: &Batch<'_>, from: i64) -> Option<i64> {
    let header = &batch.header;
    if header.last_offset() < from {
        return None;
    }
    let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
    match decoder.decode(batch) {
        Ok(records) if header.base_offset < from => {
            let kept = records.flatten().filter(|record| record.offset >= from);
            kept.map(|record| record.timestamp).max()
        }
        _ => Some(header.max_timestamp),
    }
}
