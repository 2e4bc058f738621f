//! Avro in Confluent's wire format, with the schemas in a registry.

mod store;

pub use store::{SchemaStore, StoreError};
