//! The last stage: waits until appends are durable, then shows their positions
//! and tells upstream.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use thalweg_core::connector::Committer;
use thalweg_core::{ConnectError, failpoint};
use thalweg_log::Pending;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::Shared;
use crate::log_errors::from_log;
use crate::store::{OffsetChange, ParkedEntries, StateEntries};
use crate::supervisor::panic_text;

/// An append on its way.
pub(super) struct InFlight {
    pub(super) pending: Pending,
    pub(super) position: Option<OffsetChange>,
    pub(super) state: Option<StateEntries>,
    pub(super) parked: Option<ParkedEntries>,
    pub(super) rows: usize,
    pub(super) permit: OwnedSemaphorePermit,
}

/// Runs until the stage before it has ended and all its appends are settled.
/// After one failed nothing more is told to upstream.
pub(super) async fn run(
    shared: Arc<Shared>,
    committer: Arc<dyn Committer>,
    mut appends: mpsc::Receiver<InFlight>,
) -> Result<(), ConnectError> {
    while let Some(append) = appends.recv().await {
        let appended =
            append.pending.await.map_err(|error| from_log(&error, "appending rows to the log"))?;
        failpoint::reach("source.durable");
        let stores = &shared.run.stores;
        if let Some(state) = append.state {
            stores.source_state.apply(state, &appended);
        }
        if let Some(parked) = append.parked {
            stores.parked.apply(parked, &appended);
        }
        shared.run.board.progressed(&shared.run.connector, shared.run.task, append.rows);
        if let Some(position) = append.position {
            // invariant 2: upstream learns of a position only when it is durable.
            let durable = stores.offsets.apply(position, &appended);
            catch_unwind(AssertUnwindSafe(|| committer.commit(durable)))
                .map_err(|panic| ConnectError::fatal(panic_text(&*panic)))?;
        }
        failpoint::reach("source.told");
        drop(append.permit);
    }
    Ok(())
}
