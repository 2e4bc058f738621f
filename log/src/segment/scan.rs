//! Walking over the batches of a segment file.

use std::path::Path;

use bytes::{Bytes, BytesMut};

use crate::api::Result;
use crate::disk::{DiskFile, failed, read_full};
use crate::error::LogError;
use crate::record::{BatchHeader, HEADER_LEN};

/// Least bytes of one read.
const READ_MIN: usize = 64 * 1024;

/// A segment's file and how much of it holds batches.
pub(crate) struct SegmentFile<'a> {
    pub(crate) file: &'a dyn DiskFile,
    pub(crate) path: &'a Path,
    pub(crate) len: u64,
    /// Compaction took offsets out of it.
    pub(crate) has_gaps: bool,
}

/// Batches read from a segment.
pub(crate) struct Run {
    pub(crate) batches: Bytes,
    /// Where the batch after them begins, and its offset.
    pub(crate) end: (u64, i64),
}

impl SegmentFile<'_> {
    fn damaged(&self, at: u64, reason: impl Into<String>) -> LogError {
        LogError::Damaged { path: self.path.to_owned(), at, reason: reason.into() }
    }

    fn read(&self, at: u64, want: usize) -> Result<BytesMut> {
        let left = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let want = want.min(left);
        let mut buffer = BytesMut::zeroed(want);
        let count = read_full(self.file, &mut buffer, at)
            .map_err(|error| failed("reading", self.path, &error))?;
        if count < want {
            return Err(self.damaged(at + count as u64, "the file is shorter than what was kept"));
        }
        Ok(buffer)
    }

    /// The header of the batch at `at`, which must lie within the segment.
    pub(crate) fn header(&self, at: u64) -> Result<BatchHeader> {
        let bytes = self.read(at, HEADER_LEN)?;
        self.check_header(&bytes, at)
    }

    fn check_header(&self, bytes: &[u8], at: u64) -> Result<BatchHeader> {
        let header = BatchHeader::decode(bytes)
            .map_err(|error| self.damaged(at, format!("no record batch is here: {error}")))?;
        if at + header.len as u64 > self.len || header.last_offset_delta < 0 {
            return Err(self.damaged(at, "the record batch here leaves the file"));
        }
        Ok(header)
    }

    /// Checks that a search for `offset` may begin at `from`, as an index says:
    /// a batch is there, and not behind the offset. Where offsets are missing
    /// the search itself can't tell.
    pub(crate) fn check_start(&self, from: u64, offset: i64) -> Result<()> {
        if from == 0 || !self.has_gaps {
            return Ok(());
        }
        let header = self.header(from)?;
        let batch = self.read(from, header.len)?;
        header.check(&batch).map_err(|error| self.damaged(from, error.to_string()))?;
        if header.base_offset > offset {
            return Err(self.damaged(from, format!("offset {offset} is before what is here")));
        }
        Ok(())
    }

    /// Reads whole batches from the one that holds `offset`, at least one,
    /// `bytes_max` in all, looking for it from `from` on. Where compaction took
    /// the offset, the next batch is the first. Each one is checked (invariant 6).
    pub(crate) fn run(&self, from: u64, offset: i64, bytes_max: usize) -> Result<Run> {
        let mut at = from;
        let mut buffer = self.read(at, bytes_max.max(READ_MIN))?;
        let mut start = 0;
        // Over the batches before it.
        let first = loop {
            if buffer.len() - start < HEADER_LEN {
                at += start as u64;
                if at + HEADER_LEN as u64 > self.len {
                    return Err(self.damaged(at, format!("offset {offset} is missing")));
                }
                buffer = self.read(at, bytes_max.max(READ_MIN))?;
                start = 0;
            }
            let header = self.check_header(&buffer[start..], at + start as u64)?;
            if header.last_offset() >= offset {
                break header;
            }
            if start + header.len > buffer.len() {
                at += (start + header.len) as u64;
                start = 0;
                buffer.clear();
            } else {
                start += header.len;
            }
        };
        if first.base_offset > offset && !self.has_gaps {
            return Err(self.damaged(at + start as u64, format!("offset {offset} is missing")));
        }
        at += start as u64;
        if start + first.len > buffer.len() {
            buffer = self.read(at, bytes_max.max(first.len))?;
            start = 0;
        }
        self.take_run(buffer, start, at, bytes_max)
    }

    fn take_run(&self, buffer: BytesMut, start: usize, at: u64, bytes_max: usize) -> Result<Run> {
        let bytes = buffer.freeze().slice(start..);
        let mut taken = 0;
        let mut next: Option<i64> = None;
        while bytes.len() - taken >= HEADER_LEN {
            let here = at + taken as u64;
            let header = self.check_header(&bytes[taken..], here)?;
            let end = taken + header.len;
            if end > bytes.len() || (taken > 0 && end > bytes_max) {
                break;
            }
            let follows = next.is_none_or(|next| {
                header.base_offset == next || (self.has_gaps && header.base_offset > next)
            });
            if !follows {
                return Err(self.damaged(here, "the batch here has not the next offset"));
            }
            header.check(&bytes[taken..]).map_err(|error| self.damaged(here, error.to_string()))?;
            next = Some(header.last_offset() + 1);
            taken = end;
        }
        Ok(Run { batches: bytes.slice(..taken), end: (at + taken as u64, next.unwrap_or(0)) })
    }
}
