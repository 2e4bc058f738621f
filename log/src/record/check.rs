//! What the log checks of batches before it takes them.

use super::batches::Batches;
use super::header::BatchHeader;
use super::invalid;
use crate::api::Result;
use crate::error::LogError;

/// What the log keeps in mind of one accepted batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSummary {
    /// Where it begins within the group, in bytes.
    pub at: usize,
    /// Its length in bytes.
    pub len: usize,
    /// Number of offsets that it takes.
    pub offsets: i64,
    /// Largest timestamp, in ms since 1970.
    pub max_timestamp: i64,
    /// CRC-32C of the bytes after the base offset and leader epoch, as stored.
    pub crc: u32,
    /// Which batch of an idempotent producer it is, if it is one.
    pub sequenced: Option<Sequenced>,
}

/// The place of a batch among those of its idempotent producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequenced {
    /// The producer's id.
    pub producer: i64,
    /// Its epoch.
    pub epoch: i16,
    /// Sequence number of the first record.
    pub sequence: i32,
    /// Number of its records, less one.
    pub last_delta: i32,
}

impl BatchSummary {
    /// That of the batch with this header, `at` bytes into its group.
    pub(crate) fn of(header: &BatchHeader, at: usize) -> Self {
        let is_sequenced =
            header.producer_id >= 0 && header.base_sequence >= 0 && !header.is_control();
        Self {
            at,
            len: header.len,
            offsets: i64::from(header.last_offset_delta) + 1,
            max_timestamp: header.max_timestamp,
            crc: header.crc,
            sequenced: is_sequenced.then_some(Sequenced {
                producer: header.producer_id,
                epoch: header.producer_epoch,
                sequence: header.base_sequence,
                last_delta: header.last_offset_delta,
            }),
        }
    }
}

/// Checks the headers, lengths and CRCs of batches that come in, and that no
/// batch is longer than `batch_bytes_max`; `setting` is what a refusal names.
/// Records are not looked into.
pub fn check_batches(
    batches: &[u8],
    batch_bytes_max: usize,
    setting: &'static str,
) -> Result<Vec<BatchSummary>> {
    let mut summaries = Vec::with_capacity(1);
    let mut at = 0;
    for batch in Batches::new(batches) {
        let batch = batch?;
        let header = batch.header;
        if header.len > batch_bytes_max {
            return Err(LogError::TooLarge {
                what: "record batch",
                bytes: header.len as u64,
                limit: batch_bytes_max as u64,
                setting,
            });
        }
        if header.records < 1 || header.last_offset_delta != header.records - 1 {
            return Err(invalid(format!(
                "it says {} records and a last offset delta of {}",
                header.records, header.last_offset_delta
            )));
        }
        header.compression()?;
        header.check(batch.bytes)?;
        summaries.push(BatchSummary::of(&header, at));
        at += header.len;
    }
    if summaries.is_empty() {
        return Err(invalid("there is none in the group"));
    }
    Ok(summaries)
}
