//! Whether all records have a key, as compaction needs it.

use super::batches::Batches;
use super::decode::BatchDecoder;
use super::raw::RawRecords;
use crate::api::Result;
use crate::error::LogError;

/// How much longer than the longest batch its records may be when opened.
const OPENED_FACTOR: usize = 20;

/// Checks that each record of these batches has a key: a compacted topic keeps
/// the last record of each. `topic` is what a refusal names. Compressed batches
/// are opened, up to a multiple of `batch_bytes_max`.
pub(crate) fn check_keys(batches: &[u8], batch_bytes_max: usize, topic: &str) -> Result<()> {
    let mut decoder = BatchDecoder::new(batch_bytes_max.saturating_mul(OPENED_FACTOR));
    let mut number = 0;
    for batch in Batches::new(batches) {
        let batch = batch?;
        if batch.header.is_control() {
            continue;
        }
        let header = batch.header;
        for record in RawRecords::new(&header, decoder.open(&batch)?) {
            if record?.key.is_none() {
                return Err(LogError::InvalidBatch(format!(
                    "record {number} of the group has no key, and topic {topic} is compacted \
                     (cleanup.policy=compact): give each record a key"
                )));
            }
            number += 1;
        }
    }
    Ok(())
}
