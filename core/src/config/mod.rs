//! Config keys, declared once.
//!
//! A connector names each of its keys in one function that takes a [`Declare`].
//! Run to *describe*, it yields the definitions (Connect's `validate` answer,
//! the docs page, a form). Run to *read* a posted config, it yields the typed
//! values, and **every** problem, each with its key.
//!
//! ```
//! use thalweg_core::config::{ConfigMap, Declare, Importance, choices};
//!
//! choices! {
//!     /// When to take a snapshot.
//!     pub enum SnapshotMode {
//!         /// Once, at the first start.
//!         Initial = "initial",
//!         /// Never.
//!         NoData = "no_data" | "never",
//!     }
//! }
//!
//! fn declare(keys: &mut Declare<'_>) -> (String, i64, SnapshotMode) {
//!     (
//!         keys.text("database.hostname", "Address of the server.").high().required(),
//!         keys.int("database.port", "Its port.").range(1..=65_535).default(5432),
//!         keys.choice("snapshot.mode", "When to take a snapshot.").default(SnapshotMode::Initial),
//!     )
//! }
//!
//! let posted = ConfigMap::from([("snapshot.mode".into(), "sometimes".into())]);
//! let mut keys = Declare::read(&posted);
//! declare(&mut keys);
//! let read = keys.finish();
//! assert_eq!(read.problems.len(), 2); // the host name is missing, the mode is none
//! assert_eq!(read.definitions[1].importance, Importance::Medium);
//! ```

mod choice;
mod declare;
mod definition;
mod key;
mod parse;
mod secret;
mod unknown;

use std::collections::BTreeMap;

pub use choice::Choice;
pub use declare::{Declare, Declared};
pub use definition::{ConfigType, Definition, Family, Importance, Support};
pub use key::Key;
pub use parse::{ConfigValue, Millis};
pub use secret::{MASK, Secret, is_secret_name};

pub use crate::choices;

/// A posted config: key → value, as Kafka Connect has it.
pub type ConfigMap = BTreeMap<String, String>;

/// Something wrong with a key, or worth a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key.
    pub key: String,
    /// What is wrong and what to do. Never holds a secret (invariant 8).
    pub message: String,
}

impl Problem {
    /// A problem of this key.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

#[cfg(test)]
mod tests;
