//! Scalars out of JSON text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::decimal;
use super::read::{Quoted, Reader};
use crate::batch::{Cell, Columns, NodeId};
use crate::codec::DecodeProblem;

/// How a leaf is read.
#[derive(Debug)]
pub(super) enum Read {
    Boolean,
    /// The least and the greatest.
    Int(i64, i64),
    Float,
    Double,
    Text,
    Base64,
    /// The scale.
    Decimal(i32),
    /// Any value, kept as it stands.
    Json,
}

/// Reads the value of a leaf; it is not null.
pub(super) fn read(
    read: &Read,
    node: NodeId,
    reader: &mut Reader<'_>,
    into: &mut Columns,
) -> Result<(), DecodeProblem> {
    let next = reader.peek();
    match (read, next) {
        (Read::Text, Some(b'"')) => set_text(node, reader.text()?, into)?,
        (Read::Int(min, max), Some(b'-' | b'0'..=b'9')) => {
            let int = int(reader.number()?)?;
            if int < *min || int > *max {
                return Err(DecodeProblem::OutOfRange);
            }
            into.set(node, Cell::Int(int));
        }
        (Read::Boolean, Some(b't')) => {
            reader.word("true")?;
            into.set(node, Cell::Bool(true));
        }
        (Read::Boolean, Some(b'f')) => {
            reader.word("false")?;
            into.set(node, Cell::Bool(false));
        }
        (Read::Double, Some(b'-' | b'0'..=b'9')) => {
            let float: f64 = reader.number()?.parse().map_err(|_| DecodeProblem::NotJson)?;
            set_float(node, float, into)?;
        }
        (Read::Float, Some(b'-' | b'0'..=b'9')) => {
            let float: f32 = reader.number()?.parse().map_err(|_| DecodeProblem::NotJson)?;
            set_float(node, float.into(), into)?;
        }
        (Read::Float | Read::Double, Some(b'"')) => {
            let float = special(reader.text()?.raw)?;
            into.set(node, Cell::Float(float));
        }
        (Read::Base64 | Read::Decimal(_), Some(b'"')) => set_base64(node, reader.text()?, into)?,
        (Read::Decimal(scale), Some(b'-' | b'0'..=b'9')) => {
            let unscaled = decimal::read(reader.number()?, *scale)?;
            set_bytes(node, &unscaled, into)?;
        }
        (Read::Json, Some(_)) => {
            let start = reader.at();
            reader.skip_value()?;
            set_bytes(node, reader.from(start), into)?;
        }
        (_, None) => return Err(DecodeProblem::Truncated),
        _ => return Err(DecodeProblem::WrongType),
    }
    Ok(())
}

#[inline]
fn int(number: &str) -> Result<i64, DecodeProblem> {
    if let Ok(int) = number.parse() {
        return Ok(int);
    }
    // 1.0 and 1e3 are integers too; beyond 2^53 a float could not tell.
    let float: f64 = number.parse().map_err(|_| DecodeProblem::NotJson)?;
    if !number.contains(['.', 'e', 'E']) {
        return Err(DecodeProblem::OutOfRange);
    }
    if float.fract() != 0.0 || float.abs() > 9e15 {
        return Err(DecodeProblem::WrongType);
    }
    #[allow(clippy::cast_possible_truncation, reason = "it is whole and below 2^53")]
    Ok(float as i64)
}

/// A number that was written; infinities are written as texts.
fn set_float(node: NodeId, float: f64, into: &mut Columns) -> Result<(), DecodeProblem> {
    if !float.is_finite() {
        return Err(DecodeProblem::OutOfRange);
    }
    into.set(node, Cell::Float(float));
    Ok(())
}

fn special(text: &[u8]) -> Result<f64, DecodeProblem> {
    match text {
        b"NaN" => Ok(f64::NAN),
        b"Infinity" => Ok(f64::INFINITY),
        b"-Infinity" => Ok(f64::NEG_INFINITY),
        _ => Err(DecodeProblem::WrongType),
    }
}

#[inline]
pub(super) fn set_text(
    node: NodeId,
    text: Quoted<'_>,
    into: &mut Columns,
) -> Result<(), DecodeProblem> {
    if !text.escaped {
        return set_bytes(node, text.raw, into);
    }
    let cell = into.intern_with(|arena| text.unescape_to(arena)).ok_or(DecodeProblem::Full)?;
    into.set(node, cell);
    Ok(())
}

fn set_base64(node: NodeId, text: Quoted<'_>, into: &mut Columns) -> Result<(), DecodeProblem> {
    let mut valid = true;
    let cell = into.intern_with(|arena| {
        let start = arena.len();
        let raw = if text.escaped { &text.unescaped() } else { text.raw };
        arena.resize(start + raw.len().div_ceil(4) * 3, 0);
        match STANDARD.decode_slice(raw, &mut arena[start..]) {
            Ok(len) => arena.truncate(start + len),
            Err(_) => {
                arena.truncate(start);
                valid = false;
            }
        }
    });
    if !valid {
        return Err(DecodeProblem::WrongType);
    }
    into.set(node, cell.ok_or(DecodeProblem::Full)?);
    Ok(())
}

fn set_bytes(node: NodeId, bytes: &[u8], into: &mut Columns) -> Result<(), DecodeProblem> {
    if into.try_set_bytes(node, bytes) { Ok(()) } else { Err(DecodeProblem::Full) }
}
