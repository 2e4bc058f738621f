//! Avro's variable-length integers (zigzag).

/// Most bytes of a number.
const LEN_MAX: usize = 10;

/// Appends a number.
#[inline]
#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "bits, not numbers")]
pub(super) fn write(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    if rest < 0x80 {
        return out.push(rest as u8);
    }
    let mut bytes = [0u8; LEN_MAX];
    let mut len = 0;
    while rest >= 0x80 {
        bytes[len] = rest as u8 | 0x80;
        len += 1;
        rest >>= 7;
    }
    bytes[len] = rest as u8;
    // All of them, since their number is known to the compiler, and back.
    let start = out.len();
    out.extend_from_slice(&bytes);
    out.truncate(start + len + 1);
}

/// Why a number can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes end within it.
    Truncated,
    /// It has more than 64 bits.
    TooLong,
}

/// Reads a number at `at` and moves it on.
#[inline]
#[allow(clippy::cast_possible_wrap, reason = "bits, not numbers")]
pub(super) fn read(bytes: &[u8], at: &mut usize) -> Result<i64, Fault> {
    let first = *bytes.get(*at).ok_or(Fault::Truncated)?;
    *at += 1;
    let mut raw = u64::from(first & 0x7f);
    if first >= 0x80 {
        let mut shift = 7;
        loop {
            let byte = *bytes.get(*at).ok_or(Fault::Truncated)?;
            *at += 1;
            if shift == 63 && byte > 1 {
                return Err(Fault::TooLong);
            }
            raw |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
            shift += 7;
            if shift > 63 {
                return Err(Fault::TooLong);
            }
        }
    }
    Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that can't go on should stop")]

    use super::{Fault, read, write};

    #[test]
    fn numbers_come_back() {
        for number in [0, -1, 1, 63, 64, -64, -65, 300, i64::MAX, i64::MIN, i32::MAX.into()] {
            let mut bytes = Vec::new();
            write(&mut bytes, number);
            let mut at = 0;
            assert_eq!(read(&bytes, &mut at).unwrap(), number);
            assert_eq!(at, bytes.len());
            assert_eq!(read(&bytes[..bytes.len() - 1], &mut 0), Err(Fault::Truncated));
        }
        assert_eq!(read(&[0xff; 11], &mut 0), Err(Fault::TooLong));
        let too_big = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert_eq!(read(&too_big, &mut 0), Err(Fault::TooLong));
    }
}
