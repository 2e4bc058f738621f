//! What the entries of the topic add up to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::entry::{ConfigValue, Key, Reference, SchemaValue, Value};
use super::error::{RegistryError, Result};
use super::version::{Selected, VersionId};
use crate::avro::{Schema, parse_with};

/// Most schemas that one schema may refer to, directly or through others.
const REFERENCES_MAX: usize = 1000;

/// A schema and its id.
#[derive(Debug)]
pub struct Stored {
    /// Its id.
    pub id: i32,
    /// Its text, as Java prints it.
    pub text: Arc<str>,
    /// `AVRO`, or what another registry wrote.
    pub schema_type: String,
    /// The schemas that it uses types of.
    pub references: Vec<Reference>,
    /// Its metadata, if it has any.
    pub metadata: Option<Json>,
    /// Its rule set, if it has one.
    pub rule_set: Option<Json>,
    parsed: OnceLock<Arc<Schema>>,
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectVersion {
    /// The subject.
    pub subject: Arc<str>,
    /// The version, from 1.
    pub version: i32,
}

/// One version of a subject with its schema.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Subject and version.
    pub at: SubjectVersion,
    /// The schema.
    pub schema: Arc<Stored>,
    /// Whether it is soft deleted.
    pub deleted: bool,
}

/// What tells one schema from another: a hash of text, references, metadata and rules.
pub(super) type Identity = [u8; 32];

#[derive(Default)]
pub(super) struct State {
    pub(super) subjects: BTreeMap<Arc<str>, BTreeMap<i32, Version>>,
    pub(super) schemas: BTreeMap<i32, Arc<Stored>>,
    pub(super) ids: HashMap<Identity, i32>,
    /// The versions that have each id.
    pub(super) uses: HashMap<i32, Vec<SubjectVersion>>,
    pub(super) configs: BTreeMap<Option<Arc<str>>, ConfigValue>,
    pub(super) modes: BTreeMap<Option<Arc<str>>, String>,
    /// Highest id that was ever given out.
    pub(super) id_max: i32,
    /// Up to which version each subject was soft deleted by one entry.
    deleted_to: HashMap<Arc<str>, i32>,
}

#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) value: Arc<SchemaValue>,
    pub(super) deleted: bool,
}

pub(super) fn identity(
    text: &str,
    schema_type: &str,
    references: &[Reference],
    metadata: Option<&Json>,
    rule_set: Option<&Json>,
) -> Identity {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        // With its length, so that parts can't run into each other.
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    part(text.as_bytes());
    part(schema_type.as_bytes());
    for reference in references {
        part(reference.name.as_bytes());
        part(reference.subject.as_bytes());
        part(&reference.version.to_be_bytes());
    }
    for json in [metadata, rule_set] {
        part(json.map(Json::to_string).unwrap_or_default().as_bytes());
    }
    hash.finalize().into()
}

impl State {
    /// Takes a change that is durable.
    pub(super) fn apply(&mut self, key: &Key, value: Option<&Value>) {
        match (key, value) {
            (Key::Schema { subject, version }, None) => self.forget(subject, *version),
            (Key::Schema { .. }, Some(Value::Schema(value))) => self.take(value),
            (Key::Config { subject }, Some(Value::Config(value))) => {
                self.configs.insert(subject.clone(), value.clone());
            }
            (Key::Config { subject }, None) => {
                self.configs.remove(subject);
            }
            (Key::Mode { subject }, Some(Value::Mode(value))) => {
                self.modes.insert(subject.clone(), value.mode.clone());
            }
            (Key::Mode { subject }, None) => {
                self.modes.remove(subject);
            }
            (Key::DeleteSubject { subject }, Some(Value::DeleteSubject(value))) => {
                self.deleted_to.insert(subject.clone(), value.version);
                for (_, known) in self.of(subject).range_mut(..=value.version) {
                    known.deleted = true;
                }
            }
            (Key::Noop, Some(Value::Other(value))) => {
                let id = value.get("maxId").and_then(Json::as_i64);
                let id = id.and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
                self.id_max = self.id_max.max(id);
            }
            _ => {}
        }
    }

    fn of(&mut self, subject: &Arc<str>) -> &mut BTreeMap<i32, Version> {
        self.subjects.entry(subject.clone()).or_default()
    }

    fn take(&mut self, value: &Arc<SchemaValue>) {
        let to = self.deleted_to.get(&value.subject).copied().unwrap_or(0);
        let deleted = value.deleted || value.version <= to;
        self.id_max = self.id_max.max(value.id);
        let known = Version { value: Arc::clone(value), deleted };
        let former = self.of(&value.subject).insert(value.version, known);
        if former.is_some_and(|former| former.value.id == value.id) {
            return;
        }
        let at = SubjectVersion { subject: value.subject.clone(), version: value.version };
        self.uses.entry(value.id).or_default().push(at);
        if self.schemas.contains_key(&value.id) {
            return;
        }
        let stored = Stored {
            id: value.id,
            text: value.schema.clone(),
            schema_type: value.schema_type.clone().unwrap_or_else(|| "AVRO".to_owned()),
            references: value.references.clone(),
            metadata: value.metadata.clone(),
            rule_set: value.rule_set.clone(),
            parsed: OnceLock::new(),
        };
        let identity = identity(
            &stored.text,
            &stored.schema_type,
            &stored.references,
            stored.metadata.as_ref(),
            stored.rule_set.as_ref(),
        );
        self.ids.entry(identity).or_insert(value.id);
        self.schemas.insert(value.id, Arc::new(stored));
    }

    /// A version that was deleted for good. Its schema goes with the last version that
    /// has it.
    fn forget(&mut self, subject: &Arc<str>, version: i32) {
        let Some(versions) = self.subjects.get_mut(subject) else {
            return;
        };
        let Some(gone) = versions.remove(&version) else {
            return;
        };
        if versions.is_empty() {
            self.subjects.remove(subject);
        }
        let id = gone.value.id;
        let uses = self.uses.entry(id).or_default();
        uses.retain(|at| at.subject != *subject || at.version != version);
        if uses.is_empty() {
            self.uses.remove(&id);
            self.schemas.remove(&id);
            self.ids.retain(|_, known| *known != id);
        }
    }

    /// One version of a subject.
    pub(super) fn version(
        &self,
        subject: &str,
        version: VersionId,
        selected: Selected,
    ) -> Result<Shown> {
        let missing = || RegistryError::SubjectNotFound(subject.to_owned());
        let versions = self.subjects.get(subject).ok_or_else(missing)?;
        let mut shown = versions.iter().filter(|(_, known)| selected.takes(known.deleted));
        let found = match version {
            VersionId::Latest => shown.next_back(),
            VersionId::Number(number) => {
                versions.get_key_value(&number).filter(|(_, known)| selected.takes(known.deleted))
            }
        };
        match (found, version) {
            (Some((number, known)), _) => self.show(subject, *number, known),
            (None, VersionId::Number(number)) if shown.next().is_some() => {
                Err(RegistryError::VersionNotFound(number))
            }
            _ => Err(missing()),
        }
    }

    pub(super) fn show(&self, subject: &str, version: i32, known: &Version) -> Result<Shown> {
        Ok(Shown {
            at: SubjectVersion { subject: subject.into(), version },
            schema: self.schema(known.value.id)?,
            deleted: known.deleted,
        })
    }

    pub(super) fn schema(&self, id: i32) -> Result<Arc<Stored>> {
        self.schemas.get(&id).cloned().ok_or(RegistryError::IdNotFound(id))
    }

    /// The versions of a subject that are not deleted, the latest first.
    pub(super) fn live(&self, subject: &str) -> Vec<Shown> {
        let versions = self.subjects.get(subject).into_iter().flatten().rev();
        let live = versions.filter(|(_, known)| !known.deleted);
        live.filter_map(|(version, known)| self.show(subject, *version, known).ok()).collect()
    }

    /// The parsed schema, from the cache or for this time.
    pub(super) fn parsed(&self, stored: &Stored) -> Result<Arc<Schema>> {
        if let Some(parsed) = stored.parsed.get() {
            return Ok(Arc::clone(parsed));
        }
        if stored.schema_type != "AVRO" {
            return Err(RegistryError::InvalidSchema(format!(
                "schema {} is of type {}: only AVRO is supported",
                stored.id, stored.schema_type
            )));
        }
        let texts = self.texts(&stored.references)?;
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        parse_with(&stored.text, &texts).map_err(|error| {
            RegistryError::InvalidSchema(format!("schema {} can't be read: {error}", stored.id))
        })
    }

    /// The parsed schema of an id, which is kept: readers ask for few of them, often.
    pub(super) fn parsed_and_kept(&self, id: i32) -> Result<Arc<Schema>> {
        let stored = self.schema(id)?;
        let parsed = self.parsed(&stored)?;
        Ok(Arc::clone(stored.parsed.get_or_init(|| parsed)))
    }

    /// The texts of schemas that are referred to, each after those that it uses itself.
    pub(super) fn texts(&self, references: &[Reference]) -> Result<Vec<Arc<str>>> {
        let mut texts = Vec::new();
        let mut seen = HashSet::new();
        // A reference is entered, then, when all that it uses is done, written.
        let mut open: Vec<(Arc<Stored>, usize)> = Vec::new();
        let mut next = references.iter();
        loop {
            let entered = match open.last_mut() {
                None => match next.next() {
                    None => return Ok(texts),
                    Some(reference) => reference.clone(),
                },
                Some((stored, place)) => match stored.references.get(*place) {
                    Some(reference) => {
                        *place += 1;
                        reference.clone()
                    }
                    None => {
                        texts.push(stored.text.clone());
                        open.pop();
                        continue;
                    }
                },
            };
            let stored = self.referred(&entered)?;
            if !seen.insert(stored.id) {
                continue;
            }
            // Invariant 7.
            if seen.len() > REFERENCES_MAX {
                return Err(RegistryError::InvalidSchema(format!(
                    "the schema refers to more than {REFERENCES_MAX} others"
                )));
            }
            open.push((stored, 0));
        }
    }

    fn referred(&self, reference: &Reference) -> Result<Arc<Stored>> {
        let version = match reference.version {
            -1 => VersionId::Latest,
            number => VersionId::Number(number),
        };
        let found = self.version(&reference.subject, version, Selected::All);
        found.map(|shown| shown.schema).map_err(|_| {
            RegistryError::InvalidSchema(format!(
                "No schema reference found for subject \"{}\" and version {}: register it first",
                reference.subject, reference.version
            ))
        })
    }
}
