//! Keys of the topic.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thalweg_log::table::TableItem;

use super::text::Text;
use super::usual;

/// The one tenant that there is.
const TENANT: &str = "default";

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
    /// What is soft deleted of a subject, or of all, is deleted for good.
    ClearSubject { subject: Option<Arc<str>> },
    /// There is a context of this name.
    Context { name: Arc<str> },
    /// Nothing, to Confluent's registry. Ours keeps here the highest ids that it has given
    /// out, when the schemas themselves are deleted for good.
    Noop,
    /// A key that we know nothing of. It stays as it is.
    Other(Box<[u8]>),
}

#[derive(Serialize, Deserialize)]
struct WireKey<'a> {
    #[serde(borrow)]
    keytype: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    tenant: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    context: Option<Arc<str>>,
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
    Option::<Text>::deserialize(from).map(|text| Some(text.map(|text| text.0)))
}

impl Key {
    fn wire(&self) -> Option<WireKey<'static>> {
        let (keytype, subject, version) = match self {
            Self::Schema { subject, version } => {
                ("SCHEMA", Some(Some(subject.clone())), Some(*version))
            }
            Self::Config { subject } => ("CONFIG", Some(subject.clone()), None),
            Self::Mode { subject } => ("MODE", Some(subject.clone()), None),
            Self::DeleteSubject { subject } => {
                ("DELETE_SUBJECT", Some(Some(subject.clone())), None)
            }
            Self::ClearSubject { subject } => ("CLEAR_SUBJECT", subject.clone().map(Some), None),
            Self::Context { .. } => ("CONTEXT", None, None),
            Self::Noop => ("NOOP", None, None),
            Self::Other(_) => return None,
        };
        let (tenant, context) = match self {
            Self::Context { name } => (Some(TENANT.into()), Some(name.clone())),
            _ => (None, None),
        };
        let magic = u8::from(version.is_some());
        Some(WireKey { keytype: keytype.into(), tenant, context, subject, version, magic })
    }
}

impl TableItem for Key {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        match (self, self.wire()) {
            (Self::Other(bytes), _) => out.extend_from_slice(bytes),
            (_, wire) => serde_json::to_writer(out, &wire).map_err(|error| error.to_string())?,
        }
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        if let Some(key) = usual::key(bytes) {
            return Ok(key);
        }
        let other = || {
            // Invariant 5: what is not known is named, and kept.
            tracing::warn!(
                key = %String::from_utf8_lossy(bytes).chars().take(200).collect::<String>(),
                "the schema registry does not know a key in its topic, and leaves it alone"
            );
            Self::Other(bytes.into())
        };
        let Ok(wire) = serde_json::from_slice::<WireKey<'_>>(bytes) else {
            return Ok(other());
        };
        let of_us = wire.tenant.as_deref().is_none_or(|tenant| tenant == TENANT);
        let subject = wire.subject.flatten();
        Ok(match (&*wire.keytype, subject, wire.version, wire.context) {
            ("SCHEMA", Some(subject), Some(version), _) => Self::Schema { subject, version },
            ("CONFIG", subject, ..) => Self::Config { subject },
            ("MODE", subject, ..) => Self::Mode { subject },
            ("DELETE_SUBJECT", Some(subject), ..) => Self::DeleteSubject { subject },
            ("CLEAR_SUBJECT", subject, ..) => Self::ClearSubject { subject },
            ("CONTEXT", _, _, Some(name)) if of_us => Self::Context { name },
            ("NOOP", ..) => Self::Noop,
            _ => other(),
        })
    }
}
