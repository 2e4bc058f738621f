//! Produce, versions 3 to 11; ApiVersions tells of 0 to 11, since some clients
//! do without compression where 0 is missing.
//!
//! A request is staged while it is read, so that the next one can follow before
//! the disk has this one; its answer waits until its batches are durable.

use bytes::Bytes;
use thalweg_log::{Group, PendingProduce, Produced};

use super::{Api, Run, partition_of};
use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::Server;
use crate::wire::{Malformed, Reader, Response};

pub(crate) const KEY: i16 = 0;

/// Where a batch, and a message of an older format, says what it is.
const MAGIC_AT: usize = 16;
const FIRST_WITH_LOG_START: i16 = 5;
const FIRST_WITH_MESSAGES: i16 = 8;

pub(super) static API: Api = Api {
    key: KEY,
    name: "Produce",
    first: 3,
    last: 11,
    told: 0,
    flexible: 9,
    layout: &[],
    run: Run::Staged,
};

/// What is not known of an append that was refused.
const NOTHING: i64 = -1;

/// A request, decoded.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    is_transactional: bool,
    acks: i16,
    topics: Vec<Topic>,
}

#[derive(Debug, PartialEq, Eq)]
struct Topic {
    name: String,
    /// Number and batches of each.
    partitions: Vec<(i32, Bytes)>,
}

impl Request {
    fn read(body: &Bytes, is_flexible: bool) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body, is_flexible);
        let is_transactional = reader.optional_text()?.is_some();
        let acks = reader.i16()?;
        let _timeout_ms = reader.i32()?;
        let topic_count = reader.count(3)?;
        let mut topics = Vec::with_capacity(topic_count);
        for _ in 0..topic_count {
            let name = reader.text()?.to_owned();
            let partition_count = reader.count(5)?;
            let mut partitions = Vec::with_capacity(partition_count);
            for _ in 0..partition_count {
                let index = reader.i32()?;
                let records = reader.optional_bytes()?.unwrap_or_default();
                reader.tags()?;
                partitions.push((index, part_of(body, records)));
            }
            reader.tags()?;
            topics.push(Topic { name, partitions });
        }
        reader.tags()?;
        Ok(Self { is_transactional, acks, topics })
    }
}

/// The batches of one partition. What the log keeps of them must not hold a
/// frame that is much larger, so a small part is copied.
fn part_of(body: &Bytes, records: &[u8]) -> Bytes {
    if records.len() < body.len() / 2 {
        Bytes::copy_from_slice(records)
    } else {
        body.slice_ref(records)
    }
}

/// A request whose batches have their places in the log's queue, in order.
pub(crate) struct Staged {
    acks: i16,
    topics: Vec<StagedTopic>,
}

struct StagedTopic {
    name: String,
    partitions: Vec<(i32, Result<PendingProduce, Refusal>)>,
}

/// Hands the batches of a request to the log. When this resolves they all have
/// their places, and those of the next request come after them.
pub(crate) async fn stage(server: &Server, call: &mut Call) -> Result<Staged, Malformed> {
    let request = Request::read(&call.body, call.is_flexible())?;
    // The log has the only handle from here on, and needs no copy to give
    // batches their offsets.
    call.body = Bytes::new();
    let refusal = check(&request).err();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for (index, batches) in topic.partitions {
            let staged = match &refusal {
                None => place(server, &topic.name, index, batches).await,
                Some(refusal) => Err(refusal.clone()),
            };
            partitions.push((index, staged));
        }
        topics.push(StagedTopic { name: topic.name, partitions });
    }
    call.permit = None;
    Ok(Staged { acks: request.acks, topics })
}

fn check(request: &Request) -> Result<(), Refusal> {
    if !matches!(request.acks, -1..=1) {
        return Err(Refusal::new(
            ErrorCode::InvalidRequiredAcks,
            format!("acks = {} is not possible: use -1, 0 or 1", request.acks),
        ));
    }
    if request.is_transactional {
        return Err(Refusal::new(
            ErrorCode::UnsupportedVersion,
            "transactions are not supported yet: produce without transactional.id",
        ));
    }
    Ok(())
}

async fn place(
    server: &Server,
    topic: &str,
    index: i32,
    batches: Bytes,
) -> Result<PendingProduce, Refusal> {
    if server.is_internal(topic) {
        return Err(Refusal::new(
            ErrorCode::InvalidTopic,
            format!("topic {topic} is this server's own: clients can only read it"),
        ));
    }
    let target = partition_of(&server.topic(topic)?, index)?;
    if let Some(magic) = batches.get(MAGIC_AT).filter(|magic| **magic < 2) {
        return Err(Refusal::new(
            ErrorCode::UnsupportedForMessageFormat,
            format!("messages of format {magic} are not supported: use a client of Kafka 0.11 on"),
        ));
    }
    Ok(server.log().produce(Group { target, batches }).await?)
}

impl Staged {
    /// Whether the client waits for an answer.
    pub(crate) fn is_answered(&self) -> bool {
        self.acks != 0
    }

    /// Waits until all batches are durable or refused. A client that waits for
    /// no answer is told of a refusal by the end of its connection: that is the
    /// error.
    pub(crate) async fn answer(self, call: &Call) -> Result<Response, Refusal> {
        let mut builder = call.begin();
        let is_answered = self.is_answered();
        builder.count(self.topics.len());
        for topic in self.topics {
            builder.text(&topic.name);
            builder.count(topic.partitions.len());
            for (index, staged) in topic.partitions {
                let outcome = match staged {
                    Ok(pending) => pending.await.map_err(Refusal::from),
                    Err(refusal) => Err(refusal),
                };
                if !is_answered && let Err(refusal) = outcome {
                    return Err(refusal);
                }
                put_partition(&mut builder, call.version, index, outcome);
            }
            builder.tags();
        }
        builder.i32(0);
        builder.tags();
        Ok(builder.finish())
    }
}

fn put_partition(
    builder: &mut crate::wire::ResponseBuilder,
    version: i16,
    index: i32,
    outcome: Result<Produced, Refusal>,
) {
    let (code, message, first, time, log_start) = match outcome {
        Ok(done) => {
            let time = done.log_append_time_ms.unwrap_or(NOTHING);
            (ErrorCode::None, None, done.first, time, done.log_start)
        }
        Err(refusal) => (refusal.code, Some(refusal.message), NOTHING, NOTHING, NOTHING),
    };
    builder.i32(index);
    builder.i16(code.code());
    builder.i64(first);
    builder.i64(time);
    if version >= FIRST_WITH_LOG_START {
        builder.i64(log_start);
    }
    if version >= FIRST_WITH_MESSAGES {
        // No single record is blamed.
        builder.count(0);
        builder.optional_text(message.as_deref());
    }
    builder.tags();
}
