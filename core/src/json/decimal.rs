//! Decimals: an unscaled number as big-endian bytes, and a scale; as text.

use num_bigint::BigInt;

use crate::codec::DecodeProblem;

/// Most digits that a number read as a decimal may have, zeros of its exponent
/// included (invariant 7).
const DIGITS_MAX: i64 = 10_000;

/// Appends a decimal as Java's `BigDecimal.toString` has it.
pub(super) fn write(unscaled: &[u8], scale: i32, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let owned;
    let text = match small(unscaled) {
        Some(number) => buffer.format(number),
        None => {
            owned = BigInt::from_signed_bytes_be(unscaled).to_string();
            &owned
        }
    };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    out.extend_from_slice(sign.as_bytes());
    let digits = digits.as_bytes();
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let power = count - 1 - i64::from(scale);
    if scale >= 0 && power >= -6 {
        let fraction = usize::try_from(scale).unwrap_or(0);
        if fraction == 0 {
            return out.extend_from_slice(digits);
        }
        let whole = digits.len().saturating_sub(fraction);
        out.extend_from_slice(if whole == 0 { b"0" } else { &digits[..whole] });
        out.push(b'.');
        out.resize(out.len() + fraction - (digits.len() - whole), b'0');
        return out.extend_from_slice(&digits[whole..]);
    }
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    if power != 0 {
        out.push(b'E');
        if power > 0 {
            out.push(b'+');
        }
        out.extend_from_slice(itoa::Buffer::new().format(power).as_bytes());
    }
}

fn small(unscaled: &[u8]) -> Option<i128> {
    if unscaled.len() > 16 {
        return None;
    }
    let sign = if unscaled.first().is_some_and(|&byte| byte >= 0x80) { 0xff } else { 0 };
    let mut bytes = [sign; 16];
    bytes[16 - unscaled.len()..].copy_from_slice(unscaled);
    Some(i128::from_be_bytes(bytes))
}

/// The unscaled bytes of a JSON number at this scale. Fails if digits would be
/// lost.
pub(super) fn read(number: &str, scale: i32) -> Result<Vec<u8>, DecodeProblem> {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let exponent: i64 = exponent.parse().map_err(|_| DecodeProblem::OutOfRange)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{sign}{whole}{fraction}");
    let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    // digits × 10^shift is the unscaled number.
    let shift = exponent.saturating_sub(places).saturating_add(scale.into());
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    if shift.saturating_add(count) > DIGITS_MAX || count > DIGITS_MAX {
        return Err(DecodeProblem::BadLength);
    }
    if shift >= 0 {
        digits.extend(std::iter::repeat_n('0', usize::try_from(shift).unwrap_or(0)));
    } else {
        for _ in 0..shift.unsigned_abs().min(count.unsigned_abs()) {
            match digits.pop() {
                Some('0') => {}
                Some('-') | None => break,
                Some(_) => return Err(DecodeProblem::OutOfRange),
            }
        }
    }
    if digits.is_empty() || digits == "-" {
        digits = "0".to_owned();
    }
    let number: BigInt = digits.parse().map_err(|_| DecodeProblem::NotJson)?;
    Ok(number.to_signed_bytes_be())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that can't go on should stop")]

    use super::{read, write};
    use crate::codec::DecodeProblem;

    /// The texts are what `BigDecimal.toString` gives.
    #[test]
    fn decimals_look_as_in_java_and_come_back() {
        for (unscaled, scale, text) in [
            (0i128, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (12_345, 2, "123.45"),
            (-12_345, 0, "-12345"),
            (1, 6, "0.000001"),
            (1, 7, "1E-7"),
            (123, 9, "1.23E-7"),
            (1, -3, "1E+3"),
            (-123, -3, "-1.23E+5"),
            (i128::MAX, 3, "170141183460469231731687303715884105.727"),
        ] {
            let mut bytes = unscaled.to_be_bytes().to_vec();
            let mut out = Vec::new();
            write(&bytes, scale, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), text);
            let shortest = read(text, scale).unwrap();
            bytes.drain(..16 - shortest.len());
            assert_eq!(shortest, bytes, "{text}");
        }
        let mut out = Vec::new();
        write(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1, &mut out);
        assert_eq!(out, b"8711228593176024664662389950253266213273.6");
    }

    #[test]
    fn lost_digits_and_huge_exponents_are_refused() {
        assert_eq!(read("1.25", 1), Err(DecodeProblem::OutOfRange));
        assert_eq!(read("1.50", 1).unwrap(), [15]);
        assert_eq!(read("100", -2).unwrap(), [1]);
        assert_eq!(read("0e-5", 1).unwrap(), [0]);
        assert_eq!(read("1e999999999", 1), Err(DecodeProblem::BadLength));
        assert_eq!(read("1e99999999999999999999", 1), Err(DecodeProblem::OutOfRange));
        assert_eq!(read("1e-999999999", 1), Err(DecodeProblem::OutOfRange));
    }
}
