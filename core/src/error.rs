//! The one error of connectors. Its kinds are exactly the runtime's reactions.

use std::fmt;

/// What the runtime does about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Try again with back-off: the cause may pass (a server that is down).
    Retriable,
    /// One record can't be processed: stop the task, or send the record to the
    /// dead letters if the config says so (invariant 4).
    BadRecord,
    /// The config can't work as it is: stop, a person must change it.
    BadConfig,
    /// Going on would lose or repeat rows: stop, a person must decide.
    Fatal,
}

/// Which record an error is about. Never holds values of a row (invariant 8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coordinates {
    /// The table, topic or file.
    pub place: String,
    /// The partition, if the place has partitions.
    pub partition: Option<u32>,
    /// The offset, LSN or row number within the place, as a person looks it up.
    pub at: String,
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some(partition) = self.partition {
            write!(f, "-{partition}")?;
        }
        write!(f, " at {}", self.at)
    }
}

/// What went wrong in a connector: the kind, and a message that names the key,
/// row or object and says what to do.
#[derive(Clone, Debug)]
pub struct ConnectError {
    kind: ErrorKind,
    message: String,
    coordinates: Option<Box<Coordinates>>,
}

impl ConnectError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), coordinates: None }
    }

    /// A cause that may pass.
    pub fn retriable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Retriable, message)
    }

    /// A config that can't work.
    pub fn bad_config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadConfig, message)
    }

    /// A record that can't be processed.
    pub fn bad_record(at: Coordinates, message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::BadRecord,
            message: message.into(),
            coordinates: Some(Box::new(at)),
        }
    }

    /// A state in which going on would lose or repeat rows.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Fatal, message)
    }

    /// The same error, told with what was being done.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// The reaction that it asks for.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The record that it is about.
    #[must_use]
    pub fn coordinates(&self) -> Option<&Coordinates> {
        self.coordinates.as_deref()
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.coordinates {
            Some(at) => write!(f, " (record: {at})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConnectError {}
