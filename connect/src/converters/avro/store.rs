//! Where the schemas of Avro records are kept.

use thalweg_core::{BoxFuture, ConnectError};
use tokio::sync::watch;

use super::super::{Foretold, Incompatible, NoPlan};

/// A schema registry, as converters see it. What a registry of others can't do has an
/// answer that says so.
pub trait SchemaStore: Send + Sync {
    /// Registers an Avro schema (JSON text) as the newest version of a subject,
    /// if it is not there yet; its id.
    fn register<'a>(
        &'a self,
        subject: &'a str,
        schema: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>>;

    /// Registers a schema as the newest version of a subject whatever the
    /// versions before it say, and keeps that it was so and why; its id.
    fn register_anyway<'a>(
        &'a self,
        subject: &'a str,
        schema: &'a str,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        let _ = (schema, reason);
        Box::pin(async move { Err(unable(subject)) })
    }

    /// Whether there is such a subject.
    fn has_subject(&self, subject: &str) -> bool {
        let _ = subject;
        false
    }

    /// What would be said to a schema as the next version of a subject.
    fn foretell(&self, subject: &str, schema: &str) -> Result<Foretold, StoreError> {
        let _ = schema;
        Err(unable(subject))
    }

    /// Changes with each change of what is kept, where that is known.
    fn changes(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    /// The version of a subject that has the schema of an id, deleted ones too.
    fn version<'a>(
        &'a self,
        subject: &'a str,
        id: u32,
    ) -> BoxFuture<'a, Result<Option<i32>, StoreError>> {
        let _ = id;
        Box::pin(async move { Err(unable(subject)) })
    }

    /// The id of a subject's newest schema; none if there is no such subject.
    fn newest<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Option<u32>, StoreError>> {
        Box::pin(async move { Err(unable(subject)) })
    }

    /// The id of a schema that must be registered under the subject already.
    fn look_up<'a>(
        &'a self,
        subject: &'a str,
        schema: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>>;

    /// The schema (JSON text, without references to others) of an id; none if
    /// there is no such id.
    fn schema(&self, id: u32) -> BoxFuture<'_, Result<Option<String>, StoreError>>;
}

/// Why a registry refuses.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The schema is not compatible with what the subject has: the version that
    /// it clashes with and why, in words for people.
    #[error("{reason}")]
    Incompatible {
        /// The version that it clashes with, if one is known.
        version: Option<i32>,
        /// What is incompatible, and where.
        reason: String,
    },
    /// The subject or schema is not there, and may not be made.
    #[error("{0}")]
    NotFound(String),
    /// The schema itself, or the subject's name, is not valid, or the registry
    /// may not be written.
    #[error("{0}")]
    Refused(String),
    /// The registry could not answer now.
    #[error("{0}")]
    Unreachable(String),
}

fn unable(subject: &str) -> StoreError {
    StoreError::Refused(format!("its registry can't do that for subject {subject}"))
}

/// What becomes of rows whose schema is not taken.
pub(super) fn refusal(subject: &str, topic: &str, error: StoreError) -> NoPlan {
    NoPlan::Failed(match error {
        StoreError::Incompatible { version, reason } => {
            return NoPlan::Incompatible(Incompatible {
                subject: subject.to_owned(),
                version,
                reason,
            });
        }
        StoreError::NotFound(reason) => ConnectError::bad_config(format!(
            "subject {subject} does not have the schema of topic {topic}: {reason}. Register it, \
             or set auto.register.schemas=true"
        )),
        StoreError::Refused(reason) => ConnectError::fatal(format!(
            "the schema registry refused the schema of topic {topic} for subject {subject}: \
             {reason}"
        )),
        StoreError::Unreachable(reason) => ConnectError::retriable(format!(
            "the schema registry could not register the schema of topic {topic} for subject \
             {subject}: {reason}"
        )),
    })
}
