//! From a posted config to converters: class names and keys.

use std::sync::Arc;

use thalweg_core::config::Declare;
use thalweg_core::schema::Kind;

use super::avro::{self, SchemaStore};
use super::{
    ByteArrayConverter, Converter, IncompatibleAction, NumberConverter, Side, StringConverter, json,
};

/// The worker's default for keys and values.
pub const DEFAULT_CLASS: &str = "io.confluent.connect.avro.AvroConverter";

/// What converters are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A source: they write, and this is done with what a registry refuses.
    Write(IncompatibleAction),
    /// A sink: they read.
    Read,
}

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
    pub fn declare(
        &self,
        side: Side,
        purpose: Purpose,
        keys: &mut Declare<'_>,
    ) -> Arc<dyn Converter> {
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
        match find(&class).map_or(Make::Avro, |class| class.make) {
            Make::Avro => {
                let own = &*self.is_own_registry;
                Arc::new(avro::declare(side, purpose, keys, &self.store, own))
            }
            Make::Json => Arc::new(json::declare(side, keys)),
            Make::String => {
                let encoding = format!("{name}.converter.encoding");
                keys.refuse(&encoding, "UTF-8", "The encoding of text.");
                plain(side, keys);
                Arc::new(StringConverter)
            }
            Make::Bytes => {
                plain(side, keys);
                Arc::new(ByteArrayConverter)
            }
            Make::Number(kind) => {
                plain(side, keys);
                Arc::new(NumberConverter::new(kind()))
            }
        }
    }
}

/// Keys that people leave behind when they change the converter, without
/// effect on one that knows no schemas.
fn plain(side: Side, keys: &mut Declare<'_>) {
    for key in ["schemas.enable", "schema.registry.url"] {
        keys.ignore(&format!("{}.converter.{key}", side.name()), "", "Of other converters.");
    }
}

#[derive(Clone, Copy)]
enum Make {
    Avro,
    Json,
    String,
    Bytes,
    Number(fn() -> Kind),
}

struct Class {
    name: &'static str,
    make: Make,
}

const fn class(name: &'static str, make: Make) -> Class {
    Class { name, make }
}

const CLASSES: &[Class] = &[
    class(DEFAULT_CLASS, Make::Avro),
    class("org.apache.kafka.connect.json.JsonConverter", Make::Json),
    class("org.apache.kafka.connect.storage.StringConverter", Make::String),
    class("org.apache.kafka.connect.converters.ByteArrayConverter", Make::Bytes),
    class("org.apache.kafka.connect.converters.BooleanConverter", Make::Number(|| Kind::Boolean)),
    class("org.apache.kafka.connect.converters.ShortConverter", Make::Number(|| Kind::Int16)),
    class("org.apache.kafka.connect.converters.IntegerConverter", Make::Number(|| Kind::Int32)),
    class("org.apache.kafka.connect.converters.LongConverter", Make::Number(|| Kind::Int64)),
    class("org.apache.kafka.connect.converters.FloatConverter", Make::Number(|| Kind::Float32)),
    class("org.apache.kafka.connect.converters.DoubleConverter", Make::Number(|| Kind::Float64)),
];

/// Finds a class by its name, its simple name (`JsonConverter`), or that
/// without `Converter`, in any case (`json`): Connect's own aliases.
fn find(name: &str) -> Result<&'static Class, String> {
    let name = name.trim();
    let is_named = |class: &&Class| {
        let simple = class.name.rsplit('.').next().unwrap_or_default();
        let short = simple.trim_end_matches("Converter");
        class.name == name || simple.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
    };
    CLASSES.iter().find(is_named).ok_or_else(|| {
        let names: Vec<_> = CLASSES.iter().map(|class| class.name).collect();
        format!("there is no such converter; there are {}", names.join(", "))
    })
}
