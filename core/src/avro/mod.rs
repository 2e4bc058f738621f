//! Avro: schemas to and from Connect's, rows to and from datums.
//!
//! What a datum looks like is the Avro specification's; how a Connect schema
//! looks in Avro is what Confluent's `AvroData` makes of it, to the letter, so
//! that every Avro consumer of a Debezium topic finds what it is used to.
//!
//! ```
//! use thalweg_core::avro::{Decoder, Encoder, Options};
//! use thalweg_core::batch::{Cell, Columns, Layout};
//! use thalweg_core::schema::SchemaBuilder;
//!
//! let schema = SchemaBuilder::structure()
//!     .name("shop.Order")
//!     .field("id", SchemaBuilder::int32().build())
//!     .build();
//! let layout = Layout::of(&schema);
//! let mut rows = Columns::new(layout.clone());
//! rows.set_present(Layout::ROOT);
//! rows.set(1, Cell::Int(7));
//! rows.end_row();
//!
//! let encoder = Encoder::new(&layout, &Options::default()).unwrap();
//! let mut datum = Vec::new();
//! encoder.encode(&rows, 0, &mut datum).unwrap();
//! assert_eq!(datum, [14]);
//!
//! let decoder = Decoder::new(encoder.schema()).unwrap();
//! let mut back = Columns::new(decoder.layout().clone());
//! decoder.decode(&datum, &mut back).unwrap();
//! assert_eq!(back.value(0), rows.value(0));
//! ```

mod decode;
mod default;
mod encode;
mod from_connect;
mod name;
mod parse;
mod to_connect;
mod varint;

pub use decode::Decoder;
pub use encode::{Bound, Encoder};
pub use from_connect::schema_json;
pub use name::{Names, adjusted};
pub use to_connect::from_json;

/// How Connect schemas are written as Avro's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether the attributes `connect.*` are written, so that the Connect
    /// schema can be had back (`connect.meta.data`, on by default).
    pub metadata: bool,
    /// Whether null stays null in an optional field that has a default
    /// (`ignore.default.for.nullables`, off by default: the default is written).
    pub keep_nulls: bool,
    /// What becomes of names that Avro forbids (`scrub.invalid.names`).
    pub names: Names,
    /// The text for values that the source did not send.
    pub placeholder: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            metadata: true,
            keep_nulls: false,
            names: Names::default(),
            placeholder: crate::codec::UNAVAILABLE_PLACEHOLDER.to_owned(),
        }
    }
}

/// Names that `AvroData` uses.
pub(crate) mod words {
    pub(crate) const NAMESPACE: &str = "io.confluent.connect.avro";
    pub(crate) const DEFAULT_NAME: &str = "ConnectDefault";
    pub(crate) const MAP_ENTRY: &str = "MapEntry";
    pub(crate) const UNION: &str = "io.confluent.connect.avro.Union";
    pub(crate) const ENUM: &str = "io.confluent.connect.avro.Enum";
    pub(crate) const ENUM_DOC: &str = "io.confluent.connect.avro.enum.doc.";
    pub(crate) const ENUM_DEFAULT: &str = "io.confluent.connect.avro.enum.default.";
    /// Parameters that keep what Avro says of a record, of its field of that name,
    /// and that a default is the field's rather than the type's.
    pub(crate) const RECORD_DOC: &str = "io.confluent.connect.avro.record.doc";
    pub(crate) const FIELD_DOC: &str = "io.confluent.connect.avro.field.doc.";
    pub(crate) const FIELD_DEFAULT: &str = "io.confluent.connect.avro.field.default";
    pub(crate) const INTERNAL_TYPE: &str = "connect.internal.type";
    pub(crate) const FIXED_SIZE: &str = "connect.fixed.size";
    pub(crate) const PRECISION: &str = "connect.decimal.precision";
    pub(crate) const SCALE: &str = "scale";
    pub(crate) const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
    pub(crate) const DATE: &str = "org.apache.kafka.connect.data.Date";
    pub(crate) const TIME: &str = "org.apache.kafka.connect.data.Time";
    pub(crate) const TIMESTAMP: &str = "org.apache.kafka.connect.data.Timestamp";
    /// Precision of a decimal that does not say its own.
    pub(crate) const PRECISION_DEFAULT: i64 = 64;
}

#[cfg(test)]
mod tests;
