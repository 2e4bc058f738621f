//! What goes wrong on a connection.

use std::io;

use thalweg_core::{ConnectError, ErrorKind};

/// An error that the server answered. The detail is left out on purpose: it
/// holds values of rows (invariant 8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerError {
    /// SQLSTATE, such as `28P01`.
    pub(crate) code: String,
    /// The primary message.
    pub(crate) message: String,
    /// What the server advises.
    pub(crate) hint: String,
}

impl ServerError {
    /// Reads the fields of an `ErrorResponse` or `NoticeResponse`.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let mut error = Self::default();
        for field in body.split(|&byte| byte == 0) {
            let Some((&kind, text)) = field.split_first() else { continue };
            let text = || String::from_utf8_lossy(text).into_owned();
            match kind {
                b'C' => error.code = text(),
                b'M' => error.message = text(),
                b'H' => error.hint = text(),
                _ => {}
            }
        }
        error
    }

    /// What the runtime should do about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self.code.get(..2) {
            // Wrong sign-in, no such database, no such object, no right.
            Some("28" | "3D" | "42") => ErrorKind::BadConfig,
            _ => ErrorKind::Retriable,
        }
    }

    /// Its text. Data exceptions quote values, so only their code is told.
    pub(crate) fn text(&self) -> String {
        if self.code.starts_with("22") || self.code.starts_with("23") {
            return format!("the server refuses a value (SQLSTATE {})", self.code);
        }
        match self.hint.as_str() {
            "" => format!("{} (SQLSTATE {})", self.message, self.code),
            hint => format!("{} ({hint}, SQLSTATE {})", self.message, self.code),
        }
    }
}

impl From<&tokio_postgres::error::DbError> for ServerError {
    fn from(error: &tokio_postgres::error::DbError) -> Self {
        Self {
            code: error.code().code().to_owned(),
            message: error.message().to_owned(),
            hint: error.hint().unwrap_or_default().to_owned(),
        }
    }
}

/// Why a connection can't go on.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The network.
    Io(io::Error),
    /// The server ended it.
    Closed,
    /// The other side does not speak the protocol.
    Protocol(String),
    /// The server answered with an error.
    Server(ServerError),
}

impl Fault {
    /// A breach of the protocol.
    pub(crate) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol(what.into())
    }

    /// SQLSTATE, if the server answered with an error.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Server(error) => Some(&error.code),
            _ => None,
        }
    }

    /// The connector's error, told with what was being done.
    pub(crate) fn during(self, doing: impl std::fmt::Display) -> ConnectError {
        match self {
            Self::Server(error) => ConnectError::new(error.kind(), error.text()),
            other => ConnectError::retriable(other.to_string()),
        }
        .context(doing)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Protocol(what) => write!(f, "not understood: {what}"),
            Self::Server(error) => f.write_str(&error.text()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Closed } else { Self::Io(error) }
    }
}
