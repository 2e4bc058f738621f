//! What the engine is asked to do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::produce::Produced;
use crate::api::{Appended, Result, TopicId, TopicInfo, TopicPartition, TopicSpec};
use crate::error::LogError;
use crate::journal::SEAL_LEN;
use crate::record::BatchSummary;

/// Where an answer goes. Nobody may be waiting for it any more.
pub(crate) type Reply<T> = oneshot::Sender<Result<T>>;

/// A request to the engine.
pub(crate) enum Command {
    Append(Append),
    Create(TopicSpec, Reply<TopicInfo>),
    Configure(TopicId, Vec<(String, String)>, Reply<()>),
    Delete(TopicId, Reply<()>),
    Trim(TopicPartition, i64, Reply<()>),
    Produce(Produce),
    /// An id for a producer.
    ProducerId(Reply<i64>),
    /// A topic is to have this many partitions.
    AddPartitions(TopicId, u32, Reply<TopicInfo>),
    /// Answered when all commands before it are done.
    Barrier(Reply<()>),
}

/// Groups to be appended, all or none.
pub(crate) struct Append {
    pub(crate) writer: WriterToken,
    pub(crate) groups: Vec<CheckedGroup>,
    pub(crate) reply: Reply<Vec<Appended>>,
    /// Its place in the queue, free again when the append is done.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// A batch that a client produced.
pub(crate) struct Produce {
    /// Taken when it is staged.
    pub(crate) group: Option<CheckedGroup>,
    pub(crate) reply: Reply<Produced>,
    /// Its place in the queue, free again when the batch is durable.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// A group whose batches were checked.
pub(crate) struct CheckedGroup {
    pub(crate) target: TopicPartition,
    pub(crate) batches: Bytes,
    pub(crate) summaries: Vec<BatchSummary>,
}

/// A holder of a writer id.
#[derive(Clone)]
pub(crate) struct WriterToken {
    pub(crate) id: Arc<str>,
    /// Generation of the present holder of the id.
    pub(crate) current: Arc<AtomicU64>,
    /// Generation of this one.
    pub(crate) generation: u64,
    /// The error of its first append that failed.
    pub(crate) failed: Arc<OnceLock<LogError>>,
}

impl WriterToken {
    pub(crate) fn check(&self) -> Result<()> {
        if self.current.load(Ordering::Acquire) != self.generation {
            return Err(LogError::Fenced(self.id.to_string()));
        }
        self.failed.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// An append of it failed: no later one may become durable.
    pub(crate) fn fail(&self, error: &LogError) {
        self.failed.get_or_init(|| error.clone());
    }
}

impl Command {
    /// Most bytes that it takes in the journal.
    pub(crate) fn journal_len_max(&self) -> u64 {
        /// Longest entry without texts and batches, twice: a roll may come
        /// before an append.
        const ENTRY: usize = 128;
        let texts = |config: &[(String, String)]| -> usize {
            config.iter().map(|(k, v)| 8 + k.len() + v.len()).sum()
        };
        let len = match self {
            Self::Append(append) => {
                let groups = append.groups.iter();
                groups.map(|group| ENTRY + group.batches.len()).sum()
            }
            Self::Create(spec, _) => ENTRY + spec.name.len() + texts(&spec.config),
            Self::Configure(_, config, _) => ENTRY + texts(config),
            Self::Produce(produce) => {
                ENTRY + produce.group.as_ref().map_or(0, |group| group.batches.len())
            }
            // And the seal, without which no file goes.
            Self::Delete(..) | Self::Trim(..) => ENTRY + SEAL_LEN,
            Self::ProducerId(_) | Self::AddPartitions(..) => ENTRY,
            Self::Barrier(_) => 0,
        };
        len as u64
    }

    /// Answers it with an error.
    pub(crate) fn refuse(self, error: LogError) {
        match self {
            Self::Append(append) => {
                append.writer.fail(&error);
                drop(append.reply.send(Err(error)));
            }
            Self::Produce(produce) => drop(produce.reply.send(Err(error))),
            Self::ProducerId(reply) => drop(reply.send(Err(error))),
            Self::Create(_, reply) | Self::AddPartitions(_, _, reply) => {
                drop(reply.send(Err(error)));
            }
            Self::Configure(_, _, reply)
            | Self::Delete(_, reply)
            | Self::Trim(_, _, reply)
            | Self::Barrier(reply) => drop(reply.send(Err(error))),
        }
    }
}
