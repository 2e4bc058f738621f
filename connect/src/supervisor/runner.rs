//! Runs one task, again and again while its errors may pass.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use thalweg_core::connector::Notes;
use thalweg_core::{ConnectError, ErrorKind};
use tokio_util::sync::CancellationToken;

use super::{Backoff, End, Shared, board, panic_text};
use crate::config::Settings;
use crate::plugins::Plugin;
use crate::{sink_loop, source_loop};

/// A run this long went well, also if no row came.
const STEADY: Duration = Duration::from_secs(60);

/// One task of a connector.
pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    pub(super) connector: Arc<str>,
    pub(super) task: u32,
    pub(super) tasks: u32,
    pub(super) settings: Arc<Settings>,
    pub(super) cancel: CancellationToken,
}

impl Runner {
    /// Runs until it is cancelled or can't go on. A panic is a failure of this
    /// task and of nothing else (invariant 9).
    pub(super) async fn run(self) {
        let board = &self.shared.board;
        let mut backoff = Backoff::new(self.shared.backoff);
        loop {
            let (began, rows) = (Instant::now(), board.rows(&self.connector, self.task));
            let notes = board.new_notes(&self.connector, self.task);
            let ended = AssertUnwindSafe(self.once(notes)).catch_unwind().await;
            let ended = ended.unwrap_or_else(|p| Err(ConnectError::fatal(panic_text(&*p))));
            if self.cancel.is_cancelled() {
                if let Err(error) = ended {
                    tracing::warn!(
                        connector = %self.connector, task = self.task,
                        "while the task was being stopped: {error}; what it did not finish is \
                         done again at its next start"
                    );
                }
                return;
            }
            let error = match ended {
                Ok(End::Cancelled) => return,
                Ok(End::Reassigned) => continue,
                Err(error) => error,
            };
            let cause = error.to_string();
            if error.kind() != ErrorKind::Retriable {
                let name = &*self.connector;
                tracing::error!(
                    connector = name,
                    task = self.task,
                    "the task failed and is not tried again: {cause}; once the cause is mended, \
                     POST /connectors/{name}/restart?includeTasks=true&onlyFailed=true"
                );
                board.set_task(&self.connector, self.task, board::FAILED, Some(&cause));
                return;
            }
            if board.rows(&self.connector, self.task) > rows || began.elapsed() > STEADY {
                backoff.reset();
            }
            let pause = backoff.pause();
            board.restarting(&self.connector, self.task, &cause, pause);
            tokio::select! {
                () = self.cancel.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn once(&self, notes: Notes) -> Result<End, ConnectError> {
        // A token of the run's own: whatever a connector does with it, the
        // next run has a fresh one.
        let cancel = self.cancel.child_token();
        match &self.settings.plugin {
            Plugin::Source(source) => {
                source_loop::run(source_loop::SourceRun {
                    connector: Arc::clone(&self.connector),
                    task: self.task,
                    source: Arc::clone(source),
                    settings: Arc::clone(&self.settings),
                    log: Arc::clone(&self.shared.log),
                    stores: Arc::clone(&self.shared.stores),
                    board: Arc::clone(&self.shared.board),
                    notes,
                    cancel,
                })
                .await
            }
            Plugin::Sink(sink) => {
                sink_loop::run(sink_loop::SinkRun {
                    connector: Arc::clone(&self.connector),
                    task: self.task,
                    tasks: self.tasks,
                    sink: Arc::clone(sink),
                    settings: Arc::clone(&self.settings),
                    log: Arc::clone(&self.shared.log),
                    stores: Arc::clone(&self.shared.stores),
                    board: Arc::clone(&self.shared.board),
                    notes,
                    backoff: self.shared.backoff,
                    cancel,
                })
                .await
            }
        }
    }
}
