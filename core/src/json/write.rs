//! Scalars as JSON text, as Jackson and Java print them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What each byte becomes in a text: 0 for itself, `u` for `\u00XX`, else the
/// letter after a backslash.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[0x08] = b'b';
    table[b'\t' as usize] = b't';
    table[b'\n' as usize] = b'n';
    table[0x0c] = b'f';
    table[b'\r' as usize] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Appends a text in quotes. What is not UTF-8 is written as it is.
#[inline]
pub(super) fn text(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[byte as usize];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        if escape == b'u' {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            let (high, low) = (HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        } else {
            out.extend_from_slice(&[b'\\', escape]);
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// Appends bytes as base64 in quotes.
pub(super) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.push(b'"');
}

/// Appends an integer.
#[inline]
pub(super) fn int(int: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(int).as_bytes());
}

/// Appends a 64-bit float as `Double.toString` has it (two digits at least,
/// which shows in the smallest numbers); what is no number goes in quotes.
pub(crate) fn double(float: f64, out: &mut Vec<u8>) {
    if !float.is_finite() {
        special(float, out);
    } else if float != 0.0 && float.abs() < 1e-322 {
        java(&format!("{float:.1e}"), out);
    } else {
        java(ryu::Buffer::new().format_finite(float), out);
    }
}

/// Appends a 32-bit float as `Float.toString` has it.
#[allow(clippy::cast_possible_truncation, reason = "the schema says 32 bits")]
pub(super) fn float(float: f64, out: &mut Vec<u8>) {
    let float = float as f32;
    if !float.is_finite() {
        special(float.into(), out);
    } else if float != 0.0 && float.abs() < 1e-44 {
        java(&format!("{float:.1e}"), out);
    } else {
        java(ryu::Buffer::new().format_finite(float), out);
    }
}

fn special(float: f64, out: &mut Vec<u8>) {
    let name = match (float.is_nan(), float > 0.0) {
        (true, _) => "\"NaN\"",
        (_, true) => "\"Infinity\"",
        _ => "\"-Infinity\"",
    };
    out.extend_from_slice(name.as_bytes());
}

/// From the shortest digits, in any notation, to Java's: plain from 10^-3 to
/// 10^7, else `d.dddE±x`.
fn java(shortest: &str, out: &mut Vec<u8>) {
    let (sign, rest) = shortest.strip_prefix('-').map_or(("", shortest), |rest| ("-", rest));
    let (mantissa, exponent) = rest.split_once('e').unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    // Digits without leading and trailing zeros, and the power of ten of the first.
    let mut digits = [0u8; 40];
    let mut count = 0;
    for &digit in whole.as_bytes().iter().chain(fraction.as_bytes()).take(digits.len()) {
        digits[count] = digit;
        count += 1;
    }
    let leading = digits[..count].iter().take_while(|&&digit| digit == b'0').count();
    let trailing = digits[leading..count].iter().rev().take_while(|&&digit| digit == b'0').count();
    let digits = &digits[leading..count - trailing];
    out.extend_from_slice(sign.as_bytes());
    if digits.is_empty() {
        return out.extend_from_slice(b"0.0");
    }
    let place = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let power = exponent.parse::<i32>().unwrap_or(0) + place(whole.len()) - 1 - place(leading);
    match power {
        -3..=-1 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + usize::try_from(-power - 1).unwrap_or(0), b'0');
            out.extend_from_slice(digits);
        }
        0..=6 => {
            let whole = usize::try_from(power).unwrap_or(0) + 1;
            if digits.len() <= whole {
                out.extend_from_slice(digits);
                out.resize(out.len() + whole - digits.len(), b'0');
                out.extend_from_slice(b".0");
            } else {
                out.extend_from_slice(&digits[..whole]);
                out.push(b'.');
                out.extend_from_slice(&digits[whole..]);
            }
        }
        _ => {
            out.push(digits[0]);
            out.push(b'.');
            out.extend_from_slice(if digits.len() > 1 { &digits[1..] } else { b"0" });
            out.push(b'E');
            int(power.into(), out);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that can't go on should stop")]

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// The right-hand sides are what Java prints.
    #[test]
    fn floats_look_as_in_java() {
        for (float, java) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (1_234_567.0, "1234567.0"),
            (9_999_999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (1e10, "1.0E10"),
            (1.5e300, "1.5E300"),
            (0.001, "0.001"),
            (0.0015, "0.0015"),
            (0.000_999, "9.99E-4"),
            (1e-7, "1.0E-7"),
            (1e21, "1.0E21"),
            (-12.25, "-12.25"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (5e-324, "4.9E-324"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(written(|out| super::double(float, out)), java);
        }
        assert_eq!(written(|out| super::float(f64::from(0.1f32), out)), "0.1");
        assert_eq!(written(|out| super::float(f64::from(1.4e-45f32), out)), "1.4E-45");
        assert_eq!(written(|out| super::float(f64::from(16_777_216f32), out)), "1.6777216E7");
        assert_eq!(written(|out| super::float(f64::from(f32::MAX), out)), "3.4028235E38");
    }

    #[test]
    fn text_is_escaped_as_jackson_does() {
        let text = "a\"\\\u{8}\t\n\u{c}\r\u{1f}\u{7f}/é😀";
        let expected = "\"a\\\"\\\\\\b\\t\\n\\f\\r\\u001F\u{7f}/é😀\"";
        assert_eq!(written(|out| super::text(text.as_bytes(), out)), expected);
        assert_eq!(written(|out| super::base64(&[1, 2, 3, 4], out)), "\"AQIDBA==\"");
    }
}
