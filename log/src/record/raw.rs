//! Records as they lie in a batch, for those who copy some of them elsewhere.

use super::decode::take_field;
use super::header::BatchHeader;
use super::{invalid, varint};
use crate::api::Result;

/// One record and its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawRecord<'a> {
    /// Its offset minus the batch's base offset.
    pub(crate) offset_delta: i64,
    /// Its timestamp minus the batch's base timestamp.
    timestamp_delta: i64,
    pub(crate) key: Option<&'a [u8]>,
    /// Its value is absent.
    pub(crate) is_tombstone: bool,
    /// All its bytes, the length in front included.
    bytes: &'a [u8],
    attributes: u8,
    /// What comes after the timestamp delta.
    rest: &'a [u8],
}

impl RawRecord<'_> {
    /// Its timestamp in a batch with this base timestamp, in ms since 1970.
    pub(crate) fn timestamp(&self, base_timestamp: i64) -> i64 {
        base_timestamp.wrapping_add(self.timestamp_delta)
    }

    /// Appends it as it is.
    pub(crate) fn copy(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes);
    }

    /// Appends it for a batch whose base timestamp is `later_by` ms later.
    pub(crate) fn copy_shifted(&self, out: &mut Vec<u8>, later_by: i64) {
        let delta = self.timestamp_delta.wrapping_sub(later_by);
        let len = 1 + varint::len(delta) + self.rest.len();
        let mut head = [0; 2 * varint::LEN_MAX + 1];
        let mut at = varint::put(&mut head, 0, i64::try_from(len).unwrap_or(i64::MAX));
        head[at] = self.attributes;
        at = varint::put(&mut head, at + 1, delta);
        out.extend_from_slice(&head[..at]);
        out.extend_from_slice(self.rest);
    }
}

/// Walks over the records of a batch that was opened. After an error it ends.
#[derive(Clone, Debug)]
pub(crate) struct RawRecords<'a> {
    rest: &'a [u8],
    left: i32,
    base_offset: i64,
}

impl<'a> RawRecords<'a> {
    /// The records in `opened`, of the batch with this header.
    pub(crate) fn new(header: &BatchHeader, opened: &'a [u8]) -> Self {
        Self { rest: opened, left: header.records, base_offset: header.base_offset }
    }

    fn take(&mut self) -> Option<RawRecord<'a>> {
        let all = self.rest;
        let len = usize::try_from(varint::take(&mut self.rest)?).ok()?;
        let (mut body, rest) = self.rest.split_at_checked(len)?;
        let bytes = &all[..all.len() - rest.len()];
        self.rest = rest;
        let (&attributes, after) = body.split_first()?;
        body = after;
        let timestamp_delta = varint::take(&mut body)?;
        let after_timestamp = body;
        let offset_delta = varint::take(&mut body)?;
        let key = take_field(&mut body)?;
        let is_tombstone = take_field(&mut body)?.is_none();
        Some(RawRecord {
            offset_delta,
            timestamp_delta,
            key,
            is_tombstone,
            bytes,
            attributes,
            rest: after_timestamp,
        })
    }
}

impl<'a> Iterator for RawRecords<'a> {
    type Item = Result<RawRecord<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        let record = self.take();
        if record.is_none() {
            self.left = 0;
        }
        let base = self.base_offset;
        Some(record.ok_or_else(|| invalid(format!("the batch at offset {base} is malformed"))))
    }
}
