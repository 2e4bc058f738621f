//! Metadata of a schema: tags, properties, and which of these are sensitive.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};

/// The property that holds a version's number where one was asked for.
const VERSION: &str = "confluent:version";

/// Metadata of a schema. Its parts are kept in order, so that two that say the same are
/// the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Tags by the path of what they are at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub tags: BTreeMap<String, BTreeSet<String>>,
    /// Properties by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub properties: BTreeMap<String, String>,
    /// The properties that hold secrets.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", deserialize_with = "or_default")]
    pub sensitive: BTreeSet<String>,
    /// What newer registries add. It is stored and answered.
    #[serde(flatten)]
    rest: Map<String, Json>,
}

/// Reads null as nothing.
pub(super) fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(from).map(Option::unwrap_or_default)
}

impl Metadata {
    /// Both, where the later one counts in what both say.
    pub(super) fn merged(earlier: Option<&Self>, later: Option<&Self>) -> Option<Self> {
        let (Some(earlier), Some(later)) = (earlier, later) else {
            return earlier.or(later).cloned();
        };
        let mut merged = earlier.clone();
        merged.tags.extend(later.tags.clone());
        merged.properties.extend(later.properties.clone());
        merged.sensitive.extend(later.sensitive.iter().cloned());
        merged.rest.extend(later.rest.clone());
        Some(merged)
    }

    /// The version that it says it belongs to.
    pub(super) fn version(&self) -> Option<i32> {
        self.properties.get(VERSION)?.parse().ok()
    }

    /// Whether it says, in whatever words, which version it belongs to.
    pub(super) fn names_version(&self) -> bool {
        self.properties.contains_key(VERSION)
    }

    pub(super) fn with_version(mut self, version: i32) -> Self {
        self.properties.insert(VERSION.to_owned(), version.to_string());
        self
    }

    pub(super) fn without_version(&self) -> Self {
        let mut plain = self.clone();
        plain.properties.remove(VERSION);
        plain
    }
}
