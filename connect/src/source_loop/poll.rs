//! The first stage: asks the connector for rows.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use thalweg_core::batch::SourceBatch;
use thalweg_core::connector::DynSourceTask;
use thalweg_core::{ConnectError, failpoint};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{IN_FLIGHT_BYTES_MAX, Shared};
use crate::supervisor::panic_text;

/// The longest that a task may take to let go of its upstream.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Rows that are worth another worker.
const STEP_ASIDE_BYTES: usize = 64 << 10;

/// Rows, and their part of the budget.
pub(super) struct Polled {
    pub(super) batch: SourceBatch,
    pub(super) permit: OwnedSemaphorePermit,
}

/// Polls until the run is cancelled, the connector fails or a later stage ends.
pub(super) async fn run(
    shared: &Arc<Shared>,
    mut task: Box<dyn DynSourceTask>,
    out: mpsc::Sender<Polled>,
) -> Result<(), ConnectError> {
    // The other stages must be joined also when the connector panics: what they
    // have under way decides the next position.
    let polling = AssertUnwindSafe(poll(shared, &mut task, &out)).catch_unwind().await;
    drop(out);
    if polling.is_ok() {
        let closing = AssertUnwindSafe(task.close()).catch_unwind();
        if !matches!(tokio::time::timeout(CLOSE_TIMEOUT, closing).await, Ok(Ok(()))) {
            tracing::warn!(
                connector = %shared.run.connector,
                "the source did not let go of its database in order: it may keep a session there \
                 for a while"
            );
        }
    }
    polling.unwrap_or_else(|panic| Err(ConnectError::fatal(panic_text(&*panic))))
}

async fn poll(
    shared: &Arc<Shared>,
    task: &mut Box<dyn DynSourceTask>,
    out: &mpsc::Sender<Polled>,
) -> Result<(), ConnectError> {
    loop {
        let batch = tokio::select! {
            biased;
            () = shared.run.cancel.cancelled() => return Ok(()),
            () = out.closed() => return Ok(()),
            batch = task.poll() => batch?,
        };
        failpoint::reach("source.polled");
        if batch.is_empty() {
            tokio::task::yield_now().await;
            continue;
        }
        // All that it keeps: a table's batch has the room that the one before it
        // needed, however few rows came (invariant 7).
        let bytes = batch.memory().clamp(1, IN_FLIGHT_BYTES_MAX);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permit = tokio::select! {
            biased;
            () = shared.run.cancel.cancelled() => return Ok(()),
            () = out.closed() => return Ok(()),
            permit = Arc::clone(&shared.budget).acquire_many_owned(permits) => permit,
        };
        let Ok(permit) = permit else { return Ok(()) };
        // Dropping rows here is no loss: their position is not stored either.
        if out.send(Polled { batch, permit }).await.is_err() {
            return Ok(());
        }
        if bytes >= STEP_ASIDE_BYTES {
            step_aside().await;
        }
    }
}

/// Goes to the end of its worker's queue, where an idle worker may take it from.
///
/// Waking the next stage made that the next task of this worker, which no other one
/// takes: without this the two would run in turns and not side by side. (Tokio's own
/// `yield_now` waits until the worker has nothing else to do.)
async fn step_aside() {
    let mut is_first = true;
    std::future::poll_fn(|context| {
        if !std::mem::take(&mut is_first) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
