//! Plain scalars: booleans, integers, floats, uuid, bytes, bit strings.

use super::Unreadable;

/// Exactly `N` bytes.
pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Unreadable> {
    bytes.try_into().map_err(|_| Unreadable("it has a wrong length"))
}

pub(super) fn bool_of_text(text: &[u8]) -> Result<bool, Unreadable> {
    match text {
        b"t" | b"true" => Ok(true),
        b"f" | b"false" => Ok(false),
        _ => Err(Unreadable("it is no boolean")),
    }
}

/// A decimal integer, with a sign or not.
pub(super) fn int_of_text(text: &[u8]) -> Result<i64, Unreadable> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(NO_INT);
    }
    let mut value: i64 = 0;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return Err(NO_INT);
        }
        // Negative numbers reach one further than positive ones.
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_sub(i64::from(digit)))
            .ok_or(NO_INT)?;
    }
    if negative { Ok(value) } else { value.checked_neg().ok_or(NO_INT) }
}

const NO_INT: Unreadable = Unreadable("it is no integer of 64 bits");

pub(super) fn float_of_text<F: std::str::FromStr>(text: &[u8]) -> Result<F, Unreadable> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(Unreadable("it is no number"))
}

/// Appends the 36 characters of a uuid.
pub(super) fn uuid_text(bytes: &[u8], out: &mut Vec<u8>) {
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        hex_byte(*byte, out);
    }
}

pub(super) fn hex_byte(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

/// Appends the bytes of a `bytea` in text form: `\x..`, or the older form of
/// escapes.
pub(super) fn bytea_of_text(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
    const BAD: Unreadable = Unreadable("it is no bytea");
    if let Some(digits) = text.strip_prefix(b"\\x") {
        let (pairs, []) = digits.as_chunks::<2>() else { return Err(BAD) };
        out.reserve(pairs.len());
        for [high, low] in pairs {
            out.push(hex_digit(*high).ok_or(BAD)? << 4 | hex_digit(*low).ok_or(BAD)?);
        }
        return Ok(());
    }
    let mut rest = text;
    loop {
        match rest {
            [] => return Ok(()),
            [b'\\', b'\\', tail @ ..] => {
                out.push(b'\\');
                rest = tail;
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            [b'\\', ..] => return Err(BAD),
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
}

pub(super) fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Appends a bit string as Java's `BitSet` gives it: the last bit first, little
/// endian, without zeros at the end. `bits` gives each bit, the first first.
fn bit_set(bits: impl DoubleEndedIterator<Item = bool>, out: &mut Vec<u8>) {
    let start = out.len();
    for (at, bit) in bits.rev().enumerate() {
        if at % 8 == 0 {
            out.push(0);
        }
        if bit && let Some(last) = out.last_mut() {
            *last |= 1 << (at % 8);
        }
    }
    while out.len() > start && out.last() == Some(&0) {
        out.pop();
    }
}

pub(super) fn bits_of_text(text: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
    if !text.iter().all(|bit| matches!(bit, b'0' | b'1')) {
        return Err(Unreadable("it is no bit string"));
    }
    bit_set(text.iter().map(|&bit| bit == b'1'), out);
    Ok(())
}

/// The length in bits and the bytes of a bit string in binary form.
fn bits_of_binary(bytes: &[u8]) -> Result<(usize, &[u8]), Unreadable> {
    const BAD: Unreadable = Unreadable("it is no bit string");
    let (length, bits) = bytes.split_first_chunk::<4>().ok_or(BAD)?;
    let length = usize::try_from(i32::from_be_bytes(*length)).map_err(|_| BAD)?;
    if bits.len() == length.div_ceil(8) { Ok((length, bits)) } else { Err(BAD) }
}

pub(super) fn bits_from_binary(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Unreadable> {
    let (length, bits) = bits_of_binary(bytes)?;
    bit_set((0..length).map(|at| bits[at / 8] >> (7 - at % 8) & 1 == 1), out);
    Ok(())
}

/// A bit string of at most one bit; none if it has no bit.
pub(super) fn bit_of_text(text: &[u8]) -> Result<Option<bool>, Unreadable> {
    match text {
        b"" => Ok(None),
        b"1" | b"t" | b"true" => Ok(Some(true)),
        b"0" | b"f" | b"false" => Ok(Some(false)),
        _ => Err(Unreadable("it is no single bit")),
    }
}

pub(super) fn bit_from_binary(bytes: &[u8]) -> Result<Option<bool>, Unreadable> {
    match bits_of_binary(bytes)? {
        (0, _) => Ok(None),
        (1, bits) => Ok(Some(bits[0] >> 7 == 1)),
        _ => Err(Unreadable("it is no single bit")),
    }
}
