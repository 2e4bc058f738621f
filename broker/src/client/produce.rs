//! Produce, version 9: batches of one topic, acknowledged when they are durable.

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, TopicName};

use super::error::MISSING;
use super::{Api, CONTROL_LEN_MAX, Client, ClientError, Refused, index, text};
use crate::wire::{Malformed, Reader};

static API: Api =
    Api { key: 0, name: "Produce", version: 9, is_flexible: true, answer_len_max: CONTROL_LEN_MAX };

/// All replicas that are in sync must have it.
const ACKS_ALL: i16 = -1;
/// How long the server may take, in ms.
const TIMEOUT_MS: i32 = 20_000;

impl Client {
    /// Appends one batch to each of these partitions. They are not one: some
    /// may be taken and others be refused, which is the error.
    pub fn produce(&mut self, topic: &str, batches: Vec<(u32, Bytes)>) -> Result<(), ClientError> {
        let asked = batches.len();
        let partitions = batches.into_iter().map(|(partition, batch)| {
            PartitionProduceData::default().with_index(index(partition)).with_records(Some(batch))
        });
        let topic = TopicProduceData::default()
            .with_name(TopicName(text(topic)))
            .with_partition_data(partitions.collect());
        let request = ProduceRequest::default()
            .with_acks(ACKS_ALL)
            .with_timeout_ms(TIMEOUT_MS)
            .with_topic_data(vec![topic]);
        let answered =
            self.call(&API, &request, |_, reader| {
                read(reader).and_then(|answered| {
                    if answered.len() == asked { Ok(answered) } else { Err(MISSING) }
                })
            })?;
        Ok(answered.into_iter().collect::<Result<_, _>>()?)
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Vec<Result<(), Refused>>, Malformed> {
    if reader.count(3)? != 1 {
        return Err(MISSING);
    }
    let _name = reader.text()?;
    let count = reader.count(33)?;
    let mut answered = Vec::with_capacity(count);
    for _ in 0..count {
        answered.push(read_partition(reader)?);
    }
    Ok(answered)
}

fn read_partition(reader: &mut Reader<'_>) -> Result<Result<(), Refused>, Malformed> {
    let _partition = reader.i32()?;
    let code = reader.i16()?;
    // First offset, time of the append, start of the log.
    reader.take(24)?;
    let mut of_record = None;
    for _ in 0..reader.count(6)? {
        let _number = reader.i32()?;
        let message = reader.optional_text()?;
        reader.tags()?;
        of_record = of_record.or(message);
    }
    let message = reader.optional_text()?;
    reader.tags()?;
    Ok(Refused::check(code, message.or(of_record)))
}
