//! Sinks.

use std::future::Future;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{About, Checked, Notes};
use crate::batch::Batch;
use crate::config::{Declare, Problem};
use crate::{BoxFuture, ConnectError};

/// A partition that a sink reads: of one incarnation of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SinkPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The topic's id: another one if it was deleted and made again.
    pub topic_id: Uuid,
    /// The partition's number.
    pub partition: u32,
}

/// Offsets by partition: each is the **next** one to be read.
pub type Offsets = Vec<(SinkPartition, i64)>;

/// Where a sink wants to start, for the partitions where its target knows
/// better than the committed offset.
pub type StartOffsets = Offsets;

/// A partition that a task is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The partition.
    pub partition: SinkPartition,
    /// The next offset by what was committed; none at the first start.
    pub committed: Option<i64>,
}

/// Rows of one partition, in order.
#[derive(Clone, Debug)]
pub struct SinkBatch {
    /// Where they are from.
    pub partition: SinkPartition,
    /// Each row's offset, strictly rising.
    pub offsets: Vec<i64>,
    /// The rows. Their timestamps are those of the log.
    pub batch: Batch,
}

/// A row that the target refused, for the dead letters or to stop the task.
#[derive(Debug)]
pub struct Rejected {
    /// The row's number in the batch.
    pub row: usize,
    /// Why.
    pub error: ConnectError,
}

/// What became of a write.
#[derive(Debug, Default)]
#[must_use = "rejected rows must go somewhere (invariant 4)"]
pub struct WriteReport {
    /// What is durable in the target by now, where this write moved it.
    pub durable: Offsets,
    /// Rows that the target refused. The runtime has them in a safe place, or
    /// ends the task, before it calls the sink again; so a sink that says where
    /// to start makes nothing behind them durable until it is called again.
    pub rejected: Vec<Rejected>,
}

/// A sink's own durable state (plans of files, ...): fenced, so that a former
/// task of the same connector can't write it any more.
pub trait StateStore: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &str) -> Option<serde_json::Value>;

    /// All entries whose keys begin so, by key.
    fn list(&self, prefix: &str) -> Vec<(String, serde_json::Value)>;

    /// Writes entries, all or none; `None` deletes. Resolves when durable.
    fn put(
        &self,
        changes: Vec<(String, Option<serde_json::Value>)>,
    ) -> BoxFuture<'_, Result<(), ConnectError>>;
}

/// What a sink task is opened with.
#[derive(Clone)]
pub struct SinkContext {
    /// The connector's name.
    pub connector: Arc<str>,
    /// The task's number, from 0.
    pub task: u32,
    /// The sink's own durable state.
    pub state: Arc<dyn StateStore>,
    /// Cancelled when the task is to end.
    pub cancel: CancellationToken,
    /// What the task wants a person to know.
    pub notes: Notes,
}

/// Which schema a sink wants the values of a partition to have, where their
/// schemas are versions of a subject in a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadAs {
    /// The one that each was written with.
    #[default]
    Written,
    /// The newest version that the partition had up to there.
    Newest,
    /// The oldest version that the partition had up to there.
    Oldest,
}

/// A kind of sink.
pub trait SinkConnector: Send + Sync + 'static {
    /// Its config, read.
    type Config: Send + Sync + 'static;
    /// What writes rows.
    type Task: SinkTask;

    /// Who it is.
    fn about(&self) -> About;

    /// Names every key once; in read mode this is the config.
    fn declare(&self, keys: &mut Declare<'_>) -> Self::Config;

    /// Problems between keys, without looking at the outside world.
    fn validate(&self, config: &Self::Config) -> Vec<Problem> {
        let _ = config;
        Vec::new()
    }

    /// Which schema it wants values to have.
    fn read_as(&self, config: &Self::Config) -> ReadAs {
        let _ = config;
        ReadAs::Written
    }

    /// Looks at the outside world: can the target be reached and written.
    fn check(&self, config: &Self::Config) -> impl Future<Output = Checked> + Send;

    /// Opens a task on these partitions.
    fn open(
        &self,
        config: Arc<Self::Config>,
        context: SinkContext,
        assigned: Vec<Assigned>,
    ) -> impl Future<Output = Result<(Self::Task, StartOffsets), ConnectError>> + Send;
}

/// Writes rows.
pub trait SinkTask: Send + 'static {
    /// Takes rows. They may become durable later: `WriteReport::durable` and
    /// [`SinkTask::flush`] say how far. A retriable error means that nothing of
    /// this batch was taken: the runtime writes the same batch again.
    fn write(
        &mut self,
        batch: &SinkBatch,
    ) -> impl Future<Output = Result<WriteReport, ConnectError>> + Send;

    /// Called about every second, also when no rows come: does what is due by
    /// the clock, and says how far all partitions are durable. The runtime
    /// commits these offsets (invariant 3). It need not close what is open:
    /// what is not durable is read again after a restart.
    fn flush(&mut self) -> impl Future<Output = Result<Offsets, ConnectError>> + Send;

    /// The runtime has committed these offsets: rows before them never come
    /// again, what is kept for reading them again can go. Never blocks.
    fn committed(&mut self, offsets: &Offsets) {
        let _ = offsets;
    }

    /// These partitions are no longer this task's.
    fn revoke(
        &mut self,
        partitions: &[SinkPartition],
    ) -> impl Future<Output = Result<(), ConnectError>> + Send;

    /// Ends the task.
    fn close(self) -> impl Future<Output = ()> + Send;
}
