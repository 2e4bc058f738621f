//! Values of the topic.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use thalweg_log::table::TableItem;

use crate::registry::metadata::{Metadata, or_default};
use crate::registry::rule_set::RuleSet;

/// A value of the topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Schema(Arc<SchemaValue>),
    Config(Arc<ConfigValue>),
    Mode(ModeValue),
    Context(ContextValue),
    DeleteSubject(DeleteSubjectValue),
    /// Of a key that is about a subject, and says no more.
    Subject(SubjectValue),
    /// Values that other kinds of keys have.
    Other(Json),
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaValue {
    pub(crate) subject: Arc<str>,
    pub(crate) version: i32,
    pub(crate) id: i32,
    /// Not there for Avro.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema_type: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub(crate) references: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Arc<Metadata>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule_set: Option<Arc<RuleSet>>,
    pub(crate) schema: Arc<str>,
    #[serde(default)]
    pub(crate) deleted: bool,
    /// What other registries add. It is kept when the value is written again.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Json>,
}

/// Another schema that a schema uses types of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The type's name.
    pub name: String,
    /// The subject that has the schema; without a context it is in that of the schema
    /// that refers to it.
    pub subject: Arc<str>,
    /// Which version of it; -1 is the latest.
    pub version: i32,
}

/// The settings of a subject, of a context, or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfigValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) normalize: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility_level: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility_group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) override_metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_rule_set: Option<RuleSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) override_rule_set: Option<RuleSet>,
    /// Settings of other registries, which are kept.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Json>,
}

/// The mode of a subject, of a context, or of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModeValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Arc<str>>,
    pub(crate) mode: String,
}

/// A context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContextValue {
    pub(crate) tenant: String,
    pub(crate) context: Arc<str>,
}

/// Up to which version a subject is soft deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeleteSubjectValue {
    pub(crate) subject: Arc<str>,
    pub(crate) version: i32,
}

/// Which subject a key is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SubjectValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Arc<str>>,
}

/// The settings that a value is told by; the level is the usual one.
const SETTINGS: [&str; 12] = [
    "compatibilityLevel",
    "alias",
    "normalize",
    "compatibilityGroup",
    "defaultMetadata",
    "overrideMetadata",
    "defaultRuleSet",
    "overrideRuleSet",
    "validateFields",
    "validateNewSchemas",
    "validateRules",
    "compatibilityPolicy",
];

impl TableItem for Value {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let written = match self {
            Self::Schema(value) => serde_json::to_writer(out, value),
            Self::Config(value) => serde_json::to_writer(out, value),
            Self::Mode(value) => serde_json::to_writer(out, value),
            Self::Context(value) => serde_json::to_writer(out, value),
            Self::DeleteSubject(value) => serde_json::to_writer(out, value),
            Self::Subject(value) => serde_json::to_writer(out, value),
            Self::Other(value) => serde_json::to_writer(out, value),
        };
        written.map_err(|error| error.to_string())
    }

    /// Values don't say what they are: their keys do, which are not at hand here, and the
    /// attributes that each kind has.
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        // Nearly all values are versions: so that is tried first, without a copy.
        if let Ok(value) = serde_json::from_slice(bytes) {
            return Ok(Self::Schema(Arc::new(value)));
        }
        let json: Json = serde_json::from_slice(bytes).map_err(|error| {
            format!("not JSON (line {}, column {})", error.line(), error.column())
        })?;
        let has = |key: &str| json.get(key).is_some();
        let broken = |error: serde_json::Error| error.to_string();
        Ok(if has("schema") && has("id") {
            Self::Schema(serde_json::from_value(json).map(Arc::new).map_err(broken)?)
        } else if has("mode") {
            Self::Mode(serde_json::from_value(json).map_err(broken)?)
        } else if SETTINGS.iter().any(|key| has(key)) {
            Self::Config(serde_json::from_value(json).map(Arc::new).map_err(broken)?)
        } else if has("subject") && has("version") {
            Self::DeleteSubject(serde_json::from_value(json).map_err(broken)?)
        } else if has("tenant") && has("context") {
            Self::Context(serde_json::from_value(json).map_err(broken)?)
        } else if has("subject") && json.as_object().is_some_and(|all| all.len() == 1) {
            Self::Subject(serde_json::from_value(json).map_err(broken)?)
        } else {
            Self::Other(json)
        })
    }
}
