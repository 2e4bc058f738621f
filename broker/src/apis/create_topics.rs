//! CreateTopics, versions 2 to 7.

use std::collections::HashSet;

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};
use thalweg_log::{Log, PARTITIONS_MAX, TopicConfig, TopicInfo, TopicSpec, check_topic_name};

use super::configs::{self, Described};
use super::{Api, Run, text};
use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::{NODE_ID, Server};
use crate::wire::layout::{Field, always};
use crate::wire::{Malformed, Response};

const FIRST_WITH_CONFIGS: i16 = 5;

pub(super) static API: Api = Api {
    key: 19,
    name: "CreateTopics",
    first: 2,
    last: 7,
    told: 2,
    flexible: 5,
    layout: &[
        always(Field::Structs(&[
            // Name, partitions, replicas.
            always(Field::Text),
            always(Field::Fixed(4)),
            always(Field::Fixed(2)),
            // Which brokers have which partition.
            always(Field::Structs(&[
                always(Field::Fixed(4)),
                always(Field::Array(&Field::Fixed(4))),
            ])),
            // Settings.
            always(Field::Structs(&[always(Field::Text), always(Field::Text)])),
        ])),
        // Timeout, and whether only to check.
        always(Field::Fixed(4)),
        always(Field::Fixed(1)),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: CreateTopicsRequest = call.decode()?;
    let mut seen = HashSet::new();
    let mut twice = HashSet::new();
    for topic in &request.topics {
        if !seen.insert(topic.name.clone()) {
            twice.insert(topic.name.clone());
        }
    }
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let made = if twice.contains(&topic.name) {
            Err(Refusal::new(ErrorCode::InvalidRequest, "the request names this topic twice"))
        } else {
            create(server, &topic, request.validate_only).await
        };
        let result = CreatableTopicResult::default().with_name(topic.name).with_error_message(None);
        results.push(match made {
            Ok(made) => told(result, &made, call.version),
            Err(refusal) => result
                .with_error_code(refusal.code.code())
                .with_error_message(Some(text(refusal.message)))
                .with_configs(Some(Vec::new())),
        });
    }
    call.encode(&CreateTopicsResponse::default().with_topics(results))
}

/// Makes the topic, or says what it would be.
async fn create(
    server: &Server,
    topic: &CreatableTopic,
    only_checks: bool,
) -> Result<TopicInfo, Refusal> {
    let spec = spec(server, topic)?;
    if !only_checks {
        return Ok(server.log().create_topic(spec).await?);
    }
    if server.log().topic(&spec.name).is_some() {
        return Err(thalweg_log::LogError::TopicExists(spec.name).into());
    }
    Ok(TopicInfo {
        id: uuid::Uuid::nil(),
        name: spec.name.into(),
        partitions: spec.partitions,
        config: spec.config,
    })
}

fn spec(server: &Server, topic: &CreatableTopic) -> Result<TopicSpec, Refusal> {
    server.check_changeable(&topic.name)?;
    check_topic_name(&topic.name)?;
    let partitions = if topic.assignments.is_empty() {
        check_replicas(topic.replication_factor)?;
        partitions(server, topic.num_partitions)?
    } else {
        assigned(topic)?
    };
    let config = topic.configs.iter().filter_map(|config| {
        let value = config.value.as_ref()?;
        Some((config.name.to_string(), value.to_string()))
    });
    let config: Vec<(String, String)> = config.collect();
    configs::parse(&config)?;
    Ok(TopicSpec { name: topic.name.to_string(), partitions, config })
}

fn partitions(server: &Server, asked: i32) -> Result<u32, Refusal> {
    if asked == -1 {
        return Ok(server.options.partitions_default);
    }
    let possible = u32::try_from(asked).ok().filter(|n| (1..=PARTITIONS_MAX).contains(n));
    possible.ok_or_else(|| {
        Refusal::new(
            ErrorCode::InvalidPartitions,
            format!("{asked} partitions are not possible: 1 to {PARTITIONS_MAX} are"),
        )
    })
}

fn check_replicas(asked: i16) -> Result<(), Refusal> {
    if matches!(asked, -1 | 1) {
        return Ok(());
    }
    Err(Refusal::new(
        ErrorCode::InvalidReplicationFactor,
        format!("{asked} replicas are not possible: this log keeps one copy, ask for 1 or -1"),
    ))
}

/// The number of partitions of a topic that says who has them: all are ours.
fn assigned(topic: &CreatableTopic) -> Result<u32, Refusal> {
    let mut numbers: Vec<i32> = topic.assignments.iter().map(|a| a.partition_index).collect();
    numbers.sort_unstable();
    let is_whole = (0..).zip(&numbers).all(|(expected, number)| expected == *number);
    let is_ours = topic.assignments.iter().all(|a| a.broker_ids[..] == [NODE_ID]);
    let is_alone = topic.num_partitions == -1 && topic.replication_factor == -1;
    let count = u32::try_from(numbers.len()).ok().filter(|count| *count <= PARTITIONS_MAX);
    match count {
        Some(count) if is_whole && is_ours && is_alone => Ok(count),
        _ => Err(Refusal::new(
            ErrorCode::InvalidReplicaAssignment,
            format!(
                "an assignment must name each partition once, from 0, on broker {NODE_ID} only, \
                 with no other number of partitions or replicas"
            ),
        )),
    }
}

fn told(result: CreatableTopicResult, made: &TopicInfo, version: i16) -> CreatableTopicResult {
    let mut result = result.with_topic_id(made.id);
    if version < FIRST_WITH_CONFIGS {
        return result;
    }
    let config = TopicConfig::parse(&TopicConfig::default(), &made.config).unwrap_or_default();
    let settings = configs::of_topic(&config, &made.config).into_iter();
    let settings = settings.map(|Described { name, value, source, .. }| {
        CreatableTopicConfigs::default()
            .with_name(text(name))
            .with_value(Some(text(value)))
            .with_config_source(source)
    });
    result.num_partitions = i32::try_from(made.partitions).unwrap_or(i32::MAX);
    result.replication_factor = 1;
    result.configs = Some(settings.collect());
    result
}
