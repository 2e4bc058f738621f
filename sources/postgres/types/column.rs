//! Which schema and which reader a column has.

use std::sync::Arc;

use thalweg_core::batch::{Columns, NodeId};
use thalweg_core::schema::{Schema, SchemaBuilder, Value};

use super::absent;
use super::codec::{Codec, Exact, NO_DECIMAL, Unit};
use super::iso::Digits;
use super::modes::{BinaryMode, DecimalMode, HstoreMode, IntervalMode, Modes, TimeMode};
use super::{TupleValue, Unreadable};
use crate::postgres::catalog::{ColumnInfo, TypeKind, Types};

/// A column's schema and reader, compiled.
#[derive(Clone, Debug)]
pub(crate) struct ColumnType {
    /// The schema, with default and optionality.
    pub(crate) schema: Arc<Schema>,
    /// The name of a type that is not known and is written as text.
    pub(crate) unknown: Option<Arc<str>>,
    codec: Codec,
    /// Instead of null in a column that has no nulls (an old row of which only
    /// the key came).
    missing: Option<Value>,
    /// Instead of a value that was not sent.
    unavailable: Option<Value>,
}

/// A type's schema and reader.
struct Typed {
    schema: SchemaBuilder,
    codec: Codec,
    /// Whether Debezium gives columns of this type a default.
    defaults: bool,
    /// Whether elements of an array of it may be null.
    element_optional: bool,
    unknown: Option<Arc<str>>,
}

impl Typed {
    fn new(schema: SchemaBuilder, codec: Codec) -> Self {
        Self { schema, codec, defaults: true, element_optional: true, unknown: None }
    }

    fn without_default(mut self) -> Self {
        self.defaults = false;
        self
    }

    fn with_elements_set(mut self) -> Self {
        self.element_optional = false;
        self
    }
}

impl ColumnType {
    /// The schema and reader of a column.
    pub(crate) fn compile(column: &ColumnInfo, types: &Types, modes: &Modes) -> Self {
        let typed = typed(column.type_oid, column.type_modifier, types, modes);
        let mut builder = typed.schema.optional_if(!column.not_null);
        let bare = builder.clone().build();
        let mut default = None;
        if typed.defaults
            && let Some(expression) = &column.default_expr
        {
            default = absent::default_value(expression, &typed.codec, &bare);
        }
        let missing = column
            .not_null
            .then(|| default.clone().unwrap_or_else(|| absent::zero(&typed.codec, &bare)));
        if let Some(value) = default {
            builder = builder.default_value(value);
        }
        let unavailable = absent::placeholder(&typed.codec, &bare, modes);
        Self {
            schema: builder.build(),
            unknown: typed.unknown,
            codec: typed.codec,
            missing,
            unavailable,
        }
    }

    /// Writes a value into the row under construction.
    #[inline]
    pub(crate) fn write(
        &self,
        value: TupleValue<'_>,
        to: &mut Columns,
        node: NodeId,
    ) -> Result<(), Unreadable> {
        match value {
            TupleValue::Null => {
                if let Some(value) = &self.missing {
                    to.set_value(node, value);
                }
                Ok(())
            }
            TupleValue::Unchanged => {
                match (&self.unavailable, &self.missing) {
                    (Some(value), _) | (None, Some(value)) => to.set_value(node, value),
                    (None, None) => to.set_unavailable(node),
                }
                Ok(())
            }
            value => match self.codec.write(value, to, node) {
                // Nothing is set by then.
                Err(NO_DECIMAL) if self.schema.optional() => Ok(()),
                written => written,
            },
        }
    }
}

/// See [`super::binary_decodable`].
pub(super) fn binary_decodable(oid: u32, types: &Types) -> bool {
    codec_of(oid, types).reads_binary()
}

fn codec_of(oid: u32, types: &Types) -> Codec {
    // No mode changes what is read, but hstore's, which is read from text.
    typed(oid, -1, types, &Modes::default()).codec
}

fn logical(builder: SchemaBuilder, name: &str) -> SchemaBuilder {
    builder.name(name).version(1)
}

fn typed(oid: u32, modifier: i32, types: &Types, modes: &Modes) -> Typed {
    let (oid, modifier) = types.resolve(oid, modifier);
    let info = types.get(oid);
    match info.map(|info| &info.kind) {
        Some(TypeKind::Enum(labels)) => {
            let allowed: Vec<&str> = labels.iter().map(|label| &**label).collect();
            let schema = logical(SchemaBuilder::string(), "io.debezium.data.Enum")
                .parameter("allowed", allowed.join(","));
            Typed::new(schema, Codec::Text).with_elements_set()
        }
        Some(TypeKind::Array(element)) => array(oid, *element, modifier, types, modes),
        _ => builtin(oid, modifier, modes)
            .or_else(|| extension(info.map_or("", |info| &info.name), modes))
            .unwrap_or_else(|| unknown(oid, types, modes)),
    }
}

fn array(oid: u32, element_oid: u32, modifier: i32, types: &Types, modes: &Modes) -> Typed {
    let element = typed(element_oid, modifier, types, modes);
    let delimiter = types.get(element_oid).map_or(b',', |info| info.delimiter);
    if element.unknown.is_some() && !modes.include_unknown {
        return unknown(oid, types, modes);
    }
    if matches!(element.codec, Codec::Array(..)) {
        // A domain over an array as an element: its text says all of it.
        return unknown(oid, types, modes);
    }
    let schema = element.schema.optional_if(element.element_optional).build();
    let mut typed =
        Typed::new(SchemaBuilder::array(schema), Codec::Array(Box::new(element.codec), delimiter))
            .without_default();
    typed.unknown = element.unknown;
    typed
}

fn unknown(oid: u32, types: &Types, modes: &Modes) -> Typed {
    let name = types.get(oid).map_or_else(|| oid.to_string().into(), |info| Arc::clone(&info.name));
    let mut typed = if modes.include_unknown {
        Typed::new(binary_schema(modes.binary), Codec::Raw(modes.binary)).with_elements_set()
    } else {
        Typed::new(SchemaBuilder::string(), Codec::TextOnly)
    };
    typed.defaults = false;
    typed.unknown = Some(name);
    typed
}

fn binary_schema(mode: BinaryMode) -> SchemaBuilder {
    if mode == BinaryMode::Bytes { SchemaBuilder::bytes() } else { SchemaBuilder::string() }
}

/// Types of `pg_catalog`, by their object ids, which never change.
fn builtin(oid: u32, modifier: i32, modes: &Modes) -> Option<Typed> {
    let text = |codec| Typed::new(SchemaBuilder::string(), codec);
    Some(match oid {
        16 => Typed::new(SchemaBuilder::boolean(), Codec::Bool),
        17 => Typed::new(binary_schema(modes.binary), Codec::Bytes(modes.binary)).without_default(),
        18 => text(Codec::Char),
        19 | 25 | 1042 | 1043 => text(Codec::Text),
        20 => Typed::new(SchemaBuilder::int64(), Codec::Int64),
        21 => Typed::new(SchemaBuilder::int16(), Codec::Int16),
        23 => Typed::new(SchemaBuilder::int32(), Codec::Int32),
        26 => Typed::new(SchemaBuilder::int64(), Codec::Oid),
        114 => Typed::new(logical(SchemaBuilder::string(), "io.debezium.data.Json"), Codec::Text),
        142 => Typed::new(logical(SchemaBuilder::string(), "io.debezium.data.Xml"), Codec::Text),
        600 => Typed::new(point(), Codec::Point).without_default(),
        650 | 869 => text(Codec::Inet).without_default(),
        700 => Typed::new(SchemaBuilder::float32(), Codec::Float32),
        701 => Typed::new(SchemaBuilder::float64(), Codec::Float64),
        774 | 829 => text(Codec::Mac).without_default(),
        790 => money(modes),
        1082 => date(modes),
        1083 => time(modifier, modes),
        1114 => timestamp(modifier, modes),
        1184 => {
            let digits = usize::try_from(modifier).unwrap_or(6).min(6);
            let schema = logical(SchemaBuilder::string(), "io.debezium.time.ZonedTimestamp");
            Typed::new(schema, Codec::TimestampTz(Digits::Fixed(digits)))
        }
        1186 => interval(modes),
        1266 => {
            let schema = logical(SchemaBuilder::string(), "io.debezium.time.ZonedTime");
            Typed::new(schema, Codec::TimeTz).without_default()
        }
        1560 | 1562 => bits(oid, modifier),
        1700 => numeric(modifier, modes),
        2950 => Typed::new(logical(SchemaBuilder::string(), "io.debezium.data.Uuid"), Codec::Uuid),
        3614 => Typed::new(
            logical(SchemaBuilder::string(), "io.debezium.data.Tsvector"),
            Codec::TextOnly,
        )
        .without_default()
        .with_elements_set(),
        3802 => {
            Typed::new(logical(SchemaBuilder::string(), "io.debezium.data.Json"), Codec::Versioned)
        }
        3904 | 3906 | 3908 | 3910 | 3912 | 3926 => text(Codec::TextOnly).without_default(),
        _ => return None,
    })
}

/// Types of extensions, by name: their object ids differ by database.
fn extension(name: &str, modes: &Modes) -> Option<Typed> {
    Some(match name {
        "citext" => Typed::new(SchemaBuilder::string(), Codec::Text),
        "ltree" => {
            let schema = logical(SchemaBuilder::string(), "io.debezium.data.Ltree");
            Typed::new(schema, Codec::Versioned).without_default()
        }
        "hstore" if modes.hstore == HstoreMode::Map => {
            let value = SchemaBuilder::string().optional().build();
            let schema = SchemaBuilder::map(SchemaBuilder::string().build(), value);
            Typed::new(schema, Codec::HstoreMap).without_default()
        }
        "hstore" => {
            let schema = logical(SchemaBuilder::string(), "io.debezium.data.Json");
            Typed::new(schema, Codec::HstoreJson).without_default()
        }
        _ => return None,
    })
}

fn point() -> SchemaBuilder {
    let coordinate = SchemaBuilder::float64().build();
    logical(SchemaBuilder::structure(), "io.debezium.data.geometry.Point")
        .doc("Geometry (POINT)")
        .field("x", Arc::clone(&coordinate))
        .field("y", coordinate)
        .field("wkb", SchemaBuilder::bytes().optional().build())
        .field("srid", SchemaBuilder::int32().optional().build())
}

fn bits(oid: u32, modifier: i32) -> Typed {
    // A `varbit` without a length has the longest one there is.
    let length = if modifier > 0 {
        modifier
    } else if oid == 1560 {
        1
    } else {
        i32::MAX
    };
    if length == 1 {
        return Typed::new(SchemaBuilder::boolean(), Codec::Bit);
    }
    let schema = logical(SchemaBuilder::bytes(), "io.debezium.data.Bits")
        .parameter("length", length.to_string());
    Typed::new(schema, Codec::Bits)
}

const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";

fn money(modes: &Modes) -> Typed {
    let digits = modes.money_digits;
    let scale = i32::from(digits);
    let (schema, exact) = match modes.decimal {
        DecimalMode::Precise => (
            logical(SchemaBuilder::bytes(), DECIMAL).parameter("scale", scale.to_string()),
            Exact::Scale(scale),
        ),
        DecimalMode::Double => (SchemaBuilder::float64(), Exact::Double),
        DecimalMode::String => (SchemaBuilder::string(), Exact::Text),
    };
    Typed::new(schema, Codec::Money { digits, exact }).without_default()
}

fn numeric(modifier: i32, modes: &Modes) -> Typed {
    match modes.decimal {
        DecimalMode::Double => {
            return Typed::new(SchemaBuilder::float64(), Codec::Numeric(Exact::Double));
        }
        DecimalMode::String => {
            return Typed::new(SchemaBuilder::string(), Codec::Numeric(Exact::Text));
        }
        DecimalMode::Precise => {}
    }
    if modifier < 4 {
        let schema = logical(SchemaBuilder::structure(), "io.debezium.data.VariableScaleDecimal")
            .doc("Variable scaled decimal")
            .field("scale", SchemaBuilder::int32().build())
            .field("value", SchemaBuilder::bytes().build());
        return Typed::new(schema, Codec::Numeric(Exact::Variable)).without_default();
    }
    let precision = ((modifier - 4) >> 16) & 0xffff;
    // The scale has 11 bits and a sign.
    let scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
    // A negative scale is more digits before the point, which every reader of
    // a decimal understands.
    let (precision, scale) = (precision + (-scale).max(0), scale.max(0));
    let schema = logical(SchemaBuilder::bytes(), DECIMAL)
        .parameter("scale", scale.to_string())
        .parameter("connect.decimal.precision", precision.to_string());
    Typed::new(schema, Codec::Numeric(Exact::Scale(scale)))
}

fn date(modes: &Modes) -> Typed {
    let (schema, name) = match modes.time {
        TimeMode::Connect => (SchemaBuilder::int32(), "org.apache.kafka.connect.data.Date"),
        TimeMode::Isostring => (SchemaBuilder::string(), "io.debezium.time.IsoDate"),
        _ => (SchemaBuilder::int32(), "io.debezium.time.Date"),
    };
    Typed::new(logical(schema, name), Codec::Date { iso: modes.time == TimeMode::Isostring })
}

/// Whether a time or timestamp has at most three digits of a second.
fn in_millis(modifier: i32) -> bool {
    (0..=3).contains(&modifier)
}

fn time(modifier: i32, modes: &Modes) -> Typed {
    let int64 = SchemaBuilder::int64;
    let (schema, name, unit) = match modes.time {
        TimeMode::Connect => {
            (SchemaBuilder::int32(), "org.apache.kafka.connect.data.Time", Unit::Millis)
        }
        TimeMode::Isostring => (SchemaBuilder::string(), "io.debezium.time.IsoTime", Unit::Iso),
        TimeMode::Nanoseconds => (int64(), "io.debezium.time.NanoTime", Unit::Nanos),
        TimeMode::Adaptive if in_millis(modifier) => {
            (SchemaBuilder::int32(), "io.debezium.time.Time", Unit::Millis)
        }
        _ => (int64(), "io.debezium.time.MicroTime", Unit::Micros),
    };
    Typed::new(logical(schema, name), Codec::Time(unit))
}

fn timestamp(modifier: i32, modes: &Modes) -> Typed {
    let int64 = SchemaBuilder::int64;
    let (schema, name, unit) = match modes.time {
        TimeMode::Connect => (int64(), "org.apache.kafka.connect.data.Timestamp", Unit::Millis),
        TimeMode::Isostring => {
            (SchemaBuilder::string(), "io.debezium.time.IsoTimestamp", Unit::Iso)
        }
        TimeMode::Nanoseconds => (int64(), "io.debezium.time.NanoTimestamp", Unit::Nanos),
        TimeMode::Adaptive | TimeMode::AdaptiveTimeMicroseconds if in_millis(modifier) => {
            (int64(), "io.debezium.time.Timestamp", Unit::Millis)
        }
        _ => (int64(), "io.debezium.time.MicroTimestamp", Unit::Micros),
    };
    Typed::new(logical(schema, name), Codec::Timestamp(unit))
}

fn interval(modes: &Modes) -> Typed {
    let iso = modes.interval == IntervalMode::String;
    let schema = if iso {
        logical(SchemaBuilder::string(), "io.debezium.time.Interval")
    } else {
        logical(SchemaBuilder::int64(), "io.debezium.time.MicroDuration")
    };
    Typed::new(schema, Codec::Interval { iso })
}
