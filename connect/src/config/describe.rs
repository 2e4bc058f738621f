//! All keys of a kind of connector, without a running server.

use std::collections::BTreeSet;
use std::sync::Arc;

use thalweg_core::BoxFuture;
use thalweg_core::config::{ConfigMap, Declare, Declared};

use super::{Reader, runtime};
use crate::converters::Converters;
use crate::converters::avro::{SchemaStore, StoreError};
use crate::plugins::{Plugin, Plugins};

/// Every key that connectors of this kind take: the runtime's, those of the
/// Avro and the JSON converter, and the connector's own.
#[must_use]
pub fn describe(plugin: &Plugin) -> Declared {
    let reader = Reader {
        plugins: Plugins::new(),
        converters: Converters::new(Arc::new(NoRegistry), |_| true),
        message_bytes_max: 0,
    };
    let mut keys = Declare::describe();
    runtime::declare(&reader, plugin, None, &mut keys);
    plugin.declare(&mut keys);
    let mut declared = keys.finish();
    declared.definitions = super::distinct(declared.definitions);
    add_json(&reader, plugin, &mut declared);
    declared
}

/// A converter's keys are declared when it is asked for.
fn add_json(reader: &Reader, plugin: &Plugin, declared: &mut Declared) {
    let posted: ConfigMap = ["key.converter", "value.converter"]
        .into_iter()
        .map(|key| (key.to_owned(), "json".to_owned()))
        .collect();
    let mut keys = Declare::read(&posted);
    runtime::declare(reader, plugin, Some(&posted), &mut keys);
    let seen: BTreeSet<String> = declared.definitions.iter().map(|d| d.name.clone()).collect();
    let all = &mut declared.definitions;
    for mut definition in keys.finish().definitions {
        if seen.contains(&definition.name) {
            continue;
        }
        definition.documentation = format!("With the JSON converter: {}", definition.documentation);
        let last = all.iter().rposition(|other| other.group == definition.group);
        all.insert(last.map_or(all.len(), |last| last + 1), definition);
    }
}

/// Nothing is written or read with converters that only say their keys.
struct NoRegistry;

fn unreachable<T>() -> Result<T, StoreError> {
    Err(StoreError::Unreachable("there is no registry where keys are described".to_owned()))
}

impl SchemaStore for NoRegistry {
    fn register<'a>(
        &'a self,
        _subject: &'a str,
        _schema: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async { unreachable() })
    }

    fn look_up<'a>(
        &'a self,
        _subject: &'a str,
        _schema: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async { unreachable() })
    }

    fn schema(&self, _id: u32) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        Box::pin(async { unreachable() })
    }
}
