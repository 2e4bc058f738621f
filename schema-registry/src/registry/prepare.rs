//! A schema that someone brings, understood.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::entry::Reference;
use super::error::{RegistryError, Result};
use super::metadata::Metadata;
use super::rule_set::RuleSet;
use super::state::{Identity, State, Stored};
use super::version::Selected;
use crate::avro::{Schema, parse_with};

/// A schema that someone wants to register, look up or check.
#[derive(Clone, Debug, Default)]
pub struct NewSchema {
    /// Its text. Without one, what is registered is the latest version's again, with
    /// other metadata or rules.
    pub text: String,
    /// Its type; Avro if none.
    pub schema_type: Option<String>,
    /// The schemas that it uses types of.
    pub references: Vec<Reference>,
    /// Its metadata, if any.
    pub metadata: Option<Arc<Metadata>>,
    /// Its rule set, if any.
    pub rule_set: Option<Arc<RuleSet>>,
}

/// A [`NewSchema`] that was understood.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) schema: Arc<Schema>,
    pub(super) text: Arc<str>,
    pub(super) references: Vec<Reference>,
    pub(super) metadata: Option<Arc<Metadata>>,
    pub(super) rule_set: Option<Arc<RuleSet>>,
}

impl NewSchema {
    /// An Avro schema that refers to no other.
    #[must_use]
    pub fn avro(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Whether there is no schema.
    pub(super) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Reads the schema as one of `subject`. `selected` says which versions it may refer
    /// to.
    pub(super) fn prepare(
        &self,
        state: &State,
        subject: &str,
        normalize: bool,
        selected: Selected,
    ) -> Result<Prepared> {
        match self.schema_type.as_deref() {
            None | Some("" | "AVRO") => {}
            Some(other) => {
                return Err(RegistryError::InvalidSchema(format!(
                    "Invalid schema type {other}: only AVRO is supported"
                )));
            }
        }
        if self.is_empty() {
            return Err(RegistryError::empty_schema());
        }
        self.rule_set.as_deref().map_or(Ok(()), RuleSet::check)?;
        let mut references = state.numbered(subject, &self.references)?;
        let texts = state.texts(subject, &references, selected)?;
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let schema = parse_with(&self.text, &texts)
            .map_err(|error| RegistryError::InvalidSchema(error.to_string()))?;
        let text: Arc<str> = if normalize {
            references.sort_by(|a, b| (&a.subject, a.version).cmp(&(&b.subject, b.version)));
            let mut seen = std::collections::HashSet::new();
            references.retain(|reference| seen.insert(reference.clone()));
            schema.normalized_text().into()
        } else {
            schema.text().into()
        };
        let (metadata, rule_set) = (self.metadata.clone(), self.rule_set.clone());
        Ok(Prepared { schema, text, references, metadata, rule_set })
    }
}

impl Prepared {
    pub(super) fn identity(&self) -> Identity<'_> {
        Identity {
            text: &self.text,
            schema_type: "AVRO",
            references: &self.references,
            metadata: self.metadata.as_deref(),
            rule_set: self.rule_set.as_deref(),
        }
    }

    /// What two schemas have in common that are the same but for how they are written.
    pub(super) fn likeness(&self) -> Likeness {
        likeness(&self.schema)
    }

    /// Whether a version is this schema, but for how it is written. Within a subject
    /// such a version is not registered again.
    pub(super) fn is_like(
        &self,
        state: &State,
        likeness: &Likeness,
        stored: &Stored,
        version: i32,
    ) -> bool {
        // One that has everything in its text finds one that refers to others.
        let same_references = *self.references == *stored.references || self.references.is_empty();
        same_references
            && self.rule_set == stored.rule_set
            && self.has_metadata_of(stored, version)
            && &*stored.schema_type == "AVRO"
            && state.likeness(stored).is_some_and(|known| known == *likeness)
    }

    /// Whether the metadata are the same, where one says which version it belongs to and
    /// the other does not.
    fn has_metadata_of(&self, stored: &Stored, version: i32) -> bool {
        let number = |metadata: &Option<Arc<Metadata>>| metadata.as_ref().and_then(|m| m.version());
        let plain = |metadata: &Option<Arc<Metadata>>| {
            metadata.as_deref().map(Metadata::without_version).unwrap_or_default()
        };
        match (number(&self.metadata), number(&stored.metadata)) {
            (None, Some(_)) => plain(&self.metadata) == plain(&stored.metadata),
            (Some(asked), None) => {
                asked == version && plain(&self.metadata) == plain(&stored.metadata)
            }
            _ => self.metadata == stored.metadata,
        }
    }
}

/// A hash of the normalized text with all types in it.
pub(super) type Likeness = [u8; 32];

fn likeness(schema: &Schema) -> Likeness {
    Sha256::digest(schema.normalized_standalone_text()).into()
}

impl State {
    /// The likeness of a stored schema, if it can be read. It is computed once.
    fn likeness(&self, stored: &Stored) -> Option<Likeness> {
        if let Some(known) = stored.likeness.get() {
            return Some(**known);
        }
        let known = likeness(&*self.parsed(stored).ok()?);
        Some(**stored.likeness.get_or_init(|| Box::new(known)))
    }
}
