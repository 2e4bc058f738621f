//! Writes JSON byte for byte as Jackson's default generator does.

use std::fmt::Write as _;

use super::{Json, Number};

/// Appends the compact text of a value.
pub(crate) fn write(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => write_number(number, out),
        Json::String(text) => write_str(text, out),
        Json::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(entries) => {
            out.push('{');
            for (place, (key, value)) in entries.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_str(key, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

/// Appends a text in quotes: Jackson escapes quotes, backslashes and control characters,
/// the latter with upper-case digits, and nothing else.
pub(crate) fn write_str(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '\0'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn write_number(number: &Number, out: &mut String) {
    match number {
        Number::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Number::Big(digits) => out.push_str(digits),
        Number::Float(value) if value.is_nan() => out.push_str("\"NaN\""),
        Number::Float(value) if value.is_infinite() => {
            out.push_str(if *value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
        }
        Number::Float(value) => write_double(*value, out),
    }
}

/// Java's `Double.toString`: plain from 10^-3 to 10^7, otherwise computerised scientific
/// notation, always with a digit after the point.
fn write_double(value: f64, out: &mut String) {
    let size = value.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        let _ = write!(out, "{value:?}");
        return;
    }
    // Java never prints fewer than two digits: where one is enough to tell the value,
    // it takes the two that come closest (4.9E-324, not 5.0E-324).
    let two = format!("{value:.1e}");
    let shortest = if two.parse() == Ok(value) { two } else { format!("{value:e}") };
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    out.push_str(mantissa);
    if !mantissa.contains('.') {
        out.push_str(".0");
    }
    out.push('E');
    out.push_str(exponent);
}
