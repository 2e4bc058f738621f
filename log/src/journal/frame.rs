//! Frames: what one group commit writes to the journal.
//!
//! A frame starts on a block of 4 KiB and is padded to the next one, so no
//! block holds bytes of two groups: a torn write of one can't hurt another.
//!
//! ```text
//!  0 magic u32            8 generation u64       24 durable_through u64
//!  4 kind u32            16 sequence u64         32 body length u64
//! 40 body CRC-32C u32    44 header CRC-32C u32   48 the body: entries
//! ```
//! All numbers are big-endian. The CRC of the header begins with the log's own
//! salt, so that a frame of another log, stored in a record, is none here.

use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes};

use super::entry::{Entry, encode_append_head};
use crate::api::TopicPartition;
use crate::record::BatchSummary;

/// Size of a block in bytes.
pub(crate) const BLOCK: u64 = 4096;
/// Length of a frame's header in bytes.
pub(crate) const HEADER_LEN: usize = 48;

const MAGIC: u32 = 0x5457_4a31; // "TWJ1"
const CRC_AT: usize = 44;
/// From this length on the CRC of a batch's records is combined, not computed.
const COMBINE_MIN: usize = 16 * 1024;
/// Bytes of a batch before the part that its own CRC covers.
const BATCH_HEAD: usize = crate::record::CRC_START;
static ZEROS: [u8; 4096] = [0; 4096];

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It holds entries.
    Group,
    /// It says that all before it is durable, and holds nothing.
    Seal,
}

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: Kind,
    /// Which use of a journal file this is; rises with each.
    pub(crate) generation: u64,
    /// Number of the frame, consecutive over all files.
    pub(crate) sequence: u64,
    /// All frames up to this sequence were durable when this one was written.
    pub(crate) durable_through: u64,
    pub(crate) body_len: u64,
    pub(crate) body_crc: u32,
}

impl FrameHeader {
    pub(crate) fn encode(&self, salt: u64) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        let mut to = &mut out[..CRC_AT];
        to.put_u32(MAGIC);
        to.put_u32(match self.kind {
            Kind::Group => 0,
            Kind::Seal => 1,
        });
        to.put_u64(self.generation);
        to.put_u64(self.sequence);
        to.put_u64(self.durable_through);
        to.put_u64(self.body_len);
        to.put_u32(self.body_crc);
        let crc = header_crc(&out[..CRC_AT], salt);
        out[CRC_AT..].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// The header at the front of `block`, if there is a valid one.
    pub(crate) fn decode(block: &[u8], salt: u64) -> Option<Self> {
        let header = block.get(..HEADER_LEN)?;
        let mut from = header;
        if from.get_u32() != MAGIC {
            return None;
        }
        let kind = match from.get_u32() {
            0 => Kind::Group,
            1 => Kind::Seal,
            _ => return None,
        };
        let decoded = Self {
            kind,
            generation: from.get_u64(),
            sequence: from.get_u64(),
            durable_through: from.get_u64(),
            body_len: from.get_u64(),
            body_crc: from.get_u32(),
        };
        (from.get_u32() == header_crc(&header[..CRC_AT], salt)).then_some(decoded)
    }

    /// Bytes that the frame takes, padding included.
    pub(crate) fn frame_len(&self) -> u64 {
        padded(self.body_len)
    }
}

/// Generation and sequence that a damaged header at the front of `block` claims.
/// Good for a report, and for nothing else.
pub(crate) fn claims(block: &[u8]) -> Option<(u64, u64)> {
    let mut from = block.get(..HEADER_LEN)?;
    if from.get_u32() != MAGIC {
        return None;
    }
    from.advance(4);
    Some((from.get_u64(), from.get_u64()))
}

fn header_crc(header: &[u8], salt: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_be_bytes()), header)
}

/// Bytes that a frame with a body of this length takes.
pub(crate) fn padded(body_len: u64) -> u64 {
    body_len.saturating_add(HEADER_LEN as u64).div_ceil(BLOCK).saturating_mul(BLOCK)
}

enum Piece {
    /// A range of `meta`.
    Meta(usize, usize),
    Batches(Bytes),
}

/// The body of a frame under construction. Batches are kept where they are.
#[derive(Default)]
pub(crate) struct Body {
    meta: Vec<u8>,
    pieces: Vec<Piece>,
    crc: u32,
    len: u64,
}

impl Body {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn crc(&self) -> u32 {
        self.crc
    }

    /// Adds an entry.
    pub(crate) fn put(&mut self, entry: &Entry) {
        let start = self.meta.len();
        entry.encode(&mut self.meta);
        self.close_meta(start);
    }

    /// Adds an append of batches whose offsets are final and whose CRCs were
    /// checked.
    pub(crate) fn put_append(
        &mut self,
        target: TopicPartition,
        base: i64,
        batches: &Bytes,
        summaries: &[BatchSummary],
    ) {
        let start = self.meta.len();
        encode_append_head(&mut self.meta, target, base, batches.len());
        self.close_meta(start);
        for summary in summaries {
            let batch = &batches[summary.at..summary.at + summary.len];
            if batch.len() < COMBINE_MIN {
                self.crc = crc32c::crc32c_append(self.crc, batch);
            } else {
                // The batch's own CRC, which was checked on the way in, covers
                // the rest: its bytes are not touched again.
                let (head, rest) = batch.split_at(BATCH_HEAD);
                self.crc = crc32c::crc32c_append(self.crc, head);
                self.crc = crc32c::crc32c_combine(self.crc, summary.crc, rest.len());
            }
        }
        self.len += batches.len() as u64;
        self.pieces.push(Piece::Batches(batches.clone()));
    }

    fn close_meta(&mut self, start: usize) {
        let bytes = &self.meta[start..];
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.len += bytes.len() as u64;
        self.pieces.push(Piece::Meta(start, self.meta.len()));
    }

    /// The frame's bytes: header, body, padding.
    pub(crate) fn slices<'a>(&'a self, header: &'a [u8; HEADER_LEN]) -> Vec<IoSlice<'a>> {
        let mut slices = Vec::with_capacity(self.pieces.len() + 2);
        slices.push(IoSlice::new(header));
        for piece in &self.pieces {
            slices.push(IoSlice::new(match piece {
                Piece::Meta(start, end) => &self.meta[*start..*end],
                Piece::Batches(bytes) => bytes,
            }));
        }
        let padding = padded(self.len) - self.len - HEADER_LEN as u64;
        slices.push(IoSlice::new(&ZEROS[..usize::try_from(padding).unwrap_or(0)]));
        slices
    }
}
