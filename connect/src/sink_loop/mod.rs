//! One run of a sink task: from the log to its target.
//!
//! A *reader* task reads and decodes ahead, within a budget in bytes; the loop
//! here owns the sink: it writes, flushes about each second, and commits what
//! the sink says is durable.

mod assign;
mod decode;
mod missing;
mod progress;
mod reader;
mod reading;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use thalweg_core::connector::{
    Assigned, DynSink, DynSinkTask, Notes, SinkBatch, SinkContext, SinkPartition, StateStore,
};
use thalweg_core::{ConnectError, Coordinates, ErrorKind, failpoint};
use thalweg_log::{Log, Writer};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::log_errors::from_log;
use crate::store::{Stores, TaskState, group_id, writer_id};
use crate::supervisor::{Backoff, BackoffRange, Board, End};
use missing::Missing;
use progress::Progress;
use reader::{Read, Reader};

/// How often a sink is flushed and its offsets are committed.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// The longest that a task may take to let go of its target.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Tries of one write before the task begins anew. What failed may be the task's
/// own: a writer that met a full disk takes no more, however often it is asked.
const WRITE_TRIES_MAX: u32 = 5;

/// What a run needs.
#[derive(Clone)]
pub(crate) struct SinkRun {
    pub(crate) connector: Arc<str>,
    pub(crate) task: u32,
    pub(crate) tasks: u32,
    pub(crate) sink: Arc<dyn DynSink>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) stores: Arc<Stores>,
    pub(crate) board: Arc<Board>,
    pub(crate) notes: Notes,
    pub(crate) backoff: BackoffRange,
    pub(crate) cancel: CancellationToken,
}

/// Why the loop ended without an error.
enum Step {
    GoOn,
    End(End),
}

/// Runs until it is cancelled, fails, or is given other partitions.
pub(crate) async fn run(run: SinkRun) -> Result<End, ConnectError> {
    let id = writer_id(&run.connector, run.task);
    let writer = run
        .log
        .open_writer(&id)
        .await
        .map_err(|error| from_log(&error, format!("opening writer {id}")))?;
    let writer: Arc<dyn Writer> = Arc::from(writer);
    let caught_up = run.stores.sink_state.catch_up().await;
    caught_up.map_err(|error| from_log(&error, "reading the sink's state"))?;
    let group = group_id(&run.connector);
    let partitions = assign::partitions(&run);
    let assigned = assign::committed(&run, &group, &partitions).await?;
    let state: Arc<dyn StateStore> = Arc::new(TaskState::new(
        Arc::clone(&run.connector),
        Arc::clone(&run.stores.sink_state),
        Arc::clone(&writer),
    ));
    let context = SinkContext {
        connector: Arc::clone(&run.connector),
        task: run.task,
        state: Arc::clone(&state),
        cancel: run.cancel.clone(),
        notes: run.notes.clone(),
    };
    let opened = tokio::select! {
        biased;
        () = run.cancel.cancelled() => return Ok(End::Cancelled),
        opened = run.sink.open(&run.settings.config, context, assigned.clone()) => opened,
    };
    let (task, start) = opened?;
    run.board.running(&run.connector, run.task);
    let next = assign::first_offsets(&run, &assigned, &start).await?;
    let progress = Progress::new(group, &assigned, &next);
    let (tx, rx) = reader::channel();
    let reader = tokio::spawn(Reader::new(&run, state, next).run(tx));
    let mut sink = Running { run, task, progress, partitions, missing: Missing::default() };
    let ended = sink.drive(rx).await;
    let closed = sink.close(ended.is_ok()).await;
    if reader.await.is_err() {
        return Err(ConnectError::fatal("the reader of the task panicked"));
    }
    ended.and_then(|end| closed.map(|()| end))
}

/// A sink that is open.
struct Running {
    run: SinkRun,
    task: Box<dyn DynSinkTask>,
    progress: Progress,
    partitions: Vec<SinkPartition>,
    missing: Missing,
}

impl Running {
    async fn drive(&mut self, mut rows: mpsc::Receiver<Read>) -> Result<End, ConnectError> {
        let cancel = self.run.cancel.clone();
        let mut ticks = tokio::time::interval(FLUSH_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            let read = tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(End::Cancelled),
                _ = ticks.tick() => {
                    match self.tick().await? {
                        Step::GoOn => continue,
                        Step::End(end) => return Ok(end),
                    }
                }
                read = rows.recv() => read,
            };
            match read {
                Some(Read::Rows { batch, permit }) => {
                    if let Step::End(end) = self.write(&batch).await? {
                        return Ok(end);
                    }
                    drop(permit);
                }
                // What came before the error is the sink's; it is flushed and
                // committed before the task ends.
                Some(Read::Failed(error)) => {
                    self.flush().await?;
                    return Err(error);
                }
                None => return Err(ConnectError::fatal("the reader of the task has ended")),
            }
        }
    }

    /// Writes rows, again a few times while the target can't take them.
    async fn write(&mut self, batch: &SinkBatch) -> Result<Step, ConnectError> {
        let (mut backoff, mut tries) = (Backoff::new(self.run.backoff), 0);
        let (connector, number) = (Arc::clone(&self.run.connector), self.run.task);
        let report = loop {
            let error = match self.task.write(batch).await {
                Ok(report) => break report,
                Err(error) if error.kind() == ErrorKind::Retriable => error,
                Err(error) => return Err(error),
            };
            tries += 1;
            if tries > WRITE_TRIES_MAX {
                return Err(error);
            }
            let pause = backoff.pause();
            self.run.board.restarting(&connector, number, &error.to_string(), pause);
            tokio::select! {
                biased;
                () = self.run.cancel.cancelled() => return Ok(Step::End(End::Cancelled)),
                () = tokio::time::sleep(pause) => {}
            }
        };
        if backoff.was_used() {
            self.run.board.running(&connector, number);
        }
        failpoint::reach("sink.written");
        let rows = batch.offsets.len();
        self.progress.delivered(batch);
        self.run.board.used_topic(&connector, number, &batch.partition.topic);
        self.run.board.progressed(&connector, number, rows);
        if let Some(rejected) = report.rejected.first() {
            // invariant 4: not dropped, and nothing at or after it is committed.
            let others = report.rejected.len() - 1;
            let at = coordinates(&batch.partition, batch.offsets.get(rejected.row).copied());
            let more = if others > 0 { format!(" ({others} more)") } else { String::new() };
            return Err(ConnectError::bad_record(
                at,
                format!("the target refused a row{more}: {}", rejected.error),
            ));
        }
        self.progress.durable(&report.durable)?;
        Ok(Step::GoOn)
    }

    /// What is due about each second.
    async fn tick(&mut self) -> Result<Step, ConnectError> {
        self.flush().await?;
        self.missing.look(&self.run);
        let now = assign::partitions(&self.run);
        if now == self.partitions {
            return Ok(Step::GoOn);
        }
        let gone: Vec<SinkPartition> =
            self.partitions.iter().filter(|had| !now.contains(had)).cloned().collect();
        if !gone.is_empty() {
            self.task.revoke(&gone).await?;
            self.progress.forget(&gone);
            self.partitions.retain(|had| !gone.contains(had));
        }
        // The sink is opened anew with the partitions that came.
        Ok(if now == self.partitions { Step::GoOn } else { Step::End(End::Reassigned) })
    }

    async fn flush(&mut self) -> Result<(), ConnectError> {
        let durable = self.task.flush().await?;
        failpoint::reach("sink.flushed");
        self.progress.durable(&durable)?;
        self.progress.commit(&*self.run.stores.groups, &self.run.notes).await?;
        failpoint::reach("sink.committed");
        self.task.committed(&self.progress.committed());
        Ok(())
    }

    async fn close(mut self, flush: bool) -> Result<(), ConnectError> {
        let flushed = if flush {
            let flushing = tokio::time::timeout(CLOSE_TIMEOUT, self.flush()).await;
            flushing.unwrap_or_else(|_| {
                Err(ConnectError::retriable("the sink did not flush in time when it was stopped"))
            })
        } else {
            self.progress.commit(&*self.run.stores.groups, &self.run.notes).await
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, self.task.close()).await.is_err() {
            tracing::warn!(
                connector = %self.run.connector,
                "the sink did not let go of its target within {} s; rows that are not committed \
                 are given to it again",
                CLOSE_TIMEOUT.as_secs()
            );
        }
        flushed
    }
}

/// Where a record is, for an error.
fn coordinates(partition: &SinkPartition, offset: Option<i64>) -> Coordinates {
    Coordinates {
        place: partition.topic.to_string(),
        partition: Some(partition.partition),
        at: offset.map_or_else(|| "an unknown offset".to_owned(), |o| format!("offset {o}")),
    }
}

/// The partitions of a list of assignments, for messages.
fn name_of(assigned: &Assigned) -> String {
    format!("{}-{}", assigned.partition.topic, assigned.partition.partition)
}
