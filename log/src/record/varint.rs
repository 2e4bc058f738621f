//! Kafka's variable-length integers: zigzag, seven bits a byte, low bits first.

/// Bytes that the longest varint takes.
pub(crate) const LEN_MAX: usize = 10;

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Length of this value as a varint, in bytes.
pub(crate) const fn len(value: i64) -> usize {
    let significant = 64 - (zigzag(value) | 1).leading_zeros();
    significant.div_ceil(7) as usize
}

/// Writes `value` at `out[at..]` and returns the position after it. `out` must
/// have [`LEN_MAX`] bytes left.
pub(crate) fn put(out: &mut [u8], mut at: usize, value: i64) -> usize {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        out[at] = (rest & 0x7f) as u8 | 0x80;
        rest >>= 7;
        at += 1;
    }
    out[at] = (rest & 0x7f) as u8;
    at + 1
}

/// Takes a varint off the front of `input`. `None` if it is cut short or longer
/// than 64 bits.
#[inline]
pub(crate) fn take(input: &mut &[u8]) -> Option<i64> {
    let (&first, rest) = input.split_first()?;
    if first < 0x80 {
        *input = rest;
        return Some(unzigzag(u64::from(first)));
    }
    take_long(input)
}

fn take_long(input: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for (index, &byte) in input.iter().take(LEN_MAX).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index == LEN_MAX - 1 && bits > 1 {
            return None;
        }
        value |= bits << (7 * index);
        if byte < 0x80 {
            *input = &input[index + 1..];
            return Some(unzigzag(value));
        }
    }
    None
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}
