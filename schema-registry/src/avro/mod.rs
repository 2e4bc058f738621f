//! The Avro model: schemas with every attribute in the order it was written.
//!
//! [`parse`] reads a schema's text; [`Schema::root`] is where one walks from.
//! [`Schema::text`] is what Java's `Schema.toString` prints, which is what a schema's
//! identity in the registry hangs on.
//!
//! ```
//! let schema = thalweg_schema_registry::avro::parse(
//!     r#"{"type":"record","name":"shop.Order","fields":[
//!         {"name":"id","type":{"type":"long","connect.name":"Id"}}]}"#,
//! )?;
//! let id = schema.root().field("id").expect("there is one");
//! assert_eq!(id.schema().prop_str("connect.name"), Some("Id"));
//! # Ok::<(), thalweg_schema_registry::avro::SchemaError>(())
//! ```

mod canonical;
mod edit;
mod error;
pub mod json;
mod model;
mod name;
mod normal;
mod parse;
mod print;

#[cfg(test)]
mod tests;

pub use canonical::{crc64_avro, fingerprint64};
pub(crate) use edit::Draft;
pub use error::SchemaError;
pub use json::{Json, Number};
pub use model::{Field, Kind, Node, NodeId, Order, Schema};
pub use name::Name;
pub use parse::{DEPTH_MAX, TEXT_BYTES_MAX, parse, parse_with};
