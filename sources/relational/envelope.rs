//! The envelope of change events.

use std::sync::Arc;

use thalweg_core::schema::{Schema, SchemaBuilder};

/// The schemas around a row.
pub struct EnvelopeSchemas;

impl EnvelopeSchemas {
    /// `before, after, source, transaction, op, ts_ms, ts_us, ts_ns`. `row`
    /// must be optional.
    #[must_use]
    pub fn envelope(name: &str, row: &Arc<Schema>, source: &Arc<Schema>) -> Arc<Schema> {
        let time = SchemaBuilder::int64().optional().build();
        SchemaBuilder::structure()
            .name(name)
            .version(2)
            .field("before", Arc::clone(row))
            .field("after", Arc::clone(row))
            .field("source", Arc::clone(source))
            .field("transaction", event_block())
            .field("op", SchemaBuilder::string().build())
            .field("ts_ms", Arc::clone(&time))
            .field("ts_us", Arc::clone(&time))
            .field("ts_ns", time)
            .build()
    }
}

/// The `transaction` block of an event.
#[must_use]
pub fn event_block() -> Arc<Schema> {
    SchemaBuilder::structure()
        .name("event.block")
        .version(1)
        .field("id", SchemaBuilder::string().build())
        .field("total_order", SchemaBuilder::int64().build())
        .field("data_collection_order", SchemaBuilder::int64().build())
        .optional()
        .build()
}
