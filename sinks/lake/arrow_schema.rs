//! Arrow's schema of a Connect schema: what Parquet files hold.
//!
//! As Confluent's `ParquetFormat` has it: Connect's Date, Time, Timestamp and
//! Decimal become Parquet's; Debezium's `io.debezium.time.*` stay the numbers
//! that they are. Two deliberate differences: lists have Parquet's own three
//! levels (`list.element`), so that their elements can be null, and integers of
//! 8 and 16 bits keep their width.

use std::sync::Arc;

use ::arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use thalweg_core::batch::{Layout, NodeId, NodeKind};
use thalweg_core::schema::Kind;

use super::format::FormatError;

/// Precision of a decimal that does not say its own, as Confluent has it.
const PRECISION_DEFAULT: u8 = 64;

/// Most digits of Arrow's two decimals.
const DIGITS_MAX_128: u8 = 38;
const DIGITS_MAX_256: u8 = 76;

/// Arrow's schema of a layout, whose root must be a struct.
pub(super) fn of(layout: &Layout) -> Result<SchemaRef, FormatError> {
    if !matches!(layout.node(Layout::ROOT).kind, NodeKind::Struct) {
        return Err(FormatError::Schema(
            "Parquet needs rows with a schema that are structs: use AvroConverter, or JsonFormat \
             for rows without a schema"
                .to_owned(),
        ));
    }
    Ok(Arc::new(Schema::new(fields(layout, Layout::ROOT)?)))
}

fn fields(layout: &Layout, of: NodeId) -> Result<Fields, FormatError> {
    let fields: Fields = layout
        .fields(of)
        .map(|field| {
            let node = layout.node(field);
            self::field(&node.name, layout, field)
        })
        .collect::<Result<Vec<_>, FormatError>>()?
        .into();
    if fields.is_empty() {
        let name = &layout.node(of).name;
        return Err(FormatError::Schema(format!(
            "Parquet has no structs without fields (field {name}): leave it out or use AvroFormat"
        )));
    }
    Ok(fields)
}

fn field(name: &str, layout: &Layout, node: NodeId) -> Result<Field, FormatError> {
    Ok(Field::new(name, data_type(layout, node)?, layout.node(node).schema.optional()))
}

fn data_type(layout: &Layout, id: NodeId) -> Result<DataType, FormatError> {
    let node = layout.node(id);
    Ok(match (&node.kind, node.schema.kind()) {
        (NodeKind::Struct, _) => DataType::Struct(fields(layout, id)?),
        (NodeKind::List(entry), Kind::Map(..)) => {
            let (key, value) = (1, entry.node(1).end);
            let key = Field::new("key", data_type(entry, key)?, false);
            let entries = vec![key, field("value", entry, value)?];
            let entries = Field::new("key_value", DataType::Struct(entries.into()), false);
            DataType::Map(Arc::new(entries), false)
        }
        (NodeKind::List(element), _) => {
            DataType::List(Arc::new(field("element", element, Layout::ROOT)?))
        }
        (NodeKind::Leaf, kind) => leaf(kind, &node.schema),
    })
}

fn leaf(kind: &Kind, schema: &thalweg_core::schema::Schema) -> DataType {
    match (kind, schema.name()) {
        (Kind::Int32, Some("org.apache.kafka.connect.data.Date")) => DataType::Date32,
        (Kind::Int32, Some("org.apache.kafka.connect.data.Time")) => {
            DataType::Time32(TimeUnit::Millisecond)
        }
        (Kind::Int64, Some("org.apache.kafka.connect.data.Timestamp")) => {
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
        }
        (Kind::Bytes, Some("org.apache.kafka.connect.data.Decimal")) => decimal(schema),
        (Kind::Boolean, _) => DataType::Boolean,
        (Kind::Int8, _) => DataType::Int8,
        (Kind::Int16, _) => DataType::Int16,
        (Kind::Int32, _) => DataType::Int32,
        (Kind::Int64, _) => DataType::Int64,
        (Kind::Float32, _) => DataType::Float32,
        (Kind::Float64, _) => DataType::Float64,
        (Kind::Bytes, _) => DataType::Binary,
        _ => DataType::Utf8,
    }
}

/// A decimal by its parameters. Parquet has none of a negative scale, nor with
/// more digits behind the point than in all: these stay bytes.
fn decimal(schema: &thalweg_core::schema::Schema) -> DataType {
    let number = |name: &str| schema.parameter(name)?.parse::<u8>().ok();
    let Some(scale) = number("scale") else { return DataType::Binary };
    let precision = number("connect.decimal.precision").unwrap_or(PRECISION_DEFAULT);
    let Ok(signed) = i8::try_from(scale) else { return DataType::Binary };
    if precision == 0 || scale > precision || precision > DIGITS_MAX_256 {
        DataType::Binary
    } else if precision > DIGITS_MAX_128 {
        DataType::Decimal256(precision, signed)
    } else {
        DataType::Decimal128(precision, signed)
    }
}
