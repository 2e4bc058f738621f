//! Walking over batches that lie back to back.

use super::header::{BatchHeader, HEADER_LEN};
use super::invalid;
use crate::api::Result;

/// One whole batch within a slice.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Its header.
    pub header: BatchHeader,
    /// All its bytes, header included.
    pub bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// The records as they are stored: compressed, if the header says so.
    #[must_use]
    pub fn stored_records(&self) -> &'a [u8] {
        &self.bytes[HEADER_LEN..]
    }
}

/// Iterates over the batches of a slice. Headers are checked, CRCs are not: the
/// log has checked those before it serves a batch. After an error it ends.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    rest: &'a [u8],
}

impl<'a> Batches<'a> {
    /// The batches in `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let found = BatchHeader::decode(self.rest).and_then(|header| {
            if header.len > self.rest.len() {
                return Err(invalid(format!(
                    "{} of its {} bytes are there",
                    self.rest.len(),
                    header.len
                )));
            }
            Ok(header)
        });
        match found {
            Ok(header) => {
                let (bytes, rest) = self.rest.split_at(header.len);
                self.rest = rest;
                Some(Ok(Batch { header, bytes }))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}
