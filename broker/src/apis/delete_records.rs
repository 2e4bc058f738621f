//! DeleteRecords, versions 0 to 2: records before an offset are forgotten.

use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use thalweg_log::TopicInfo;

use super::{Api, Run, partition_of};
use crate::call::Call;
use crate::error_code::Refusal;
use crate::server::Server;
use crate::wire::layout::{Field, always};
use crate::wire::{Malformed, Response};

pub(super) static API: Api = Api {
    key: 21,
    name: "DeleteRecords",
    first: 0,
    last: 2,
    told: 0,
    flexible: 2,
    layout: &[
        always(Field::Structs(&[
            always(Field::Text),
            // Partition, offset.
            always(Field::Structs(&[always(Field::Fixed(4)), always(Field::Fixed(8))])),
        ])),
        // Timeout.
        always(Field::Fixed(4)),
    ],
    run: Run::Alone(|server, call| Box::pin(answer(server, call))),
};

async fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: DeleteRecordsRequest = call.decode()?;
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let info = server.topic(&topic.name);
        let info = info.and_then(|info| server.check_changeable(&info.name).map(|()| info));
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in topic.partitions {
            let index = asked.partition_index;
            let start = match &info {
                Ok(info) => delete(server, info, index, asked.offset).await,
                Err(refusal) => Err(refusal.clone()),
            };
            let result = DeleteRecordsPartitionResult::default().with_partition_index(index);
            partitions.push(match start {
                Ok(start) => result.with_low_watermark(start),
                Err(refusal) => result.with_low_watermark(-1).with_error_code(refusal.code.code()),
            });
        }
        topics.push(
            DeleteRecordsTopicResult::default().with_name(topic.name).with_partitions(partitions),
        );
    }
    call.encode(&DeleteRecordsResponse::default().with_topics(topics))
}

/// The first offset that is left.
async fn delete(
    server: &Server,
    topic: &TopicInfo,
    index: i32,
    before: i64,
) -> Result<i64, Refusal> {
    let at = partition_of(topic, index)?;
    Ok(server.log().delete_records(at, before).await?)
}
