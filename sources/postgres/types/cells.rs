//! Values into cells: what all forms of a type on the wire have in common.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use thalweg_core::batch::{Cell, Columns, Layout, NodeId};

use super::codec::{Exact, FULL, NO_DECIMAL, Unit};
use super::iso::{self, Digits};
use super::modes::BinaryMode;
use super::numeric::{Decimal, Special};
use super::times::{Interval, When};
use super::{Unreadable, hstore, scalar};

type Done = Result<(), Unreadable>;

/// Sets a cell to what is appended to the arena.
pub(super) fn written(
    to: &mut Columns,
    node: NodeId,
    write: impl FnOnce(&mut Vec<u8>) -> Done,
) -> Done {
    let mut done = Ok(());
    let cell = to.intern_with(|out| done = write(out)).ok_or(FULL)?;
    done?;
    to.set(node, cell);
    Ok(())
}

pub(super) fn bytea(text: &[u8], mode: BinaryMode, to: &mut Columns, node: NodeId) -> Done {
    match (mode, text.strip_prefix(b"\\x")) {
        (BinaryMode::Hex, Some(digits)) => {
            let cell = to.intern(digits).ok_or(FULL)?;
            to.set(node, cell);
            Ok(())
        }
        (BinaryMode::Bytes, _) => written(to, node, |out| scalar::bytea_of_text(text, out)),
        _ => {
            let mut bytes = Vec::new();
            scalar::bytea_of_text(text, &mut bytes)?;
            encoded(&bytes, mode, to, node)
        }
    }
}

/// Bytes, as the mode has them.
pub(super) fn encoded(bytes: &[u8], mode: BinaryMode, to: &mut Columns, node: NodeId) -> Done {
    written(to, node, |out| {
        match mode {
            BinaryMode::Bytes => out.extend_from_slice(bytes),
            BinaryMode::Base64 => out.extend_from_slice(STANDARD.encode(bytes).as_bytes()),
            BinaryMode::Base64UrlSafe => out.extend_from_slice(URL_SAFE.encode(bytes).as_bytes()),
            BinaryMode::Hex => bytes.iter().for_each(|byte| scalar::hex_byte(*byte, out)),
        }
        Ok(())
    })
}

pub(super) fn write_decimal(value: Decimal, exact: Exact, to: &mut Columns, node: NodeId) -> Done {
    match exact {
        Exact::Scale(scale) => {
            let value = value.rescale(scale)?;
            written(to, node, |out| {
                value.write_unscaled(out);
                Ok(())
            })
        }
        Exact::Variable => {
            let value = value.without_zeros();
            to.set_present(node);
            to.set(node + 1, Cell::Int(i64::from(value.scale())));
            written(to, node + 2, |out| {
                value.write_unscaled(out);
                Ok(())
            })
        }
        Exact::Text => written(to, node, |out| {
            value.write_text(out);
            Ok(())
        }),
        Exact::Double => {
            let mut text = Vec::new();
            value.write_text(&mut text);
            to.set(node, Cell::Float(scalar::float_of_text(&text)?));
            Ok(())
        }
    }
}

pub(super) fn write_special(
    special: Special,
    exact: Exact,
    to: &mut Columns,
    node: NodeId,
) -> Done {
    let cell = match exact {
        Exact::Double => Cell::Float(special.as_f64()),
        Exact::Text => to.intern(special.as_text()).ok_or(FULL)?,
        Exact::Scale(_) | Exact::Variable => {
            return Err(NO_DECIMAL);
        }
    };
    to.set(node, cell);
    Ok(())
}

pub(super) fn write_date(when: When, iso: bool, to: &mut Columns, node: NodeId) -> Done {
    if !iso {
        to.set(
            node,
            Cell::Int(match when {
                When::At(days) => days,
                When::Infinity => i64::from(i32::MAX),
                When::NegativeInfinity => i64::from(i32::MIN),
            }),
        );
        return Ok(());
    }
    written(to, node, |out| {
        match when {
            When::At(days) => {
                iso::date(days, out);
                out.push(b'Z');
            }
            When::Infinity => out.extend_from_slice(b"infinity"),
            When::NegativeInfinity => out.extend_from_slice(b"-infinity"),
        }
        Ok(())
    })
}

pub(super) fn write_time(micros: i64, unit: Unit, to: &mut Columns, node: NodeId) -> Done {
    let value = match unit {
        Unit::Millis => micros.div_euclid(1000),
        Unit::Micros => micros,
        Unit::Nanos => micros.saturating_mul(1000),
        Unit::Iso => {
            return written(to, node, |out| {
                iso::time(micros, Digits::Needed, out);
                Ok(())
            });
        }
    };
    to.set(node, Cell::Int(value));
    Ok(())
}

pub(super) fn write_timetz(micros: i64, to: &mut Columns, node: NodeId) -> Done {
    written(to, node, |out| {
        iso::time(micros, Digits::Needed, out);
        Ok(())
    })
}

/// What Debezium writes for the ends of time, in µs.
const INFINITY_US: i64 = 9_223_372_036_825_200_000;
const NEGATIVE_INFINITY_US: i64 = -9_223_372_036_832_400_000;

pub(super) fn write_timestamp(when: When, unit: Unit, to: &mut Columns, node: NodeId) -> Done {
    let micros = match when {
        When::At(micros) => micros,
        When::Infinity => INFINITY_US,
        When::NegativeInfinity => NEGATIVE_INFINITY_US,
    };
    let value = match unit {
        Unit::Millis => micros.div_euclid(1000),
        Unit::Micros => micros,
        // What is beyond the years 1677 to 2262 stays at their ends.
        Unit::Nanos => micros.saturating_mul(1000),
        Unit::Iso => {
            return written(to, node, |out| {
                iso::timestamp(micros, Digits::Needed, out);
                Ok(())
            });
        }
    };
    to.set(node, Cell::Int(value));
    Ok(())
}

pub(super) fn write_timestamptz(
    when: When,
    digits: Digits,
    to: &mut Columns,
    node: NodeId,
) -> Done {
    written(to, node, |out| {
        match when {
            When::At(micros) => iso::timestamp(micros, digits, out),
            When::Infinity => out.extend_from_slice(b"infinity"),
            When::NegativeInfinity => out.extend_from_slice(b"-infinity"),
        }
        Ok(())
    })
}

pub(super) fn write_interval(
    interval: Interval,
    iso: bool,
    to: &mut Columns,
    node: NodeId,
) -> Done {
    if iso {
        return written(to, node, |out| {
            iso::interval(interval, out);
            Ok(())
        });
    }
    to.set(node, Cell::Int(interval.total_micros()));
    Ok(())
}

pub(super) fn point_of_text(text: &[u8]) -> Result<[f64; 2], Unreadable> {
    const BAD: Unreadable = Unreadable("it is no point");
    let inner = text.strip_prefix(b"(").and_then(|text| text.strip_suffix(b")")).ok_or(BAD)?;
    let comma = inner.iter().position(|&byte| byte == b',').ok_or(BAD)?;
    Ok([scalar::float_of_text(&inner[..comma])?, scalar::float_of_text(&inner[comma + 1..])?])
}

pub(super) fn point_of_binary(bytes: &[u8]) -> Result<[f64; 2], Unreadable> {
    let bytes: [u8; 16] = scalar::fixed(bytes)?;
    let (x, y) = bytes.split_at(8);
    Ok([f64::from_be_bytes(scalar::fixed(x)?), f64::from_be_bytes(scalar::fixed(y)?)])
}

/// Appends a point as well-known binary, little endian.
pub(super) fn wkb([x, y]: [f64; 2], out: &mut Vec<u8>) {
    out.extend_from_slice(&[1, 1, 0, 0, 0]);
    out.extend_from_slice(&x.to_le_bytes());
    out.extend_from_slice(&y.to_le_bytes());
}

pub(super) fn write_point(point: [f64; 2], to: &mut Columns, node: NodeId) -> Done {
    to.set_present(node);
    to.set(node + 1, Cell::Float(point[0]));
    to.set(node + 2, Cell::Float(point[1]));
    written(to, node + 3, |out| {
        wkb(point, out);
        Ok(())
    })
}

pub(super) fn write_hstore_json(text: &[u8], to: &mut Columns, node: NodeId) -> Done {
    written(to, node, |out| {
        out.push(b'{');
        let mut first = true;
        hstore::pairs(text, |key, value| {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            hstore::json_string(key, out);
            out.push(b':');
            match value {
                Some(value) => hstore::json_string(value, out),
                None => out.extend_from_slice(b"null"),
            }
        })?;
        out.push(b'}');
        Ok(())
    })
}

pub(super) fn write_hstore_map(text: &[u8], to: &mut Columns, node: NodeId) -> Done {
    to.set_list(node, |entries| {
        let mut full = false;
        hstore::pairs(text, |key, value| {
            // An entry is a struct of key and value.
            entries.set_present(Layout::ROOT);
            full |= !entries.try_set_bytes(1, key);
            if let Some(value) = value {
                full |= !entries.try_set_bytes(2, value);
            }
            entries.end_row();
        })?;
        if full { Err(FULL) } else { Ok(()) }
    })
}
