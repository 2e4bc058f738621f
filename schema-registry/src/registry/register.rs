//! Registration: one id per identity, one version per subject and schema.

use std::sync::Arc;

use serde_json::Value as Json;

use super::entry::{Key, Reference, SchemaValue, Value};
use super::error::{RegistryError, Result};
use super::state::{Identity, Shown, State, identity};
use super::{Clash, Registry};
use crate::avro::{Schema, parse_with};

/// Longest name of a subject in bytes.
const SUBJECT_BYTES_MAX: usize = 4096;

/// A schema that someone wants to register, look up or check.
#[derive(Clone, Debug, Default)]
pub struct NewSchema {
    /// Its text.
    pub text: String,
    /// Its type; Avro if none.
    pub schema_type: Option<String>,
    /// The schemas that it uses types of.
    pub references: Vec<Reference>,
    /// Its metadata, if any.
    pub metadata: Option<Json>,
    /// Its rule set, if any.
    pub rule_set: Option<Json>,
}

/// Where a schema is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub id: i32,
    /// Its version under the subject.
    pub version: i32,
}

/// A [`NewSchema`] that was understood.
pub(super) struct Parsed {
    pub(super) schema: Arc<Schema>,
    text: Arc<str>,
    references: Vec<Reference>,
    pub(super) identity: Identity,
}

impl NewSchema {
    /// An Avro schema that refers to no other.
    #[must_use]
    pub fn avro(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    pub(super) fn parse(&self, state: &State) -> Result<Parsed> {
        match self.schema_type.as_deref() {
            None | Some("" | "AVRO") => {}
            Some(other) => {
                return Err(RegistryError::InvalidSchema(format!(
                    "Invalid schema type {other}: only AVRO is supported"
                )));
            }
        }
        let texts = state.texts(&self.references)?;
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let schema = parse_with(&self.text, &texts)
            .map_err(|error| RegistryError::InvalidSchema(error.to_string()))?;
        let text: Arc<str> = schema.text().into();
        let identity = identity(
            &text,
            "AVRO",
            &self.references,
            self.metadata.as_ref(),
            self.rule_set.as_ref(),
        );
        Ok(Parsed { schema, text, references: self.references.clone(), identity })
    }
}

impl Registry {
    /// Registers an Avro schema under a subject, if it is not there yet; its id. The
    /// schema has one id, whichever subjects it is in.
    pub async fn register(&self, subject: &str, text: &str) -> Result<i32> {
        let registered = self.register_schema(subject, &NewSchema::avro(text)).await?;
        Ok(registered.id)
    }

    /// Registers a schema under a subject, if it is not there yet. It is durable when
    /// this answers.
    pub async fn register_schema(&self, subject: &str, new: &NewSchema) -> Result<Registered> {
        check_subject(subject)?;
        if let Some(known) = self.known(subject, new)? {
            return Ok(known);
        }
        let turn = self.begin().await;
        // Someone else may have been first.
        if let Some(known) = self.known(subject, new)? {
            return Ok(known);
        }
        let value = self.next_version(subject, new, false)?;
        let registered = Registered { id: value.id, version: value.version };
        let key = Key::Schema { subject: value.subject.clone(), version: value.version };
        self.write(turn, vec![(key, Some(Value::Schema(Arc::new(value))))]).await?;
        tracing::info!(
            subject,
            version = registered.version,
            id = registered.id,
            "schema registered"
        );
        Ok(registered)
    }

    pub(super) fn known(&self, subject: &str, new: &NewSchema) -> Result<Option<Registered>> {
        match self.lookup_schema(subject, new, super::Selected::Live) {
            Ok(shown) => Ok(Some(Registered { id: shown.schema.id, version: shown.at.version })),
            Err(RegistryError::SubjectNotFound(_) | RegistryError::SchemaNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is to be written for the next version of a subject, if it may follow the ones
    /// before it or is to do so `anyway`. The caller has the turn.
    pub(super) fn next_version(
        &self,
        subject: &str,
        new: &NewSchema,
        anyway: bool,
    ) -> Result<SchemaValue> {
        let state = self.state();
        state.check_mode(subject)?;
        let parsed = new.parse(&state)?;
        if let Some(clash) = state.clash(subject, &parsed.schema, &state.live(subject))?
            && !anyway
        {
            return Err(RegistryError::Incompatible(Box::new(clash)));
        }
        let versions = state.subjects.get(subject);
        let last = versions.and_then(|versions| versions.last_key_value()).map_or(0, |(v, _)| *v);
        let exhausted = || RegistryError::Refused {
            code: 50001,
            message: "all ids or versions are used up".to_owned(),
        };
        let id = match state.ids.get(&parsed.identity) {
            Some(id) => *id,
            None => state.id_max.checked_add(1).ok_or_else(exhausted)?,
        };
        Ok(SchemaValue {
            subject: subject.into(),
            version: last.checked_add(1).ok_or_else(exhausted)?,
            id,
            schema_type: None,
            references: parsed.references,
            metadata: new.metadata.clone(),
            rule_set: new.rule_set.clone(),
            schema: parsed.text,
            deleted: false,
            rest: serde_json::Map::new(),
        })
    }
}

impl State {
    /// Why a schema can't follow these versions of a subject, if it can't.
    pub(super) fn clash(
        &self,
        subject: &str,
        new: &Schema,
        earlier: &[Shown],
    ) -> Result<Option<Clash>> {
        let level = self.level(subject)?;
        if level.directions().is_empty() {
            return Ok(None);
        }
        let count = if level.is_transitive() { earlier.len() } else { 1 };
        let mut violations = Vec::new();
        for shown in earlier.iter().take(count) {
            let old = self.parsed(&shown.schema)?;
            violations.extend(level.violations_of(new, shown.at.version, &old));
        }
        if violations.is_empty() {
            return Ok(None);
        }
        Ok(Some(Clash::new(subject, level, violations, earlier)))
    }
}

/// Fails where a name can't be a subject's.
pub(super) fn check_subject(subject: &str) -> Result<()> {
    let reason = if subject.is_empty() {
        "it is empty"
    } else if subject.len() > SUBJECT_BYTES_MAX {
        "it is longer than 4096 bytes"
    } else if subject.chars().any(char::is_control) {
        "it holds control characters"
    } else if subject == "__GLOBAL" || subject == "__EMPTY" {
        "the name is reserved"
    } else if subject.starts_with(":.") {
        "contexts are not supported yet"
    } else {
        return Ok(());
    };
    let shown: String = subject.chars().filter(|c| !c.is_control()).take(100).collect();
    Err(RegistryError::InvalidSubject { subject: shown, reason })
}
