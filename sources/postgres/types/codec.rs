//! Compiled readers: a value of the wire into the cells of a row.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use thalweg_core::batch::{Cell, Columns, Layout, NodeId};

use super::iso::{self, Digits};
use super::modes::BinaryMode;
use super::numeric::{Decimal, Special, money_of_text};
use super::times::{self, Interval, When};
use super::{TupleValue, Unreadable, arrays, hstore, net, scalar};

/// The unit of a number of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Millis,
    Micros,
    Nanos,
    Iso,
}

/// How exact numbers come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exact {
    /// Bytes at this scale.
    Scale(i32),
    /// A struct of scale and bytes.
    Variable,
    Double,
    Text,
}

/// How the values of one column are read. Knows nothing of tables.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Codec {
    Bool,
    Int16,
    Int32,
    Int64,
    Oid,
    Float32,
    Float64,
    /// As it came: text in both forms.
    Text,
    /// As it came: the binary form is another one, which is not read.
    TextOnly,
    /// Text whose binary form has a version byte in front.
    Versioned,
    Bytes(BinaryMode),
    Numeric(Exact),
    Money {
        digits: i16,
        exact: Exact,
    },
    Date {
        iso: bool,
    },
    Time(Unit),
    TimeTz,
    Timestamp(Unit),
    TimestampTz(Digits),
    Interval {
        iso: bool,
    },
    Uuid,
    Bit,
    Bits,
    Inet,
    Mac,
    Point,
    HstoreJson,
    HstoreMap,
    /// The text of a type that is not known, as bytes.
    Raw(BinaryMode),
    Array(Box<Codec>),
}

type Done = Result<(), Unreadable>;

/// The arena of a batch holds 4 GiB; batches end far below.
const FULL: Unreadable = Unreadable("there is no room for it in one batch");
/// Null where null may be, as Debezium has it.
pub(super) const NO_DECIMAL: Unreadable =
    Unreadable("NaN and infinities are no decimals: set decimal.handling.mode to double or string");
const UNKNOWN_FORM: Unreadable =
    Unreadable("it came in a binary form that is not known: report this as a fault of Thalweg");

impl Codec {
    /// Whether [`Codec::write`] takes binary values.
    pub(super) fn reads_binary(&self) -> bool {
        match self {
            Self::TextOnly | Self::HstoreJson | Self::HstoreMap | Self::Raw(_) => false,
            Self::Array(element) => element.reads_binary(),
            _ => true,
        }
    }

    /// Writes a value that is neither null nor unchanged.
    #[inline]
    pub(super) fn write(&self, value: TupleValue<'_>, to: &mut Columns, node: NodeId) -> Done {
        match value {
            TupleValue::Text(text) => self.write_text(text, to, node),
            TupleValue::Binary(bytes) => self.write_binary(bytes, to, node),
            TupleValue::Null | TupleValue::Unchanged => Ok(()),
        }
    }

    fn write_text(&self, text: &[u8], to: &mut Columns, node: NodeId) -> Done {
        let cell = match self {
            Self::Int16 | Self::Int32 | Self::Int64 | Self::Oid => {
                Cell::Int(scalar::int_of_text(text)?)
            }
            Self::Text | Self::TextOnly | Self::Versioned | Self::Uuid | Self::Inet | Self::Mac => {
                to.intern(text).ok_or(FULL)?
            }
            Self::Bool => Cell::Bool(scalar::bool_of_text(text)?),
            Self::Float32 => Cell::Float(f64::from(scalar::float_of_text::<f32>(text)?)),
            Self::Float64 => Cell::Float(scalar::float_of_text(text)?),
            Self::Bytes(mode) => return bytea(text, *mode, to, node),
            Self::Raw(mode) => return encoded(text, *mode, to, node),
            Self::Numeric(Exact::Text) => to.intern(text).ok_or(FULL)?,
            Self::Numeric(exact) => {
                if let Some(special) = Special::of_text(text) {
                    return write_special(special, *exact, to, node);
                }
                if *exact == Exact::Double {
                    Cell::Float(scalar::float_of_text(text)?)
                } else {
                    return write_decimal(Decimal::of_text(text)?, *exact, to, node);
                }
            }
            Self::Money { digits, exact } => {
                let amount = money_of_text(text)?.rescale(i32::from(*digits))?;
                return write_decimal(amount, *exact, to, node);
            }
            Self::Date { iso } => return write_date(times::date_of_text(text)?, *iso, to, node),
            Self::Time(unit) => return write_time(times::time_of_text(text)?, *unit, to, node),
            Self::TimeTz => return write_timetz(times::timetz_of_text(text)?, to, node),
            Self::Timestamp(unit) => {
                return write_timestamp(times::timestamp_of_text(text)?, *unit, to, node);
            }
            Self::TimestampTz(digits) => {
                return write_timestamptz(times::timestamp_of_text(text)?, *digits, to, node);
            }
            Self::Interval { iso } => {
                return write_interval(Interval::of_text(text)?, *iso, to, node);
            }
            Self::Bit => scalar::bit_of_text(text)?.map_or(Cell::Null, Cell::Bool),
            Self::Bits => return written(to, node, |out| scalar::bits_of_text(text, out)),
            Self::Point => return write_point(point_of_text(text)?, to, node),
            Self::HstoreJson => return write_hstore_json(text, to, node),
            Self::HstoreMap => return write_hstore_map(text, to, node),
            Self::Array(element) => {
                return to.set_list(node, |items| {
                    arrays::of_text(text, |text| element.item(text.map(TupleValue::Text), items))
                });
            }
        };
        to.set(node, cell);
        Ok(())
    }

    fn write_binary(&self, bytes: &[u8], to: &mut Columns, node: NodeId) -> Done {
        let cell = match self {
            Self::Int16 => Cell::Int(i64::from(i16::from_be_bytes(scalar::fixed(bytes)?))),
            Self::Int32 => Cell::Int(i64::from(i32::from_be_bytes(scalar::fixed(bytes)?))),
            Self::Int64 => Cell::Int(i64::from_be_bytes(scalar::fixed(bytes)?)),
            Self::Oid => Cell::Int(i64::from(u32::from_be_bytes(scalar::fixed(bytes)?))),
            Self::Text => to.intern(bytes).ok_or(FULL)?,
            Self::Bool => Cell::Bool(scalar::fixed::<1>(bytes)?[0] != 0),
            Self::Float32 => Cell::Float(f64::from(f32::from_be_bytes(scalar::fixed(bytes)?))),
            Self::Float64 => Cell::Float(f64::from_be_bytes(scalar::fixed(bytes)?)),
            Self::Versioned => match bytes {
                [1, text @ ..] => to.intern(text).ok_or(FULL)?,
                _ => return Err(Unreadable("it has a version that is not known")),
            },
            Self::Bytes(mode) => return encoded(bytes, *mode, to, node),
            Self::Numeric(exact) => {
                if let Some(special) = Special::of_binary(bytes) {
                    return write_special(special, *exact, to, node);
                }
                return write_decimal(Decimal::of_binary(bytes)?, *exact, to, node);
            }
            Self::Money { digits, exact } => {
                // The server counts in the smallest unit of its locale, a
                // hundredth in nearly all.
                let amount = Decimal::new(i64::from_be_bytes(scalar::fixed(bytes)?), 2);
                return write_decimal(amount.rescale(i32::from(*digits))?, *exact, to, node);
            }
            Self::Date { iso } => {
                return write_date(times::date_of_binary(bytes)?, *iso, to, node);
            }
            Self::Time(unit) => return write_time(times::time_of_binary(bytes)?, *unit, to, node),
            Self::TimeTz => return write_timetz(times::timetz_of_binary(bytes)?, to, node),
            Self::Timestamp(unit) => {
                return write_timestamp(times::timestamp_of_binary(bytes)?, *unit, to, node);
            }
            Self::TimestampTz(digits) => {
                return write_timestamptz(times::timestamp_of_binary(bytes)?, *digits, to, node);
            }
            Self::Interval { iso } => {
                return write_interval(Interval::of_binary(bytes)?, *iso, to, node);
            }
            Self::Uuid => {
                let bytes: [u8; 16] = scalar::fixed(bytes)?;
                to.intern_with(|out| scalar::uuid_text(&bytes, out)).ok_or(FULL)?
            }
            Self::Bit => scalar::bit_from_binary(bytes)?.map_or(Cell::Null, Cell::Bool),
            Self::Bits => return written(to, node, |out| scalar::bits_from_binary(bytes, out)),
            Self::Inet => return written(to, node, |out| net::inet(bytes, out)),
            Self::Mac => return written(to, node, |out| net::mac(bytes, out)),
            Self::Point => return write_point(point_of_binary(bytes)?, to, node),
            Self::Array(element) => {
                return to.set_list(node, |items| {
                    arrays::of_binary(bytes, |bytes| {
                        element.item(bytes.map(TupleValue::Binary), items)
                    })
                });
            }
            Self::TextOnly | Self::Raw(_) | Self::HstoreJson | Self::HstoreMap => {
                return Err(UNKNOWN_FORM);
            }
        };
        to.set(node, cell);
        Ok(())
    }

    /// Adds one element to the rows of an array.
    fn item(&self, value: Option<TupleValue<'_>>, items: &mut Columns) -> Done {
        match value {
            Some(value) => match self.write(value, items, Layout::ROOT) {
                Err(NO_DECIMAL) => return self.item(None, items),
                written => {
                    written?;
                    items.end_row();
                }
            },
            None if self.is_struct() => items.absent_row(),
            None => items.end_row(),
        }
        Ok(())
    }

    fn is_struct(&self) -> bool {
        matches!(
            self,
            Self::Point
                | Self::Numeric(Exact::Variable)
                | Self::Money { exact: Exact::Variable, .. }
        )
    }
}

/// Sets a cell to what is appended to the arena.
fn written(to: &mut Columns, node: NodeId, write: impl FnOnce(&mut Vec<u8>) -> Done) -> Done {
    let mut done = Ok(());
    let cell = to.intern_with(|out| done = write(out)).ok_or(FULL)?;
    done?;
    to.set(node, cell);
    Ok(())
}

fn bytea(text: &[u8], mode: BinaryMode, to: &mut Columns, node: NodeId) -> Done {
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
fn encoded(bytes: &[u8], mode: BinaryMode, to: &mut Columns, node: NodeId) -> Done {
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

fn write_decimal(value: Decimal, exact: Exact, to: &mut Columns, node: NodeId) -> Done {
    match exact {
        Exact::Scale(scale) => {
            let value = value.rescale(scale)?;
            written(to, node, |out| {
                value.write_unscaled(out);
                Ok(())
            })
        }
        Exact::Variable => {
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

fn write_special(special: Special, exact: Exact, to: &mut Columns, node: NodeId) -> Done {
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

fn write_date(when: When, iso: bool, to: &mut Columns, node: NodeId) -> Done {
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

fn write_time(micros: i64, unit: Unit, to: &mut Columns, node: NodeId) -> Done {
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

fn write_timetz(micros: i64, to: &mut Columns, node: NodeId) -> Done {
    written(to, node, |out| {
        iso::time(micros, Digits::Needed, out);
        Ok(())
    })
}

/// What Debezium writes for the ends of time, in µs.
const INFINITY_US: i64 = 9_223_372_036_825_200_000;
const NEGATIVE_INFINITY_US: i64 = -9_223_372_036_832_400_000;

fn write_timestamp(when: When, unit: Unit, to: &mut Columns, node: NodeId) -> Done {
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

fn write_timestamptz(when: When, digits: Digits, to: &mut Columns, node: NodeId) -> Done {
    written(to, node, |out| {
        match when {
            When::At(micros) => iso::timestamp(micros, digits, out),
            When::Infinity => out.extend_from_slice(b"infinity"),
            When::NegativeInfinity => out.extend_from_slice(b"-infinity"),
        }
        Ok(())
    })
}

fn write_interval(interval: Interval, iso: bool, to: &mut Columns, node: NodeId) -> Done {
    if iso {
        return written(to, node, |out| {
            iso::interval(interval, out);
            Ok(())
        });
    }
    to.set(node, Cell::Int(interval.total_micros()));
    Ok(())
}

fn point_of_text(text: &[u8]) -> Result<[f64; 2], Unreadable> {
    const BAD: Unreadable = Unreadable("it is no point");
    let inner = text.strip_prefix(b"(").and_then(|text| text.strip_suffix(b")")).ok_or(BAD)?;
    let comma = inner.iter().position(|&byte| byte == b',').ok_or(BAD)?;
    Ok([scalar::float_of_text(&inner[..comma])?, scalar::float_of_text(&inner[comma + 1..])?])
}

fn point_of_binary(bytes: &[u8]) -> Result<[f64; 2], Unreadable> {
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

fn write_point(point: [f64; 2], to: &mut Columns, node: NodeId) -> Done {
    to.set_present(node);
    to.set(node + 1, Cell::Float(point[0]));
    to.set(node + 2, Cell::Float(point[1]));
    written(to, node + 3, |out| {
        wkb(point, out);
        Ok(())
    })
}

fn write_hstore_json(text: &[u8], to: &mut Columns, node: NodeId) -> Done {
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

fn write_hstore_map(text: &[u8], to: &mut Columns, node: NodeId) -> Done {
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
