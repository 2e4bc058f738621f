//! Fields out of JSON cells, for transforms and sinks.

use std::borrow::Cow;

use super::read::{Quoted, Reader};

/// A value within a JSON text.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonRef<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// An object or array, as it stands.
    Nested(&'a str),
}

/// The value at a path of field names; none if it is not there, or if the text
/// is not JSON up to it. Of fields with one name, the first.
#[must_use]
pub fn get<'a>(json: &'a [u8], path: &[&str]) -> Option<JsonRef<'a>> {
    let mut reader = Reader::new(std::str::from_utf8(json).ok()?.as_bytes());
    for name in path {
        enter(&mut reader, name.as_bytes())?;
    }
    match reader.peek()? {
        b'"' => Some(JsonRef::Text(text(reader.text().ok()?))),
        b'{' | b'[' => {
            let start = reader.at();
            reader.skip_value().ok()?;
            std::str::from_utf8(reader.from(start)).ok().map(JsonRef::Nested)
        }
        b't' => reader.word("true").ok().map(|()| JsonRef::Bool(true)),
        b'f' => reader.word("false").ok().map(|()| JsonRef::Bool(false)),
        b'n' => reader.word("null").ok().map(|()| JsonRef::Null),
        _ => {
            let number = reader.number().ok()?;
            match number.parse() {
                Ok(int) => Some(JsonRef::Int(int)),
                Err(_) => number.parse().ok().map(JsonRef::Float),
            }
        }
    }
}

/// Goes to the value of a field of the object that begins here.
fn enter(reader: &mut Reader<'_>, wanted: &[u8]) -> Option<()> {
    if !reader.eat(b'{') {
        return None;
    }
    loop {
        let name = reader.text().ok()?;
        reader.expect(b':').ok()?;
        if name.is(wanted) {
            return Some(());
        }
        reader.skip_value().ok()?;
        if !reader.eat(b',') {
            return None;
        }
    }
}

fn text(quoted: Quoted<'_>) -> Cow<'_, str> {
    if quoted.escaped {
        Cow::Owned(String::from_utf8_lossy(&quoted.unescaped()).into_owned())
    } else {
        String::from_utf8_lossy(quoted.raw)
    }
}
