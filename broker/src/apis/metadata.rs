//! Metadata, versions 0 to 13: the one broker, and topics, which are made when
//! the client wants that.

use std::collections::HashSet;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, TopicName};
use thalweg_log::{Log, TopicId, TopicInfo, check_topic_name};

use super::{Api, Room, Run, operations, text};
use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::rare_warning;
use crate::server::{LEADER_EPOCH, NODE_ID, Server};
use crate::wire::layout::{Field, always, between, since};
use crate::wire::{Malformed, Response};

const FIRST_WITH_IDS: i16 = 10;
/// Partitions in one answer: twice what one topic can have, and about 40 MB.
const PARTITIONS_MAX: usize = 200_000;

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
    let mut room = Room::new(PARTITIONS_MAX, "partitions");
    let mut tell = |topic: &TopicInfo| known(server, topic, shows_operations, &mut room);
    let topics = match asked {
        None => server.log().topics().iter().map(tell).collect(),
        Some(mut asked) => {
            let mut seen = HashSet::with_capacity(asked.len());
            asked.retain(|topic| seen.insert(what_it_names(topic)));
            let mut topics = Vec::with_capacity(asked.len());
            for topic in asked {
                let found = find(server, &topic, request.allow_auto_topic_creation).await;
                topics.push(match found {
                    Ok(found) => tell(&found),
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

/// By what a topic is found: its name, or else its id.
fn what_it_names(asked: &MetadataRequestTopic) -> Result<TopicName, TopicId> {
    asked.name.clone().ok_or(asked.topic_id)
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

fn known(
    server: &Server,
    topic: &TopicInfo,
    shows_operations: bool,
    room: &mut Room,
) -> MetadataResponseTopic {
    let mut answer = MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(&*topic.name))))
        .with_topic_id(topic.id)
        .with_is_internal(server.is_internal(&topic.name));
    if let Err(refusal) = room.take(topic.partitions as usize) {
        // The answer has no place for words.
        rare_warning::warn(&format!("metadata of a topic is refused: {}", refusal.message));
        return answer.with_error_code(refusal.code.code());
    }
    let partitions = (0..topic.partitions).map(|partition| {
        MetadataResponsePartition::default()
            .with_partition_index(i32::try_from(partition).unwrap_or(i32::MAX))
            .with_leader_id(BrokerId(NODE_ID))
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![BrokerId(NODE_ID)])
            .with_isr_nodes(vec![BrokerId(NODE_ID)])
    });
    answer.partitions = partitions.collect();
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

#[cfg(test)]
mod tests {
    use super::{Room, known};
    use crate::testing::Fixture;

    #[tokio::test]
    async fn what_does_not_fit_into_an_answer_is_refused_by_topic() {
        let fixture = Fixture::new().await;
        let mut room = Room::new(4, "partitions");
        for (name, partitions, expected) in
            [("a", 3, (0, 3)), ("b", 2, (42, 0)), ("c", 1, (0, 1)), ("d", 1, (42, 0))]
        {
            let topic = fixture.make(name, partitions).await;
            let told = known(&fixture.server, &topic, false, &mut room);
            assert_eq!((told.error_code, told.partitions.len()), expected, "{name}");
        }
    }
}
