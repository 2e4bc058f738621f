//! DescribeConfigs, version 4: the settings of one topic.

use kafka_protocol::messages::DescribeConfigsRequest;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;

use super::error::MISSING;
use super::{Api, CONTROL_LEN_MAX, Client, ClientError, Refused, text};
use crate::wire::{Malformed, Reader};

static API: Api = Api {
    key: 32,
    name: "DescribeConfigs",
    version: 4,
    is_flexible: true,
    answer_len_max: CONTROL_LEN_MAX,
};

/// The type of resource that is a topic.
const TOPIC: i8 = 2;
/// The source of a setting that was given to the topic itself.
const OF_TOPIC: i8 = 1;

/// A setting of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Kafka's name of it.
    pub name: String,
    /// Its value; none if it is a secret.
    pub value: Option<String>,
    /// Whether it was given to this topic, and is no default.
    pub is_own: bool,
}

impl Client {
    /// All settings of a topic, by name.
    pub fn topic_settings(&mut self, topic: &str) -> Result<Vec<Setting>, ClientError> {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(topic))
            .with_configuration_keys(None);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let mut settings = self.call(&API, &request, |_, reader| read(reader))??;
        settings.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(settings)
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Result<Vec<Setting>, Refused>, Malformed> {
    let _throttled_ms = reader.i32()?;
    if reader.count(7)? != 1 {
        return Err(MISSING);
    }
    let code = reader.i16()?;
    let message = reader.optional_text()?;
    if let Some(refused) = Refused::of(code, message) {
        return Ok(Err(refused));
    }
    let _type = reader.i8()?;
    let _topic = reader.text()?;
    let count = reader.count(9)?;
    let mut settings = Vec::with_capacity(count);
    for _ in 0..count {
        settings.push(read_setting(reader)?);
    }
    Ok(Ok(settings))
}

fn read_setting(reader: &mut Reader<'_>) -> Result<Setting, Malformed> {
    let name = reader.text()?.to_owned();
    let value = reader.optional_text()?.map(str::to_owned);
    let _is_read_only = reader.i8()?;
    let source = reader.i8()?;
    let _is_sensitive = reader.i8()?;
    for _ in 0..reader.count(4)? {
        // A synonym: name, value, source.
        reader.text()?;
        reader.optional_text()?;
        reader.i8()?;
        reader.tags()?;
    }
    let _type = reader.i8()?;
    let _documentation = reader.optional_text()?;
    reader.tags()?;
    Ok(Setting { name, value, is_own: source == OF_TOPIC })
}
