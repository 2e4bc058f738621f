//! JSON as Kafka Connect's `JsonConverter` writes it: rows to and from text,
//! schemas to and from their JSON form.
//!
//! ```
//! use thalweg_core::batch::{Cell, Columns, Layout};
//! use thalweg_core::json::{Encoder, Options, schema_json};
//! use thalweg_core::schema::SchemaBuilder;
//!
//! let schema = SchemaBuilder::structure().field("id", SchemaBuilder::int32().build()).build();
//! let layout = Layout::of(&schema);
//! let mut rows = Columns::new(layout.clone());
//! rows.set_present(Layout::ROOT);
//! rows.set(1, Cell::Int(7));
//! rows.end_row();
//!
//! let mut text = Vec::new();
//! Encoder::new(&layout, &Options::default()).unwrap().encode(&rows, 0, &mut text).unwrap();
//! assert_eq!(text, br#"{"id":7}"#);
//! assert_eq!(
//!     schema_json(&schema, &Options::default()).unwrap(),
//!     r#"{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false}"#
//! );
//! ```

mod decimal;
mod decode;
mod encode;
mod envelope;
mod path;
mod read;
mod scalar;
mod schema;
mod write;

pub use decode::Decoder;
pub use encode::Encoder;
pub use envelope::{Envelope, split_envelope};
pub use path::{JsonRef, get};
pub use schema::{from_json, schema_json};
pub(crate) use write::double as write_double;

use crate::codec::DecodeProblem;

/// How decimals are written (`decimal.format`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecimalFormat {
    /// Their unscaled number's bytes, in base64.
    #[default]
    Base64,
    /// As numbers.
    Numeric,
}

/// How rows are written as JSON and read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How decimals are written. Both forms are read.
    pub decimals: DecimalFormat,
    /// Whether null in a field that has a default becomes that default
    /// (`replace.null.with.default`, on by default).
    pub nulls_to_defaults: bool,
    /// The text for values that the source did not send.
    pub placeholder: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            decimals: DecimalFormat::Base64,
            nulls_to_defaults: true,
            placeholder: crate::codec::UNAVAILABLE_PLACEHOLDER.to_owned(),
        }
    }
}

/// Checks that bytes are one JSON value and nothing else.
pub fn check(bytes: &[u8]) -> Result<(), (usize, DecodeProblem)> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err((error.valid_up_to(), DecodeProblem::NotText));
    }
    let mut reader = read::Reader::new(bytes);
    reader.skip_value().and_then(|()| reader.end()).map_err(|problem| (reader.at(), problem))
}

#[cfg(test)]
mod tests;
