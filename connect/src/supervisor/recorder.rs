//! Keeps what changes on the board.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Board;
use crate::store::Stores;

/// Writes changes of the board to `connect-status`, many at once if they come
/// fast.
pub(crate) struct Recorder {
    pub(crate) board: Arc<Board>,
    pub(crate) stores: Arc<Stores>,
    pub(crate) cancel: CancellationToken,
}

impl Recorder {
    /// Runs until it is cancelled; what changed by then is kept.
    pub(crate) async fn run(self) {
        loop {
            let ends = tokio::select! {
                () = self.cancel.cancelled() => true,
                () = self.board.changed.notified() => false,
            };
            let changes = self.board.take_unkept();
            if !changes.is_empty()
                && let Err(error) = self.stores.status.write(changes).await
            {
                // States are told from memory; the topic is for other tools.
                tracing::warn!("states were not written to connect-status: {error}");
            }
            if ends {
                return;
            }
        }
    }
}
