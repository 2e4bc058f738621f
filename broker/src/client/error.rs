//! What a client can run into.

use std::io;

use kafka_protocol::error::ResponseError;

use crate::wire::Malformed;

/// Why a request has no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// What should be an address is none.
    #[error("{0:?} is not an address: expected a host and a port, such as 127.0.0.1:9092")]
    Address(String),
    /// Nobody listens at the address, or it can't be found.
    #[error("no server answers at {address} ({error})")]
    Unreachable {
        /// Where.
        address: String,
        /// What the operating system says.
        error: io::Error,
    },
    /// The connection broke while a request was under way.
    #[error("the connection to {address} broke while it was to answer {api} ({error})")]
    Broken {
        /// Where.
        address: String,
        /// What was asked.
        api: &'static str,
        /// What the operating system says.
        error: io::Error,
    },
    /// What listens there is no Kafka server.
    #[error("what listens at {address} does not speak Kafka's protocol ({reason})")]
    NotKafka {
        /// Where.
        address: String,
        /// What it did.
        reason: String,
    },
    /// The server does not have the API, or not this version of it.
    #[error(
        "the server at {address} does not have version {version} of {api} ({})",
        match served {
            Some((first, last)) => format!("only {first} to {last}"),
            None => "nor any other".to_owned(),
        }
    )]
    NotServed {
        /// Where.
        address: String,
        /// What was to be asked.
        api: &'static str,
        /// In which version.
        version: i16,
        /// First and last version that it has.
        served: Option<(i16, i16)>,
    },
    /// An answer is longer than any that is taken.
    #[error("the answer to {api} has {len} bytes, and {max} is the most that is taken")]
    TooLong {
        /// What was asked.
        api: &'static str,
        /// How long it is.
        len: usize,
        /// How long it may be.
        max: usize,
    },
    /// An answer can't be read.
    #[error("the answer to {api} of the server at {address} can't be read: {reason}")]
    Malformed {
        /// Where.
        address: String,
        /// What was asked.
        api: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A request that can't be written.
    #[error("a request for {0} can't be written: one of its names or values is too long")]
    Unwritable(&'static str),
    /// The server said no.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl ClientError {
    /// The server's refusal, if that is what it is.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }
}

/// A refusal of the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// Kafka's code of the error.
    pub code: i16,
    /// What the server says; without that, what the code stands for.
    pub message: String,
}

impl Refused {
    /// An offset is below the first or above the end.
    pub const OFFSET_OUT_OF_RANGE: i16 = 1;
    /// There is no such topic, or no such partition.
    pub const UNKNOWN_TOPIC: i16 = 3;
    /// There is no topic with this id.
    pub const UNKNOWN_TOPIC_ID: i16 = 100;

    /// The refusal of this code; none for 0.
    pub(super) fn of(code: i16, message: Option<&str>) -> Option<Self> {
        let error = ResponseError::try_from_code(code)?;
        let message = message.filter(|message| !message.is_empty());
        let message = message.map_or_else(|| format!("{error} (error {code})"), str::to_owned);
        Some(Self { code, message })
    }

    /// An error for any code but 0.
    pub(super) fn check(code: i16, message: Option<&str>) -> Result<(), Self> {
        Self::of(code, message).map_or(Ok(()), Err)
    }
}

/// An answer may lack what was asked for.
pub(super) const MISSING: Malformed = Malformed::Short;
