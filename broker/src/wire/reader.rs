//! Reading a request by hand. Lengths and counts are checked against what is
//! there before anything is allocated for them (invariant 7). Bytes behind the
//! last field are ignored, as Kafka does: librdkafka 2 leaves some behind a
//! Metadata request for all topics.

use uuid::Uuid;

/// Most elements of all arrays of one request.
pub(crate) const ELEMENTS_MAX: usize = 100_000;

/// Why a frame is not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// A field goes past the end.
    #[error("it ends inside of a field")]
    Short,
    /// A length is negative where it may not be.
    #[error("a length of {0} is not possible")]
    Length(i64),
    /// An array says that it has more elements than there are bytes for.
    #[error("an array of {0} elements can't be in it")]
    Count(i64),
    /// All its arrays have too many elements.
    #[error("its arrays have more than {ELEMENTS_MAX} elements")]
    Elements,
    /// A varint is longer than five bytes.
    #[error("a varint does not end")]
    Varint,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// The decoder of its message does not take it.
    #[error("it can't be decoded")]
    Undecodable,
    /// A mistake of ours, not of the client.
    #[error("its answer can't be encoded: please report this")]
    Unencodable,
}

type Result<T> = std::result::Result<T, Malformed>;

/// The bytes of a request that are not read yet.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Lengths are varints, and structures end in tagged fields.
    is_flexible: bool,
    elements: usize,
    elements_max: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], is_flexible: bool) -> Self {
        Self { rest: bytes, is_flexible, elements: 0, elements_max: ELEMENTS_MAX }
    }

    /// Reads an answer, whose arrays are as long as the topics and partitions of
    /// the server are many: only its bytes bound them.
    pub(crate) fn of_answer(bytes: &'a [u8], is_flexible: bool) -> Self {
        Self { elements_max: bytes.len(), ..Self::new(bytes, is_flexible) }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next bytes, so many.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn i8(&mut self) -> Result<i8> {
        self.array().map(i8::from_be_bytes)
    }

    pub(crate) fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid> {
        self.array().map(Uuid::from_bytes)
    }

    fn varint(&mut self) -> Result<u32> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Varint)
    }

    /// A length, or `None` for null.
    fn length(&mut self, fixed: impl FnOnce(&mut Self) -> Result<i64>) -> Result<Option<i64>> {
        let length = if self.is_flexible { i64::from(self.varint()?) - 1 } else { fixed(self)? };
        match length {
            -1 => Ok(None),
            length if length < 0 => Err(Malformed::Length(length)),
            length => Ok(Some(length)),
        }
    }

    /// A text that may be null.
    pub(crate) fn optional_text(&mut self) -> Result<Option<&'a str>> {
        let length = self.length(|reader| reader.i16().map(i64::from))?;
        let Some(length) = length else { return Ok(None) };
        let bytes = self.take(usize::try_from(length).map_err(|_| Malformed::Length(length))?)?;
        std::str::from_utf8(bytes).map(Some).map_err(|_| Malformed::Text)
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Result<&'a str> {
        self.optional_text()?.ok_or(Malformed::Length(-1))
    }

    /// Bytes that may be null.
    pub(crate) fn optional_bytes(&mut self) -> Result<Option<&'a [u8]>> {
        let length = self.length(|reader| reader.i32().map(i64::from))?;
        let Some(length) = length else { return Ok(None) };
        self.take(usize::try_from(length).map_err(|_| Malformed::Length(length))?).map(Some)
    }

    /// The number of elements of an array, each of which takes `len_min` bytes
    /// at least; 0 for a null one.
    pub(crate) fn count(&mut self, len_min: usize) -> Result<usize> {
        let count = self.length(|reader| reader.i32().map(i64::from))?.unwrap_or(0);
        let fits = usize::try_from(count)
            .ok()
            .filter(|count| count.checked_mul(len_min).is_some_and(|len| len <= self.rest.len()))
            .ok_or(Malformed::Count(count))?;
        self.elements += fits;
        if self.elements > self.elements_max {
            return Err(Malformed::Elements);
        }
        Ok(fits)
    }

    /// The tagged fields that end a structure of a flexible version; what they
    /// hold is not for us.
    pub(crate) fn tags(&mut self) -> Result<()> {
        if !self.is_flexible {
            return Ok(());
        }
        let count = self.varint()?;
        self.elements = self.elements.saturating_add(count as usize);
        if self.elements > self.elements_max {
            return Err(Malformed::Elements);
        }
        for _ in 0..count {
            self.varint()?;
            let len = self.varint()?;
            self.take(len as usize)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Reader};

    #[test]
    fn fields_are_read_in_both_styles() {
        let mut old = Reader::new(b"\0\x02ab\xff\xff\0\0\0\x01\x07\xff\xff\xff\xff", false);
        assert_eq!(old.text(), Ok("ab"));
        assert_eq!(old.optional_text(), Ok(None));
        assert_eq!(old.count(1), Ok(1));
        assert_eq!(old.i8(), Ok(7));
        assert_eq!(old.optional_bytes(), Ok(None));
        assert_eq!(old.rest(), b"");
        let mut new = Reader::new(b"\x03ab\0\x02\x07\x01\x05\x02xy", true);
        assert_eq!(new.text(), Ok("ab"));
        assert_eq!(new.optional_text(), Ok(None));
        assert_eq!(new.count(1), Ok(1));
        assert_eq!(new.i8(), Ok(7));
        assert_eq!(new.tags(), Ok(()));
        assert_eq!(new.rest(), b"");
    }

    #[test]
    fn lengths_that_can_not_be_are_refused() {
        let reader = |bytes: &'static [u8], is_flexible| Reader::new(bytes, is_flexible);
        assert_eq!(
            reader(b"\x7f\xff\xff\xff", false).count(1),
            Err(Malformed::Count(i32::MAX.into()))
        );
        assert_eq!(reader(b"\xff\xff\xff\xfe", false).count(1), Err(Malformed::Length(-2)));
        assert_eq!(
            reader(b"\xff\xff\xff\xff\x0f", true).count(1),
            Err(Malformed::Count(0xffff_fffe))
        );
        assert_eq!(reader(b"\xff\xff\xff\xff\xff", true).count(1), Err(Malformed::Varint));
        assert_eq!(reader(b"\x7f\xffab", false).text(), Err(Malformed::Short));
        assert_eq!(reader(b"\x80\0", false).text(), Err(Malformed::Length(-32768)));
        assert_eq!(reader(b"\x02\xff", true).text(), Err(Malformed::Text));
        assert_eq!(reader(b"\xff\xff\xff\xff\x0f", true).tags(), Err(Malformed::Elements));
    }
}
