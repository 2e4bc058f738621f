//! Avro's variable-length integers (zigzag).

/// Appends a number.
#[inline]
#[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "bits, not numbers")]
pub(super) fn write(out: &mut Vec<u8>, number: i64) {
    let bits = ((number << 1) ^ (number >> 63)) as u64;
    if bits < 0x80 { out.push(bits as u8) } else { write_long(out, bits) }
}

#[allow(clippy::cast_possible_truncation, reason = "bits, not numbers")]
fn write_long(out: &mut Vec<u8>, mut rest: u64) {
    if rest < 1 << 56 {
        // Up to eight bytes, without a loop: all of them, and back.
        let len = (70 - rest.leading_zeros()) as usize / 7;
        let more = MORE & ((1 << (8 * (len - 1))) - 1);
        let start = out.len();
        out.extend_from_slice(&(spread(rest) | more).to_le_bytes());
        return out.truncate(start + len);
    }
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// The bit of each of eight bytes that says that more follow.
const MORE: u64 = 0x8080_8080_8080_8080;

/// Seven bits a byte out of 56 bits: halved three times.
#[inline]
fn spread(bits: u64) -> u64 {
    let x = (bits & 0x0fff_ffff) | ((bits & 0x00ff_ffff_f000_0000) << 4);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x0fff_c000_0fff_c000) << 2);
    (x & 0x007f_007f_007f_007f) | ((x & 0x3f80_3f80_3f80_3f80) << 1)
}

/// The reverse of [`spread`].
#[inline]
fn gather(bytes: u64) -> u64 {
    let x = (bytes & 0x007f_007f_007f_007f) | ((bytes & 0x7f00_7f00_7f00_7f00) >> 1);
    let x = (x & 0x0000_3fff_0000_3fff) | ((x & 0x3fff_0000_3fff_0000) >> 2);
    (x & 0x0fff_ffff) | ((x & 0x0fff_ffff_0000_0000) >> 4)
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
pub(super) fn read(bytes: &[u8], at: &mut usize) -> Result<i64, Fault> {
    let first = *bytes.get(*at).ok_or(Fault::Truncated)?;
    if first < 0x80 {
        *at += 1;
        return Ok(signed(first.into()));
    }
    let (number, end) = read_long(bytes, *at)?;
    *at = end;
    Ok(number)
}

#[inline]
#[allow(clippy::cast_possible_wrap, reason = "bits, not numbers")]
fn signed(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

/// One of more than a byte, and where it ends. What the caller reads it into stays in
/// registers: nothing is passed by reference.
#[inline]
fn read_long(bytes: &[u8], at: usize) -> Result<(i64, usize), Fault> {
    if let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let eight = u64::from_le_bytes(*eight);
        let ends = !eight & MORE;
        if ends != 0 {
            let bits = ends.trailing_zeros() + 1;
            let number = gather(eight & !MORE & (u64::MAX >> (64 - bits)));
            return Ok((signed(number), at + bits as usize / 8));
        }
    }
    read_bytewise(bytes, at)
}

/// One of more than eight bytes, or close to the end.
#[inline(never)]
fn read_bytewise(bytes: &[u8], mut at: usize) -> Result<(i64, usize), Fault> {
    let (mut raw, mut shift) = (0, 0);
    loop {
        let byte = *bytes.get(at).ok_or(Fault::Truncated)?;
        at += 1;
        if shift == 63 && byte > 1 {
            return Err(Fault::TooLong);
        }
        raw |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((signed(raw), at));
        }
        shift += 7;
    }
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
        // Each length, alone and with more bytes behind.
        for bits in 0..64 {
            for number in [1_i64 << bits, (1_i64 << bits).wrapping_sub(1), -1_i64 << bits] {
                let mut bytes = Vec::new();
                write(&mut bytes, number);
                let len = bytes.len();
                let raw = (number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned();
                assert_eq!(len, (70 - raw.leading_zeros() as usize).max(7) / 7, "{number}");
                for behind in [0, 0x7f, 0x80, 0xff] {
                    bytes.truncate(len);
                    assert_eq!(read(&bytes, &mut 0).unwrap(), number);
                    bytes.extend([behind; 12]);
                    let mut at = 0;
                    assert_eq!(read(&bytes, &mut at).unwrap(), number);
                    assert_eq!(at, len);
                }
            }
        }
        assert_eq!(read(&[0xff; 11], &mut 0), Err(Fault::TooLong));
        let too_big = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert_eq!(read(&too_big, &mut 0), Err(Fault::TooLong));
    }
}
