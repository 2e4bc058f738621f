//! Exact numbers: `numeric` and `money` to unscaled integers.

use num_bigint::{BigInt, Sign};

use super::Unreadable;

/// An exact number: `unscaled / 10^scale`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decimal {
    unscaled: Unscaled,
    scale: i32,
}

#[derive(Clone, Debug, PartialEq)]
enum Unscaled {
    /// Most numbers: no memory is allocated for these.
    Small(i128),
    Big(BigInt),
}

const BAD: Unreadable = Unreadable("it is no number");
/// Far beyond what Postgres has (131072 digits before the point).
const DIGITS_MAX: i32 = 150_000;

/// Numbers that are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Special {
    NaN,
    Infinity,
    NegativeInfinity,
}

impl Special {
    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::NaN => f64::NAN,
            Self::Infinity => f64::INFINITY,
            Self::NegativeInfinity => f64::NEG_INFINITY,
        }
    }

    pub(super) fn as_text(self) -> &'static [u8] {
        match self {
            Self::NaN => b"NaN",
            Self::Infinity => b"Infinity",
            Self::NegativeInfinity => b"-Infinity",
        }
    }

    pub(super) fn of_text(text: &[u8]) -> Option<Self> {
        match text {
            b"NaN" => Some(Self::NaN),
            b"Infinity" => Some(Self::Infinity),
            b"-Infinity" => Some(Self::NegativeInfinity),
            _ => None,
        }
    }

    pub(super) fn of_binary(bytes: &[u8]) -> Option<Self> {
        match bytes.get(4..6)? {
            [0xc0, 0x00] => Some(Self::NaN),
            [0xd0, 0x00] => Some(Self::Infinity),
            [0xf0, 0x00] => Some(Self::NegativeInfinity),
            _ => None,
        }
    }
}

impl Decimal {
    pub(super) fn new(unscaled: i64, scale: i32) -> Self {
        Self { unscaled: Unscaled::Small(i128::from(unscaled)), scale }
    }

    pub(super) fn scale(&self) -> i32 {
        self.scale
    }

    /// A number as Postgres prints it, or with an exponent.
    pub(super) fn of_text(text: &[u8]) -> Result<Self, Unreadable> {
        let (negative, digits) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let mut value: i128 = 0;
        let (mut count, mut scale, mut point) = (0, 0i32, false);
        for (at, &byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    // 38 digits fit; leading zeros do not count.
                    count += u32::from(count > 0 || byte != b'0');
                    if count > 38 {
                        return Self::of_long_text(text);
                    }
                    value = value * 10 + i128::from(byte - b'0');
                    scale += i32::from(point);
                }
                b'.' if !point => point = true,
                b'e' | b'E' if at > 0 => return Self::of_long_text(text),
                _ => return Err(BAD),
            }
        }
        if digits.len() <= usize::from(point) {
            return Err(BAD);
        }
        let value = if negative { -value } else { value };
        Ok(Self { unscaled: Unscaled::Small(value), scale })
    }

    fn of_long_text(text: &[u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(text).map_err(|_| BAD)?;
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().map_err(|_| BAD)?),
            None => (text, 0),
        };
        if !(-DIGITS_MAX..=DIGITS_MAX).contains(&exponent) {
            return Err(BAD);
        }
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let value = format!("{whole}{part}").parse::<BigInt>().map_err(|_| BAD)?;
        let scale = i32::try_from(part.len()).map_err(|_| BAD)? - exponent;
        let decimal = Self { unscaled: Unscaled::Big(value), scale };
        if scale < 0 { decimal.rescale(0) } else { Ok(decimal) }
    }

    /// A number in binary form: digits of base 10,000.
    pub(super) fn of_binary(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (head, digits) = bytes.split_first_chunk::<8>().ok_or(BAD)?;
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let (digits, []) = digits.as_chunks::<2>() else { return Err(BAD) };
        if digits.len() != usize::from(word(0)) || !matches!(word(4), 0 | 0x4000) {
            return Err(BAD);
        }
        let weight = i32::from(i16::from_be_bytes([head[2], head[3]]));
        let scale = i32::from(word(6));
        // What the last digit counts for, as a power of ten.
        let last = 4 * (weight + 1 - i32::from(word(0)));
        let negative = word(4) == 0x4000;
        let digit = |pair: &[u8; 2]| u16::from_be_bytes(*pair);
        if digits.len() <= 8 {
            let value =
                digits.iter().fold(0i128, |sum, pair| sum * 10_000 + i128::from(digit(pair)));
            let value = if negative { -value } else { value };
            return Self { unscaled: Unscaled::Small(value), scale: -last }.rescale(scale);
        }
        let mut text = String::with_capacity(digits.len() * 4 + 1);
        if negative {
            text.push('-');
        }
        for pair in digits {
            text.push_str(&format!("{:04}", digit(pair)));
        }
        let value = text.parse::<BigInt>().map_err(|_| BAD)?;
        Self { unscaled: Unscaled::Big(value), scale: -last }.rescale(scale)
    }

    /// The same number at another scale. An error if digits would be lost.
    pub(super) fn rescale(self, scale: i32) -> Result<Self, Unreadable> {
        let more = scale - self.scale;
        if more == 0 || self.is_zero() {
            return Ok(Self { unscaled: self.unscaled, scale });
        }
        if more.abs() > DIGITS_MAX {
            return Err(BAD);
        }
        let power = more.unsigned_abs();
        const LOST: Unreadable = Unreadable("it has more digits than its column's scale");
        if let Unscaled::Small(value) = self.unscaled
            && let Some(factor) = 10i128.checked_pow(power)
        {
            if more < 0 {
                let exact = value % factor == 0;
                let small = Unscaled::Small(value / factor);
                return if exact { Ok(Self { unscaled: small, scale }) } else { Err(LOST) };
            }
            if let Some(value) = value.checked_mul(factor) {
                return Ok(Self { unscaled: Unscaled::Small(value), scale });
            }
        }
        let value = match self.unscaled {
            Unscaled::Small(value) => BigInt::from(value),
            Unscaled::Big(value) => value,
        };
        let factor = BigInt::from(10).pow(power);
        if more > 0 {
            return Ok(Self { unscaled: Unscaled::Big(value * factor), scale });
        }
        if (&value % &factor).sign() != Sign::NoSign {
            return Err(LOST);
        }
        Ok(Self { unscaled: Unscaled::Big(value / factor), scale })
    }

    /// The same number without zeros at its end, as far as they stand behind
    /// the point.
    pub(super) fn without_zeros(mut self) -> Self {
        match &mut self.unscaled {
            Unscaled::Small(0) => self.scale = self.scale.min(0),
            Unscaled::Small(value) => {
                while self.scale > 0 && *value % 10 == 0 {
                    *value /= 10;
                    self.scale -= 1;
                }
            }
            Unscaled::Big(value) => {
                let ten = BigInt::from(10);
                while self.scale > 0 && (&*value % &ten).sign() == Sign::NoSign {
                    *value /= &ten;
                    self.scale -= 1;
                }
            }
        }
        self
    }

    fn is_zero(&self) -> bool {
        match &self.unscaled {
            Unscaled::Small(value) => *value == 0,
            Unscaled::Big(value) => value.sign() == Sign::NoSign,
        }
    }

    /// Appends the unscaled number: two's complement, big endian, as short as
    /// can be.
    pub(super) fn write_unscaled(&self, out: &mut Vec<u8>) {
        match &self.unscaled {
            Unscaled::Small(value) => {
                let bytes = value.to_be_bytes();
                let sign = if *value < 0 { 0xff } else { 0 };
                let mut from = 0;
                // The first bit that stays must still tell the sign.
                while from < 15 && bytes[from] == sign && (bytes[from + 1] ^ sign) < 0x80 {
                    from += 1;
                }
                out.extend_from_slice(&bytes[from..]);
            }
            Unscaled::Big(value) => out.extend_from_slice(&value.to_signed_bytes_be()),
        }
    }

    /// Appends the number in plain digits.
    pub(super) fn write_text(&self, out: &mut Vec<u8>) {
        use std::io::Write as _;
        let start = out.len();
        // Writing to memory can't fail.
        let _ = match &self.unscaled {
            Unscaled::Small(value) => write!(out, "{value}"),
            Unscaled::Big(value) => write!(out, "{value}"),
        };
        let Ok(scale) = usize::try_from(self.scale) else {
            out.resize(out.len() + usize::try_from(-self.scale).unwrap_or(0), b'0');
            return;
        };
        if scale == 0 {
            return;
        }
        let first = start + usize::from(out.get(start) == Some(&b'-'));
        let digits = out.len() - first;
        if digits <= scale {
            let zeros = scale + 1 - digits;
            out.splice(first..first, std::iter::repeat_n(b'0', zeros));
        }
        let point = out.len() - scale;
        out.insert(point, b'.');
    }
}

/// `money` as it is printed, in whatever locale: its digits and its sign. The
/// digits after the last separator are the fraction.
pub(super) fn money_of_text(text: &[u8]) -> Result<Decimal, Unreadable> {
    let negative = text.iter().any(|byte| matches!(byte, b'-' | b'('));
    let mut value: i64 = 0;
    let (mut digits, mut scale) = (0, 0);
    for &byte in text {
        match byte {
            b'0'..=b'9' => {
                value = value
                    .checked_mul(10)
                    .and_then(|value| value.checked_sub(i64::from(byte - b'0')))
                    .ok_or(Unreadable("it is no amount of money"))?;
                digits += 1;
                scale += 1;
            }
            b'.' | b',' => scale = 0,
            _ => {}
        }
    }
    let separated = text.iter().any(|byte| matches!(byte, b'.' | b','));
    if digits == 0 {
        return Err(Unreadable("it is no amount of money"));
    }
    // Three digits after the last separator are a group of thousands.
    let scale = if separated && scale != 3 { scale } else { 0 };
    let value = i128::from(value);
    Ok(Decimal { unscaled: Unscaled::Small(if negative { value } else { -value }), scale })
}
