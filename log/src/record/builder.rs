//! Building of batches.

use bytes::Bytes;

use super::compression::Compression;
use super::header::{BatchHeader, HEADER_LEN};
use super::varint;
use crate::api::Result;
use crate::error::LogError;

/// Most bytes of records in one batch: its length field has 31 bits.
const RECORDS_LEN_MAX: usize = (i32::MAX as usize) - HEADER_LEN;

/// Writes records into one growing buffer and closes it into a batch. After
/// [`finish`](Self::finish) or [`reset`](Self::reset) it builds the next one.
///
/// ```
/// # use thalweg_log::record::{BatchBuilder, Compression};
/// let mut builder = BatchBuilder::new(Compression::None);
/// builder.append(1_700_000_000_000, Some(b"key"), Some(b"value"), &[])?;
/// assert_eq!(builder.records(), 1);
/// let batch = builder.finish()?;
/// assert!(builder.is_empty());
/// # Ok::<(), thalweg_log::LogError>(())
/// ```
#[derive(Debug)]
pub struct BatchBuilder {
    compression: Compression,
    /// Room for the header, then the records.
    buffer: Vec<u8>,
    records: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl BatchBuilder {
    /// An empty builder.
    #[must_use]
    pub fn new(compression: Compression) -> Self {
        Self { compression, buffer: Vec::new(), records: 0, base_timestamp: 0, max_timestamp: 0 }
    }

    /// Adds a record. `timestamp` is in ms since 1970; a value of `None` is a
    /// tombstone. [`LogError::TooLarge`] if the batch would pass 2 GiB; the
    /// batch is as before then.
    pub fn append(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) -> Result<()> {
        if self.records == 0 {
            self.buffer.clear();
            self.buffer.resize(HEADER_LEN, 0);
            self.base_timestamp = timestamp;
            self.max_timestamp = timestamp;
        }
        let timestamp_delta = timestamp.wrapping_sub(self.base_timestamp);
        let offset_delta = i64::from(self.records);
        let body = 1
            + varint::len(timestamp_delta)
            + varint::len(offset_delta)
            + field_len(key)
            + field_len(value)
            + headers_len(headers);
        if self.bytes() + body + varint::LEN_MAX > RECORDS_LEN_MAX {
            return Err(LogError::TooLarge {
                what: "record batch",
                bytes: (self.bytes() + body) as u64,
                limit: RECORDS_LEN_MAX as u64,
                setting: "max.message.bytes",
            });
        }
        self.buffer.reserve(body + varint::LEN_MAX);
        let mut head = [0; 4 * varint::LEN_MAX];
        let mut at = varint::put(&mut head, 0, length(body));
        head[at] = 0; // attributes of the record: none are defined
        at = varint::put(&mut head, at + 1, timestamp_delta);
        at = varint::put(&mut head, at, offset_delta);
        self.buffer.extend_from_slice(&head[..at]);
        self.put_field(key);
        self.put_field(value);
        self.put_varint(length(headers.len()));
        for (name, value) in headers {
            self.put_field(Some(name.as_bytes()));
            self.put_field(*value);
        }
        self.records += 1;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        Ok(())
    }

    fn put_varint(&mut self, value: i64) {
        let mut out = [0; varint::LEN_MAX];
        let len = varint::put(&mut out, 0, value);
        self.buffer.extend_from_slice(&out[..len]);
    }

    fn put_field(&mut self, field: Option<&[u8]>) {
        match field {
            None => self.put_varint(-1),
            Some(bytes) => {
                self.put_varint(length(bytes.len()));
                self.buffer.extend_from_slice(bytes);
            }
        }
    }

    /// Whether it holds no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Number of records so far.
    #[must_use]
    pub fn records(&self) -> u32 {
        self.records.unsigned_abs()
    }

    /// Bytes of the records so far, before compression.
    #[must_use]
    pub fn bytes(&self) -> usize {
        if self.records == 0 { 0 } else { self.buffer.len() - HEADER_LEN }
    }

    /// Largest timestamp so far, in ms since 1970.
    #[must_use]
    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Forgets the records so far and keeps the memory.
    pub fn reset(&mut self) {
        self.records = 0;
        self.buffer.clear();
    }

    /// Closes the batch: compresses it, if that was asked for, and writes its
    /// header. The builder is empty after. An empty builder gives no bytes.
    pub fn finish(&mut self) -> Result<Bytes> {
        if self.records == 0 {
            return Ok(Bytes::new());
        }
        let mut batch = if self.compression == Compression::None {
            // The next batch is likely to be as long as this one.
            let next = Vec::with_capacity(self.buffer.len());
            std::mem::replace(&mut self.buffer, next)
        } else {
            let mut out = Vec::with_capacity(HEADER_LEN + self.buffer.len() / 3);
            out.resize(HEADER_LEN, 0);
            self.compression.compress(&self.buffer[HEADER_LEN..], &mut out)?;
            out
        };
        let header = BatchHeader {
            base_offset: 0,
            len: batch.len(),
            leader_epoch: 0,
            crc: 0,
            attributes: self.compression.code(),
            last_offset_delta: self.records - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            records: self.records,
        };
        header.encode_into(&mut batch)?;
        self.reset();
        Ok(Bytes::from(batch))
    }
}

/// A length as Kafka's varints carry it. Lengths are bounded by
/// [`RECORDS_LEN_MAX`] before anything is written.
fn length(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

fn field_len(field: Option<&[u8]>) -> usize {
    match field {
        None => 1,
        Some(bytes) => varint::len(length(bytes.len())) + bytes.len(),
    }
}

fn headers_len(headers: &[(&str, Option<&[u8]>)]) -> usize {
    let mut len = varint::len(length(headers.len()));
    for (name, value) in headers {
        len += field_len(Some(name.as_bytes())) + field_len(*value);
    }
    len
}
