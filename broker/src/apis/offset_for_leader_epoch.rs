//! OffsetForLeaderEpoch, versions 2 to 4: where the records of an epoch end.
//! There is one epoch, so that its end is the partition's.

use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use thalweg_log::{Log, OffsetAt, TopicInfo};

use super::{Api, Run, check_epoch, partition_of};
use crate::call::Call;
use crate::error_code::Refusal;
use crate::server::{LEADER_EPOCH, Server};
use crate::wire::layout::{Field, always, since};
use crate::wire::{Malformed, Response};

pub(super) static API: Api = Api {
    key: 23,
    name: "OffsetForLeaderEpoch",
    first: 2,
    last: 4,
    told: 2,
    flexible: 4,
    layout: &[
        // Replica.
        since(3, Field::Fixed(4)),
        always(Field::Structs(&[
            always(Field::Text),
            // Partition, current leader epoch, epoch that is asked for.
            always(Field::Structs(&[
                always(Field::Fixed(4)),
                always(Field::Fixed(4)),
                always(Field::Fixed(4)),
            ])),
        ])),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

/// No epoch, or no offset.
const NONE: i32 = -1;

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: OffsetForLeaderEpochRequest = call.decode()?;
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let info = server.topic(&topic.topic);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let end = match &info {
                Ok(info) => find(server, info, &asked).await,
                Err(refusal) => Err(refusal.clone()),
            };
            let (epoch, end, code) = match end {
                Ok((epoch, end)) => (epoch, end, 0),
                Err(refusal) => (NONE, NONE.into(), refusal.code.code()),
            };
            let answer = EpochEndOffset::default().with_partition(asked.partition);
            partitions
                .push(answer.with_leader_epoch(epoch).with_end_offset(end).with_error_code(code));
        }
        let result = OffsetForLeaderTopicResult::default().with_topic(topic.topic);
        topics.push(result.with_partitions(partitions));
    }
    call.encode(&OffsetForLeaderEpochResponse::default().with_topics(topics))
}

/// The latest epoch up to the one that is asked for, and the end of its records.
async fn find(
    server: &Server,
    topic: &TopicInfo,
    asked: &OffsetForLeaderPartition,
) -> Result<(i32, i64), Refusal> {
    let at = partition_of(topic, asked.partition)?;
    check_epoch(asked.current_leader_epoch)?;
    match asked.leader_epoch {
        LEADER_EPOCH => Ok((LEADER_EPOCH, server.log().offset(at, OffsetAt::End).await?)),
        // Before the first one: its records would end where that one begins.
        epoch if epoch < NONE => Ok((epoch, server.log().offset(at, OffsetAt::Start).await?)),
        _ => Ok((NONE, NONE.into())),
    }
}
