//! Which version of a subject is asked for.

use std::str::FromStr;

use super::error::RegistryError;

/// Which version of a subject is asked for: a number, or the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionId {
    /// The latest that is not deleted.
    Latest,
    /// This one, from 1.
    Number(i32),
}

impl VersionId {
    /// As Confluent's registry names it: -1 is the latest.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Latest => -1,
            Self::Number(number) => number,
        }
    }
}

impl FromStr for VersionId {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, RegistryError> {
        let trimmed = text.trim();
        if trimmed.eq_ignore_ascii_case("latest") || trimmed == "-1" {
            return Ok(Self::Latest);
        }
        match trimmed.parse() {
            Ok(version) if version > 0 => Ok(Self::Number(version)),
            _ => Err(RegistryError::InvalidVersion(text.to_owned())),
        }
    }
}

/// Which of the versions, subjects or schemas are looked at: soft deletion hides them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selected {
    /// Those that are not deleted.
    #[default]
    Live,
    /// All.
    All,
    /// Those that are soft deleted.
    Deleted,
}

impl Selected {
    /// From the query parameters `deleted` and `deletedOnly`.
    #[must_use]
    pub fn new(deleted: bool, deleted_only: bool) -> Self {
        match (deleted, deleted_only) {
            (_, true) => Self::Deleted,
            (true, false) => Self::All,
            (false, false) => Self::Live,
        }
    }

    pub(super) fn takes(self, deleted: bool) -> bool {
        match self {
            Self::Live => !deleted,
            Self::All => true,
            Self::Deleted => deleted,
        }
    }
}
