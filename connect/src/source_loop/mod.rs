//! One run of a source task: from its rows to the log.
//!
//! Three stages, each a task of its own, so that decoding, encoding and syncing
//! overlap: *poll* asks the connector for rows, *encode* turns them into record
//! batches and appends them with the position that covers them, *acknowledge*
//! waits until that is durable and tells upstream. One budget in bytes bounds
//! what is between them. Rows whose schema the registry does not take are *parked*
//! on their way.

mod acknowledge;
mod batches;
mod encode;
mod headers;
mod merge;
mod park;
mod poll;
mod target;

pub(crate) use park::note_of;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use thalweg_core::connector::{DynSource, Notes, SourceContext};
use thalweg_core::{ConnectError, ErrorKind, JsonMap};
use thalweg_log::Log;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::log_errors::from_log;
use crate::store::{Stores, writer_id};
use crate::supervisor::{Board, End};

/// Most bytes of rows between the poll and the log (invariant 7), with the room that
/// their columns have: up to three times what they hold.
const IN_FLIGHT_BYTES_MAX: usize = 40 << 20;

/// Most batches between two stages; their bytes are bounded by the budget.
const QUEUE_LEN: usize = 64;

/// What a run needs.
#[derive(Clone)]
pub(crate) struct SourceRun {
    pub(crate) connector: Arc<str>,
    pub(crate) task: u32,
    pub(crate) source: Arc<dyn DynSource>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) stores: Arc<Stores>,
    pub(crate) board: Arc<Board>,
    pub(crate) notes: Notes,
    pub(crate) cancel: CancellationToken,
}

/// What the stages share.
struct Shared {
    run: SourceRun,
    partition: JsonMap,
    budget: Arc<Semaphore>,
}

/// Runs until it is cancelled or fails. All it started has ended by then.
pub(crate) async fn run(run: SourceRun) -> Result<End, ConnectError> {
    let id = writer_id(&run.connector, run.task);
    // The writer first: a position that is read after it is final (invariant 2).
    let writer = run
        .log
        .open_writer(&id)
        .await
        .map_err(|error| from_log(&error, format!("opening writer {id}")))?;
    let caught_up = async {
        run.stores.offsets.catch_up().await?;
        run.stores.source_state.catch_up().await?;
        run.stores.parked.catch_up().await
    };
    caught_up.await.map_err(|error| from_log(&error, "reading positions"))?;
    let partition = run.source.partition(&run.settings.config);
    let context = SourceContext {
        connector: Arc::clone(&run.connector),
        task: run.task,
        position: run.stores.offsets.position(&run.connector, &partition),
        state: run.stores.source_state.of(&run.connector),
        cancel: run.cancel.clone(),
        notes: run.notes.clone(),
    };
    let opened = tokio::select! {
        biased;
        () = run.cancel.cancelled() => return Ok(End::Cancelled),
        opened = run.source.open(&run.settings.config, context) => opened,
    };
    let (task, committer) = opened?;
    run.board.running(&run.connector, run.task);
    let budget = Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX));
    let shared = Arc::new(Shared { run, partition, budget });
    let (polled_tx, polled_rx) = mpsc::channel(QUEUE_LEN);
    let (appended_tx, appended_rx) = mpsc::channel(QUEUE_LEN);
    let encoder = tokio::spawn(encode::run(Arc::clone(&shared), writer, polled_rx, appended_tx));
    let acks = tokio::spawn(acknowledge::run(Arc::clone(&shared), committer, appended_rx));
    let polled = poll::run(&shared, task, polled_tx).await;
    let encoded = joined(encoder).await;
    let acknowledged = joined(acks).await;
    // The last stage's error first: it is the cause of the others' end.
    acknowledged.and(encoded).and(polled).map(|()| End::Cancelled)
}

async fn joined(stage: JoinHandle<Result<(), ConnectError>>) -> Result<(), ConnectError> {
    stage.await.unwrap_or_else(|error| {
        Err(ConnectError::new(ErrorKind::Fatal, format!("a stage of the task panicked: {error}")))
    })
}
