//! DescribeLogDirs, versions 1 to 4: the data folder, the space of its disk, and
//! the size of each partition in it.

use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse, TopicName};
use thalweg_log::{Log, TopicInfo};

use super::{Api, Room, Run, partition_of, text};
use crate::call::Call;
use crate::error_code::Refusal;
use crate::rare_warning;
use crate::server::Server;
use crate::wire::layout::{Field, always};
use crate::wire::{Malformed, Response};

/// Partitions in one answer: twice what one topic can have, and about 5 MB.
const PARTITIONS_MAX: usize = 200_000;

pub(super) static API: Api = Api {
    key: 35,
    name: "DescribeLogDirs",
    first: 1,
    last: 4,
    told: 1,
    flexible: 2,
    layout: &[
        // Topics or null: name, partitions.
        always(Field::Structs(&[always(Field::Text), always(Field::Array(&Field::Fixed(4)))])),
    ],
    run: Run::Alone(|server, call| Box::pin(std::future::ready(answer(server, call)))),
};

fn answer(server: &Server, call: &Call) -> Result<Response, Malformed> {
    let request: DescribeLogDirsRequest = call.decode()?;
    let log = server.log();
    let result = DescribeLogDirsResult::default()
        .with_log_dir(text(log.folder().display().to_string()))
        // Not known.
        .with_total_bytes(-1)
        .with_usable_bytes(-1);
    let mut room = Room::new(PARTITIONS_MAX, "partitions");
    let mut result = match topics(server, request.topics, &mut room) {
        Ok(topics) => result.with_topics(topics),
        Err(refusal) => {
            // The answer has no place for words.
            rare_warning::warn(&format!("describing the data folder: {}", refusal.message));
            return call.encode(
                &DescribeLogDirsResponse::default()
                    .with_results(vec![result.with_error_code(refusal.code.code())]),
            );
        }
    };
    match log.space() {
        Ok(space) => {
            let shown = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            result.total_bytes = shown(space.total_bytes);
            result.usable_bytes = shown(space.usable_bytes);
        }
        Err(error) => rare_warning::warn(&error.to_string()),
    }
    call.encode(&DescribeLogDirsResponse::default().with_results(vec![result]))
}

/// The partitions that are asked for, or all. Those that are not here are left
/// out, as by Kafka.
fn topics(
    server: &Server,
    asked: Option<Vec<DescribableLogDirTopic>>,
    room: &mut Room,
) -> Result<Vec<DescribeLogDirsTopic>, Refusal> {
    let mut topics = Vec::new();
    match asked {
        None => {
            for topic in server.log().topics() {
                room.take(topic.partitions as usize)?;
                let all = 0..i32::try_from(topic.partitions).unwrap_or(i32::MAX);
                topics.push(sizes(server, &topic, all));
            }
        }
        Some(asked) => {
            for asked in asked {
                room.take(asked.partitions.len())?;
                if let Ok(topic) = server.topic(&asked.topic) {
                    topics.push(sizes(server, &topic, asked.partitions));
                }
            }
        }
    }
    topics.retain(|topic| !topic.partitions.is_empty());
    Ok(topics)
}

fn sizes(
    server: &Server,
    topic: &TopicInfo,
    partitions: impl IntoIterator<Item = i32>,
) -> DescribeLogDirsTopic {
    let size = |index| {
        let at = partition_of(topic, index).ok()?;
        let bytes = server.log().partition_bytes(at).ok()?;
        let described = DescribeLogDirsPartition::default().with_partition_index(index);
        Some(described.with_partition_size(i64::try_from(bytes).unwrap_or(i64::MAX)))
    };
    DescribeLogDirsTopic::default()
        .with_name(TopicName(text(&*topic.name)))
        .with_partitions(partitions.into_iter().filter_map(size).collect())
}

#[cfg(test)]
mod tests {
    use super::{Room, topics};
    use crate::error_code::ErrorCode;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn what_does_not_fit_into_an_answer_is_refused() {
        let fixture = Fixture::new().await;
        fixture.make("many", 3).await;
        let all = |max| topics(&fixture.server, None, &mut Room::new(max, "partitions"));
        assert_eq!(all(6).unwrap().len(), 3);
        assert_eq!(all(5).unwrap_err().code, ErrorCode::InvalidRequest);
    }
}
