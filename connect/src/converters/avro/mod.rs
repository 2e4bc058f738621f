//! Avro in Confluent's wire format (0, schema id, datum), with the schemas in a
//! registry: `io.confluent.connect.avro.AvroConverter`.

mod config;
mod decode;
mod encode;
mod in_process;
mod store;
mod subject;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use thalweg_core::avro::{self, Decoder, Options};
use thalweg_core::batch::Layout;
use thalweg_core::schema::SchemaId;
use thalweg_core::{BoxFuture, ConnectError};

pub use store::{SchemaStore, StoreError};
pub use subject::SubjectStrategy;

pub(super) use config::declare;

use super::{Converter, RowDecoder, RowEncoder, Side};

/// First byte of every record in Confluent's format.
const MAGIC: u8 = 0;

/// Magic byte and schema id.
const HEADER_LEN: usize = 5;

/// Most plans that are kept; beyond it the cache starts anew (invariant 7).
const PLANS_MAX: usize = 10_000;

/// How an [`AvroConverter`] works.
#[derive(Clone, Debug)]
pub struct AvroSettings {
    /// Whether new schemas are registered, or must be there
    /// (`auto.register.schemas`).
    pub register: bool,
    /// Which subject a topic's schemas belong to.
    pub subjects: SubjectStrategy,
    /// How Connect schemas are written as Avro's.
    pub options: Options,
}

impl Default for AvroSettings {
    fn default() -> Self {
        Self { register: true, subjects: SubjectStrategy::Topic, options: Options::default() }
    }
}

/// Writes and reads Avro through a schema registry.
pub struct AvroConverter {
    side: Side,
    store: Arc<dyn SchemaStore>,
    settings: AvroSettings,
    encoders: Mutex<HashMap<(String, SchemaId), Arc<dyn RowEncoder>>>,
    decoders: Arc<Mutex<HashMap<u32, Arc<Decoder>>>>,
    warned_of_names: AtomicBool,
}

impl std::fmt::Debug for AvroConverter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AvroConverter")
            .field("side", &self.side)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl AvroConverter {
    /// A converter over this registry.
    #[must_use]
    pub fn new(side: Side, store: Arc<dyn SchemaStore>, settings: AvroSettings) -> Self {
        Self {
            side,
            store,
            settings,
            encoders: Mutex::default(),
            decoders: Arc::default(),
            warned_of_names: AtomicBool::new(false),
        }
    }

    async fn make(
        &self,
        topic: &str,
        layout: &Arc<Layout>,
    ) -> Result<Arc<dyn RowEncoder>, ConnectError> {
        let bad = |error: thalweg_core::codec::SchemaError| {
            ConnectError::bad_config(format!(
                "the {} of topic {topic} can't be written as Avro: {error}",
                self.side.name()
            ))
        };
        let adjusted = avro::adjusted(layout.schema()).map_err(bad)?;
        if &adjusted != layout.schema() && !self.warned_of_names.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                topic,
                "names that Avro forbids are written with _ in place of the letters in question, \
                 as schema.name.adjustment.mode=avro and field.name.adjustment.mode=avro do"
            );
        }
        let plan = avro::Encoder::new(layout, &self.settings.options).map_err(bad)?;
        let subject = self.settings.subjects.subject(topic, self.side, &adjusted)?;
        let registered = if self.settings.register {
            self.store.register(&subject, plan.schema()).await
        } else {
            self.store.look_up(&subject, plan.schema()).await
        };
        let id = registered.map_err(|error| store::refusal(&subject, topic, error))?;
        Ok(Arc::new(encode::AvroEncoder::new(id, plan)))
    }
}

impl Converter for AvroConverter {
    fn encoder<'a>(
        &'a self,
        topic: &'a str,
        layout: &'a Arc<Layout>,
    ) -> BoxFuture<'a, Result<Arc<dyn RowEncoder>, ConnectError>> {
        Box::pin(async move {
            let key = (topic.to_owned(), layout.schema().id());
            let known = lock(&self.encoders).get(&key).cloned();
            if let Some(known) = known {
                return Ok(known);
            }
            let made = self.make(topic, layout).await?;
            let mut encoders = lock(&self.encoders);
            if encoders.len() >= PLANS_MAX {
                encoders.clear();
            }
            encoders.insert(key, Arc::clone(&made));
            Ok(made)
        })
    }

    fn decoder(&self, _topic: &str) -> Box<dyn RowDecoder> {
        Box::new(decode::AvroDecoder::new(Arc::clone(&self.store), Arc::clone(&self.decoders)))
    }
}

/// A map that is whole after every change can be used after a panic.
fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
