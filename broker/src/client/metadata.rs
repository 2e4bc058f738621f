//! Metadata, version 12: which topics there are. None is made by asking.

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use uuid::Uuid;

use super::error::MISSING;
use super::{Api, CONTROL_LEN_MAX, Client, ClientError, Refused, text};
use crate::wire::{Malformed, Reader};

pub(super) static API: Api = Api {
    key: 3,
    name: "Metadata",
    version: 12,
    is_flexible: true,
    answer_len_max: CONTROL_LEN_MAX,
};

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id: one that is made again under the same name has another.
    pub id: Uuid,
    /// Number of its partitions.
    pub partitions: u32,
    /// Whether it is the server's own.
    pub is_internal: bool,
}

impl Client {
    /// All topics, by name.
    pub fn topics(&mut self) -> Result<Vec<Topic>, ClientError> {
        let mut topics = Vec::new();
        for found in self.ask(None)? {
            topics.push(found?);
        }
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }

    /// The topic of this name, if there is one.
    pub fn topic(&mut self, name: &str) -> Result<Option<Topic>, ClientError> {
        let asked = MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
        match self.ask(Some(vec![asked]))?.pop() {
            Some(Ok(topic)) => Ok(Some(topic)),
            Some(Err(refused)) if refused.code == Refused::UNKNOWN_TOPIC => Ok(None),
            Some(Err(refused)) => Err(refused.into()),
            None => Ok(None),
        }
    }

    fn ask(
        &mut self,
        topics: Option<Vec<MetadataRequestTopic>>,
    ) -> Result<Vec<Result<Topic, Refused>>, ClientError> {
        let request =
            MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(false);
        self.call(&API, &request, |_, reader| read(reader))
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Vec<Result<Topic, Refused>>, Malformed> {
    let _throttled_ms = reader.i32()?;
    for _ in 0..reader.count(11)? {
        // A broker: id, host, port, rack.
        reader.i32()?;
        reader.text()?;
        reader.i32()?;
        reader.optional_text()?;
        reader.tags()?;
    }
    let _cluster_id = reader.optional_text()?;
    let _controller = reader.i32()?;
    let count = reader.count(26)?;
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        topics.push(read_topic(reader)?);
    }
    reader.tags()?;
    Ok(topics)
}

fn read_topic(reader: &mut Reader<'_>) -> Result<Result<Topic, Refused>, Malformed> {
    let code = reader.i16()?;
    let name = reader.optional_text()?;
    let id = reader.uuid()?;
    let is_internal = reader.i8()? != 0;
    let partitions = reader.count(17)?;
    for _ in 0..partitions {
        // Its error, number, leader and the leader's epoch.
        reader.take(14)?;
        // Replicas, those in sync, those that are off line.
        for _ in 0..3 {
            let replicas = reader.count(4)?;
            reader.take(4 * replicas)?;
        }
        reader.tags()?;
    }
    let _operations = reader.i32()?;
    reader.tags()?;
    if let Some(refused) = Refused::of(code, None) {
        return Ok(Err(refused));
    }
    Ok(Ok(Topic {
        name: name.ok_or(MISSING)?.to_owned(),
        id,
        partitions: u32::try_from(partitions).map_err(|_| MISSING)?,
        is_internal,
    }))
}
