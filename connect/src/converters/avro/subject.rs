//! Which subject of the registry a topic's schemas belong to.

use thalweg_core::ConnectError;
use thalweg_core::config::choices;
use thalweg_core::schema::{Kind, Schema};

use super::super::Side;

choices! {
    /// How subjects are named.
    pub enum SubjectStrategy {
        /// `<topic>-key`, `<topic>-value`.
        Topic = "io.confluent.kafka.serializers.subject.TopicNameStrategy" | "TopicNameStrategy",
        /// The record's full name.
        Record = "io.confluent.kafka.serializers.subject.RecordNameStrategy"
            | "RecordNameStrategy",
        /// `<topic>-<the record's full name>`.
        TopicRecord = "io.confluent.kafka.serializers.subject.TopicRecordNameStrategy"
            | "TopicRecordNameStrategy",
    }
}

impl SubjectStrategy {
    /// The subject of a schema (with names that Avro allows) on a topic.
    pub(super) fn subject(
        self,
        topic: &str,
        side: Side,
        schema: &Schema,
    ) -> Result<String, ConnectError> {
        let record = || match schema.kind() {
            Kind::Struct(_) => {
                Ok(schema.name().unwrap_or("io.confluent.connect.avro.ConnectDefault"))
            }
            _ => Err(ConnectError::bad_config(format!(
                "{}.subject.name.strategy needs records, and the {0}s of topic {topic} are none: \
                 use TopicNameStrategy",
                side.name()
            ))),
        };
        Ok(match self {
            Self::Topic => format!("{topic}-{}", side.name()),
            Self::Record => record()?.to_owned(),
            Self::TopicRecord => format!("{topic}-{}", record()?),
        })
    }
}
