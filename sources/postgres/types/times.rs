//! Dates, times and timestamps: reading them, in days and µs since 1970.

use super::Unreadable;

pub(super) const DAY_US: i64 = 86_400_000_000;
/// Days from 1970 to 2000, where Postgres counts from.
const EPOCH_DAYS: i64 = 10_957;
const EPOCH_US: i64 = EPOCH_DAYS * DAY_US;

/// A day or a moment, or an end of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    At(i64),
    Infinity,
    NegativeInfinity,
}

const BAD_DATE: Unreadable = Unreadable("it is no date in DateStyle ISO");
const BAD_TIME: Unreadable = Unreadable("it is no time in DateStyle ISO");

fn endless(text: &[u8]) -> Option<When> {
    match text {
        b"infinity" => Some(When::Infinity),
        b"-infinity" => Some(When::NegativeInfinity),
        _ => None,
    }
}

/// Days since 1970.
pub(super) fn date_of_text(text: &[u8]) -> Result<When, Unreadable> {
    if let Some(end) = endless(text) {
        return Ok(end);
    }
    let (text, bc) = without_bc(text);
    let (days, rest) = date(text, bc)?;
    if rest.is_empty() { Ok(When::At(days)) } else { Err(BAD_DATE) }
}

pub(super) fn date_of_binary(bytes: &[u8]) -> Result<When, Unreadable> {
    Ok(match i32::from_be_bytes(super::scalar::fixed(bytes)?) {
        i32::MAX => When::Infinity,
        i32::MIN => When::NegativeInfinity,
        days => When::At(i64::from(days) + EPOCH_DAYS),
    })
}

/// µs since 1970; with an offset, in UTC.
pub(super) fn timestamp_of_text(text: &[u8]) -> Result<When, Unreadable> {
    if let Some(end) = endless(text) {
        return Ok(end);
    }
    let (text, bc) = without_bc(text);
    let (days, rest) = date(text, bc)?;
    let time = match rest {
        [] => 0,
        [b' ' | b'T', rest @ ..] => {
            let (time, rest) = time(rest)?;
            time - offset(rest)?.unwrap_or(0)
        }
        _ => return Err(BAD_DATE),
    };
    days.checked_mul(DAY_US)
        .and_then(|day| day.checked_add(time))
        .map(When::At)
        .ok_or(Unreadable("it does not fit 64 bits of µs since 1970"))
}

pub(super) fn timestamp_of_binary(bytes: &[u8]) -> Result<When, Unreadable> {
    Ok(match i64::from_be_bytes(super::scalar::fixed(bytes)?) {
        i64::MAX => When::Infinity,
        i64::MIN => When::NegativeInfinity,
        us => us
            .checked_add(EPOCH_US)
            .map(When::At)
            .ok_or(Unreadable("it does not fit 64 bits of µs since 1970"))?,
    })
}

/// µs since midnight.
pub(super) fn time_of_text(text: &[u8]) -> Result<i64, Unreadable> {
    match time(text)? {
        (time, []) => Ok(time),
        _ => Err(BAD_TIME),
    }
}

pub(super) fn time_of_binary(bytes: &[u8]) -> Result<i64, Unreadable> {
    Ok(i64::from_be_bytes(super::scalar::fixed(bytes)?))
}

/// µs since midnight in UTC, of any day.
pub(super) fn timetz_of_text(text: &[u8]) -> Result<i64, Unreadable> {
    let (time, rest) = time(text)?;
    Ok(time - offset(rest)?.ok_or(BAD_TIME)?)
}

pub(super) fn timetz_of_binary(bytes: &[u8]) -> Result<i64, Unreadable> {
    let bytes: [u8; 12] = super::scalar::fixed(bytes)?;
    let (time, zone) = bytes.split_at(8);
    let time = time_of_binary(time)?;
    // Seconds west of Greenwich.
    let zone = i32::from_be_bytes(super::scalar::fixed(zone)?);
    Ok(time.wrapping_add(i64::from(zone) * 1_000_000))
}

fn without_bc(text: &[u8]) -> (&[u8], bool) {
    text.strip_suffix(b" BC").map_or((text, false), |text| (text, true))
}

/// Takes digits: their value and how many.
fn digits(text: &[u8]) -> (i64, usize) {
    let mut value: i64 = 0;
    let mut count = 0;
    while let Some(digit @ b'0'..=b'9') = text.get(count)
        && count < 9
    {
        value = value * 10 + i64::from(digit - b'0');
        count += 1;
    }
    (value, count)
}

fn two(text: &[u8]) -> Option<(i64, &[u8])> {
    match text {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => {
            Some((i64::from(a - b'0') * 10 + i64::from(b - b'0'), rest))
        }
        _ => None,
    }
}

fn date(text: &[u8], bc: bool) -> Result<(i64, &[u8]), Unreadable> {
    let (year, count) = digits(text);
    let rest = text[count..].strip_prefix(b"-").ok_or(BAD_DATE)?;
    let (month, rest) = two(rest).ok_or(BAD_DATE)?;
    let rest = rest.strip_prefix(b"-").ok_or(BAD_DATE)?;
    let (day, rest) = two(rest).ok_or(BAD_DATE)?;
    if count < 4 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(BAD_DATE);
    }
    Ok((days_of(if bc { 1 - year } else { year }, month, day), rest))
}

fn time(text: &[u8]) -> Result<(i64, &[u8]), Unreadable> {
    let (hours, rest) = two(text).ok_or(BAD_TIME)?;
    let rest = rest.strip_prefix(b":").ok_or(BAD_TIME)?;
    let (minutes, rest) = two(rest).ok_or(BAD_TIME)?;
    let (seconds, rest) = match rest {
        [b':', rest @ ..] => two(rest).ok_or(BAD_TIME)?,
        rest => (0, rest),
    };
    let (micros, rest) = match rest {
        [b'.', rest @ ..] => fraction(rest)?,
        rest => (0, rest),
    };
    Ok((((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros, rest))
}

/// Up to six digits of a second, in µs.
pub(super) fn fraction(text: &[u8]) -> Result<(i64, &[u8]), Unreadable> {
    let (mut value, count) = digits(text);
    if count == 0 || count > 6 {
        return Err(BAD_TIME);
    }
    for _ in count..6 {
        value *= 10;
    }
    Ok((value, &text[count..]))
}

/// An offset from UTC to the east, in µs; none if there is none.
fn offset(text: &[u8]) -> Result<Option<i64>, Unreadable> {
    let (sign, rest) = match text {
        [] => return Ok(None),
        [b'Z'] => return Ok(Some(0)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return Err(BAD_TIME),
    };
    let (mut seconds, mut rest) = two(rest).map(|(h, rest)| (h * 3600, rest)).ok_or(BAD_TIME)?;
    for unit in [60, 1] {
        if let Some(after) = rest.strip_prefix(b":") {
            let (part, after) = two(after).ok_or(BAD_TIME)?;
            seconds += part * unit;
            rest = after;
        }
    }
    if rest.is_empty() { Ok(Some(sign * seconds * 1_000_000)) } else { Err(BAD_TIME) }
}

/// Days since 1970 of a day in the Gregorian calendar; the year 0 is 1 BC.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970.
pub(super) fn civil_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// An interval: months, days and µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) months: i64,
    pub(super) days: i64,
    pub(super) micros: i64,
}

const BAD_INTERVAL: Unreadable = Unreadable("it is no interval in IntervalStyle postgres");

impl Interval {
    pub(super) fn of_text(text: &[u8]) -> Result<Self, Unreadable> {
        let mut out = Self::default();
        let mut words = text.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            if word.contains(&b':') {
                out.micros = signed_time(word)?;
                continue;
            }
            let count = super::scalar::int_of_text(word).map_err(|_| BAD_INTERVAL)?;
            let unit = words.next().ok_or(BAD_INTERVAL)?;
            let (field, factor) = match unit {
                b"year" | b"years" => (&mut out.months, 12),
                b"mon" | b"mons" => (&mut out.months, 1),
                b"day" | b"days" => (&mut out.days, 1),
                _ => return Err(BAD_INTERVAL),
            };
            *field = count
                .checked_mul(factor)
                .and_then(|count| field.checked_add(count))
                .ok_or(BAD_INTERVAL)?;
        }
        Ok(out)
    }

    pub(super) fn of_binary(bytes: &[u8]) -> Result<Self, Unreadable> {
        let bytes: [u8; 16] = super::scalar::fixed(bytes)?;
        let int = |at: usize| {
            i64::from(i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
        };
        let (micros, _) = bytes.split_at(8);
        Ok(Self { micros: time_of_binary(micros)?, days: int(8), months: int(12) })
    }

    /// In µs, a month being 30.4375 days; held to 64 bits.
    pub(super) fn total_micros(self) -> i64 {
        const MONTH_US: i128 = 2_629_800_000_000;
        let total = i128::from(self.months) * MONTH_US
            + i128::from(self.days) * i128::from(DAY_US)
            + i128::from(self.micros);
        i64::try_from(total).unwrap_or(if total < 0 { i64::MIN } else { i64::MAX })
    }
}

/// `[-]hours:minutes:seconds[.fraction]`, any number of hours.
fn signed_time(word: &[u8]) -> Result<i64, Unreadable> {
    let (sign, word) = match word {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    let colon = word.iter().position(|&byte| byte == b':').ok_or(BAD_INTERVAL)?;
    let (hours, rest) = word.split_at(colon);
    let hours = super::scalar::int_of_text(hours).map_err(|_| BAD_INTERVAL)?;
    let (minutes, rest) = two(&rest[1..]).ok_or(BAD_INTERVAL)?;
    let (seconds, rest) = match rest {
        [b':', rest @ ..] => two(rest).ok_or(BAD_INTERVAL)?,
        rest => (0, rest),
    };
    let micros = match rest {
        [] => 0,
        [b'.', rest @ ..] => fraction(rest)?.0,
        _ => return Err(BAD_INTERVAL),
    };
    hours
        .checked_mul(3_600_000_000)
        .and_then(|hours| hours.checked_add((minutes * 60 + seconds) * 1_000_000 + micros))
        .map(|total| sign * total)
        .ok_or(BAD_INTERVAL)
}
