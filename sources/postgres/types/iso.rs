//! Dates, times and intervals as ISO 8601 text, as Java prints them.

use super::times::{DAY_US, Interval, civil_of};

/// Appends a date: `2024-02-29`, `-0043-03-15`, `+12024-01-01`.
pub(super) fn date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_of(days);
    match year {
        0..=9999 => {}
        ..0 => out.push(b'-'),
        _ => out.push(b'+'),
    }
    padded(year.unsigned_abs(), 4, out);
    out.push(b'-');
    padded(month.unsigned_abs(), 2, out);
    out.push(b'-');
    padded(day.unsigned_abs(), 2, out);
}

/// How many digits of a second are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digits {
    /// As many as are needed.
    Needed,
    /// So many.
    Fixed(usize),
}

/// Appends a time of a day in UTC: `12:34:56.5Z`.
pub(super) fn time(micros: i64, digits: Digits, out: &mut Vec<u8>) {
    let micros = micros.rem_euclid(DAY_US).unsigned_abs();
    let seconds = micros / 1_000_000;
    padded(seconds / 3600, 2, out);
    out.push(b':');
    padded(seconds / 60 % 60, 2, out);
    out.push(b':');
    padded(seconds % 60, 2, out);
    fraction(micros % 1_000_000, digits, out);
    out.push(b'Z');
}

/// Appends a moment in UTC: `2024-02-29T12:34:56.500000Z`.
pub(super) fn timestamp(micros: i64, digits: Digits, out: &mut Vec<u8>) {
    date(micros.div_euclid(DAY_US), out);
    out.push(b'T');
    time(micros, digits, out);
}

fn fraction(micros: u64, digits: Digits, out: &mut Vec<u8>) {
    let start = out.len();
    out.push(b'.');
    padded(micros, 6, out);
    match digits {
        Digits::Fixed(0) => out.truncate(start),
        Digits::Fixed(count) => out.truncate(start + 1 + count),
        Digits::Needed if micros == 0 => out.truncate(start),
        Digits::Needed => {
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
    }
}

/// Appends an interval: `P1Y2M3DT4H5M6.789012S`, every part, each with its sign.
pub(super) fn interval(interval: Interval, out: &mut Vec<u8>) {
    let seconds = interval.micros / 1_000_000;
    let parts = [
        (interval.months / 12, b'Y'),
        (interval.months % 12, b'M'),
        (interval.days, b'D'),
        (seconds / 3600, b'H'),
        (seconds / 60 % 60, b'M'),
    ];
    out.push(b'P');
    for (at, (count, unit)) in parts.into_iter().enumerate() {
        if at == 3 {
            out.push(b'T');
        }
        int(count, out);
        out.push(unit);
    }
    let micros = interval.micros % 60_000_000;
    if micros < 0 {
        out.push(b'-');
    }
    let micros = micros.unsigned_abs();
    padded(micros / 1_000_000, 1, out);
    fraction(micros % 1_000_000, Digits::Needed, out);
    out.push(b'S');
}

/// Appends a number in decimal.
pub(crate) fn int(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    padded(value.unsigned_abs(), 1, out);
}

/// Appends a number in decimal, with zeros before it up to a width.
pub(crate) fn padded(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut from = digits.len();
    while value > 0 || digits.len() - from < width {
        from -= 1;
        // A digit fits a byte.
        digits[from] = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
    out.extend_from_slice(&digits[from..]);
}
