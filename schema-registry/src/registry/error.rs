//! Why the registry does not do what it is asked, with the codes and texts of
//! Confluent's.

use thalweg_log::LogError;

use super::clash::Clash;
use crate::compat::UnknownLevel;

/// What every operation of the registry answers.
pub type Result<T> = std::result::Result<T, RegistryError>;

/// Why the registry does not do what it is asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegistryError {
    /// There is no such subject.
    #[error("Subject '{0}' not found.")]
    SubjectNotFound(String),
    /// The subject has no such version.
    #[error("Version {0} not found.")]
    VersionNotFound(i32),
    /// There is no schema with this id.
    #[error("Schema {0} not found")]
    IdNotFound(i32),
    /// The subject does not have this schema.
    #[error("Schema not found")]
    SchemaNotFound,
    /// The subject has no settings of its own.
    #[error("Subject '{0}' does not have subject-level compatibility configured")]
    NotConfigured(String),
    /// The schema is not compatible with earlier versions.
    #[error("{0}")]
    Incompatible(Box<Clash>),
    /// The text is not a schema, or something that it needs is not there.
    #[error("Invalid schema, details: {0}")]
    InvalidSchema(String),
    /// The text is no version.
    #[error(
        "The specified version '{0}' is not a valid version id. Allowed values are between \
         [1, 2^31-1] and the string \"latest\""
    )]
    InvalidVersion(String),
    /// The text is no level of compatibility.
    #[error("{0}")]
    InvalidLevel(#[from] UnknownLevel),
    /// The name can't be a subject's.
    #[error(
        "The specified subject '{subject}' is not a valid. Its name can't be a subject's: {reason}"
    )]
    InvalidSubject {
        /// The name, cut short where it is long.
        subject: String,
        /// Why not.
        reason: &'static str,
    },
    /// Something else that Confluent's registry has a code for.
    #[error("{message}")]
    Refused {
        /// That code.
        code: u32,
        /// What happened, and what to do.
        message: String,
    },
    /// The log did not take the change, or could not be read.
    #[error("Error while working with the topic _schemas: {0}")]
    Store(#[from] LogError),
}

impl RegistryError {
    /// What is answered where a schema is needed and none is there.
    pub(super) fn empty_schema() -> Self {
        Self::Refused { code: 42201, message: "Empty schema".to_owned() }
    }

    /// Confluent's error code.
    #[must_use]
    pub fn code(&self) -> u32 {
        match self {
            Self::SubjectNotFound(_) => 40401,
            Self::VersionNotFound(_) => 40402,
            Self::IdNotFound(_) | Self::SchemaNotFound => 40403,
            Self::NotConfigured(_) => 40408,
            Self::Incompatible(_) => 409,
            Self::InvalidSchema(_) => 42201,
            Self::InvalidVersion(_) => 42202,
            Self::InvalidLevel(_) => 42203,
            Self::InvalidSubject { .. } => 42208,
            Self::Refused { code, .. } => *code,
            Self::Store(_) => 50001,
        }
    }

    /// The HTTP status, which the code begins with.
    #[must_use]
    pub fn status(&self) -> u16 {
        let code = self.code();
        let status = if code < 1000 { code } else { code / 100 };
        u16::try_from(status).unwrap_or(500)
    }
}
