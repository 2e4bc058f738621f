//! What is checked of batches from clients, which nobody here has made.

use super::BatchSummary;
use super::batches::Batches;
use super::compression::Compression;
use super::decode::BatchDecoder;
use super::header::{BatchHeader, CRC_START};
use crate::api::Result;
use crate::error::{LogError, Refusal};

/// Where the part of the header that may be changed ends: after the largest
/// timestamp.
const HEAD_END: usize = 43;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;
/// A record without a timestamp has this one.
const NO_TIMESTAMP: i64 = -1;
const LOG_APPEND_TIME: i16 = 0x08;
const DELETE_HORIZON: i16 = 0x40;

/// Timestamps that are acceptable, in ms since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) earliest: i64,
    pub(crate) latest: i64,
}

/// Checks a batch whose CRC is right: what it says of itself is what a client
/// may say, its timestamps are within the bounds (none: the log stamps it), and,
/// if it is not compressed, its records are whole and numbered without a gap.
/// Returns its largest timestamp.
pub(crate) fn check_produced(bytes: &[u8], bounds: Option<Bounds>) -> Result<i64> {
    let mut batches = Batches::new(bytes);
    let batch = match (batches.next(), batches.next()) {
        (Some(batch), None) => batch?,
        _ => return Err(refused("a client sends one batch for a partition at a time")),
    };
    let header = batch.header;
    check_header(&header)?;
    if let Some(bounds) = bounds {
        bounds.check(header.base_timestamp)?;
    }
    if header.compression()? != Compression::None {
        if let Some(bounds) = bounds {
            bounds.check(header.max_timestamp)?;
        }
        return Ok(header.max_timestamp);
    }
    let mut newest = i64::MIN;
    let mut decoder = BatchDecoder::new(0);
    let mut records = decoder.decode(&batch)?;
    for (number, record) in (0..).zip(&mut records) {
        let record = record.map_err(|error| refused(error.to_string()))?;
        if record.offset != header.base_offset.wrapping_add(number) {
            return Err(refused(format!("record {number} has not the next offset delta")));
        }
        if let Some(bounds) = bounds {
            bounds.check(record.timestamp)?;
        }
        newest = newest.max(record.timestamp);
        for header in record.headers {
            header?;
        }
    }
    if !records.is_at_end() {
        return Err(refused("bytes follow its last record"));
    }
    Ok(newest)
}

fn check_header(header: &BatchHeader) -> Result<()> {
    let producer = header.producer_id;
    if header.is_control() {
        return Err(refused("clients may not write control batches"));
    }
    if header.attributes & (LOG_APPEND_TIME | DELETE_HORIZON) != 0 {
        return Err(refused(format!(
            "its attributes {:#06x} have bits that only the log sets",
            header.attributes
        )));
    }
    if producer >= 0 && (header.producer_epoch < 0 || header.base_sequence < 0) {
        return Err(refused(format!(
            "producer {producer} has epoch {} and sequence number {}",
            header.producer_epoch, header.base_sequence
        )));
    }
    // Its records would be seen as committed, and never be.
    if header.is_transactional() {
        return Err(LogError::Refused(Refusal::NoTransaction { producer }));
    }
    Ok(())
}

impl Bounds {
    fn check(&self, timestamp: i64) -> Result<()> {
        if timestamp == NO_TIMESTAMP {
            return Ok(());
        }
        let setting = if timestamp < self.earliest {
            "message.timestamp.before.max.ms"
        } else if timestamp > self.latest {
            "message.timestamp.after.max.ms"
        } else {
            return Ok(());
        };
        Err(LogError::Refused(Refusal::Timestamp {
            timestamp,
            earliest: self.earliest,
            latest: self.latest,
            setting,
        }))
    }
}

fn refused(reason: impl Into<String>) -> LogError {
    LogError::Refused(Refusal::Record(reason.into()))
}

/// Gives a batch of `bytes` the time of its append: that is its largest
/// timestamp, and the one of each record.
pub(crate) fn stamp(bytes: &mut [u8], summary: &mut BatchSummary, now_ms: i64) {
    change_head(bytes, summary, LOG_APPEND_TIME, now_ms);
}

/// Sets the largest timestamp of a batch of `bytes`, where its client has said
/// another one than its records have.
pub(crate) fn set_max_timestamp(bytes: &mut [u8], summary: &mut BatchSummary, ms: i64) {
    change_head(bytes, summary, 0, ms);
}

/// Of the bytes that the CRC covers, only the head is touched: the rest's part of
/// the CRC is taken from the one it has.
fn change_head(bytes: &mut [u8], summary: &mut BatchSummary, attributes: i16, max_timestamp: i64) {
    let batch = &mut bytes[summary.at..summary.at + summary.len];
    let rest_len = batch.len() - HEAD_END;
    let head = crc32c::crc32c(&batch[CRC_START..HEAD_END]);
    let rest = summary.crc ^ crc32c::crc32c_combine(head, 0, rest_len);
    let known = i16::from_be_bytes([batch[ATTRIBUTES_AT], batch[ATTRIBUTES_AT + 1]]);
    let attributes = known | attributes;
    batch[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_AT..HEAD_END].copy_from_slice(&max_timestamp.to_be_bytes());
    let head = crc32c::crc32c(&batch[CRC_START..HEAD_END]);
    let crc = crc32c::crc32c_combine(head, rest, rest_len);
    batch[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_be_bytes());
    summary.crc = crc;
    summary.max_timestamp = max_timestamp;
}
