//! DeleteTopics, version 6: one topic at a time, by its id, so that it is the one
//! that was looked at.

use kafka_protocol::messages::DeleteTopicsRequest;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;

use super::create_topic::TIMEOUT_MS;
use super::error::MISSING;
use super::{Api, CONTROL_LEN_MAX, Client, ClientError, Refused, Topic};
use crate::wire::{Malformed, Reader};

static API: Api = Api {
    key: 20,
    name: "DeleteTopics",
    version: 6,
    is_flexible: true,
    answer_len_max: CONTROL_LEN_MAX,
};

impl Client {
    /// Deletes a topic.
    pub fn delete_topic(&mut self, topic: &Topic) -> Result<(), ClientError> {
        let topic = DeleteTopicState::default().with_name(None).with_topic_id(topic.id);
        let request =
            DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
        Ok(self.call(&API, &request, |_, reader| read(reader))??)
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Result<(), Refused>, Malformed> {
    let _throttled_ms = reader.i32()?;
    if reader.count(21)? != 1 {
        return Err(MISSING);
    }
    let _name = reader.optional_text()?;
    let _id = reader.uuid()?;
    let code = reader.i16()?;
    let message = reader.optional_text()?;
    Ok(Refused::check(code, message))
}
