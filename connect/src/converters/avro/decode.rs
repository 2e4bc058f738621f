//! Records to rows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use thalweg_core::avro::Decoder;
use thalweg_core::batch::{Columns, Layout};
use thalweg_core::{BoxFuture, ConnectError, ErrorKind};

use super::super::{RowDecoder, Tag};
use super::{HEADER_LEN, MAGIC, PLANS_MAX, SchemaStore, StoreError, lock};

/// The decoder of one topic. A tag is a schema id.
pub(super) struct AvroDecoder {
    store: Arc<dyn SchemaStore>,
    /// The converter's plans, which its decoders share.
    shared: Arc<Mutex<HashMap<u32, Arc<Decoder>>>>,
    plans: HashMap<u32, Arc<Decoder>>,
    /// The plan used last: rows of one schema come in runs.
    last: Option<(u32, Arc<Decoder>)>,
}

impl AvroDecoder {
    pub(super) fn new(
        store: Arc<dyn SchemaStore>,
        shared: Arc<Mutex<HashMap<u32, Arc<Decoder>>>>,
    ) -> Self {
        Self { store, shared, plans: HashMap::new(), last: None }
    }

    fn plan(&mut self, id: u32) -> Option<&Arc<Decoder>> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != id) {
            self.last = Some((id, Arc::clone(self.plans.get(&id)?)));
        }
        self.last.as_ref().map(|(_, plan)| plan)
    }

    async fn look_up(&mut self, id: u32) -> Result<Arc<Decoder>, ConnectError> {
        let known = lock(&self.shared).get(&id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let text = match self.store.schema(id).await {
            Ok(Some(text)) => text,
            Ok(None) => {
                return Err(bad_record(format!(
                    "the record's schema id {id} is not in the registry: was it written with \
                     another registry?"
                )));
            }
            Err(StoreError::Unreachable(reason)) => {
                return Err(ConnectError::retriable(format!(
                    "the registry did not answer for schema id {id}: {reason}"
                )));
            }
            Err(error) => return Err(bad_record(format!("schema id {id}: {error}"))),
        };
        let plan = Decoder::new(&text).map_err(|error| {
            bad_record(format!("the schema with id {id} can't be read: {error}"))
        })?;
        let plan = Arc::new(plan);
        let mut shared = lock(&self.shared);
        if shared.len() >= PLANS_MAX {
            shared.clear();
        }
        shared.insert(id, Arc::clone(&plan));
        Ok(plan)
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
        let id = schema_id(bytes)?;
        Ok(self.plan(id).map(|_| Tag(id)))
    }

    fn learn<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<Tag, ConnectError>> {
        Box::pin(async move {
            let id = schema_id(bytes)?;
            let plan = self.look_up(id).await?;
            if self.plans.len() >= PLANS_MAX {
                return Err(ConnectError::fatal(format!(
                    "the topic has records of more than {PLANS_MAX} schemas"
                )));
            }
            self.plans.insert(id, plan);
            Ok(Tag(id))
        })
    }

    fn layout(&self, tag: Tag) -> Arc<Layout> {
        match self.plans.get(&tag.0) {
            Some(plan) => Arc::clone(plan.layout()),
            // A tag that this decoder never gave has rows of nothing.
            None => Layout::of(&thalweg_core::schema::SchemaBuilder::structure().build()),
        }
    }

    fn decode(&mut self, tag: Tag, bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError> {
        let unknown = || bad_record(format!("schema id {} is not known yet", tag.0));
        let plan = self.plan(tag.0).ok_or_else(unknown)?;
        let datum = bytes.get(HEADER_LEN..).unwrap_or_default();
        plan.decode(datum, into).map_err(|mut error| {
            error.at += HEADER_LEN;
            bad_record(format!("the record does not fit its schema (id {}): {error}", tag.0))
        })
    }
}
