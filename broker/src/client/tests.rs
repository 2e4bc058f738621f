//! Answers, as the protocol crate writes them, are read; anything else is refused.
#![allow(clippy::unwrap_used, reason = "a failure is the test's answer")]

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{
    BrokerId, CreateTopicsResponse, DeleteTopicsResponse, DescribeConfigsResponse, FetchResponse,
    ListOffsetsResponse, MetadataResponse, ProduceResponse, TopicName,
};
use kafka_protocol::protocol::Encodable;
use thalweg_log::record::{BatchBuilder, Compression};
use uuid::Uuid;

use super::{Refused, Topic, text};
use crate::wire::{Malformed, Reader};

const ID: Uuid = Uuid::from_u128(7);

fn bytes(message: &impl Encodable, version: i16) -> Bytes {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes, version).unwrap();
    bytes.freeze()
}

/// Reads an answer; then each beginning of it, and ones with some other bytes,
/// which must end in an error or a value, and take little memory.
fn read<T>(answer: &Bytes, read: impl Fn(&Bytes, &mut Reader<'_>) -> Result<T, Malformed>) -> T {
    let run = |answer: &Bytes| read(answer, &mut Reader::of_answer(answer, true));
    for len in 0..answer.len() {
        run(&answer.slice(..len)).ok();
    }
    for at in 0..answer.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = answer.to_vec();
            changed[at] = byte;
            run(&changed.into()).ok();
        }
    }
    run(answer).unwrap()
}

fn name() -> TopicName {
    TopicName(text("orders"))
}

#[test]
fn topics_are_read_with_their_refusals() {
    let partition = |n| {
        MetadataResponsePartition::default()
            .with_partition_index(n)
            .with_replica_nodes(vec![BrokerId(1), BrokerId(2)])
            .with_isr_nodes(vec![BrokerId(1)])
    };
    let known = MetadataResponseTopic::default()
        .with_name(Some(name()))
        .with_topic_id(ID)
        .with_is_internal(true)
        .with_partitions((0..3).map(partition).collect());
    let unknown = MetadataResponseTopic::default().with_name(Some(name())).with_error_code(3);
    let broker = MetadataResponseBroker::default().with_host(text("here")).with_rack(None);
    let answer = MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text("cluster")))
        .with_topics(vec![known, unknown]);
    let topics = read(&bytes(&answer, 12), |_, reader| super::metadata::read(reader));
    let expected = Topic { name: "orders".to_owned(), id: ID, partitions: 3, is_internal: true };
    assert_eq!(topics[0], Ok(expected));
    assert_eq!(topics[1].as_ref().unwrap_err().code, Refused::UNKNOWN_TOPIC);
}

#[test]
fn made_and_deleted_topics_are_read() {
    let config = CreatableTopicConfigs::default().with_name(text("retention.ms"));
    let made = CreatableTopicResult::default()
        .with_name(name())
        .with_topic_id(ID)
        .with_num_partitions(3)
        .with_configs(Some(vec![config]));
    let answer = CreateTopicsResponse::default().with_topics(vec![made.clone()]);
    let topic = read(&bytes(&answer, 7), |_, reader| super::create_topic::read(reader)).unwrap();
    assert_eq!((topic.partitions, topic.id), (3, ID));
    let refused = made.with_error_code(36).with_error_message(Some(text("is there")));
    let answer = CreateTopicsResponse::default().with_topics(vec![refused]);
    let refused = read(&bytes(&answer, 7), |_, reader| super::create_topic::read(reader));
    assert_eq!(refused, Err(Refused { code: 36, message: "is there".to_owned() }));

    let deleted = DeletableTopicResult::default().with_name(Some(name())).with_error_code(44);
    let answer = DeleteTopicsResponse::default().with_responses(vec![deleted]);
    let refused = read(&bytes(&answer, 6), |_, reader| super::delete_topic::read(reader));
    assert!(refused.unwrap_err().message.contains("44"));
}

#[test]
fn settings_are_read() {
    let setting = |name, source| {
        DescribeConfigsResourceResult::default()
            .with_name(text(name))
            .with_value(Some(text("5")))
            .with_config_source(source)
            .with_synonyms(vec![DescribeConfigsSynonym::default().with_name(text("x"))])
            .with_documentation(Some(text("words")))
    };
    let result = DescribeConfigsResult::default()
        .with_resource_name(text("orders"))
        .with_configs(vec![setting("segment.ms", 5), setting("retention.ms", 1)]);
    let answer = DescribeConfigsResponse::default().with_results(vec![result]);
    let settings = read(&bytes(&answer, 4), |_, reader| super::topic_settings::read(reader));
    let own: Vec<bool> = settings.unwrap().iter().map(|setting| setting.is_own).collect();
    assert_eq!(own, [false, true]);
}

#[test]
fn offsets_are_read() {
    let found = |partition, offset, code| {
        ListOffsetsPartitionResponse::default()
            .with_partition_index(partition)
            .with_offset(offset)
            .with_error_code(code)
    };
    let topic = ListOffsetsTopicResponse::default().with_name(name()).with_partitions(vec![
        found(0, 7, 0),
        found(1, -1, 0),
        found(2, -1, 3),
    ]);
    let answer = ListOffsetsResponse::default().with_topics(vec![topic]);
    let offsets = read(&bytes(&answer, 6), |_, reader| super::list_offsets::read(reader));
    assert_eq!(offsets[0], (0, Ok(Some(7))));
    assert_eq!(offsets[1], (1, Ok(None)));
    assert_eq!(offsets[2].1.as_ref().unwrap_err().code, 3);
}

#[test]
fn outcomes_of_appends_are_read() {
    let refused = PartitionProduceResponse::default().with_index(1).with_error_code(87);
    let of_record = BatchIndexAndErrorMessage::default()
        .with_batch_index_error_message(Some(text("record 3 has no key")));
    let topic = TopicProduceResponse::default().with_name(name()).with_partition_responses(vec![
        PartitionProduceResponse::default(),
        refused.clone().with_record_errors(vec![of_record]),
        refused.with_error_message(Some(text("no"))),
    ]);
    let answer = ProduceResponse::default().with_responses(vec![topic]);
    let outcomes = read(&bytes(&answer, 9), |_, reader| super::produce::read(reader));
    assert_eq!(outcomes[0], Ok(()));
    assert_eq!(outcomes[1].as_ref().unwrap_err().message, "record 3 has no key");
    assert_eq!(outcomes[2].as_ref().unwrap_err().message, "no");
}

#[test]
fn batches_are_read_without_a_last_one_that_is_cut() {
    let mut builder = BatchBuilder::new(Compression::None);
    let mut batch = || {
        builder.append(1, None, Some(b"value"), &[]).unwrap();
        builder.finish().unwrap()
    };
    let (first, second) = (batch(), batch());
    let both = [&first[..], &second[..]].concat();
    for (cut, expected) in [
        (0, both.len()),
        (1, first.len()),
        (second.len() - 3, first.len()),
        (second.len(), first.len()),
        // What is never whole is shown to who reads it.
        (second.len() + 1, first.len() - 1),
    ] {
        let records = Bytes::copy_from_slice(&both[..both.len() - cut]);
        let partition = PartitionData::default()
            .with_partition_index(2)
            .with_high_watermark(9)
            .with_aborted_transactions(Some(vec![AbortedTransaction::default()]))
            .with_records(Some(records.clone()));
        let topic =
            FetchableTopicResponse::default().with_topic_id(ID).with_partitions(vec![partition]);
        let answer = FetchResponse::default().with_responses(vec![topic]);
        let fetched = read(&bytes(&answer, 13), super::fetch::read).unwrap();
        assert_eq!((fetched[0].partition, fetched[0].end), (2, 9));
        assert_eq!(fetched[0].batches.as_ref().unwrap()[..], records[..expected]);
    }
}

#[test]
fn an_answer_with_more_elements_than_bytes_is_refused() {
    let many = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f];
    let read = super::metadata::read(&mut Reader::of_answer(&many, true));
    assert!(matches!(read, Err(Malformed::Count(_))));
}
