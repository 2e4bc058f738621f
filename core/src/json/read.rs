//! Walking JSON text without building anything of it.

use crate::codec::DecodeProblem;

/// Deepest nesting that is skipped over (invariant 7); Jackson's limit is 1000.
const SKIP_DEPTH_MAX: usize = 500;

/// A place in a JSON text, which must be UTF-8.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A text in quotes: what stands between them.
#[derive(Clone, Copy)]
pub(super) struct Quoted<'a> {
    pub(super) raw: &'a [u8],
    pub(super) escaped: bool,
}

type Read<T> = Result<T, DecodeProblem>;

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn starting(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn from(&self, start: usize) -> &'a [u8] {
        &self.bytes[start..self.at]
    }

    /// The next byte that is no white space; it is not taken.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Takes this byte if it is next.
    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Read<()> {
        if self.eat(byte) { Ok(()) } else { Err(self.broken()) }
    }

    /// Why it does not go on here.
    pub(super) fn broken(&self) -> DecodeProblem {
        if self.at >= self.bytes.len() { DecodeProblem::Truncated } else { DecodeProblem::NotJson }
    }

    /// Nothing but white space follows.
    pub(super) fn end(&mut self) -> Read<()> {
        if self.peek().is_none() { Ok(()) } else { Err(DecodeProblem::LeftOver) }
    }

    /// Takes these bytes if they are next, without white space.
    #[inline]
    pub(super) fn eat_all(&mut self, bytes: &[u8]) -> bool {
        let is_next = self.bytes[self.at..].starts_with(bytes);
        if is_next {
            self.at += bytes.len();
        }
        is_next
    }

    pub(super) fn word(&mut self, word: &'static str) -> Read<()> {
        if self.eat_all(word.as_bytes()) { Ok(()) } else { Err(self.broken()) }
    }

    /// A text in quotes.
    #[inline]
    pub(super) fn text(&mut self) -> Read<Quoted<'a>> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..0x20) => return Err(DecodeProblem::NotJson),
                Some(_) => self.at += 1,
                None => return Err(DecodeProblem::Truncated),
            }
        }
        let raw = &self.bytes[start..self.at];
        self.at += 1;
        Ok(Quoted { raw, escaped })
    }

    /// Steps over an escape and checks it.
    fn escape(&mut self) -> Read<()> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => {
                let unit = hex(self.bytes, self.at + 2).ok_or(DecodeProblem::NotJson)?;
                self.at += 6;
                if (0xdc00..0xe000).contains(&unit) {
                    return Err(DecodeProblem::NotText);
                }
                if (0xd800..0xdc00).contains(&unit) {
                    if !self.eat_all(b"\\u") {
                        return Err(DecodeProblem::NotText);
                    }
                    match hex(self.bytes, self.at) {
                        Some(0xdc00..0xe000) => self.at += 4,
                        _ => return Err(DecodeProblem::NotText),
                    }
                }
            }
            Some(_) => return Err(DecodeProblem::NotJson),
            None => return Err(DecodeProblem::Truncated),
        }
        Ok(())
    }

    /// A number, as its text.
    #[inline]
    pub(super) fn number(&mut self) -> Read<&'a str> {
        let start = self.at;
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'-'));
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(self.broken()),
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        std::str::from_utf8(&self.bytes[start..self.at]).map_err(|_| DecodeProblem::NotJson)
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.broken()) }
    }

    /// Steps over any value.
    pub(super) fn skip_value(&mut self) -> Read<()> {
        self.skip(0)
    }

    fn skip(&mut self, depth: usize) -> Read<()> {
        if depth > SKIP_DEPTH_MAX {
            return Err(DecodeProblem::TooDeep);
        }
        match self.peek() {
            Some(b'"') => self.text().map(drop),
            Some(b'{') => self.members(|reader, _| reader.skip(depth + 1)),
            Some(b'[') => self.elements(|reader| reader.skip(depth + 1)),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(_) => self.number().map(drop),
            None => Err(DecodeProblem::Truncated),
        }
    }

    /// Goes through an object; `each` takes the value of a name.
    pub(super) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, Quoted<'a>) -> Read<()>,
    ) -> Read<()> {
        self.expect(b'{')?;
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            let name = self.text()?;
            self.expect(b':')?;
            each(self, name)?;
            if !self.eat(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Goes through an array; `each` takes an element.
    pub(super) fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.expect(b'[')?;
        if self.eat(b']') {
            return Ok(());
        }
        loop {
            each(self)?;
            if !self.eat(b',') {
                return self.expect(b']');
            }
        }
    }
}

fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 4)?;
    digits
        .iter()
        .try_fold(0, |unit, &digit| char::from(digit).to_digit(16).map(|digit| unit << 4 | digit))
}

impl Quoted<'_> {
    /// Whether it says this.
    #[inline]
    pub(super) fn is(self, text: &[u8]) -> bool {
        if self.escaped { self.unescaped() == text } else { self.raw == text }
    }

    pub(super) fn unescaped(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.raw.len());
        self.unescape_to(&mut out);
        out
    }

    /// Appends what it says. Its escapes are checked already.
    pub(super) fn unescape_to(self, out: &mut Vec<u8>) {
        let raw = self.raw;
        let mut at = 0;
        while at < raw.len() {
            if raw[at] != b'\\' {
                out.push(raw[at]);
                at += 1;
                continue;
            }
            let letter = raw.get(at + 1).copied().unwrap_or(b'\\');
            at += 2;
            match letter {
                b'b' => out.push(8),
                b'f' => out.push(12),
                b'n' => out.push(b'\n'),
                b'r' => out.push(b'\r'),
                b't' => out.push(b'\t'),
                b'u' => {
                    let mut unit = hex(raw, at).unwrap_or(0xfffd);
                    at += 4;
                    if (0xd800..0xdc00).contains(&unit) {
                        let low = hex(raw, at + 2).unwrap_or(0xdc00);
                        unit = 0x10000 + ((unit - 0xd800) << 10) + low.wrapping_sub(0xdc00);
                        at += 6;
                    }
                    let letter = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
                    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
                other => out.push(other),
            }
        }
    }
}
