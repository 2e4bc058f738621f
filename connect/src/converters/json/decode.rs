//! Records to rows.

use std::collections::HashMap;
use std::sync::Arc;

use thalweg_core::batch::{Columns, Layout};
use thalweg_core::codec::DecodeError;
use thalweg_core::json::{Decoder, Envelope, from_json, split_envelope};
use thalweg_core::{BoxFuture, ConnectError, ErrorKind};

use super::JsonSettings;
use crate::converters::{RowDecoder, Tag};

/// Most schemas that the records of one topic may carry (invariant 7).
const SCHEMAS_MAX: usize = 5_000;

/// The decoder of one topic.
pub(super) struct JsonDecoder {
    settings: JsonSettings,
    /// By tag; the first is of values without a schema.
    plans: Vec<Plan>,
    /// Texts of schemas, and their tags.
    tags: HashMap<Box<[u8]>, Tag>,
    /// The schema of the last record: they come in runs.
    last: Tag,
}

struct Plan {
    decoder: Decoder,
    /// What stood before the payload in the last such record. Records that
    /// begin with the very same bytes need not be taken apart.
    before: Vec<u8>,
}

impl JsonDecoder {
    pub(super) fn new(settings: JsonSettings) -> Self {
        let schemaless = Plan { decoder: Decoder::schemaless(), before: Vec::new() };
        Self { settings, plans: vec![schemaless], tags: HashMap::new(), last: Tag(0) }
    }

    fn plan(&self, tag: Tag) -> Option<&Plan> {
        self.plans.get(tag.0 as usize)
    }

    fn find(&mut self, bytes: &[u8]) -> Result<Tag, ConnectError> {
        if !self.settings.schemas {
            return Ok(Tag(0));
        }
        if let Some(plan) = self.plan(self.last)
            && !plan.before.is_empty()
            && bytes.starts_with(&plan.before)
        {
            return Ok(self.last);
        }
        let parts = split(bytes)?;
        let tag = match self.tags.get(parts.schema) {
            Some(&tag) => tag,
            None => self.add(&parts)?,
        };
        if parts.payload_at > 0 && is_last(bytes, &parts) {
            let plan = &mut self.plans[tag.0 as usize];
            plan.before.clear();
            plan.before.extend_from_slice(&bytes[..parts.payload_at]);
        }
        self.last = tag;
        Ok(tag)
    }

    fn add(&mut self, parts: &Envelope<'_>) -> Result<Tag, ConnectError> {
        let bad = |error: &dyn std::fmt::Display| {
            bad_record(format!("the record's schema can't be read: {error}"))
        };
        let text = std::str::from_utf8(parts.schema).map_err(|error| bad(&error))?;
        let tag = match from_json(text).map_err(|error| bad(&error))? {
            None => Tag(0),
            Some(schema) => {
                if self.plans.len() >= SCHEMAS_MAX {
                    return Err(ConnectError::fatal(format!(
                        "the topic has records of more than {SCHEMAS_MAX} schemas"
                    )));
                }
                let decoder = Decoder::new(&schema, &self.settings.options);
                let decoder = decoder.map_err(|error| bad(&error))?;
                self.plans.push(Plan { decoder, before: Vec::new() });
                Tag(u32::try_from(self.plans.len() - 1).unwrap_or(u32::MAX))
            }
        };
        self.tags.insert(parts.schema.into(), tag);
        Ok(tag)
    }
}

/// Whether nothing but the closing brace follows the payload.
fn is_last(bytes: &[u8], parts: &Envelope<'_>) -> bool {
    let rest = &bytes[parts.payload_at + parts.payload.len()..];
    rest.trim_ascii() == b"}"
}

fn bad_record(message: String) -> ConnectError {
    ConnectError::new(ErrorKind::BadRecord, message)
}

fn split(bytes: &[u8]) -> Result<Envelope<'_>, ConnectError> {
    split_envelope(bytes).map_err(|error| {
        bad_record(format!(
            "the record is not JSON with \"schema\" and \"payload\" and no more ({error}); for \
             plain JSON set schemas.enable=false on the converter"
        ))
    })
}

impl RowDecoder for JsonDecoder {
    fn tag(&mut self, bytes: &[u8]) -> Result<Option<Tag>, ConnectError> {
        self.find(bytes).map(Some)
    }

    fn learn<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, Result<Tag, ConnectError>> {
        Box::pin(std::future::ready(self.find(bytes)))
    }

    fn layout(&self, tag: Tag) -> Arc<Layout> {
        let plan = self.plan(tag).unwrap_or(&self.plans[0]);
        Arc::clone(plan.decoder.layout())
    }

    fn decode(&mut self, tag: Tag, bytes: &[u8], into: &mut Columns) -> Result<(), ConnectError> {
        let fault = |error: DecodeError| {
            bad_record(format!("the record is not JSON of its schema: {error}"))
        };
        let Some(plan) = self.plan(tag) else {
            return Err(bad_record("the record's schema is not known yet".to_owned()));
        };
        if !self.settings.schemas {
            return plan.decoder.decode(bytes, into).map_err(fault);
        }
        if !plan.before.is_empty() && bytes.starts_with(&plan.before) {
            let start = plan.before.len();
            return plan.decoder.decode_within(bytes, start, b"}", into).map_err(fault);
        }
        let parts = split(bytes)?;
        plan.decoder.decode(parts.payload, into).map_err(fault)
    }
}
