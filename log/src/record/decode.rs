//! Reading the records of a batch without copies.

use std::ops::RangeInclusive;

use super::batches::Batch;
use super::compression::Compression;
use super::header::BatchHeader;
use super::{invalid, varint};
use crate::api::Result;
use crate::error::LogError;

/// Most bytes of records in one batch when it is opened, for our own readers.
pub const OPENED_BYTES_MAX: usize = 256 << 20;

/// Opens batches one after the other, with one buffer for compressed ones.
#[derive(Debug)]
pub struct BatchDecoder {
    opened: Vec<u8>,
    opened_bytes_max: usize,
}

impl BatchDecoder {
    /// A decoder that refuses batches of more than `opened_bytes_max` bytes of
    /// records after decompression.
    #[must_use]
    pub fn new(opened_bytes_max: usize) -> Self {
        Self { opened: Vec::new(), opened_bytes_max }
    }

    /// The bytes of a batch's records, not compressed.
    pub(crate) fn open<'a>(&'a mut self, batch: &Batch<'a>) -> Result<&'a [u8]> {
        match batch.header.compression()? {
            Compression::None => Ok(batch.stored_records()),
            compression => {
                let stored = batch.stored_records();
                compression.decompress(stored, &mut self.opened, self.opened_bytes_max)?;
                Ok(&self.opened)
            }
        }
    }

    /// The records of a batch, borrowed from it or, if it is compressed, from
    /// this decoder.
    pub fn decode<'a>(&'a mut self, batch: &Batch<'a>) -> Result<Records<'a>> {
        let header = batch.header;
        Ok(Records::new(&header, self.open(batch)?))
    }
}

impl<'a> Batch<'a> {
    /// The records of a batch that is not compressed, which outlive any decoder.
    pub(crate) fn plain_records(&self) -> Result<Option<Records<'a>>> {
        let is_plain = self.header.compression()? == Compression::None;
        Ok(is_plain.then(|| Records::new(&self.header, self.stored_records())))
    }
}

/// One record, borrowed from its batch.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp in ms since 1970.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: Headers<'a>,
}

/// The records of one batch, in order. After an error it ends.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    left: i32,
    base_offset: i64,
    base_timestamp: i64,
    append_time: Option<i64>,
    /// The offset deltas that the next record may have.
    deltas: RangeInclusive<i64>,
}

impl<'a> Records<'a> {
    fn new(header: &BatchHeader, rest: &'a [u8]) -> Self {
        Self {
            rest,
            left: header.records,
            base_offset: header.base_offset,
            base_timestamp: header.base_timestamp,
            append_time: header.is_log_append_time().then_some(header.max_timestamp),
            deltas: 0..=i64::from(header.last_offset_delta),
        }
    }

    /// Whether nothing follows the records that were taken.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline]
    fn decode_one(&mut self) -> Option<Record<'a>> {
        let len = usize::try_from(varint::take(&mut self.rest)?).ok()?;
        let (mut body, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        let (_attributes, after) = body.split_first()?;
        body = after;
        let timestamp_delta = varint::take(&mut body)?;
        let offset_delta = rising(varint::take(&mut body)?, &mut self.deltas)?;
        let key = take_field(&mut body)?;
        let value = take_field(&mut body)?;
        let count = usize::try_from(varint::take(&mut body)?).ok()?;
        // A header takes two bytes at least.
        if count > body.len() / 2 {
            return None;
        }
        Some(Record {
            offset: self.base_offset.wrapping_add(offset_delta),
            timestamp: self
                .append_time
                .unwrap_or_else(|| self.base_timestamp.wrapping_add(timestamp_delta)),
            key,
            value,
            headers: Headers { rest: body, count },
        })
    }

    #[cold]
    fn malformed(&mut self) -> LogError {
        let left = std::mem::take(&mut self.left);
        invalid(format!(
            "the batch at offset {} is malformed {} records before its end",
            self.base_offset,
            left + 1
        ))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        Some(match self.decode_one() {
            Some(record) => Ok(record),
            None => Err(self.malformed()),
        })
    }
}

/// The headers of one record, decoded as they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
    count: usize,
}

impl Headers<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<(&'a str, Option<&'a [u8]>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.count == 0 {
            return None;
        }
        self.count -= 1;
        let header = take_field(&mut self.rest)
            .flatten()
            .and_then(|name| std::str::from_utf8(name).ok())
            .and_then(|name| Some((name, take_field(&mut self.rest)?)));
        if header.is_none() {
            self.count = 0;
        }
        Some(header.ok_or_else(|| invalid("a header of a record is malformed")))
    }
}

/// A record's offset delta, which lies behind the one before it and within its
/// batch: a client that compresses can write anything.
#[inline]
pub(super) fn rising(delta: i64, allowed: &mut RangeInclusive<i64>) -> Option<i64> {
    if !allowed.contains(&delta) {
        return None;
    }
    *allowed = delta + 1..=*allowed.end();
    Some(delta)
}

/// A field is a length, -1 for null, and its bytes.
#[inline]
pub(super) fn take_field<'a>(input: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let len = varint::take(input)?;
    if len == -1 {
        return Some(None);
    }
    let (field, rest) = input.split_at_checked(usize::try_from(len).ok()?)?;
    *input = rest;
    Some(Some(field))
}
