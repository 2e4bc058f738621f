//! From a posted config to converters: class names and keys.

use std::sync::Arc;

use thalweg_core::config::Declare;

use super::avro::SchemaStore;
use super::{ByteArrayConverter, Converter, Side, StringConverter};

/// The worker's default for keys and values.
pub const DEFAULT_CLASS: &str = "io.confluent.connect.avro.AvroConverter";

/// Makes converters. One per process.
pub struct Converters {
    store: Arc<dyn SchemaStore>,
    is_own_registry: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Converters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converters").finish_non_exhaustive()
    }
}

impl Converters {
    /// Avro converters ask this store. `is_own_registry` says whether a posted
    /// `schema.registry.url` is this process' own registry or an alias of it.
    pub fn new(
        store: Arc<dyn SchemaStore>,
        is_own_registry: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { store, is_own_registry: Box::new(is_own_registry) }
    }

    /// Declares `key.converter` or `value.converter` with all keys below it,
    /// and makes that converter. What is wrong with them is reported to `keys`;
    /// the converter may be used only if nothing is.
    pub fn declare(&self, side: Side, keys: &mut Declare<'_>) -> Arc<dyn Converter> {
        let name = format!("{}.converter", side.name());
        let doc = format!(
            "How the {} of records is written to the log and read from it: the class of a \
             converter, or a short name.",
            side.name()
        );
        keys.set_group("Converters");
        let class = keys
            .text(&name, &doc)
            .class()
            .recommend(CLASSES.iter().map(|class| class.name))
            .check(|text| find(text).map(drop))
            .default(DEFAULT_CLASS.to_owned());
        let _ = (&self.store, &self.is_own_registry);
        match find(&class).map(|class| class.kind) {
            Ok(ClassKind::String) => Arc::new(StringConverter),
            _ => Arc::new(ByteArrayConverter),
        }
    }
}

#[derive(Clone, Copy)]
enum ClassKind {
    String,
    Bytes,
}

struct Class {
    name: &'static str,
    alias: &'static [&'static str],
    kind: ClassKind,
}

const CLASSES: &[Class] = &[
    Class {
        name: "org.apache.kafka.connect.storage.StringConverter",
        alias: &["string", "StringConverter"],
        kind: ClassKind::String,
    },
    Class {
        name: "org.apache.kafka.connect.converters.ByteArrayConverter",
        alias: &["bytes", "ByteArrayConverter"],
        kind: ClassKind::Bytes,
    },
];

fn find(name: &str) -> Result<&'static Class, String> {
    let name = name.trim();
    CLASSES.iter().find(|class| class.name == name || class.alias.contains(&name)).ok_or_else(
        || {
            let names: Vec<_> = CLASSES.iter().map(|class| class.name).collect();
            format!("no such converter; there are {}", names.join(", "))
        },
    )
}
