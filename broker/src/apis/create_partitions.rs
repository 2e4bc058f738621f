//! CreatePartitions, versions 0 to 3: more partitions for topics.

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};
use thalweg_log::PARTITIONS_MAX;

use super::{Api, Run, text};
use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::{NODE_ID, Server};
use crate::wire::layout::{Field, always};
use crate::wire::{Malformed, Response};

pub(super) static API: Api = Api {
    key: 37,
    name: "CreatePartitions",
    first: 0,
    last: 3,
    told: 0,
    flexible: 2,
    layout: &[
        // Topics: name, number in all, which brokers have the new ones.
        always(Field::Structs(&[
            always(Field::Text),
            always(Field::Fixed(4)),
            always(Field::Structs(&[always(Field::Array(&Field::Fixed(4)))])),
        ])),
        // Timeout, and whether only to check.
        always(Field::Fixed(4)),
        always(Field::Fixed(1)),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: CreatePartitionsRequest = call.decode()?;
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let outcome = add(server, &topic, request.validate_only).await;
        let mut result =
            CreatePartitionsTopicResult::default().with_name(topic.name).with_error_message(None);
        if let Err(refusal) = outcome {
            result.error_code = refusal.code.code();
            result.error_message = Some(text(refusal.message));
        }
        results.push(result);
    }
    call.encode(&CreatePartitionsResponse::default().with_results(results))
}

async fn add(
    server: &Server,
    asked: &CreatePartitionsTopic,
    only_checks: bool,
) -> Result<(), Refusal> {
    let topic = server.topic(&asked.name)?;
    server.check_changeable(&topic.name)?;
    let total = u32::try_from(asked.count).ok();
    let total = total.filter(|total| (topic.partitions + 1..=PARTITIONS_MAX).contains(total));
    let total = total.ok_or_else(|| {
        Refusal::new(
            ErrorCode::InvalidPartitions,
            format!(
                "topic {} has {} partitions and can't have {}: more, up to {PARTITIONS_MAX}, are \
                 possible",
                topic.name, topic.partitions, asked.count
            ),
        )
    })?;
    let assigned = asked.assignments.iter().flatten();
    let is_ours = assigned.clone().all(|new| new.broker_ids[..] == [NODE_ID]);
    let is_whole = asked.assignments.is_none()
        || u32::try_from(assigned.count()).is_ok_and(|new| new == total - topic.partitions);
    if !is_ours || !is_whole {
        return Err(Refusal::new(
            ErrorCode::InvalidReplicaAssignment,
            format!("an assignment must put each new partition on broker {NODE_ID} only"),
        ));
    }
    if !only_checks {
        server.log().add_partitions(topic.id, total).await?;
    }
    Ok(())
}
