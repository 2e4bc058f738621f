//! Records to rows.

use std::collections::HashMap;
use std::sync::Arc;

use thalweg_core::avro::Decoder;
use thalweg_core::batch::{Columns, Layout};
use thalweg_core::codec::DecodeError;
use thalweg_core::{BoxFuture, ConnectError, ErrorKind};

use super::super::{NewestSchema, RowDecoder, SchemaVersion, Side, Tag, Versioned};
use super::{
    HEADER_LEN, MAGIC, PLANS_MAX, Pair, Plans, SchemaStore, StoreError, SubjectStrategy, lock,
};

/// Which records a decoder is for, and what its config says.
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) side: Side,
    pub(super) subjects: SubjectStrategy,
    pub(super) newest: bool,
}

/// The decoder of one topic. A tag is the id of the schema that rows are read with.
pub(super) struct AvroDecoder {
    store: Arc<dyn SchemaStore>,
    place: Place,
    /// The converter's plans, which its decoders share.
    shared: Plans,
    plans: HashMap<Pair, Arc<Decoder>>,
    /// The rows' layouts, by tag: rows of one tag share columns.
    layouts: HashMap<u32, Arc<Layout>>,
    /// The plan used last: rows of one schema come in runs.
    last: Option<(Pair, Arc<Decoder>)>,
    /// The schema that records are read with, if not with their writer's.
    reader: Option<u32>,
    versions: HashMap<u32, SchemaVersion>,
}

impl AvroDecoder {
    pub(super) fn new(store: Arc<dyn SchemaStore>, place: Place, shared: Plans) -> Self {
        Self {
            store,
            place,
            shared,
            plans: HashMap::new(),
            layouts: HashMap::new(),
            last: None,
            reader: None,
            versions: HashMap::new(),
        }
    }

    fn pair(&self, bytes: &[u8]) -> Result<Pair, ConnectError> {
        let writer = schema_id(bytes)?;
        Ok(Pair { writer, reader: self.reader.unwrap_or(writer) })
    }

    fn plan(&mut self, pair: Pair) -> Option<&Arc<Decoder>> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != pair) {
            self.last = Some((pair, Arc::clone(self.plans.get(&pair)?)));
        }
        self.last.as_ref().map(|(_, plan)| plan)
    }

    async fn look_up(&self, pair: Pair) -> Result<Arc<Decoder>, ConnectError> {
        let known = lock(&self.shared).get(&pair).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let Pair { writer, reader } = pair;
        let text = self.text(writer).await?;
        let plan = if writer == reader {
            Decoder::new(&text).map_err(|error| {
                bad_record(format!("the schema with id {writer} can't be read: {error}"))
            })
        } else {
            Decoder::resolving(&text, &self.text(reader).await?).map_err(|error| {
                bad_record(format!(
                    "it was written with the schema of id {writer}, and the one of id {reader}, \
                     which it is to be read with, does not take it: {error}. Let rows keep their \
                     own schemas: schema.compatibility=NONE, and use.latest.version=false of the \
                     converter"
                ))
            })
        };
        let plan = Arc::new(plan?);
        let mut shared = lock(&self.shared);
        if shared.len() >= PLANS_MAX {
            shared.clear();
        }
        shared.insert(pair, Arc::clone(&plan));
        Ok(plan)
    }

    /// The schema of an id.
    async fn text(&self, id: u32) -> Result<String, ConnectError> {
        match self.store.schema(id).await {
            Ok(Some(text)) => Ok(text),
            Ok(None) => Err(bad_record(format!(
                "the record's schema id {id} is not in the registry: was it written with \
                 another registry?"
            ))),
            Err(error) => Err(refused(id, error)),
        }
    }

    /// The subject that a schema is for.
    async fn subject(&self, id: u32) -> Result<String, ConnectError> {
        let Place { topic, side, subjects, .. } = &self.place;
        let plan = self.look_up(Pair { writer: id, reader: id }).await?;
        subjects.subject(topic, *side, plan.schema())
    }
}

impl Versioned for AvroDecoder {
    fn writer(&self, bytes: &[u8]) -> Result<u32, ConnectError> {
        schema_id(bytes)
    }

    fn version(&mut self, id: u32) -> BoxFuture<'_, Result<Option<SchemaVersion>, ConnectError>> {
        Box::pin(async move {
            if let Some(known) = self.versions.get(&id) {
                return Ok(Some(known.clone()));
            }
            let subject = self.subject(id).await?;
            let found = self.store.version(&subject, id).await;
            // It may become one later.
            let Some(version) = found.map_err(|error| refused(id, error))? else {
                return Ok(None);
            };
            let version = SchemaVersion { subject: subject.into(), version };
            if self.versions.len() >= PLANS_MAX {
                self.versions.clear();
            }
            self.versions.insert(id, version.clone());
            Ok(Some(version))
        })
    }

    fn newest(&mut self, id: u32) -> BoxFuture<'_, Result<Option<NewestSchema>, ConnectError>> {
        Box::pin(async move {
            let subject = self.subject(id).await?;
            let newest = self.store.newest(&subject).await.map_err(|error| refused(id, error))?;
            Ok(newest.map(|id| NewestSchema { subject: subject.into(), id }))
        })
    }

    fn wants_newest(&self) -> bool {
        self.place.newest
    }

    fn read_as(&mut self, reader: Option<u32>) {
        self.reader = reader;
    }
}

/// The registry did not give what belongs to a schema.
fn refused(id: u32, error: StoreError) -> ConnectError {
    match error {
        StoreError::Unreachable(reason) => ConnectError::retriable(format!(
            "the registry did not answer for schema id {id}: {reason}"
        )),
        error => bad_record(format!("schema id {id}: {error}")),
    }
}

fn bad_record(message: String) -> ConnectError {
    ConnectError::new(ErrorKind::BadRecord, message)
}

/// The schema id in a record's header.
fn schema_id(bytes: &[u8]) -> Result<u32, ConnectError> {
    match bytes {
        [MAGIC, a, b, c, d, ..] => Ok(u32::from_be_bytes([*a, *b, *c, *d])),
        [MAGIC, ..] => Err(bad_record(format!(
            "the record has {} bytes: too few for Avro in Confluent's format",
            bytes.len()
        ))),
        _ => Err(bad_record(
            "the record is not Avro in Confluent's format (its first byte is not 0): is it JSON \
             or text? Then set the converter to JsonConverter or StringConverter"
                .to_owned(),
        )),
    }
}

impl RowDecoder for AvroDecoder {
    fn tag(&mut self, bytes: &[u8]) -> Result<Option<Tag>, ConnectError> {
        let pair = self.pair(bytes)?;
        Ok(self.plan(pair).map(|_| Tag(pair.reader)))
    }

    fn learn<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<Tag, ConnectError>> {
        Box::pin(async move {
            let pair = self.pair(bytes)?;
            let plan = self.look_up(pair).await?;
            if self.plans.len() >= PLANS_MAX {
                return Err(ConnectError::fatal(format!(
                    "the topic has records of more than {PLANS_MAX} schemas"
                )));
            }
            self.layouts.entry(pair.reader).or_insert_with(|| Arc::clone(plan.layout()));
            self.plans.insert(pair, plan);
            Ok(Tag(pair.reader))
        })
    }

    fn layout(&self, tag: Tag) -> Arc<Layout> {
        match self.layouts.get(&tag.0) {
            Some(layout) => Arc::clone(layout),
            // A tag that this decoder never gave has rows of nothing.
            None => Layout::of(&thalweg_core::schema::SchemaBuilder::structure().build()),
        }
    }

    fn decode(&mut self, tag: Tag, bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError> {
        let pair = Pair { writer: schema_id(bytes)?, reader: tag.0 };
        let Some(plan) = self.plan(pair) else {
            return Err(bad_record(format!("schema id {} is not known yet", pair.writer)));
        };
        let datum = bytes.get(HEADER_LEN..).unwrap_or_default();
        plan.decode(datum, into).map_err(|mut error| {
            error.at += HEADER_LEN;
            unfit(pair, &error)
        })
    }

    fn versioned(&mut self) -> Option<&mut dyn Versioned> {
        Some(self)
    }
}

#[cold]
fn unfit(pair: Pair, error: &DecodeError) -> ConnectError {
    let Pair { writer, reader } = pair;
    bad_record(if writer == reader {
        format!("the record does not fit its schema (id {writer}): {error}")
    } else {
        format!("the record of schema id {writer} can't be read with that of id {reader}: {error}")
    })
}
