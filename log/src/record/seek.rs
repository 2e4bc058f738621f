//! Finding a record by its time.

use super::batches::{Batch, Batches};
use super::decode::BatchDecoder;

/// Most bytes of a batch that are opened to find a record in it.
const OPENED_BYTES_MAX: usize = 256 << 20;

/// Offset of the first record in `batches` at or after `time` (ms since 1970)
/// and at or after `from`.
pub(crate) fn first_at(batches: &[u8], time: i64, from: i64) -> Option<i64> {
    for batch in Batches::new(batches).flatten() {
        let header = &batch.header;
        if header.last_offset() < from || header.max_timestamp < time {
            continue;
        }
        if let Some(offset) = first_in(&batch, time, from) {
            return Some(offset);
        }
    }
    None
}

fn first_in(batch: &Batch<'_>, time: i64, from: i64) -> Option<i64> {
    let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
    match decoder.decode(batch) {
        Ok(records) => records
            .flatten()
            .find(|record| record.timestamp >= time && record.offset >= from)
            .map(|record| record.offset),
        // Records that can't be opened: the batch as a whole is the answer.
        Err(_) => Some(batch.header.base_offset.max(from)),
    }
}
