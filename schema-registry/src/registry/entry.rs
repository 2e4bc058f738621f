//! Keys and values of the topic `_schemas`, in the JSON that Confluent's registry keeps
//! there: a dump of either can be replayed into the other.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use thalweg_log::table::TableItem;

/// A key of the topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// One version of a subject.
    Schema { subject: Arc<str>, version: i32 },
    /// The settings of a subject; of all without a subject.
    Config { subject: Option<Arc<str>> },
    /// The mode of a subject; of all without a subject.
    Mode { subject: Option<Arc<str>> },
    /// All versions of a subject up to one are soft deleted.
    DeleteSubject { subject: Arc<str> },
    /// Nothing, to Confluent's registry. Ours keeps here the highest id that it has given
    /// out, when the schema itself is deleted for good.
    Noop,
    /// A key that we know nothing of. It stays as it is.
    Other(Bytes),
}

#[derive(Serialize, Deserialize)]
struct WireKey {
    keytype: String,
    // CONFIG and MODE have the subject even where it is null; NOOP has none.
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "present")]
    subject: Option<Option<Arc<str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    magic: u8,
}

/// Tells a null from a key that is not there.
fn present<'de, D>(from: D) -> Result<Option<Option<Arc<str>>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Option::deserialize(from).map(Some)
}

impl TableItem for Key {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let (keytype, subject, version, magic) = match self {
            Self::Schema { subject, version } => {
                ("SCHEMA", Some(Some(subject.clone())), Some(*version), 1)
            }
            Self::Config { subject } => ("CONFIG", Some(subject.clone()), None, 0),
            Self::Mode { subject } => ("MODE", Some(subject.clone()), None, 0),
            Self::DeleteSubject { subject } => {
                ("DELETE_SUBJECT", Some(Some(subject.clone())), None, 0)
            }
            Self::Noop => ("NOOP", None, None, 0),
            Self::Other(bytes) => {
                out.extend_from_slice(bytes);
                return Ok(());
            }
        };
        let wire = WireKey { keytype: keytype.to_owned(), subject, version, magic };
        serde_json::to_writer(out, &wire).map_err(|error| error.to_string())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let other = || {
            // Invariant 5: what is not known is named, and kept.
            tracing::warn!(
                key = %String::from_utf8_lossy(bytes).chars().take(200).collect::<String>(),
                "the schema registry does not know a key in its topic, and leaves it alone"
            );
            Self::Other(Bytes::copy_from_slice(bytes))
        };
        let Ok(wire) = serde_json::from_slice::<WireKey>(bytes) else {
            return Ok(other());
        };
        let subject = wire.subject.flatten();
        Ok(match (wire.keytype.as_str(), subject, wire.version) {
            ("SCHEMA", Some(subject), Some(version)) => Self::Schema { subject, version },
            ("CONFIG", subject, _) => Self::Config { subject },
            ("MODE", subject, _) => Self::Mode { subject },
            ("DELETE_SUBJECT", Some(subject), _) => Self::DeleteSubject { subject },
            ("NOOP", _, _) => Self::Noop,
            _ => other(),
        })
    }
}

/// A value of the topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Schema(Arc<SchemaValue>),
    Config(ConfigValue),
    Mode(ModeValue),
    DeleteSubject(DeleteSubjectValue),
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
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_empty")]
    pub(crate) references: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule_set: Option<Json>,
    pub(crate) schema: Arc<str>,
    #[serde(default)]
    pub(crate) deleted: bool,
    /// What other registries add. It is kept when the value is written again.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Json>,
}

fn or_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Reference>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Another schema that a schema uses types of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The type's name.
    pub name: String,
    /// The subject that has the schema.
    pub subject: Arc<str>,
    /// Which version of it; -1 is the latest.
    pub version: i32,
}

/// The settings of a subject, or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfigValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compatibility_level: Option<String>,
    #[serde(flatten)]
    pub(crate) rest: Map<String, Json>,
}

/// The mode of a subject, or of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModeValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Arc<str>>,
    pub(crate) mode: String,
}

/// Up to which version a subject is soft deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DeleteSubjectValue {
    pub(crate) subject: Arc<str>,
    pub(crate) version: i32,
}

impl TableItem for Value {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let written = match self {
            Self::Schema(value) => serde_json::to_writer(out, value),
            Self::Config(value) => serde_json::to_writer(out, value),
            Self::Mode(value) => serde_json::to_writer(out, value),
            Self::DeleteSubject(value) => serde_json::to_writer(out, value),
            Self::Other(value) => serde_json::to_writer(out, value),
        };
        written.map_err(|error| error.to_string())
    }

    /// Values don't say what they are: their keys do, which are not at hand here, and the
    /// attributes that each kind has.
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| {
            format!("not JSON (line {}, column {})", error.line(), error.column())
        })?;
        let has = |key: &str| json.get(key).is_some();
        let broken = |error: serde_json::Error| error.to_string();
        Ok(if has("schema") && has("id") {
            Self::Schema(serde_json::from_value(json).map(Arc::new).map_err(broken)?)
        } else if has("compatibilityLevel") {
            Self::Config(serde_json::from_value(json).map_err(broken)?)
        } else if has("mode") {
            Self::Mode(serde_json::from_value(json).map_err(broken)?)
        } else if has("subject") && has("version") {
            Self::DeleteSubject(serde_json::from_value(json).map_err(broken)?)
        } else {
            Self::Other(json)
        })
    }
}
