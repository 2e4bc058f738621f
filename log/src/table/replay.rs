//! Reading a compacted topic from its start to its end.

use std::collections::HashMap;

use crate::api::{Log, OffsetAt, Result, TopicPartition};
use crate::error::LogError;
use crate::record::{BatchDecoder, Batches, OPENED_BYTES_MAX};

/// Bytes of one read.
const READ_BYTES: usize = 1 << 20;

/// The last value of each key and its offset.
pub(super) struct Latest {
    pub(super) value: Vec<u8>,
    pub(super) offset: i64,
}

/// Reads everything. Only what is left at the end is worth decoding, so this
/// keeps bytes.
pub(super) async fn latest(
    log: &dyn Log,
    from: TopicPartition,
) -> Result<(HashMap<Vec<u8>, Latest>, i64)> {
    let mut found: HashMap<Vec<u8>, Latest> = HashMap::new();
    let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
    let mut next = log.offset(from, OffsetAt::Start).await?;
    loop {
        let fetched = log.read(from, next, READ_BYTES).await?;
        if fetched.batches.is_empty() {
            return Ok((found, next));
        }
        for batch in Batches::new(&fetched.batches) {
            let batch = batch?;
            if !batch.header.is_control() {
                take_batch(&mut found, &mut decoder, &batch, next)?;
            }
            next = batch.header.last_offset().saturating_add(1);
        }
    }
}

/// Shows all changes from offset `next` on to `take`, in their order: offset,
/// key, and value if it was not a deletion. The answer is the offset after them.
pub(super) async fn since(
    log: &dyn Log,
    from: TopicPartition,
    mut next: i64,
    mut take: impl FnMut(i64, &[u8], Option<&[u8]>) -> Result<()>,
) -> Result<i64> {
    let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
    loop {
        let fetched = match log.read(from, next, READ_BYTES).await {
            // Compaction or a trim took what was there.
            Err(LogError::OffsetOutOfRange { start, .. }) if next < start => {
                next = start;
                continue;
            }
            fetched => fetched?,
        };
        if fetched.batches.is_empty() {
            return Ok(next);
        }
        for batch in Batches::new(&fetched.batches) {
            let batch = batch?;
            if !batch.header.is_control() {
                for record in decoder.decode(&batch)? {
                    let record = record?;
                    if let Some(key) = record.key.filter(|_| record.offset >= next) {
                        take(record.offset, key, record.value)?;
                    }
                }
            }
            next = batch.header.last_offset().saturating_add(1);
        }
    }
}

fn take_batch(
    found: &mut HashMap<Vec<u8>, Latest>,
    decoder: &mut BatchDecoder,
    batch: &crate::record::Batch<'_>,
    next: i64,
) -> Result<()> {
    for record in decoder.decode(batch)? {
        let record = record?;
        let Some(key) = record.key.filter(|_| record.offset >= next) else {
            continue;
        };
        match (record.value, found.get_mut(key)) {
            (Some(value), Some(latest)) => {
                latest.value.clear();
                latest.value.extend_from_slice(value);
                latest.offset = record.offset;
            }
            (Some(value), None) => {
                let latest = Latest { value: value.to_vec(), offset: record.offset };
                found.insert(key.to_vec(), latest);
            }
            (None, _) => {
                found.remove(key);
            }
        }
    }
    Ok(())
}
