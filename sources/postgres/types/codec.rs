//! Compiled readers: a value of the wire into the cells of a row.

use thalweg_core::batch::{Cell, Columns, Layout, NodeId};

use super::cells::{
    bytea, encoded, point_of_binary, point_of_text, write_date, write_decimal, write_hstore_json,
    write_hstore_map, write_interval, write_point, write_special, write_time, write_timestamp,
    write_timestamptz, write_timetz, written,
};
use super::iso::Digits;
use super::modes::BinaryMode;
use super::numeric::{Decimal, Special, money_of_text};
use super::times::{self, Interval};
use super::{TupleValue, Unreadable, arrays, net, scalar};

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
    /// `"char"`: one byte, or none.
    Char,
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
    /// Elements, and what parts them in text.
    Array(Box<Codec>, u8),
}

type Done = Result<(), Unreadable>;

/// The arena of a batch holds 4 GiB; batches end far below.
pub(super) const FULL: Unreadable = Unreadable("there is no room for it in one batch");
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
            Self::Array(element, _) => element.reads_binary(),
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
            Self::Text
            | Self::Char
            | Self::TextOnly
            | Self::Versioned
            | Self::Uuid
            | Self::Inet
            | Self::Mac => to.intern(text).ok_or(FULL)?,
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
            Self::Array(element, delimiter) => {
                return to.set_list(node, |items| {
                    arrays::of_text(text, *delimiter, |text| {
                        element.item(text.map(TupleValue::Text), items)
                    })
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
            Self::Char => char_cell(bytes, to)?,
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
            Self::Array(element, _) => {
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

/// A `"char"` in binary form: one byte, of which 0 is none.
fn char_cell(bytes: &[u8], to: &mut Columns) -> Result<Cell, Unreadable> {
    match scalar::fixed::<1>(bytes)? {
        [0] => to.intern(b""),
        // As later servers print it; such a byte alone is no UTF-8.
        [byte @ 0x80..=0xff] => to.intern(format!("\\{byte:03o}").as_bytes()),
        byte => to.intern(&byte),
    }
    .ok_or(FULL)
}
