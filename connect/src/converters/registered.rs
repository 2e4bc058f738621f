//! Converters whose schemas a registry can refuse, and what is done then.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thalweg_core::batch::Layout;
use thalweg_core::{BoxFuture, ConnectError};
use tokio::sync::watch;

use super::RowEncoder;

thalweg_core::choices! {
    /// What is done with rows whose schema is not compatible with what its
    /// subject has.
    pub enum IncompatibleAction {
        /// They are parked, in order, until the subject takes their schema.
        Pause = "pause",
        /// Their schema becomes the next version against the subject's level.
        Evolve = "evolve",
        /// Their schema begins a subject of its own, `<subject>-v2`.
        NewSubject = "new-subject",
    }
}

/// A schema that is not registered yet, and the subject that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unregistered {
    /// The subject.
    pub subject: String,
    /// The schema's text.
    pub schema: String,
}

/// A schema that its subject does not take.
#[derive(Clone, Debug)]
pub struct Incompatible {
    /// The subject.
    pub subject: String,
    /// The version that it clashes with, if one is known.
    pub version: Option<i32>,
    /// What is incompatible, where, and what to do; in words for people.
    pub reason: String,
}

impl Incompatible {
    /// The refusal of a topic's schema, with what a person can do.
    #[must_use]
    pub fn told(&self, topic: &str) -> String {
        let Self { subject, reason, .. } = self;
        let against =
            self.version.map_or(String::new(), |version| format!(" with version {version}"));
        format!(
            "the schema of topic {topic} changed, and subject {subject} does not take it: it is \
             not compatible{against}: {reason}. Allow it by another level (PUT /config/{subject} \
             {{\"compatibility\": \"NONE\"}} on the schema registry, and set it back when the rows \
             have come), or by schema.incompatible.action=evolve or new-subject in the \
             connector's config"
        )
    }
}

/// Why there is no plan for rows.
#[derive(Debug)]
pub enum NoPlan {
    /// The registry does not take their schema.
    Incompatible(Incompatible),
    /// Anything else.
    Failed(ConnectError),
}

impl From<ConnectError> for NoPlan {
    fn from(error: ConnectError) -> Self {
        Self::Failed(error)
    }
}

impl NoPlan {
    /// As the error of the task that has these rows.
    #[must_use]
    pub fn into_error(self, topic: &str) -> ConnectError {
        match self {
            Self::Incompatible(refused) => ConnectError::fatal(format!(
                "{}, then restart the connector; nothing is lost meanwhile",
                refused.told(topic)
            )),
            Self::Failed(error) => error,
        }
    }
}

/// What a registry would say to a schema.
#[derive(Clone, Debug, Default)]
pub struct Foretold {
    /// The subject: another one than the schema's where schemas are spread.
    pub subject: String,
    /// Whether a new schema is registered by itself.
    pub registers: bool,
    /// The subject's level.
    pub level: &'static str,
    /// The version that has the schema already, if one does.
    pub known: Option<i32>,
    /// Each level, and whether it would take the schema.
    pub levels: Vec<(&'static str, bool)>,
    /// What violates the subject's level: what, where, and what to do.
    pub reasons: Vec<String>,
}

/// Bytes of a record before its datum: a magic byte and the schema's id.
pub type RecordHeader = [u8; 5];

/// A plan that writes a number in place of its schema's id.
pub type NumberedPlan = Box<dyn FnOnce(u32) -> Arc<dyn RowEncoder> + Send>;

/// A converter whose records name a schema in a registry. Its rows can be
/// written before the registry takes their schema: what is missing then is the
/// schema's id, in the header of each record.
pub trait Registered: Send + Sync {
    /// [`Converter::encoder`](super::Converter::encoder), with a refusal told
    /// from other errors.
    fn plan<'a>(
        &'a self,
        topic: &'a str,
        layout: &'a Arc<Layout>,
    ) -> BoxFuture<'a, Result<Arc<dyn RowEncoder>, NoPlan>>;

    /// The schema that rows need, unregistered, and how they are written meanwhile.
    fn detached(
        &self,
        topic: &str,
        layout: &Arc<Layout>,
    ) -> Result<(Unregistered, NumberedPlan), ConnectError>;

    /// What the registry would say to a schema.
    fn foretell(&self, schema: &Unregistered) -> Result<Foretold, ConnectError>;

    /// Registers a schema; the header of its records.
    fn attach<'a>(
        &'a self,
        topic: &'a str,
        schema: &'a Unregistered,
    ) -> BoxFuture<'a, Result<RecordHeader, NoPlan>>;

    /// Changes with each change of the registry: what it refused it may take
    /// now.
    fn changes(&self) -> watch::Receiver<u64>;
}
