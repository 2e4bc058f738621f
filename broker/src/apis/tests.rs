//! Every version of every API, spoken with by another implementation of the
//! protocol.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use thalweg_log::Log;

use super::{APIS, Api, find};
use crate::testing::{BATCH, Fixture};
use crate::wire::layout;

const CORRELATION: &[u8] = &[0, 0, 0, 7];

fn frame(api: &Api, version: i16, request: &impl Encodable) -> Vec<u8> {
    let mut body = BytesMut::new();
    request.encode(&mut body, version).unwrap();
    let is_flexible = api.is_flexible(version);
    if !api.layout.is_empty() {
        let rest = layout::check(&body, api.layout, version, is_flexible).unwrap();
        assert!(rest.is_empty(), "{} {version}: {rest:?} is left", api.name);
        for len in 0..body.len() {
            let cut = layout::check(&body[..len], api.layout, version, is_flexible);
            assert!(cut.is_err(), "{} {version} cut to {len}", api.name);
        }
    }
    let head = [&api.key.to_be_bytes()[..], &version.to_be_bytes(), CORRELATION, &[0, 2], b"me"];
    let tags: &[u8] = if is_flexible { &[0] } else { &[] };
    [&head.concat(), tags, &body].concat()
}

fn answer<M: Decodable>(api: &Api, version: i16, answer: &[u8]) -> M {
    let head = if api.is_flexible(version) && api.key != 18 { 5 } else { 4 };
    assert_eq!(&answer[..4], CORRELATION);
    let mut rest = Bytes::copy_from_slice(&answer[head..]);
    let decoded = M::decode(&mut rest, version).unwrap();
    assert!(rest.is_empty(), "{} {version}: {rest:?} is left", api.name);
    decoded
}

/// Asks in all versions.
async fn all<Q: Encodable, A: Decodable>(
    fixture: &Fixture,
    key: ApiKey,
    request: impl Fn(i16) -> Q,
    check: impl Fn(i16, A),
) {
    let api = find(key as i16).unwrap();
    for version in api.first..=api.last {
        let bytes = fixture.ask(&frame(api, version, &request(version))).await;
        check(version, answer(api, version, &bytes));
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn name(name: &str) -> TopicName {
    TopicName(text(name))
}

#[test]
fn the_list_has_no_group_and_no_transaction_api() {
    let keys: Vec<i16> = APIS.iter().map(|api| api.key).collect();
    assert_eq!(keys, [0, 1, 2, 3, 18, 19, 20, 21, 22, 23, 32, 33, 35, 37, 44, 60]);
}

#[tokio::test]
async fn api_versions() {
    let fixture = Fixture::new().await;
    let request = |version| {
        let request = ApiVersionsRequest::default();
        if version < 3 {
            return request;
        }
        request.with_client_software_name(text("a")).with_client_software_version(text("1"))
    };
    all(&fixture, ApiKey::ApiVersions, request, |_, answer: ApiVersionsResponse| {
        assert_eq!((answer.error_code, answer.api_keys.len()), (0, APIS.len()));
        let produce = answer.api_keys.iter().find(|api| api.api_key == 0).unwrap();
        assert_eq!((produce.min_version, produce.max_version), (0, 11));
    })
    .await;
}

#[tokio::test]
async fn metadata() {
    let fixture = Fixture::new().await;
    let asked = |topic: &str| {
        metadata_request::MetadataRequestTopic::default().with_name(Some(name(topic)))
    };
    let request = |_| {
        MetadataRequest::default().with_topics(Some(vec![asked("t"), asked("new"), asked("a b")]))
    };
    all(&fixture, ApiKey::Metadata, request, |version, answer: MetadataResponse| {
        assert_eq!((&*answer.brokers[0].host, answer.brokers[0].port), ("127.0.0.1", 9092));
        let codes: Vec<i16> = answer.topics.iter().map(|topic| topic.error_code).collect();
        assert_eq!(codes, [0, 0, 17], "{version}");
        assert_eq!(answer.topics[0].partitions.len(), 2);
        assert_eq!(answer.topics[0].topic_id.is_nil(), version < 10);
    })
    .await;
    // Where nothing is to be made, a name that can't be is told from one that is not there.
    let request = MetadataRequest::default()
        .with_topics(Some(vec![asked("other"), asked("a b")]))
        .with_allow_auto_topic_creation(false);
    let api = find(ApiKey::Metadata as i16).unwrap();
    let bytes = fixture.ask(&frame(api, api.last, &request)).await;
    let found: MetadataResponse = answer(api, api.last, &bytes);
    let codes: Vec<i16> = found.topics.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [3, 17]);
    // The oldest version has no null: there an empty list stands for all.
    let request = |version| MetadataRequest::default().with_topics((version == 0).then(Vec::new));
    all(&fixture, ApiKey::Metadata, request, |_, answer: MetadataResponse| {
        assert_eq!(answer.topics.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn what_is_named_many_times_is_told_once() {
    use describe_configs_request::DescribeConfigsResource;
    let fixture = Fixture::new().await;
    let id = fixture.server.log().topic("t").unwrap().id;
    let asked = metadata_request::MetadataRequestTopic::default();
    let names = ["t", "none", "own", "t"].map(|topic| asked.clone().with_name(Some(name(topic))));
    let topics =
        [vec![names; 100].concat(), vec![asked.with_name(None).with_topic_id(id); 2]].concat();
    let request =
        MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(false);
    let api = find(ApiKey::Metadata as i16).unwrap();
    let told: MetadataResponse = answer(api, 12, &fixture.ask(&frame(api, 12, &request)).await);
    let told: Vec<_> =
        told.topics.iter().map(|topic| topic.name.as_ref().unwrap().0.clone()).collect();
    assert_eq!(told, ["t", "none", "own", "t"].map(text));

    let resource = |name, setting: Option<&str>| {
        DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(name))
            .with_configuration_keys(setting.map(|setting| vec![text(setting)]))
    };
    let resources = vec![
        resource("t", Some("segment.ms")),
        resource("own", Some("segment.ms")),
        resource("t", Some("retention.ms")),
        resource("own", None),
        resource("own", Some("segment.ms")),
    ];
    let request = DescribeConfigsRequest::default().with_resources(vec![resources; 100].concat());
    let api = find(ApiKey::DescribeConfigs as i16).unwrap();
    let told: DescribeConfigsResponse =
        answer(api, 4, &fixture.ask(&frame(api, 4, &request)).await);
    let names: Vec<_> = told.results.iter().map(|result| &*result.resource_name).collect();
    assert_eq!(names, ["t", "own"]);
    assert_eq!(told.results[0].configs.len(), 2);
    assert!(told.results[1].configs.len() > 10);
}

#[tokio::test]
async fn produce_and_fetch() {
    use fetch_request::{FetchPartition, FetchTopic};
    use produce_request::{PartitionProduceData, TopicProduceData};
    let fixture = Fixture::new().await;
    let id = fixture.server.log().topic("t").unwrap().id;
    let part = |index, batch: &'static [u8]| {
        PartitionProduceData::default()
            .with_index(index)
            .with_records(Some(Bytes::from_static(batch)))
    };
    let request = |_| {
        let parts = vec![part(0, BATCH), part(9, BATCH), part(1, &BATCH[..60])];
        let topic = TopicProduceData::default().with_name(name("t")).with_partition_data(parts);
        ProduceRequest::default().with_acks(-1).with_topic_data(vec![topic])
    };
    all(&fixture, ApiKey::Produce, request, |version, answer: ProduceResponse| {
        let parts = &answer.responses[0].partition_responses;
        let found: Vec<_> = parts.iter().map(|p| (p.error_code, p.base_offset)).collect();
        assert_eq!(found, [(0, i64::from(version) - 3), (3, -1), (2, -1)]);
        assert_eq!(parts[2].error_message.is_some(), version >= 8);
        assert_eq!(parts[0].log_start_offset, if version >= 5 { 0 } else { -1 });
    })
    .await;
    let request = |version| {
        let parts = [(0, 2), (1, 0), (0, 99)].map(|(index, offset)| {
            FetchPartition::default()
                .with_partition(index)
                .with_fetch_offset(offset)
                .with_partition_max_bytes(100)
        });
        let topic = FetchTopic::default().with_partitions(parts.to_vec());
        let topic =
            if version < 13 { topic.with_topic(name("t")) } else { topic.with_topic_id(id) };
        let request = FetchRequest::default().with_max_wait_ms(5000).with_min_bytes(1);
        request.with_max_bytes(1 << 20).with_topics(vec![topic])
    };
    all(&fixture, ApiKey::Fetch, request, |version, answer: FetchResponse| {
        assert_eq!(answer.session_id, 0);
        let parts = &answer.responses[0].partitions;
        let codes: Vec<i16> = parts.iter().map(|part| part.error_code).collect();
        assert_eq!(codes, [0, 0, 1], "{version}");
        let records = parts[0].records.as_ref().unwrap();
        assert_eq!(records.len(), BATCH.len());
        assert_eq!(records[..8], 2i64.to_be_bytes());
        assert_eq!(records[12..], BATCH[12..]);
        assert_eq!((parts[0].high_watermark, parts[0].last_stable_offset), (9, 9));
    })
    .await;
}

#[tokio::test]
async fn list_offsets() {
    use list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        fixture.produce().await;
    }
    let request = |_| {
        let times = [-1, -2, -3, 1_700_000_000_000, 1_700_000_000_001, -99];
        let parts = times.map(|time| ListOffsetsPartition::default().with_timestamp(time));
        let topic = ListOffsetsTopic::default().with_name(name("t")).with_partitions(parts.into());
        ListOffsetsRequest::default().with_topics(vec![topic])
    };
    all(&fixture, ApiKey::ListOffsets, request, |_, answer: ListOffsetsResponse| {
        let parts = answer.topics[0].partitions.iter();
        let found: Vec<_> = parts.map(|p| (p.error_code, p.offset, p.timestamp)).collect();
        let time = 1_700_000_000_000;
        let expected =
            [(0, 3, -1), (0, 0, -1), (0, 0, time), (0, 0, time), (0, -1, -1), (35, -1, -1)];
        assert_eq!(found, expected);
    })
    .await;
}

#[tokio::test]
async fn offset_for_leader_epoch() {
    use offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        fixture.produce().await;
    }
    let topic = fixture.server.log().topic("t").unwrap();
    fixture.server.log().delete_records(topic.partition(0), 1).await.unwrap();
    let asked = |partition, current, epoch| {
        OffsetForLeaderPartition::default()
            .with_partition(partition)
            .with_current_leader_epoch(current)
            .with_leader_epoch(epoch)
    };
    let of = |topic: &str, partitions| {
        OffsetForLeaderTopic::default().with_topic(name(topic)).with_partitions(partitions)
    };
    let request = |_| {
        let of_t = vec![
            asked(0, 0, 0),
            asked(0, -1, 0),
            asked(1, 0, 0),
            asked(0, 0, 1),
            asked(0, 0, -1),
            asked(0, 0, -2),
            asked(0, 1, 0),
            asked(0, -2, 0),
            asked(2, 0, 0),
            asked(-1, 0, 0),
        ];
        let topics = vec![of("t", of_t), of("none", vec![asked(0, -1, 0)])];
        OffsetForLeaderEpochRequest::default().with_topics(topics)
    };
    let check = |version, answer: OffsetForLeaderEpochResponse| {
        let parts = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let found: Vec<_> =
            parts.map(|p| (p.partition, p.error_code, p.leader_epoch, p.end_offset)).collect();
        let expected = [
            (0, 0, 0, 3),
            (0, 0, 0, 3),
            (1, 0, 0, 0),
            (0, 0, -1, -1),
            (0, 0, -1, -1),
            (0, 0, -2, 1),
            (0, 75, -1, -1),
            (0, 74, -1, -1),
            (2, 3, -1, -1),
            (-1, 3, -1, -1),
            (0, 3, -1, -1),
        ];
        assert_eq!(found, expected, "{version}");
    };
    all(&fixture, ApiKey::OffsetForLeaderEpoch, request, check).await;
}

#[tokio::test]
async fn describe_log_dirs() {
    let fixture = Fixture::new().await;
    for partition in [0, 0, 1] {
        fixture.produce_to(partition).await;
    }
    let asked = |topic: &str, partitions: &[i32]| {
        describe_log_dirs_request::DescribableLogDirTopic::default()
            .with_topic(name(topic))
            .with_partitions(partitions.to_vec())
    };
    let len = i64::try_from(BATCH.len()).unwrap();
    let found = |answer: DescribeLogDirsResponse| -> Vec<(String, Vec<(i32, i64)>)> {
        let [dir] = &answer.results[..] else { panic!("{answer:?}") };
        assert_eq!((answer.error_code, dir.error_code), (0, 0));
        assert_eq!(*dir.log_dir, *fixture.folder.path().display().to_string());
        let topics = dir.topics.iter().map(|topic| {
            let sizes = topic.partitions.iter().map(|p| {
                assert!(p.offset_lag == 0 && !p.is_future_key);
                (p.partition_index, p.partition_size)
            });
            (topic.name.to_string(), sizes.collect())
        });
        let mut topics: Vec<_> = topics.collect();
        topics.sort();
        topics
    };
    let some = |_| {
        let topics = vec![asked("t", &[1, 2, -1]), asked("none", &[0]), asked("own", &[])];
        DescribeLogDirsRequest::default().with_topics(Some(topics))
    };
    all(&fixture, ApiKey::DescribeLogDirs, some, |version, answer: DescribeLogDirsResponse| {
        let dir = &answer.results[0];
        let (total, usable) = (dir.total_bytes, dir.usable_bytes);
        let is_told = total > 0 && (0..=total).contains(&usable);
        assert!(if version >= 4 { is_told } else { total == -1 && usable == -1 }, "{dir:?}");
        assert_eq!(found(answer), [("t".to_owned(), vec![(1, len)])], "{version}");
    })
    .await;
    let every = |_| DescribeLogDirsRequest::default().with_topics(None);
    all(&fixture, ApiKey::DescribeLogDirs, every, |version, answer: DescribeLogDirsResponse| {
        let t = ("t".to_owned(), vec![(0, 2 * len), (1, len)]);
        assert_eq!(found(answer), [("own".to_owned(), vec![(0, 0)]), t], "{version}");
    })
    .await;
}

#[tokio::test]
async fn create_change_and_delete_topics() {
    use create_topics_request::{CreatableTopic, CreatableTopicConfig};
    let fixture = Fixture::new().await;
    let config = |name, value| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
    };
    let topic = |topic: &str, partitions, setting| {
        CreatableTopic::default()
            .with_name(name(topic))
            .with_num_partitions(partitions)
            .with_replication_factor(-1)
            .with_configs(vec![config("retention.ms", setting)])
    };
    let request = |version: i16| {
        CreateTopicsRequest::default().with_topics(vec![
            topic(&format!("new-{version}"), -1, "1000"),
            topic("t", 1, "1000"),
            topic("a/b", 1, "1000"),
            topic("own", 1, "1000"),
            topic("none", 0, "1000"),
            topic("bad", 1, "soon"),
            topic("twice", 1, "1000"),
            topic("twice", 1, "1000"),
        ])
    };
    all(&fixture, ApiKey::CreateTopics, request, |version, answer: CreateTopicsResponse| {
        let codes: Vec<i16> = answer.topics.iter().map(|topic| topic.error_code).collect();
        assert_eq!(codes, [0, 36, 17, 44, 37, 40, 42, 42]);
        if version >= 5 {
            let configs = answer.topics[0].configs.as_ref().unwrap();
            let own = configs.iter().find(|config| config.config_source == 1).unwrap();
            assert_eq!((&*own.name, own.value.as_deref()), ("retention.ms", Some("1000")));
            assert_eq!(answer.topics[0].num_partitions, 1);
        }
    })
    .await;

    use create_partitions_request::CreatePartitionsTopic;
    let more = |topic: String, count| {
        CreatePartitionsTopic::default()
            .with_name(TopicName(StrBytes::from_string(topic)))
            .with_count(count)
            .with_assignments(None)
    };
    let request = |version: i16| {
        let topics = vec![more(format!("new-{}", version + 2), 3), more("t".to_owned(), 2)];
        CreatePartitionsRequest::default().with_topics(topics)
    };
    all(&fixture, ApiKey::CreatePartitions, request, |_, answer: CreatePartitionsResponse| {
        let codes: Vec<i16> = answer.results.iter().map(|topic| topic.error_code).collect();
        assert_eq!(codes, [0, 37]);
    })
    .await;
    assert_eq!(fixture.server.log().topic("new-2").unwrap().partitions, 3);

    use delete_topics_request::DeleteTopicState;
    let request = |version: i16| {
        let names = ["own".to_owned(), "none".to_owned(), format!("new-{}", version + 1)];
        let names = names.map(|name| TopicName(StrBytes::from_string(name)));
        if version < 6 {
            return DeleteTopicsRequest::default().with_topic_names(names.to_vec());
        }
        let topics = names.map(|name| DeleteTopicState::default().with_name(Some(name)));
        DeleteTopicsRequest::default().with_topics(topics.to_vec())
    };
    all(&fixture, ApiKey::DeleteTopics, request, |_, answer: DeleteTopicsResponse| {
        let codes: Vec<i16> = answer.responses.iter().map(|topic| topic.error_code).collect();
        assert_eq!(codes, [44, 3, 0]);
    })
    .await;
    assert_eq!(fixture.server.log().topics().len(), 2);
}

#[tokio::test]
async fn settings() {
    use describe_configs_request::DescribeConfigsResource;
    let fixture = Fixture::new().await;
    let resource = |kind, name| {
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(None)
    };
    let request = |_| {
        let broker = resource(4, "0");
        let topic = resource(2, "t").with_configuration_keys(Some(vec![text("retention.ms")]));
        DescribeConfigsRequest::default()
            .with_resources(vec![broker, topic, resource(2, "none"), resource(9, "x")])
            .with_include_synonyms(true)
    };
    let check = |version, answer: DescribeConfigsResponse| {
        let codes: Vec<i16> = answer.results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [0, 0, 3, 42]);
        let broker = |name: &str| {
            let configs = &answer.results[0].configs;
            let config = configs.iter().find(|config| &*config.name == name).unwrap();
            assert!(config.read_only && config.config_source == 4);
            (config.value.as_deref().unwrap(), config.config_type)
        };
        let typed = |kind| if version >= 3 { kind } else { 0 };
        assert_eq!(broker("log.cleaner.backoff.ms"), ("15000", typed(5)));
        assert_eq!(broker("log.cleaner.dedupe.buffer.size"), ("134217728", typed(5)));
        assert_eq!(broker("producer.id.expiration.ms"), ("86400000", typed(3)));
        let config = &answer.results[1].configs[..];
        assert_eq!((&*config[0].name, config.len()), ("retention.ms", 1));
        assert_eq!(config[0].synonyms.len(), 1);
        assert_eq!(config[0].config_type, if version >= 3 { 5 } else { 0 });
    };
    all(&fixture, ApiKey::DescribeConfigs, request, check).await;

    use incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
    let change = |name, operation, value| {
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(operation)
            .with_value(Some(text(value)))
    };
    let request = |_| {
        let topic = |name, changes| {
            AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text(name))
                .with_configs(changes)
        };
        IncrementalAlterConfigsRequest::default().with_resources(vec![
            topic("t", vec![change("cleanup.policy", 2, "compact"), change("segment.ms", 0, "9")]),
            topic("own", vec![change("segment.ms", 0, "9")]),
            topic("t", vec![change("segment.ms", 0, "soon")]),
            topic("t", vec![change("segment.ms", 2, "9")]),
        ])
    };
    let check = |_, answer: IncrementalAlterConfigsResponse| {
        let codes: Vec<i16> = answer.responses.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [0, 44, 40, 40]);
    };
    all(&fixture, ApiKey::IncrementalAlterConfigs, request, check).await;
    let own = fixture.server.log().topic("t").unwrap().config;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(own, [pair("cleanup.policy", "delete,compact"), pair("segment.ms", "9")]);

    let request = |_| {
        let setting = alter_configs_request::AlterableConfig::default()
            .with_name(text("segment.bytes"))
            .with_value(Some(text("4096")));
        let topic = alter_configs_request::AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("t"))
            .with_configs(vec![setting]);
        AlterConfigsRequest::default().with_resources(vec![topic])
    };
    let check = |_, answer: AlterConfigsResponse| assert_eq!(answer.responses[0].error_code, 0);
    all(&fixture, ApiKey::AlterConfigs, request, check).await;
    let own = fixture.server.log().topic("t").unwrap().config;
    assert_eq!(own, [pair("segment.bytes", "4096")]);
}

#[tokio::test]
async fn changes_of_settings_at_one_time_are_all_kept() {
    use incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
    let fixture = Fixture::new().await;
    let api = find(ApiKey::IncrementalAlterConfigs as i16).unwrap();
    let set = |setting| {
        let change =
            AlterableConfig::default().with_name(text(setting)).with_value(Some(text("4096")));
        let topic = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("t"))
            .with_configs(vec![change]);
        frame(api, 1, &IncrementalAlterConfigsRequest::default().with_resources(vec![topic]))
    };
    let (one, other) = (set("segment.bytes"), set("segment.ms"));
    let answers = tokio::join!(fixture.ask(&one), fixture.ask(&other));
    for bytes in [answers.0, answers.1] {
        let answer: IncrementalAlterConfigsResponse = answer(api, 1, &bytes);
        assert_eq!(answer.responses[0].error_code, 0);
    }
    let mut own = fixture.server.log().topic("t").unwrap().config;
    own.sort();
    let expected = ["segment.bytes", "segment.ms"].map(|name| (name.to_owned(), "4096".to_owned()));
    assert_eq!(own, expected);
}

#[tokio::test]
async fn delete_records() {
    use delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        fixture.produce().await;
    }
    let request = |_| {
        let parts = [(0, 2), (0, 9), (1, -1), (2, 0)].map(|(index, offset)| {
            DeleteRecordsPartition::default().with_partition_index(index).with_offset(offset)
        });
        let topic = |topic: &str| {
            DeleteRecordsTopic::default().with_name(name(topic)).with_partitions(parts.to_vec())
        };
        DeleteRecordsRequest::default().with_topics(vec![topic("t"), topic("own")])
    };
    all(&fixture, ApiKey::DeleteRecords, request, |_, answer: DeleteRecordsResponse| {
        let found = |topic: usize| -> Vec<(i16, i64)> {
            let parts = answer.topics[topic].partitions.iter();
            parts.map(|part| (part.error_code, part.low_watermark)).collect()
        };
        assert_eq!(found(0), [(0, 2), (1, -1), (0, 0), (3, -1)]);
        assert_eq!(found(1), [(44, -1); 4]);
    })
    .await;
}

#[tokio::test]
async fn cluster_and_producer_ids() {
    let fixture = Fixture::new().await;
    let request =
        |_| DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    all(&fixture, ApiKey::DescribeCluster, request, |_, answer: DescribeClusterResponse| {
        assert_eq!((&*answer.cluster_id, answer.brokers.len()), ("cluster", 1));
        assert_eq!(answer.cluster_authorized_operations, super::operations::OF_CLUSTER);
    })
    .await;
    let seen = std::sync::Mutex::new(Vec::new());
    let request = |_| InitProducerIdRequest::default().with_transactional_id(None);
    all(&fixture, ApiKey::InitProducerId, request, |_, answer: InitProducerIdResponse| {
        assert_eq!((answer.error_code, answer.producer_epoch), (0, 0));
        let mut seen = seen.lock().unwrap();
        assert!(!seen.contains(&answer.producer_id), "given twice");
        seen.push(answer.producer_id);
    })
    .await;
    let request = |_| {
        InitProducerIdRequest::default().with_transactional_id(Some(TransactionalId(text("x"))))
    };
    all(&fixture, ApiKey::InitProducerId, request, |_, answer: InitProducerIdResponse| {
        assert_eq!((answer.error_code, answer.producer_id.0), (35, -1));
    })
    .await;
}
