//! `thalweg serve`: what starts in which order, and what stops.

use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use axum::Router;
use thalweg_broker::{Broker, BrokerOptions};
use thalweg_connect::converters::Converters;
use thalweg_connect::converters::avro::SchemaStore;
use thalweg_connect::{Worker, WorkerOptions};
use thalweg_log::{Log, SegmentLog};
use thalweg_schema_registry::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::cli;
use crate::plugins;
use crate::settings::Settings;

/// Reads the settings and serves until SIGTERM or SIGINT.
pub(crate) fn main(arguments: &cli::Serve) -> ExitCode {
    let started = Instant::now();
    log_to_standard_error();
    let outcome = Settings::read(arguments).and_then(|settings| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the async runtime could not be started")?;
        runtime.block_on(run(settings, started))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs go to standard error; `RUST_LOG` says how much, `info` without it.
fn log_to_standard_error() {
    use std::io::IsTerminal as _;
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

fn open_log(settings: &Settings) -> Result<SegmentLog> {
    let folder = &settings.data;
    if folder.exists() && !folder.is_dir() {
        bail!("{} is a file: name the folder that the data is to lie in", folder.display());
    }
    Ok(SegmentLog::open(folder, settings.log.options())?)
}

/// Listeners are bound first, so that a taken port leaves no trace; the log
/// opens before what lies on it. The way back: sources, what they have under
/// way, sinks, listeners, log.
async fn run(settings: Settings, started: Instant) -> Result<()> {
    let mut stop = Stop::listen()?;
    let kafka_listener = bind("kafka.listen (--kafka)", settings.kafka).await?;
    let registry_listener = bind("registry.listen (--registry)", settings.registry).await?;
    let rest_listener = bind("rest.listen (--rest)", settings.rest).await?;
    let kafka_address = kafka_listener.local_addr()?;
    let registry_address = registry_listener.local_addr()?;
    let rest_address = rest_listener.local_addr()?;

    let log = Arc::new(open_log(&settings).context("data (--data)")?);
    let dyn_log: Arc<dyn Log> = Arc::clone(&log) as Arc<dyn Log>;
    let registry = Arc::new(Registry::open(Arc::clone(&dyn_log)).await?);
    let cluster_id = cluster_id(&dyn_log);
    let worker = Worker::start(WorkerOptions {
        log: Arc::clone(&dyn_log),
        converters: Converters::new(Arc::clone(&registry) as Arc<dyn SchemaStore>, move |url| {
            plugins::is_own_registry(url, registry_address, &settings.registry_aliases)
        }),
        plugins: plugins::all(),
        worker_id: rest_address.to_string(),
        cluster_id: cluster_id.clone(),
        commit: option_env!("THALWEG_COMMIT").unwrap_or("unknown").to_owned(),
        append_bytes_max: settings.log.append_bytes_max,
        backoff: Default::default(),
    })
    .await?;

    let closing = CancellationToken::new();
    let mut listeners = JoinSet::new();
    let registry_router = thalweg_schema_registry::rest::router(Arc::clone(&registry));
    listeners.spawn(serve(registry_listener, registry_router, closing.clone()));
    let rest_router = thalweg_connect::router(worker.handle());
    listeners.spawn(serve(rest_listener, rest_router, closing.clone()));
    let broker = Broker::start(
        kafka_listener,
        BrokerOptions {
            log: Arc::clone(&log),
            cluster_id,
            advertised: settings.kafka_advertised,
            is_internal: thalweg_connect::is_internal,
            auto_create_topics: settings.kafka_auto_create,
            partitions_default: settings.kafka_partitions,
        },
    );
    say_ready(
        &[("kafka", kafka_address), ("registry", registry_address), ("rest", rest_address)],
        started,
    )?;

    let signal = stop.wait().await;
    info!("{signal}: stopping connectors, then listeners, then the log");
    worker.stop().await;
    closing.cancel();
    broker.stop().await;
    while let Some(ended) = listeners.join_next().await {
        ended.context("a listener")??;
    }
    registry.close().await;
    log.close().await?;
    info!("stopped");
    Ok(())
}

/// The id of this log: that of its topic of schemas, which is made once.
fn cluster_id(log: &Arc<dyn Log>) -> String {
    log.topic(thalweg_schema_registry::TOPIC).map(|topic| topic.id.to_string()).unwrap_or_default()
}

async fn bind(name: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "{name}: another process listens on {address}: stop it, or choose another port \
             (0 picks a free one)"
        ),
        _ => anyhow!("{name}: can't listen on {address}: {error}; choose another address"),
    })
}

async fn serve(listener: TcpListener, router: Router, closing: CancellationToken) -> Result<()> {
    let shutdown = async move { closing.cancelled().await };
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

/// The one line on standard output: all listeners accept.
fn say_ready(listeners: &[(&str, SocketAddr)], started: Instant) -> Result<()> {
    let mut out = std::io::stdout().lock();
    write!(out, "ready")?;
    for (name, address) in listeners {
        write!(out, " {name}={address}")?;
    }
    writeln!(out, " in {} ms", started.elapsed().as_millis())?;
    out.flush().context("standard output")
}

/// The signals that end the server.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
