//! Reading fields off the front of a message.

use std::fmt;

use thalweg_core::ConnectError;

use crate::postgres::position::Lsn;

/// A message that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(String);

impl Malformed {
    /// Of this kind.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// A kind of message that is not known.
    pub(super) fn unknown(tag: u8) -> Self {
        Self(format!("unknown message {:?}", char::from(tag)))
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pgoutput: {}", self.0)
    }
}

impl From<Malformed> for ConnectError {
    /// Going on would skip a change (invariants 4 and 5).
    fn from(malformed: Malformed) -> Self {
        Self::fatal(format!("the replication stream can't be read: {malformed}"))
    }
}

/// What is left of a message.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) =
            self.0.split_first_chunk::<N>().ok_or_else(|| Malformed::new("a short message"))?;
        self.0 = rest;
        Ok(*head)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn lsn(&mut self) -> Result<Lsn, Malformed> {
        self.array().map(|bytes| Lsn(u64::from_be_bytes(bytes)))
    }

    /// Bytes behind a length of 32 bits.
    #[inline]
    pub(super) fn counted(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.u32()? as usize;
        let (value, rest) =
            self.0.split_at_checked(length).ok_or_else(|| Malformed::new("a short value"))?;
        self.0 = rest;
        Ok(value)
    }

    /// Text up to a zero byte.
    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        let end = self
            .0
            .iter()
            .position(|&byte| byte == 0)
            .ok_or_else(|| Malformed::new("a name without end"))?;
        let text = std::str::from_utf8(&self.0[..end])
            .map_err(|_| Malformed::new("a name that is not UTF-8"))?;
        self.0 = &self.0[end + 1..];
        Ok(text)
    }

    /// Nothing must be left.
    #[inline]
    pub(super) fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed::new("a message with more behind it"))
        }
    }
}
