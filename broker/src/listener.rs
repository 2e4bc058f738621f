//! Accepting connections, and ending them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::connection;
use crate::connection::frame::Patience;
use crate::server::{BrokerOptions, Server};

/// Connections at one time.
const CONNECTIONS_MAX: usize = 10_000;
/// How long requests under way may take when the server stops.
const STOP_MAX: Duration = Duration::from_secs(5);
/// Pause after a connection could not be accepted: descriptors may be short.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The Kafka protocol on a listener.
pub struct Broker {
    server: Arc<Server>,
    accepting: JoinHandle<()>,
    connections: TaskTracker,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").finish_non_exhaustive()
    }
}

impl Broker {
    /// Serves clients that connect to this listener.
    #[must_use]
    pub fn start(listener: TcpListener, options: BrokerOptions) -> Self {
        Self::start_with(listener, options, Patience::default())
    }

    pub(crate) fn start_with(
        listener: TcpListener,
        options: BrokerOptions,
        patience: Patience,
    ) -> Self {
        let server = Arc::new(Server::new(options));
        let connections = TaskTracker::new();
        let accepting =
            tokio::spawn(accept(listener, Arc::clone(&server), connections.clone(), patience));
        Self { server, accepting, connections }
    }

    /// Takes no more requests, answers those that are under way, and ends all
    /// connections.
    pub async fn stop(self) {
        self.server.closing.cancel();
        // It ends by the line above.
        self.accepting.await.ok();
        self.connections.close();
        if tokio::time::timeout(STOP_MAX, self.connections.wait()).await.is_err() {
            tracing::warn!(
                "{} Kafka connections did not end by themselves",
                self.connections.len()
            );
        }
    }
}

async fn accept(
    listener: TcpListener,
    server: Arc<Server>,
    connections: TaskTracker,
    patience: Patience,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.closing.cancelled() => return,
        };
        let (stream, peer): (TcpStream, SocketAddr) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("a Kafka client could not connect: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%peer, "a Kafka client is turned away: {CONNECTIONS_MAX} are connected");
            continue;
        };
        let server = Arc::clone(&server);
        connections.spawn(async move {
            connection::serve(&server, stream, peer, patience).await;
            drop(place);
        });
    }
}
