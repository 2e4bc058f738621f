//! ListOffsets, versions 1 to 10: the first offset, the end, and the offset of
//! the first record at or after a time.

use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};
use thalweg_log::record::TimedOffset;
use thalweg_log::{Log, OffsetAt, TopicInfo};

use super::{Api, Run, check_epoch, partition_of};
use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::{LEADER_EPOCH, Server};
use crate::wire::layout::{Field, always, since};
use crate::wire::{Malformed, Response};

pub(super) static API: Api = Api {
    key: 2,
    name: "ListOffsets",
    first: 1,
    last: 10,
    told: 1,
    flexible: 6,
    layout: &[
        // Replica, isolation level.
        always(Field::Fixed(4)),
        since(2, Field::Fixed(1)),
        always(Field::Structs(&[
            always(Field::Text),
            // Partition, leader epoch, time.
            always(Field::Structs(&[
                always(Field::Fixed(4)),
                since(FIRST_WITH_EPOCHS, Field::Fixed(4)),
                always(Field::Fixed(8)),
            ])),
        ])),
        since(10, Field::Fixed(4)),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

const FIRST_WITH_EPOCHS: i16 = 4;

/// Times that stand for something else.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

/// What is not known, or not there.
const NOTHING: i64 = -1;

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: ListOffsetsRequest = call.decode()?;
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let info = server.topic(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let found = match &info {
                Ok(info) => find(server, info, &asked).await,
                Err(refusal) => Err(refusal.clone()),
            };
            let index = asked.partition_index;
            partitions.push(partition(call.version, index, found));
        }
        topics.push(
            ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions),
        );
    }
    call.encode(&ListOffsetsResponse::default().with_topics(topics))
}

fn partition(
    version: i16,
    index: i32,
    found: Result<(i64, i64), Refusal>,
) -> ListOffsetsPartitionResponse {
    let mut answer = ListOffsetsPartitionResponse::default()
        .with_partition_index(index)
        .with_offset(NOTHING)
        .with_timestamp(NOTHING);
    match found {
        Ok((offset, timestamp)) => {
            (answer.offset, answer.timestamp) = (offset, timestamp);
            if version >= FIRST_WITH_EPOCHS && offset != NOTHING {
                answer.leader_epoch = LEADER_EPOCH;
            }
        }
        Err(refusal) => answer.error_code = refusal.code.code(),
    }
    answer
}

/// Offset and time that are asked for.
async fn find(
    server: &Server,
    topic: &TopicInfo,
    asked: &ListOffsetsPartition,
) -> Result<(i64, i64), Refusal> {
    let at = partition_of(topic, asked.partition_index)?;
    check_epoch(asked.current_leader_epoch)?;
    let log = server.log();
    match asked.timestamp {
        LATEST => Ok((log.offset(at, OffsetAt::End).await?, NOTHING)),
        EARLIEST | EARLIEST_LOCAL => Ok((log.offset(at, OffsetAt::Start).await?, NOTHING)),
        MAX_TIMESTAMP => Ok(timed(log.offset_of_latest_time(at).await?)),
        LATEST_TIERED => Ok((NOTHING, NOTHING)),
        time if time >= 0 => Ok(timed(log.offset_at_time(at, time).await?)),
        time => Err(Refusal::new(
            ErrorCode::UnsupportedVersion,
            format!("time {time} has no meaning here"),
        )),
    }
}

fn timed(found: Option<TimedOffset>) -> (i64, i64) {
    found.map_or((NOTHING, NOTHING), |found| (found.offset, found.timestamp_ms))
}
