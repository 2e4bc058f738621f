//! Versions as they are nearly always written, by this registry and by Confluent's: read
//! without a parser. A start reads all of them. What looks otherwise is left to serde.

use std::sync::Arc;

use super::key::Key;
use super::text;
use super::value::SchemaValue;

/// Bytes of a schema's text that need no room of their own while they are read.
const SHORT_BYTES_MAX: usize = 2048;

/// `{"keytype":"SCHEMA","subject":"...","version":1,"magic":1}`
pub(super) fn key(bytes: &[u8]) -> Option<Key> {
    let rest = bytes.strip_prefix(br#"{"keytype":"SCHEMA","subject":""#)?;
    let (subject, rest) = plain(rest)?;
    let (version, rest) = number(rest.strip_prefix(br#","version":"#)?)?;
    (rest == br#","magic":1}"#).then(|| Key::Schema { subject: text::subject(subject), version })
}

/// `{"subject":"...","version":1,"id":1,"schema":"...","deleted":false}`
pub(super) fn value(bytes: &[u8]) -> Option<SchemaValue> {
    let (subject, rest) = plain(bytes.strip_prefix(br#"{"subject":""#)?)?;
    let (version, rest) = number(rest.strip_prefix(br#","version":"#)?)?;
    let (id, rest) = number(rest.strip_prefix(br#","id":"#)?)?;
    let rest = rest.strip_prefix(br#","schema":""#)?;
    let (text, deleted) = match rest.strip_suffix(br#"","deleted":false}"#) {
        Some(text) => (text, false),
        None => (rest.strip_suffix(br#"","deleted":true}"#)?, true),
    };
    Some(SchemaValue {
        subject: text::subject(subject),
        version,
        id,
        schema_type: None,
        references: Box::default(),
        metadata: None,
        rule_set: None,
        schema: unescaped(text)?,
        deleted,
        rest: None,
    })
}

/// A text without escapes, and what follows its quote.
fn plain(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'"')?;
    let (text, rest) = bytes.split_at(end);
    if text.iter().any(|byte| *byte == b'\\' || byte.is_ascii_control()) {
        return None;
    }
    Some((std::str::from_utf8(text).ok()?, rest.get(1..)?))
}

/// A whole number from 0, and what follows it.
fn number(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = bytes.split_at(end);
    if digits.len() > 1 && digits.first() == Some(&b'0') {
        return None;
    }
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// A text whose only escapes are those of quotes: nothing is left but to leave out the
/// backslashes. By loops without branches: every fifth byte of a schema is one.
fn unescaped(raw: &[u8]) -> Option<Arc<str>> {
    let Some(last) = raw.last() else { return Some("".into()) };
    // A quote is behind each backslash, and behind nothing else.
    let mut is_other = raw.first() == Some(&b'"') || *last == b'\\';
    for (before, byte) in raw.iter().zip(&raw[1..]) {
        is_other |= (*before == b'\\') != (*byte == b'"');
    }
    for byte in raw {
        is_other |= *byte < 0x20;
    }
    if is_other {
        return None;
    }
    let (mut short, mut long);
    let text = if raw.len() <= SHORT_BYTES_MAX {
        short = [0; SHORT_BYTES_MAX];
        &mut short[..raw.len()]
    } else {
        long = vec![0; raw.len()];
        &mut long[..]
    };
    let mut len = 0;
    for byte in raw {
        text[len] = *byte;
        len += usize::from(*byte != b'\\');
    }
    std::str::from_utf8(&text[..len]).ok().map(Arc::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// What is read here is what serde reads, and the usual is read here.
    #[test]
    fn the_usual_is_what_serde_reads() {
        let key_of = |subject: &str, version: &str| {
            format!(r#"{{"keytype":"SCHEMA","subject":"{subject}","version":{version},"magic":1}}"#)
        };
        let value_of = |text: &str, end: &str| {
            format!(r#"{{"subject":"s","version":3,"id":7,"schema":"{text}","deleted":{end}"#)
        };
        let usual = [(r#"{\"a\":[\"b\"]}"#, "false}"), ("", "true}"), ("é\u{7f}", "false}")];
        for (text, end) in usual {
            let value_bytes = value_of(text, end);
            let by_serde: SchemaValue = serde_json::from_str(&value_bytes).unwrap();
            assert_eq!(value(value_bytes.as_bytes()).unwrap(), by_serde);
        }
        assert!(key(key_of("a.b-value", "12").as_bytes()).is_some());
        // Bytes are changed at random: what is still read is read the same.
        let pieces = ["\\", "\"", "\\\\", "\\n", "\\u0041", "\u{1}", "0", ",", "x", "é", "-"];
        let mut random = fastrand::Rng::with_seed(7);
        let mut read = 0;
        for _ in 0..200_000 {
            let text = r#"{\"type\":\"record\",\"name\":\"T\"}"#;
            let whole = [key_of("a-value", "10"), value_of(text, "false}")];
            let mut bytes = whole[random.usize(..2)].clone().into_bytes();
            let at = random.usize(..bytes.len());
            let piece = random.choice(pieces).unwrap_or_default();
            bytes.splice(at..at + random.usize(..2), piece.bytes());
            if let Some(found) = value(&bytes) {
                read += 1;
                assert_eq!(found, serde_json::from_slice(&bytes).unwrap());
            }
            if let Some(Key::Schema { subject, version }) = key(&bytes) {
                read += 1;
                let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(
                    (json["subject"].as_str(), json["version"].as_i64()),
                    (Some(&*subject), Some(version.into()))
                );
            }
        }
        assert!(read > 10_000, "{read}");
    }
}
