//! Kafka's error codes, and which of the log's errors is which.

use thalweg_log::{LogError, Refusal as BatchRefusal};

use crate::rare_warning;

/// The codes that are answered here, by their names in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub(crate) enum ErrorCode {
    None = 0,
    OffsetOutOfRange = 1,
    CorruptMessage = 2,
    UnknownTopicOrPartition = 3,
    MessageTooLarge = 10,
    InvalidTopic = 17,
    RecordListTooLarge = 18,
    InvalidRequiredAcks = 21,
    InvalidTimestamp = 32,
    UnsupportedVersion = 35,
    TopicAlreadyExists = 36,
    InvalidPartitions = 37,
    InvalidReplicationFactor = 38,
    InvalidReplicaAssignment = 39,
    InvalidConfig = 40,
    InvalidRequest = 42,
    UnsupportedForMessageFormat = 43,
    PolicyViolation = 44,
    OutOfOrderSequenceNumber = 45,
    InvalidProducerEpoch = 47,
    InvalidTxnState = 48,
    KafkaStorageError = 56,
    FetchSessionIdNotFound = 70,
    FencedLeaderEpoch = 74,
    UnknownLeaderEpoch = 75,
    InvalidRecord = 87,
    UnknownTopicId = 100,
    UnsupportedEndpointType = 115,
}

impl ErrorCode {
    /// The number on the wire.
    pub(crate) fn code(self) -> i16 {
        self as i16
    }

    /// The code for an error of the log.
    pub(crate) fn of(error: &LogError) -> Self {
        match error {
            LogError::UnknownTopic(_) => Self::UnknownTopicOrPartition,
            LogError::TopicExists(_) => Self::TopicAlreadyExists,
            LogError::InvalidTopic(_) => Self::InvalidTopic,
            LogError::OffsetOutOfRange { .. } => Self::OffsetOutOfRange,
            LogError::Fenced(_) => Self::InvalidProducerEpoch,
            LogError::InvalidBatch(_) => Self::CorruptMessage,
            LogError::Refused(refusal) => match refusal {
                BatchRefusal::OutOfOrderSequence { .. } => Self::OutOfOrderSequenceNumber,
                BatchRefusal::FencedProducer { .. } => Self::InvalidProducerEpoch,
                BatchRefusal::NoTransaction { .. } => Self::InvalidTxnState,
                BatchRefusal::Timestamp { .. } => Self::InvalidTimestamp,
                _ => Self::InvalidRecord,
            },
            LogError::TooLarge { setting: "log.append.bytes.max", .. } => Self::RecordListTooLarge,
            LogError::TooLarge { .. } => Self::MessageTooLarge,
            // What may be mended: clients try again.
            _ => Self::KafkaStorageError,
        }
    }
}

/// A refusal: its code, and words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// There is no topic of this name, or no such partition of it.
    pub(crate) fn unknown(topic: &str) -> Self {
        Self::new(
            ErrorCode::UnknownTopicOrPartition,
            format!("topic {topic} or this partition of it does not exist"),
        )
    }
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Self {
        let (code, message) = (ErrorCode::of(&error), error.to_string());
        if code == ErrorCode::KafkaStorageError {
            // Most answers have a code alone: the words are for who runs this
            // server (invariant 6).
            rare_warning::warn(&message);
        }
        Self::new(code, message)
    }
}
