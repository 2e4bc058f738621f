//! Records as lines.

use std::io::Write as _;

use anyhow::Result;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use thalweg_core::json;
use thalweg_log::record::Record;

use super::avro::Avro;

/// How records are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// One JSON object a line. In keys and values Avro is decoded, JSON objects
    /// and arrays are kept, other text is a string, other bytes are
    /// {"$base64": "..."}.
    Json,
    /// Values alone, as they are, each with a newline after it.
    Raw,
    /// One JSON object a line, keys and values in hexadecimal.
    Hex,
}

/// Makes a line of each record.
pub(super) struct Printer {
    format: Format,
    keys: Avro,
    values: Avro,
    topic: String,
    /// What every line begins with.
    head: String,
    line: Vec<u8>,
}

impl Printer {
    /// Keys and values that are Avro are read so.
    pub(super) fn new(format: Format, (keys, values): (Avro, Avro), topic: &str) -> Self {
        let head = format!("{{\"topic\":{},\"partition\":", serde_json::Value::from(topic));
        Self { format, keys, values, topic: topic.to_owned(), head, line: Vec::new() }
    }

    /// The line of a record, with its newline.
    pub(super) fn line(&mut self, partition: u32, record: &Record<'_>) -> Result<&[u8]> {
        self.line.clear();
        if self.format == Format::Raw {
            self.line.extend_from_slice(record.value.unwrap_or_default());
            self.line.push(b'\n');
            return Ok(&self.line);
        }
        let Record { offset, timestamp, .. } = record;
        let head = &self.head;
        write!(self.line, "{head}{partition},\"offset\":{offset},\"timestamp\":{timestamp}")?;
        let place =
            |what: &str| format!("the {what} at {}-{partition} offset {offset}", self.topic);
        let sides =
            [("key", record.key, &mut self.keys), ("value", record.value, &mut self.values)];
        for (what, bytes, avro) in sides {
            write!(self.line, ",\"{what}\":")?;
            let is_put = match bytes {
                Some(bytes) if self.format == Format::Json && bytes.first() == Some(&0) => {
                    avro.put(bytes, &place(what), &mut self.line)?
                }
                _ => false,
            };
            if !is_put {
                put(self.format, bytes, &mut self.line);
            }
        }
        self.line.extend_from_slice(b",\"headers\":[");
        for (count, header) in record.headers.enumerate() {
            let (name, value) = header?;
            self.line.extend_from_slice(if count == 0 { b"{\"key\":" } else { b",{\"key\":" });
            put_text(name, &mut self.line);
            self.line.extend_from_slice(b",\"value\":");
            put(self.format, value, &mut self.line);
            self.line.push(b'}');
        }
        self.line.extend_from_slice(b"]}\n");
        Ok(&self.line)
    }
}

/// A key or value that is not Avro.
fn put(format: Format, bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    let Some(bytes) = bytes else {
        out.extend_from_slice(b"null");
        return;
    };
    if format == Format::Hex {
        out.push(b'"');
        out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        out.push(b'"');
    } else if is_container(bytes) && json::check(bytes).is_ok() {
        put_in_one_line(bytes, out);
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        put_text(text, out);
    } else {
        out.extend_from_slice(b"{\"$base64\":\"");
        out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
        out.extend_from_slice(b"\"}");
    }
}

/// Whether JSON would be an object or array. A text such as `12` or `null` stays
/// text: a key must not change its type with its letters, and a null of JSON
/// must not look like a tombstone.
fn is_container(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// JSON as it came, without the space between its parts.
fn put_in_one_line(json: &[u8], out: &mut Vec<u8>) {
    let mut is_text = false;
    let mut is_escaped = false;
    for &byte in json {
        if !is_text && byte.is_ascii_whitespace() {
            continue;
        }
        out.push(byte);
        if byte == b'"' && !is_escaped {
            is_text = !is_text;
        }
        is_escaped = byte == b'\\' && !is_escaped;
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    serde_json::to_writer(out, text).unwrap_or_default();
}

fn digit(half: u8) -> u8 {
    match half {
        0..10 => b'0' + half,
        _ => b'a' + half - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, put};

    fn shown(format: Format, bytes: &[u8]) -> String {
        let mut out = Vec::new();
        put(format, Some(bytes), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_shown_by_what_they_are() {
        for (bytes, expected) in [
            (&b"text \"x\"\n"[..], r#""text \"x\"\n""#),
            (b"", r#""""#),
            (b"12", r#""12""#),
            (b"null", r#""null""#),
            (b"\xff\0", r#"{"$base64":"/wA="}"#),
            (b"{\n  \"a\\\" b\" : [1, 2.50,\t1e400 ]\r\n}", r#"{"a\" b":[1,2.50,1e400]}"#),
            (b" [ \"x  y\\\\\" , { } ] ", r#"["x  y\\",{}]"#),
            (b"{no json}", r#""{no json}""#),
            (b"{\"a\":1} {\"b\":2}", r#""{\"a\":1} {\"b\":2}""#),
        ] {
            let shown = shown(Format::Json, bytes);
            assert_eq!(shown, expected);
            assert!(!shown.contains('\n'));
        }
        assert_eq!(shown(Format::Hex, b"\x00\x9f{}"), "\"009f7b7d\"");
        let mut out = Vec::new();
        put(Format::Json, None, &mut out);
        assert_eq!(out, b"null");
    }
}
