//! Metadata, versions 0 to 13: the one broker, and topics, which are made when
//! the client wants that.

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, TopicName};
use thalweg_log::{Log, TopicInfo, check_topic_name};

use super::{Api, Run, operations, text};
use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::{LEADER_EPOCH, NODE_ID, Server};
use crate::wire::layout::{Field, always, between, since};
use crate::wire::{Malformed, Response};

const FIRST_WITH_IDS: i16 = 10;

pub(super) static API: Api = Api {
    key: 3,
    name: "Metadata",
    first: 0,
    last: 13,
    told: 0,
    flexible: 9,
    layout: &[
        // Topics: id, name.
        always(Field::Structs(&[since(FIRST_WITH_IDS, Field::Fixed(16)), always(Field::Text)])),
        // Whether to make them; whether to tell what the client may do.
        since(4, Field::Fixed(1)),
        between(8, 10, Field::Fixed(1)),
        since(8, Field::Fixed(1)),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: MetadataRequest = call.decode()?;
    let shows_operations = request.include_topic_authorized_operations;
    let asked = request.topics.filter(|topics| call.version > 0 || !topics.is_empty());
    let topics = match asked {
        None => server.log().topics().iter().map(|t| known(server, t, shows_operations)).collect(),
        Some(asked) => {
            let mut topics = Vec::with_capacity(asked.len());
            for topic in asked {
                let found = find(server, &topic, request.allow_auto_topic_creation).await;
                topics.push(match found {
                    Ok(found) => known(server, &found, shows_operations),
                    Err(refusal) => unknown(topic, &refusal),
                });
            }
            topics
        }
    };
    let (host, port) = server.advertised(call.local);
    let broker = MetadataResponseBroker::default()
        .with_node_id(BrokerId(NODE_ID))
        .with_host(text(host))
        .with_port(i32::from(port));
    let mut response = MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text(server.options.cluster_id.as_str())))
        .with_controller_id(BrokerId(NODE_ID))
        .with_topics(topics);
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = operations::OF_CLUSTER;
    }
    call.encode(&response)
}

async fn find(
    server: &Server,
    asked: &MetadataRequestTopic,
    may_create: bool,
) -> Result<TopicInfo, Refusal> {
    match &asked.name {
        None => server.topic_by_id(asked.topic_id),
        Some(name) if may_create && server.options.auto_create_topics => {
            server.topic_or_new(name).await
        }
        Some(name) => server.topic(name).map_err(|unknown| {
            // As Kafka, which gives this answer without any look at its topics.
            check_topic_name(name).map_or_else(Refusal::from, |()| unknown)
        }),
    }
}

fn known(server: &Server, topic: &TopicInfo, shows_operations: bool) -> MetadataResponseTopic {
    let partitions = (0..topic.partitions).map(|partition| {
        MetadataResponsePartition::default()
            .with_partition_index(i32::try_from(partition).unwrap_or(i32::MAX))
            .with_leader_id(BrokerId(NODE_ID))
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![BrokerId(NODE_ID)])
            .with_isr_nodes(vec![BrokerId(NODE_ID)])
    });
    let mut answer = MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(&*topic.name))))
        .with_topic_id(topic.id)
        .with_is_internal(server.is_internal(&topic.name))
        .with_partitions(partitions.collect());
    if shows_operations {
        answer.topic_authorized_operations = operations::OF_TOPIC;
    }
    answer
}

fn unknown(asked: MetadataRequestTopic, refusal: &Refusal) -> MetadataResponseTopic {
    // A bad name is answered as such; what is refused else is not there.
    let code = match refusal.code {
        ErrorCode::PolicyViolation => ErrorCode::InvalidTopic,
        code => code,
    };
    // Before these versions a name is never null.
    MetadataResponseTopic::default()
        .with_error_code(code.code())
        .with_name(asked.name.or_else(|| asked.topic_id.is_nil().then(TopicName::default)))
        .with_topic_id(asked.topic_id)
}
