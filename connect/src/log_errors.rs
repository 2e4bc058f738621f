//! What the runtime does about errors of the log.

use thalweg_core::{ConnectError, ErrorKind};
use thalweg_log::LogError;

/// The runtime's reaction to an error of the log, told with what was being done.
pub(crate) fn from_log(error: &LogError, doing: impl std::fmt::Display) -> ConnectError {
    let kind = match error {
        // The topic was deleted meanwhile: the next try resolves it again.
        LogError::UnknownTopic(_)
        | LogError::TopicExists(_)
        | LogError::NoSpace(_)
        | LogError::Io { .. } => ErrorKind::Retriable,
        LogError::InvalidTopic(_) => ErrorKind::BadConfig,
        _ => ErrorKind::Fatal,
    };
    ConnectError::new(kind, error.to_string()).context(doing)
}
