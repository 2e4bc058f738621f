//! Reads JSON text as Jackson does with its default settings.

use std::collections::HashMap;

use super::{Json, Number};
use crate::avro::SchemaError;

/// Deepest nesting of arrays and objects. A schema level costs up to three of these.
const NESTING_MAX: usize = 640;

/// Longest number in characters, as in Jackson.
const NUMBER_CHARS_MAX: usize = 1000;

/// From how many keys on duplicates are looked up in a map.
const KEYS_SCANNED: usize = 16;

/// Reads one JSON value; nothing but white space may follow it.
pub(crate) fn read(text: &str) -> Result<Json, SchemaError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.fail("there is more text after the end of the schema"));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn fail(&self, reason: impl Into<String>) -> SchemaError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        SchemaError::new(format!("line {line}, column {column}"), reason)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn unexpected(&self, wanted: &str) -> SchemaError {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        match found {
            Some(found) => self.fail(format!("not JSON: expected {wanted}, found {found:?}")),
            None => self.fail(format!("not JSON: expected {wanted}, found the end of the text")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json, SchemaError> {
        self.skip_space();
        match self.peek() {
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Json, SchemaError> {
        let words =
            [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected("a value"))
    }

    /// Invariant 7: nesting is bounded before anything is built.
    fn enter(&mut self, depth: usize) -> Result<(), SchemaError> {
        if depth >= NESTING_MAX {
            return Err(self.fail(format!(
                "the JSON is nested more than {NESTING_MAX} levels deep: move inner types out \
                 and refer to them by name"
            )));
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Json, SchemaError> {
        self.enter(depth)?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::Array(items));
                }
                _ => return Err(self.unexpected("a comma or ]")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, SchemaError> {
        self.enter(depth)?;
        let mut entries = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(entries));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in quotes"));
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("a colon"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            entries.push((key, value));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(last_of_each(entries)));
                }
                _ => return Err(self.unexpected("a comma or }")),
            }
        }
    }

    fn number(&mut self) -> Result<Json, SchemaError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let first = self.at;
        self.digits()?;
        let bytes = self.text.as_bytes();
        if self.at > first + 1 && bytes.get(first) == Some(&b'0') {
            return Err(self.fail("not JSON: a number begins with a zero"));
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            whole = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if text.len() > NUMBER_CHARS_MAX {
            return Err(self.fail(format!("a number has more than {NUMBER_CHARS_MAX} digits")));
        }
        if !whole {
            let value = text.parse().map_err(|_| self.fail("not a number"))?;
            return Ok(Json::Number(Number::Float(value)));
        }
        Ok(Json::Number(match text.parse() {
            Ok(value) => Number::Int(value),
            Err(_) => Number::Big(text.into()),
        }))
    }

    fn digits(&mut self) -> Result<(), SchemaError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.unexpected("a digit"));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Box<str>, SchemaError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .unwrap_or(rest.len());
            text.push_str(self.text.get(self.at..self.at + plain).unwrap_or_default());
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text.into());
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => {
                    return Err(self.fail("not JSON: a control character in a text; escape it"));
                }
                None => return Err(self.fail("not JSON: a text does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, SchemaError> {
        self.at += 1;
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.unexpected("one of \"\\/bfnrtu after a backslash")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, SchemaError> {
        let first = self.unit()?;
        let lone = "not JSON: half of a surrogate pair";
        let code = match first {
            0xd800..=0xdbff => {
                if self.text.as_bytes().get(self.at..self.at + 2) != Some(b"\\u") {
                    return Err(self.fail(lone));
                }
                self.at += 1;
                let second = self.unit()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.fail(lone));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.fail(lone))
    }

    /// Four hexadecimal digits after the `u` that the reader stands on.
    fn unit(&mut self) -> Result<u32, SchemaError> {
        let digits = self.text.get(self.at + 1..self.at + 5);
        let unit = digits
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match unit {
            Some(unit) => {
                self.at += 5;
                Ok(unit)
            }
            None => Err(self.fail("not JSON: expected four hexadecimal digits after \\u")),
        }
    }
}

/// Where a key is there twice the last value counts, at the place of the first, as in
/// Java.
fn last_of_each(entries: Vec<(Box<str>, Json)>) -> Vec<(Box<str>, Json)> {
    let mut kept: Vec<(Box<str>, Json)> = Vec::with_capacity(entries.len());
    let mut places: HashMap<Box<str>, usize> = HashMap::new();
    let scan = entries.len() <= KEYS_SCANNED;
    for (key, value) in entries {
        let place = if scan {
            kept.iter().position(|(name, _)| *name == key)
        } else {
            places.get(&key).copied()
        };
        match place.and_then(|place| kept.get_mut(place)) {
            Some(entry) => entry.1 = value,
            None => {
                if !scan {
                    places.insert(key.clone(), kept.len());
                }
                kept.push((key, value));
            }
        }
    }
    kept
}
