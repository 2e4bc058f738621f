//! Schemas as they are kept.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use crate::avro::Schema;
use crate::registry::entry::{Reference, SchemaValue};
use crate::registry::metadata::Metadata;
use crate::registry::rule_set::RuleSet;

/// A schema and its id.
#[derive(Debug)]
pub struct Stored {
    /// Its id.
    pub id: i32,
    /// Its text, as Java prints it.
    pub text: Arc<str>,
    /// `AVRO`, or what another registry wrote.
    pub schema_type: Cow<'static, str>,
    /// A subject that has it: references without a context are in this one's.
    pub subject: Arc<str>,
    /// The schemas that it uses types of.
    pub references: Box<[Reference]>,
    /// Its metadata, if it has any.
    pub metadata: Option<Arc<Metadata>>,
    /// Its rule set, if it has one.
    pub rule_set: Option<Arc<RuleSet>>,
    pub(super) parsed: OnceLock<Arc<Schema>>,
    /// What it has in common with those that differ in how they are written.
    pub(in crate::registry) likeness: OnceLock<Box<[u8; 32]>>,
}

impl Stored {
    pub(super) fn new(subject: Arc<str>, value: &SchemaValue) -> Self {
        Self {
            id: value.id,
            text: value.schema.clone(),
            schema_type: match &value.schema_type {
                Some(other) => Cow::Owned(other.to_string()),
                None => Cow::Borrowed("AVRO"),
            },
            subject,
            references: value.references.clone(),
            metadata: value.metadata.clone(),
            rule_set: value.rule_set.clone(),
            parsed: OnceLock::new(),
            likeness: OnceLock::new(),
        }
    }

    /// An entry of the topic about this schema.
    pub(super) fn record(&self, subject: Arc<str>, version: i32) -> SchemaValue {
        SchemaValue {
            subject,
            version,
            id: self.id,
            schema_type: None,
            references: self.references.clone(),
            metadata: self.metadata.clone(),
            rule_set: self.rule_set.clone(),
            schema: Arc::clone(&self.text),
            deleted: false,
            rest: None,
        }
    }

    /// Whether an entry of the topic is about this schema.
    pub(super) fn is_of(&self, value: &SchemaValue) -> bool {
        self.id == value.id
            && self.text == value.schema
            && *self.references == *value.references
            && self.metadata == value.metadata
            && self.rule_set == value.rule_set
    }

    pub(super) fn identity(&self) -> Identity<'_> {
        Identity {
            text: &self.text,
            schema_type: &self.schema_type,
            references: &self.references,
            metadata: self.metadata.as_deref(),
            rule_set: self.rule_set.as_deref(),
        }
    }
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// What tells one schema from another.
#[derive(Clone, Copy)]
pub(in crate::registry) struct Identity<'a> {
    pub(in crate::registry) text: &'a str,
    pub(in crate::registry) schema_type: &'a str,
    pub(in crate::registry) references: &'a [Reference],
    pub(in crate::registry) metadata: Option<&'a Metadata>,
    pub(in crate::registry) rule_set: Option<&'a RuleSet>,
}

impl Identity<'_> {
    /// Metadata and rules as they are written: few schemas have some.
    fn additions(&self) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        (self.metadata.map(bytes_of), self.rule_set.map(bytes_of))
    }
}

impl PartialEq for Identity<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
            && self.schema_type == other.schema_type
            && self.references == other.references
            && self.additions() == other.additions()
    }
}

impl Hash for Identity<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.text, self.schema_type, self.references).hash(state);
        self.additions().hash(state);
    }
}

/// Maps of what is written are in order, and texts are always writable.
fn bytes_of(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
