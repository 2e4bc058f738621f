//! The runtime as a whole: opened, running, stopped.

use std::sync::Arc;

use thalweg_log::{Log, LogError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Reader, refusal};
use crate::converters::Converters;
use crate::plugins::Plugins;
use crate::store::{Stored, Stores};
use crate::supervisor::{
    BackoffRange, Board, Command, Found, Handle, Inner, Recorder, ServerInfo, Shared, Supervisor,
};

/// Commands that may wait.
const COMMANDS_LEN: usize = 64;

/// What a worker is started with.
pub struct WorkerOptions {
    /// The log.
    pub log: Arc<dyn Log>,
    /// Makes converters.
    pub converters: Converters,
    /// The kinds of connectors.
    pub plugins: Plugins,
    /// The address of the REST listener, which names this worker in answers.
    pub worker_id: String,
    /// The id of the log, as Kafka clients see it.
    pub cluster_id: String,
    /// The commit that this was built from.
    pub commit: String,
    /// The most bytes that the log takes in one append: topics that sources
    /// make take batches of up to this.
    pub append_bytes_max: usize,
    /// Pauses between tries.
    pub backoff: BackoffRange,
}

impl std::fmt::Debug for WorkerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerOptions").finish_non_exhaustive()
    }
}

/// The version of Kafka Connect whose REST interface this is.
pub const CONNECT_VERSION: &str = "4.1.0";

/// A runtime of connectors that runs.
#[derive(Debug)]
pub struct Worker {
    handle: Handle,
    supervisor: JoinHandle<()>,
    recorder: JoinHandle<()>,
    recorder_cancel: CancellationToken,
}

impl Worker {
    /// Opens the runtime's topics, fences a former worker, and starts all
    /// connectors that are to run. A connector that can't be started is FAILED;
    /// the error is of the log.
    pub async fn start(options: WorkerOptions) -> Result<Self, LogError> {
        let WorkerOptions { log, converters, plugins, worker_id, .. } = options;
        let stores = Stores::open(&log).await?;
        let board = Arc::new(Board::new(&worker_id));
        let reader = Reader { plugins, converters, message_bytes_max: options.append_bytes_max };
        let found = stores.configs.all().into_iter().map(|kept| found(&reader, kept)).collect();
        let shared = Arc::new(Shared {
            log,
            stores: Arc::clone(&stores),
            board: Arc::clone(&board),
            backoff: options.backoff,
        });
        let recorder_cancel = CancellationToken::new();
        let recorder = Recorder {
            board: Arc::clone(&board),
            stores: Arc::clone(&stores),
            cancel: recorder_cancel.clone(),
        };
        let (commands, received) = mpsc::channel(COMMANDS_LEN);
        let supervisor = tokio::spawn(Supervisor::new(shared, found).run(received));
        let info = ServerInfo {
            version: CONNECT_VERSION.to_owned(),
            commit: options.commit,
            cluster_id: options.cluster_id,
        };
        let handle = Handle(Arc::new(Inner { reader, board, stores, commands, info }));
        let recorder = tokio::spawn(recorder.run());
        Ok(Self { handle, supervisor, recorder, recorder_cancel })
    }

    /// Access to the connectors.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends all tasks: sources first, then sinks, which flush and commit.
    /// Connectors keep their target states.
    pub async fn stop(self) {
        drop(self.handle.0.commands.send(Command::Stop).await);
        drop(self.supervisor.await);
        self.recorder_cancel.cancel();
        drop(self.recorder.await);
    }
}

/// A connector of an earlier run: its plugin may be gone, or want other keys.
fn found(reader: &Reader, stored: Stored) -> Found {
    let (settings, warnings) = match reader.plugin(&stored.config) {
        Err(reason) => (Err(reason), Vec::new()),
        Ok(plugin) => {
            let reading = reader.read(plugin, &stored.config);
            if reading.problems.is_empty() {
                (Ok(Arc::new(reading.settings)), reading.warnings)
            } else {
                (Err(refusal(&reading.problems)), reading.warnings)
            }
        }
    };
    if let Err(reason) = &settings {
        tracing::error!(connector = %stored.name, "not started: {reason}; PUT /connectors/{}/config with a config that works", stored.name);
    }
    Found { stored, settings, warnings }
}
