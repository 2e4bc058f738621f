//! Avro in Confluent's wire format (0, schema id, datum), with the schemas in a
//! registry: `io.confluent.connect.avro.AvroConverter`.

mod config;
mod decode;
mod encode;
mod in_process;
mod register;
mod store;
mod subject;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use thalweg_core::avro::{self, Decoder, Options};
use thalweg_core::batch::Layout;
use thalweg_core::schema::SchemaId;
use thalweg_core::{BoxFuture, ConnectError};
use tokio::sync::watch;

pub use store::{SchemaStore, StoreError};
pub use subject::SubjectStrategy;

pub(super) use config::declare;

use super::{
    Converter, Foretold, IncompatibleAction, NoPlan, NumberedPlan, RecordHeader, Registered,
    RowDecoder, RowEncoder, Side, Unregistered,
};

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
    /// What to do with a schema that its subject does not take
    /// (`schema.incompatible.action`).
    pub incompatible: IncompatibleAction,
    /// Whether records are read with the newest schema of their subject
    /// (`use.latest.version` of a sink).
    pub newest: bool,
    /// How Connect schemas are written as Avro's.
    pub options: Options,
}

impl Default for AvroSettings {
    fn default() -> Self {
        Self {
            register: true,
            subjects: SubjectStrategy::Topic,
            incompatible: IncompatibleAction::Pause,
            newest: false,
            options: Options::default(),
        }
    }
}

/// Plans of a converter's decoders, by writer's and reader's schema.
type Plans = Arc<Mutex<HashMap<Pair, Arc<Decoder>>>>;

/// The id of the schema that a record was written with, and of the one that it
/// is read with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pair {
    writer: u32,
    reader: u32,
}

/// Writes and reads Avro through a schema registry.
pub struct AvroConverter {
    side: Side,
    store: Arc<dyn SchemaStore>,
    settings: AvroSettings,
    encoders: Mutex<HashMap<(String, SchemaId), Arc<dyn RowEncoder>>>,
    decoders: Plans,
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

    /// The plan of a layout, and the schema that its rows need.
    fn compile(
        &self,
        topic: &str,
        layout: &Arc<Layout>,
    ) -> Result<(avro::Encoder, Unregistered), ConnectError> {
        let bad = |error: thalweg_core::codec::SchemaError| {
            ConnectError::bad_config(format!(
                "the {} of topic {topic} can't be written as Avro: {error}",
                self.side.name()
            ))
        };
        let names = self.settings.options.names;
        let adjusted = avro::adjusted(layout.schema(), names).map_err(bad)?;
        let is_asked_for = names == avro::Names::Scrubbed;
        if !is_asked_for
            && &adjusted != layout.schema()
            && !self.warned_of_names.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                topic,
                "names that Avro forbids are written with _ in place of the letters in question, \
                 as schema.name.adjustment.mode=avro and field.name.adjustment.mode=avro do"
            );
        }
        let plan = avro::Encoder::new(layout, &self.settings.options).map_err(bad)?;
        let subject = self.settings.subjects.subject(topic, self.side, &adjusted)?;
        let schema = plan.schema().to_owned();
        Ok((plan, Unregistered { subject, schema }))
    }
}

impl Registered for AvroConverter {
    fn plan<'a>(
        &'a self,
        topic: &'a str,
        layout: &'a Arc<Layout>,
    ) -> BoxFuture<'a, Result<Arc<dyn RowEncoder>, NoPlan>> {
        Box::pin(async move {
            let key = (topic.to_owned(), layout.schema().id());
            let known = lock(&self.encoders).get(&key).cloned();
            if let Some(known) = known {
                return Ok(known);
            }
            let (plan, schema) = self.compile(topic, layout)?;
            let id = self.register(topic, &schema).await?;
            let made: Arc<dyn RowEncoder> = Arc::new(encode::AvroEncoder::new(id, plan));
            let mut encoders = lock(&self.encoders);
            if encoders.len() >= PLANS_MAX {
                encoders.clear();
            }
            encoders.insert(key, Arc::clone(&made));
            Ok(made)
        })
    }

    fn detached(
        &self,
        topic: &str,
        layout: &Arc<Layout>,
    ) -> Result<(Unregistered, NumberedPlan), ConnectError> {
        let (plan, schema) = self.compile(topic, layout)?;
        Ok((schema, Box::new(|number| Arc::new(encode::AvroEncoder::new(number, plan)))))
    }

    fn foretell(&self, schema: &Unregistered) -> Result<Foretold, ConnectError> {
        let told = self.foretold(schema).map_err(|error| {
            let subject = &schema.subject;
            ConnectError::fatal(format!("asking the schema registry about {subject}: {error}"))
        })?;
        Ok(Foretold { registers: self.settings.register, ..told })
    }

    fn attach<'a>(
        &'a self,
        topic: &'a str,
        schema: &'a Unregistered,
    ) -> BoxFuture<'a, Result<RecordHeader, NoPlan>> {
        Box::pin(async move { Ok(header(self.register(topic, schema).await?)) })
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.store.changes()
    }
}

impl Converter for AvroConverter {
    fn encoder<'a>(
        &'a self,
        topic: &'a str,
        layout: &'a Arc<Layout>,
    ) -> BoxFuture<'a, Result<Arc<dyn RowEncoder>, ConnectError>> {
        Box::pin(async move {
            self.plan(topic, layout).await.map_err(|refused| refused.into_error(topic))
        })
    }

    fn registered(&self) -> Option<&dyn Registered> {
        Some(self)
    }

    fn decoder(&self, topic: &str) -> Box<dyn RowDecoder> {
        let place = decode::Place {
            topic: topic.to_owned(),
            side: self.side,
            subjects: self.settings.subjects,
            newest: self.settings.newest,
        };
        let store = Arc::clone(&self.store);
        Box::new(decode::AvroDecoder::new(store, place, Arc::clone(&self.decoders)))
    }
}

/// What stands before each datum of the schema with this id.
fn header(id: u32) -> RecordHeader {
    let [a, b, c, d] = id.to_be_bytes();
    [MAGIC, a, b, c, d]
}

/// A map that is whole after every change can be used after a panic.
fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
