//! Signs of life on a topic of their own.

use std::sync::Arc;

use thalweg_core::batch::{Batch, Cell, Layout};
use thalweg_core::schema::SchemaBuilder;

use crate::postgres::transport::now_us;
use crate::relational::TopicNaming;

/// Makes heartbeats.
pub(super) struct Heartbeats {
    topic: Arc<str>,
    server: String,
    key: Arc<Layout>,
    value: Arc<Layout>,
}

impl Heartbeats {
    /// For a server of this name.
    pub(super) fn new(topics: &TopicNaming) -> Self {
        let key = SchemaBuilder::structure()
            .name("io.debezium.connector.common.ServerNameKey")
            .version(1)
            .field("serverName", SchemaBuilder::string().build())
            .build();
        let value = SchemaBuilder::structure()
            .name("io.debezium.connector.common.Heartbeat")
            .version(1)
            .field("ts_ms", SchemaBuilder::int64().build())
            .build();
        Self {
            topic: topics.heartbeat().into(),
            server: topics.prefix.clone(),
            key: Layout::of(&key),
            value: Layout::of(&value),
        }
    }

    /// One heartbeat, now.
    pub(super) fn beat(&self, ordinal: u64) -> Batch {
        let layouts = (Some(Arc::clone(&self.key)), Some(Arc::clone(&self.value)));
        let mut batch = Batch::new(Arc::clone(&self.topic), layouts.0, layouts.1);
        if let (Some(key), Some(value)) = (&mut batch.key, &mut batch.value) {
            key.set_present(Layout::ROOT);
            if let Some(node) = self.key.find(&["serverName"]) {
                key.set_bytes(node, self.server.as_bytes());
            }
            key.end_row();
            value.set_present(Layout::ROOT);
            if let Some(node) = self.value.find(&["ts_ms"]) {
                value.set(node, Cell::Int(now_us() / 1000));
            }
            value.end_row();
        }
        batch.ordinals.push(ordinal);
        batch.rows = 1;
        batch
    }
}
