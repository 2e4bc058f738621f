//! CreateTopics, version 7: one topic at a time.

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::{CreateTopicsRequest, TopicName};

use super::error::MISSING;
use super::{Api, CONTROL_LEN_MAX, Client, ClientError, Refused, Topic, index, text};
use crate::wire::{Malformed, Reader};

static API: Api = Api {
    key: 19,
    name: "CreateTopics",
    version: 7,
    is_flexible: true,
    answer_len_max: CONTROL_LEN_MAX,
};

/// How long the server may take to make or delete a topic, in ms.
pub(super) const TIMEOUT_MS: i32 = 20_000;

/// A topic to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// Number of its partitions; without one, as many as the server likes.
    pub partitions: Option<u32>,
    /// Its settings, by Kafka's names.
    pub config: Vec<(String, String)>,
}

impl Client {
    /// Makes a topic; what it has become.
    pub fn create_topic(&mut self, new: &NewTopic) -> Result<Topic, ClientError> {
        let config = new.config.iter().map(|(name, value)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(TopicName(text(&new.name)))
            .with_num_partitions(new.partitions.map_or(-1, index))
            .with_replication_factor(-1)
            .with_configs(config.collect());
        let request =
            CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
        Ok(self.call(&API, &request, |_, reader| read(reader))??)
    }
}

/// Reads as far as is needed: the topic's settings follow.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Result<Topic, Refused>, Malformed> {
    let _throttled_ms = reader.i32()?;
    if reader.count(27)? != 1 {
        return Err(MISSING);
    }
    let name = reader.text()?.to_owned();
    let id = reader.uuid()?;
    let code = reader.i16()?;
    let message = reader.optional_text()?;
    let partitions = reader.i32()?;
    if let Some(refused) = Refused::of(code, message) {
        return Ok(Err(refused));
    }
    let partitions = u32::try_from(partitions).map_err(|_| MISSING)?;
    Ok(Ok(Topic { name, id, partitions, is_internal: false }))
}
