//! Values of the topic.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};
use thalweg_log::table::TableItem;

use super::text::Text;
use super::usual;
use crate::registry::metadata::Metadata;
use crate::registry::rule_set::RuleSet;

/// A value of the topic. Nearly all are versions: what is larger is boxed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Schema(SchemaValue),
    Config(Arc<ConfigValue>),
    Mode(Box<ModeValue>),
    Context(Box<ContextValue>),
    DeleteSubject(Box<DeleteSubjectValue>),
    /// Of a key that is about a subject, and says no more.
    Subject(Box<SubjectValue>),
    /// Values that other kinds of keys have.
    Other(Box<Json>),
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchemaValue {
    pub(crate) subject: Arc<str>,
    pub(crate) version: i32,
    pub(crate) id: i32,
    /// Not there for Avro.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema_type: Option<Box<str>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) references: Box<[Reference]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Arc<Metadata>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule_set: Option<Arc<RuleSet>>,
    pub(crate) schema: Arc<str>,
    pub(crate) deleted: bool,
    /// What other registries add. It is kept when the value is written again.
    #[serde(flatten)]
    pub(crate) rest: Option<Box<Map<String, Json>>>,
}

/// By hand: a derived one would copy all attributes for the sake of those that are not
/// known, which takes most of the time of a start.
impl<'de> Deserialize<'de> for SchemaValue {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(SchemaVisitor)
    }
}

/// An attribute's name.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Attribute {
    Subject,
    Version,
    Id,
    Schema,
    SchemaType,
    References,
    Metadata,
    RuleSet,
    Deleted,
    Other(String),
}

struct SchemaVisitor;

impl<'de> Visitor<'de> for SchemaVisitor {
    type Value = SchemaValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a version of a subject")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SchemaValue, A::Error> {
        let (mut subject, mut schema) = (None, None);
        let (mut version, mut id) = (None, None);
        let (mut schema_type, mut references) = (None, None);
        let (mut metadata, mut rule_set) = (None, None);
        let (mut deleted, mut rest) = (None, None);
        while let Some(name) = map.next_key()? {
            match name {
                Attribute::Subject => subject = Some(map.next_value::<Text>()?.0),
                Attribute::Version => version = Some(map.next_value()?),
                Attribute::Id => id = Some(map.next_value()?),
                Attribute::Schema => schema = Some(map.next_value::<Text>()?.0),
                Attribute::SchemaType => schema_type = map.next_value()?,
                Attribute::References => references = map.next_value()?,
                Attribute::Metadata => metadata = map.next_value()?,
                Attribute::RuleSet => rule_set = map.next_value()?,
                Attribute::Deleted => deleted = map.next_value()?,
                Attribute::Other(name) => {
                    let rest: &mut Box<Map<_, _>> = rest.get_or_insert_default();
                    rest.insert(name, map.next_value()?);
                }
            }
        }
        let missing = A::Error::missing_field;
        Ok(SchemaValue {
            subject: subject.ok_or_else(|| missing("subject"))?,
            version: version.ok_or_else(|| missing("version"))?,
            id: id.ok_or_else(|| missing("id"))?,
            schema_type,
            references: references.unwrap_or_default(),
            metadata,
            rule_set,
            schema: schema.ok_or_else(|| missing("schema"))?,
            deleted: deleted.unwrap_or_default(),
            rest,
        })
    }
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
        if let Some(value) = usual::value(bytes) {
            return Ok(Self::Schema(value));
        }
        if let Ok(value) = serde_json::from_slice(bytes) {
            return Ok(Self::Schema(value));
        }
        let json: Json = serde_json::from_slice(bytes).map_err(|error| {
            format!("not JSON (line {}, column {})", error.line(), error.column())
        })?;
        let has = |key: &str| json.get(key).is_some();
        let broken = |error: serde_json::Error| error.to_string();
        Ok(if has("schema") && has("id") {
            Self::Schema(serde_json::from_value(json).map_err(broken)?)
        } else if has("mode") {
            Self::Mode(serde_json::from_value(json).map(Box::new).map_err(broken)?)
        } else if SETTINGS.iter().any(|key| has(key)) {
            Self::Config(serde_json::from_value(json).map(Arc::new).map_err(broken)?)
        } else if has("subject") && has("version") {
            Self::DeleteSubject(serde_json::from_value(json).map(Box::new).map_err(broken)?)
        } else if has("tenant") && has("context") {
            Self::Context(serde_json::from_value(json).map(Box::new).map_err(broken)?)
        } else if has("subject") && json.as_object().is_some_and(|all| all.len() == 1) {
            Self::Subject(serde_json::from_value(json).map(Box::new).map_err(broken)?)
        } else {
            Self::Other(Box::new(json))
        })
    }
}
