//! `path.format`: Joda-Time's date patterns, in which Confluent's users write
//! `'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH`.

use std::fmt::Write;

use chrono::{Datelike, NaiveDateTime, Timelike};
use chrono_tz::Tz;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// A letter and how often it stands there.
    Field(char, usize),
}

/// A parsed pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathFormat {
    parts: Vec<Part>,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl PathFormat {
    /// Parses a pattern. The error says what is wrong with it.
    pub(crate) fn parse(pattern: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\'' => {
                    let mut text = String::new();
                    loop {
                        match chars.next() {
                            Some('\'') if chars.peek() == Some(&'\'') => {
                                chars.next();
                                text.push('\'');
                            }
                            Some('\'') => break,
                            Some(char) => text.push(char),
                            None => return Err("a quote ' is never closed".to_owned()),
                        }
                    }
                    // Two quotes in a row are a quote.
                    literal(&mut parts, if text.is_empty() { "'" } else { &text });
                }
                'A'..='Z' | 'a'..='z' => {
                    let mut count = 1;
                    while chars.next_if_eq(&char).is_some() {
                        count += 1;
                    }
                    if !"GCYxwEeyDMdaKhHkmsSzZ".contains(char) {
                        return Err(format!(
                            "Illegal pattern component: {} (put words into single quotes, as in \
                             'year'=YYYY)",
                            String::from(char).repeat(count)
                        ));
                    }
                    if count > 9 {
                        return Err(format!("{char} stands there more than 9 times"));
                    }
                    parts.push(Part::Field(char, count));
                }
                other => literal(&mut parts, other.encode_utf8(&mut [0; 4])),
            }
        }
        if parts.is_empty() {
            return Err("Path format cannot be empty.".to_owned());
        }
        Ok(Self { parts })
    }

    /// Whether words of a language stand in the paths (names of months, ...).
    pub(crate) fn has_words(&self) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Field('M', count) => *count > 2,
            Part::Field(letter, _) => "GEaz".contains(*letter),
            Part::Literal(_) => false,
        })
    }

    /// Appends a local time; `offset` is its zone's, in seconds east.
    pub(crate) fn write(&self, time: NaiveDateTime, offset: i32, zone: Tz, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Field(letter, count) => field(*letter, *count, time, offset, zone, out),
            }
        }
    }
}

fn literal(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Literal(before)) => before.push_str(text),
        _ => parts.push(Part::Literal(text.to_owned())),
    }
}

fn field(letter: char, count: usize, time: NaiveDateTime, offset: i32, zone: Tz, out: &mut String) {
    let number = |out: &mut String, value: i64| {
        let _ = write!(out, "{value:0count$}");
    };
    let (_, hour12) = time.hour12();
    match letter {
        'y' | 'Y' => year(count, time.year(), out),
        'x' => year(count, time.iso_week().year(), out),
        'C' => number(out, i64::from(time.year().div_euclid(100))),
        'M' if count > 2 => word(count, MONTHS[time.month0() as usize % 12], out),
        'M' => number(out, time.month().into()),
        'd' => number(out, time.day().into()),
        'D' => number(out, time.ordinal().into()),
        'w' => number(out, time.iso_week().week().into()),
        'e' => number(out, time.weekday().number_from_monday().into()),
        'E' => word(count, DAYS[time.weekday().num_days_from_monday() as usize % 7], out),
        'H' => number(out, time.hour().into()),
        'k' => number(out, if time.hour() == 0 { 24 } else { time.hour().into() }),
        'K' => number(out, (time.hour() % 12).into()),
        'h' => number(out, hour12.into()),
        'm' => number(out, time.minute().into()),
        's' => number(out, time.second().into()),
        'S' => {
            let nanos = format!("{:09}", time.nanosecond() % 1_000_000_000);
            out.push_str(&nanos[..count.min(9)]);
        }
        'a' => out.push_str(if time.hour() < 12 { "AM" } else { "PM" }),
        'G' => out.push_str(if time.year() > 0 { "AD" } else { "BC" }),
        'Z' if count > 2 => out.push_str(zone.name()),
        'z' => out.push_str(zone.name()),
        _ => {
            let (sign, minutes) = if offset < 0 { ('-', -offset / 60) } else { ('+', offset / 60) };
            let colon = if count == 2 { ":" } else { "" };
            let _ = write!(out, "{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60);
        }
    }
}

fn year(count: usize, year: i32, out: &mut String) {
    let _ = if count == 2 {
        write!(out, "{:02}", year.rem_euclid(100))
    } else {
        write!(out, "{year:0count$}")
    };
}

/// Three letters, or the whole word from four on.
fn word(count: usize, word: &str, out: &mut String) {
    out.push_str(if count > 3 { word } else { &word[..3] });
}
