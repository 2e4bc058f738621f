//! Arrays: their elements, of any number of dimensions, in storage order.

use super::Unreadable;

const BAD: Unreadable = Unreadable("it is no array");
/// As many as Postgres has.
const DIMENSIONS_MAX: usize = 6;

/// Goes through the elements of an array in text form:
/// `{1,NULL,"a \"b\""}`, `[0:1]={1,2}`, `{{1,2},{3,4}}`. The delimiter is the
/// element type's.
pub(super) fn of_text(
    text: &[u8],
    delimiter: u8,
    mut each: impl FnMut(Option<&[u8]>) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let mut rest = text;
    if rest.first() == Some(&b'[') {
        let equals = rest.iter().position(|&byte| byte == b'=').ok_or(BAD)?;
        rest = &rest[equals + 1..];
    }
    let mut depth = 0;
    let mut unescaped = Vec::new();
    loop {
        match rest {
            [b'{', after @ ..] if depth < DIMENSIONS_MAX => {
                depth += 1;
                rest = after;
            }
            [b'}', after @ ..] if depth > 0 => {
                depth -= 1;
                rest = after;
                if depth == 0 {
                    return if rest.is_empty() { Ok(()) } else { Err(BAD) };
                }
            }
            [byte, after @ ..] if depth > 0 && *byte == delimiter => rest = after,
            [b'"', after @ ..] if depth > 0 => {
                let (element, after) = quoted(after, &mut unescaped)?;
                each(Some(element.unwrap_or(&unescaped)))?;
                rest = after;
            }
            [_, ..] if depth > 0 => {
                let ends = |byte: &u8| *byte == delimiter || *byte == b'}';
                let end = rest.iter().position(ends).ok_or(BAD)?;
                let (element, after) = rest.split_at(end);
                each((!element.eq_ignore_ascii_case(b"null")).then_some(element))?;
                rest = after;
            }
            _ => return Err(BAD),
        }
    }
}

/// An element after its first quote, and what follows its last one. Only an
/// element with escapes is copied, and then none is given.
fn quoted<'a>(
    text: &'a [u8],
    unescaped: &mut Vec<u8>,
) -> Result<(Option<&'a [u8]>, &'a [u8]), Unreadable> {
    let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\')).ok_or(BAD)?;
    if text[end] == b'"' {
        return Ok((Some(&text[..end]), &text[end + 1..]));
    }
    unescaped.clear();
    let mut rest = text;
    loop {
        match rest {
            [b'"', after @ ..] => return Ok((None, after)),
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                unescaped.push(*byte);
                rest = after;
            }
            [] => return Err(BAD),
        }
    }
}

/// Goes through the elements of an array in binary form.
pub(super) fn of_binary(
    bytes: &[u8],
    mut each: impl FnMut(Option<&[u8]>) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let (head, mut rest) = bytes.split_first_chunk::<12>().ok_or(BAD)?;
    let dimensions = int(&head[..4])?;
    if dimensions > DIMENSIONS_MAX {
        return Err(BAD);
    }
    let mut count = usize::from(dimensions > 0);
    for _ in 0..dimensions {
        let (size, after) = rest.split_first_chunk::<8>().ok_or(BAD)?;
        count = count.checked_mul(int(&size[..4])?).ok_or(BAD)?;
        rest = after;
    }
    // Every element takes its length at least (invariant 7).
    if count > rest.len() / 4 {
        return Err(BAD);
    }
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(BAD)?;
        if *length == [0xff; 4] {
            each(None)?;
            rest = after;
            continue;
        }
        let (element, after) = after.split_at_checked(int(length)?).ok_or(BAD)?;
        each(Some(element))?;
        rest = after;
    }
    if rest.is_empty() { Ok(()) } else { Err(BAD) }
}

fn int(bytes: &[u8]) -> Result<usize, Unreadable> {
    let value = i32::from_be_bytes(super::scalar::fixed(bytes)?);
    usize::try_from(value).map_err(|_| BAD)
}
