//! `hstore` in text form: `"key"=>"value", "other"=>NULL`.

use super::Unreadable;

const BAD: Unreadable = Unreadable("it is no hstore");

/// Goes through the pairs, in their order.
pub(super) fn pairs(
    text: &[u8],
    mut each: impl FnMut(&[u8], Option<&[u8]>),
) -> Result<(), Unreadable> {
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        rest = item(rest, &mut key)?.0;
        rest = rest.trim_ascii_start().strip_prefix(b"=>").ok_or(BAD)?.trim_ascii_start();
        let (after, quoted) = item(rest, &mut value)?;
        let null = !quoted && value.eq_ignore_ascii_case(b"null");
        each(&key, (!null).then_some(&value));
        rest = after.trim_ascii_start();
        rest = match rest {
            [] => rest,
            [b',', after @ ..] => after.trim_ascii_start(),
            _ => return Err(BAD),
        };
    }
    Ok(())
}

/// Takes a key or value: what follows, and whether it was quoted.
fn item<'a>(text: &'a [u8], out: &mut Vec<u8>) -> Result<(&'a [u8], bool), Unreadable> {
    out.clear();
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| matches!(byte, b',' | b'=' | b' '));
        let (bare, rest) = text.split_at(end.unwrap_or(text.len()));
        out.extend_from_slice(bare);
        return if bare.is_empty() { Err(BAD) } else { Ok((rest, false)) };
    };
    let mut rest = quoted;
    loop {
        match rest {
            [b'"', after @ ..] => return Ok((after, true)),
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
            [] => return Err(BAD),
        }
    }
}

/// Appends a JSON string.
pub(super) fn json_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            0..32 => {
                out.extend_from_slice(b"\\u00");
                super::scalar::hex_byte(byte, out);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
