//! Writing an answer by hand. Record batches are not copied into it.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::Encodable;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::Malformed;

/// Batches below this are copied: a part of its own costs more.
const COPIED_LEN_MAX: usize = 2048;

/// A framed answer, in parts that lie where they are.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) parts: Vec<Bytes>,
    /// Room for what it holds, given back when it is sent.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// An answer under construction.
#[derive(Debug)]
pub(crate) struct ResponseBuilder {
    /// The first part, whose first four bytes will be the length.
    first: Option<BytesMut>,
    rest: Vec<Bytes>,
    /// What is written into now.
    head: BytesMut,
    is_flexible: bool,
}

impl ResponseBuilder {
    /// Begins an answer: flexible ones have tagged fields in their header,
    /// except those to ApiVersions.
    pub(crate) fn new(correlation: i32, is_flexible: bool, has_tagged_header: bool) -> Self {
        let mut head = BytesMut::with_capacity(256);
        head.put_i32(0);
        head.put_i32(correlation);
        if has_tagged_header {
            head.put_u8(0);
        }
        Self { first: None, rest: Vec::new(), head, is_flexible }
    }

    pub(crate) fn i16(&mut self, value: i16) {
        self.head.put_i16(value);
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.head.put_i32(value);
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.head.put_i64(value);
    }

    pub(crate) fn uuid(&mut self, value: Uuid) {
        self.head.put_slice(value.as_bytes());
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.head.put_u8((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.head.put_u8((value & 0x7f) as u8);
    }

    /// A text of a request, or one of ours: both are short.
    pub(crate) fn text(&mut self, text: &str) {
        let len = text.floor_char_boundary(i16::MAX as usize);
        if self.is_flexible {
            self.varint(u32::try_from(len).unwrap_or(0) + 1);
        } else {
            self.head.put_i16(i16::try_from(len).unwrap_or(i16::MAX));
        }
        self.head.put_slice(&text.as_bytes()[..len]);
    }

    pub(crate) fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None if self.is_flexible => self.head.put_u8(0),
            None => self.head.put_i16(-1),
        }
    }

    /// The number of elements of an array, or the length of bytes.
    pub(crate) fn count(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(0);
        if self.is_flexible {
            self.varint(count + 1);
        } else {
            self.head.put_u32(count);
        }
    }

    /// An array that is null.
    pub(crate) fn null(&mut self) {
        if self.is_flexible {
            self.head.put_u8(0);
        } else {
            self.head.put_i32(-1);
        }
    }

    /// Record batches in several pieces, as one field.
    pub(crate) fn records(&mut self, pieces: &[Bytes]) {
        self.count(pieces.iter().map(Bytes::len).sum());
        for piece in pieces {
            if piece.len() <= COPIED_LEN_MAX {
                self.head.put_slice(piece);
                continue;
            }
            let written = self.head.split();
            if self.first.is_none() {
                self.first = Some(written);
            } else if !written.is_empty() {
                self.rest.push(written.freeze());
            }
            self.rest.push(piece.clone());
        }
    }

    /// No tagged fields, which end each structure of a flexible version.
    pub(crate) fn tags(&mut self) {
        if self.is_flexible {
            self.head.put_u8(0);
        }
    }

    /// A message of the protocol crate.
    pub(crate) fn message(
        &mut self,
        message: &impl Encodable,
        version: i16,
    ) -> Result<(), Malformed> {
        message.encode(&mut self.head, version).map_err(|_| Malformed::Unencodable)
    }

    /// The whole frame.
    pub(crate) fn finish(mut self) -> Response {
        let (mut first, last) = match self.first.take() {
            Some(first) => (first, self.head),
            None => (self.head, BytesMut::new()),
        };
        if !last.is_empty() {
            self.rest.push(last.freeze());
        }
        let len = first.len() - 4 + self.rest.iter().map(Bytes::len).sum::<usize>();
        // Fetches are capped far below 2 GiB.
        let len = i32::try_from(len).unwrap_or(i32::MAX);
        first[..4].copy_from_slice(&len.to_be_bytes());
        let mut parts = Vec::with_capacity(1 + self.rest.len());
        parts.push(first.freeze());
        parts.append(&mut self.rest);
        Response { parts, permit: None }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::ResponseBuilder;

    #[test]
    fn fields_are_written_in_both_styles() {
        for (is_flexible, expected) in [
            (false, &b"\0\0\0\x12\0\0\0\x07\0\x02ab\xff\xff\0\0\0\x02\xff\xff\xff\xff"[..]),
            (true, b"\0\0\0\x0c\0\0\0\x07\0\x03ab\0\x03\0\0"),
        ] {
            let mut builder = ResponseBuilder::new(7, is_flexible, is_flexible);
            builder.text("ab");
            builder.optional_text(None);
            builder.count(2);
            builder.null();
            builder.tags();
            let parts = builder.finish().parts;
            assert_eq!(parts.concat(), expected);
        }
    }

    #[test]
    fn long_batches_are_parts_of_their_own() {
        let long = Bytes::from(vec![1; 4096]);
        let mut builder = ResponseBuilder::new(1, true, false);
        builder.records(&[long.clone(), Bytes::from_static(b"ab"), long.clone()]);
        builder.i16(9);
        let parts = builder.finish().parts;
        assert_eq!(parts.len(), 5);
        assert_eq!(parts[1].as_ptr(), long.as_ptr());
        assert_eq!(parts[0][..4], (4 + 2 + 8194 + 2u32).to_be_bytes());
        assert_eq!(parts[0][8..], [0x83, 0x40]);
    }
}
