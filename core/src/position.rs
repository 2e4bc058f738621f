//! How far a source is, and the proof that this is durable.

use serde::{Deserialize, Serialize};

/// A JSON object that keeps the order of its keys.
pub type JsonMap = serde_json::Map<String, serde_json::Value>;

/// A source's position: everything before it is in the log. The fields are the
/// connector's own, shown by `GET /connectors/{name}/offsets` and kept in
/// `connect-offsets` as Kafka Connect keeps them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub JsonMap);

/// A value that is known to be durable. Only the runtime's offset store makes
/// one (`tests/tidy.rs` checks that no other file names `attest`), so that an
/// upstream can't be told of progress that a crash would take back
/// (invariant 2).
#[derive(Clone, Debug, PartialEq)]
pub struct Durable<T>(T);

impl<T> Durable<T> {
    /// Says that this value is durable.
    pub fn attest(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The value, without the proof.
    pub fn into_inner(self) -> T {
        self.0
    }
}
