//! One task: a snapshot if one is due, then the stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use thalweg_core::batch::SourceBatch;
use thalweg_core::connector::{Committer, Notes, SourceTask};
use thalweg_core::{ConnectError, Durable, ErrorKind, Position, failpoint};
use tokio_util::sync::CancellationToken;

use super::catalog::{TableInfo, Types, load_tables};
use super::check;
use super::config::Config;
use super::position::{Lsn, Place, Shown, SnapshotPhase};
use super::slot::{self, SlotProblem};
use super::snapshot::{SnapshotFilter, SnapshotRun, SnapshotState};
use super::stream::{Changes, Confirmed, Resume, Step, StreamRun, TableStore};
use super::transport::{Backlog, Fault, Purpose, Replication, StartAt, WalTransport, connect};
use super::types::binary_decodable;

/// The note that a backlog is read.
const BACKLOG: &str = "backlog";

/// What a task does.
pub(super) enum Phase {
    /// It reads what is there.
    Snapshot(Box<SnapshotRun>),
    /// It is about to stream.
    Starting,
    /// It reads what lies far behind.
    Backlog(Box<StreamRun<Backlog>>),
    /// It streams.
    Stream(Box<StreamRun<Replication>>),
    /// It is done: only a snapshot was wanted.
    Idle,
}

/// Reads rows of one database.
pub struct PostgresTask {
    pub(super) config: Arc<Config>,
    pub(super) cancel: CancellationToken,
    pub(super) notes: Notes,
    pub(super) confirmed: Arc<Confirmed>,
    pub(super) phase: Phase,
    /// The last position that was handed over, or is about to be.
    pub(super) place: Place,
    pub(super) shown: Shown,
    /// Whether the position goes out before anything else.
    pub(super) is_new_place: bool,
    /// Changes of state that go out with it.
    pub(super) changes: Vec<thalweg_core::batch::StateChange>,
    pub(super) tables: HashMap<u32, TableInfo>,
    pub(super) snapshot: SnapshotState,
    /// Whether the stream must be in text.
    pub(super) text_only: bool,
    /// Whether a backlog is worth a look before the next stream.
    pub(super) tries_backlog: bool,
}

impl SourceTask for PostgresTask {
    async fn poll(&mut self) -> Result<SourceBatch, ConnectError> {
        loop {
            if self.is_new_place {
                self.is_new_place = false;
                return Ok(SourceBatch {
                    batches: Vec::new(),
                    position: Some(self.place.position(&self.shown)),
                    state: std::mem::take(&mut self.changes),
                });
            }
            match &mut self.phase {
                Phase::Snapshot(run) => {
                    if let Some(mut batch) = run.next(&self.config.settings).await? {
                        failpoint::reach("snapshot.chunk");
                        batch.position = Some(self.place.position(&self.shown));
                        return Ok(batch);
                    }
                    self.end_snapshot();
                    failpoint::reach("snapshot.over");
                }
                Phase::Starting => {
                    let (types, binary) = self.types().await?;
                    self.phase = match self.start_backlog(&types, binary).await? {
                        Some(run) => Phase::Backlog(Box::new(run)),
                        None => {
                            let run = self.start(types, binary).await?;
                            let lsn = self.place.stream.flush_lsn;
                            tracing::info!(slot = self.config.slot.name, %lsn, "streaming changes");
                            Phase::Stream(Box::new(run))
                        }
                    };
                }
                Phase::Backlog(run) => match run.next().await {
                    Ok(Step::Batch(batch)) => {
                        (self.place.stream, self.shown) = run.last();
                        return Ok(batch);
                    }
                    Ok(Step::NeedsText) => self.restart_in_text().await,
                    Ok(Step::Over) => self.end_backlog().await,
                    // From the last batch on, the stream has it too.
                    Err(error) if error.kind() == ErrorKind::Retriable => {
                        self.give_up_backlog(&error.to_string()).await;
                    }
                    Err(error) => return Err(error),
                },
                Phase::Stream(run) => match run.next().await? {
                    Step::Batch(batch) => {
                        (self.place.stream, self.shown) = run.last();
                        return Ok(batch);
                    }
                    Step::NeedsText => self.restart_in_text().await,
                    Step::Over => self.phase = Phase::Starting,
                },
                Phase::Idle => {
                    self.cancel.cancelled().await;
                    return Ok(SourceBatch::default());
                }
            }
        }
    }

    async fn close(self) {
        match self.phase {
            Phase::Stream(run) => run.into_parts().0.close().await,
            Phase::Backlog(run) => {
                drop(run.into_parts().0.close(&self.config.server).await);
            }
            _ => {}
        }
        if self.config.slot.drop_on_stop && self.cancel.is_cancelled() {
            let dropping = async {
                let sql = self.config.server.sql().await?;
                slot::drop_if_exists(&sql, &self.config.slot.name).await
            };
            let dropped = tokio::time::timeout(Duration::from_secs(5), dropping).await;
            if let Ok(Err(error)) = dropped {
                tracing::warn!(%error, "the replication slot is left behind");
            }
        }
    }
}

impl PostgresTask {
    fn end_snapshot(&mut self) {
        let streams = self.place.origin.slot.is_some();
        let next = if streams { Phase::Starting } else { Phase::Idle };
        if let Phase::Snapshot(run) = std::mem::replace(&mut self.phase, next) {
            let (state, tables) = run.finish();
            tracing::info!(
                topics = self.config.settings.topics.prefix,
                tables = tables.len(),
                "the snapshot is done"
            );
            self.tables.extend(tables.into_iter().map(|table| (table.oid, table)));
            if streams {
                self.snapshot = state;
            } else {
                self.changes.extend(state.forget());
            }
        }
        self.place.snapshot = SnapshotPhase::Done;
        self.is_new_place = true;
        self.notes.clear("snapshot");
    }

    /// Where the stream goes on: the last known place. What the server still
    /// sends of before it is passed over.
    fn start_at(&self, binary: bool) -> StartAt<'_> {
        let place = self.place.stream;
        StartAt {
            slot: &self.config.slot.name,
            publication: &self.config.publication.name,
            lsn: if place.ordinal > 0 { place.commit_lsn } else { place.flush_lsn },
            binary,
            messages: false,
        }
    }

    /// Types of the server, and whether all values can come in binary form.
    async fn types(&self) -> Result<(Types, bool), ConnectError> {
        let sql = self.config.server.sql().await?;
        let types = Types::load(sql.client()).await?;
        let binary = !self.text_only && self.all_binary(&sql, &types).await?;
        Ok((types, binary))
    }

    fn run<T: WalTransport>(&self, transport: T, types: Types, binary: bool) -> StreamRun<T> {
        let settings = Arc::clone(&self.config.settings);
        let store = TableStore::new(settings, types, self.tables.clone());
        let resume = Resume { place: self.place.stream, shown: self.shown };
        let changes = Changes::new(store, self.snapshot.clone(), binary, resume);
        let (config, confirmed) = (Arc::clone(&self.config), Arc::clone(&self.confirmed));
        StreamRun::new(transport, changes, config, self.place.origin.clone(), confirmed)
    }

    /// Begins to read what lies far behind, if something does. That it can't be
    /// done is no error: the stream has it too. Cancel-safe.
    async fn start_backlog(
        &mut self,
        types: &Types,
        binary: bool,
    ) -> Result<Option<StreamRun<Backlog>>, ConnectError> {
        if !self.tries_backlog {
            return Ok(None);
        }
        let server = &self.config.server;
        let wire = connect(server, Purpose::Sql).await?;
        match Backlog::start(server, wire, &self.start_at(binary)).await {
            Ok(Some(backlog)) => {
                let mib = backlog.bytes_left() >> 20;
                tracing::info!(slot = self.config.slot.name, mib, "reading a backlog of WAL");
                self.notes.set(BACKLOG, format!("reading a backlog of more than {mib} MiB of WAL"));
                Ok(Some(self.run(backlog, types.clone(), binary)))
            }
            Ok(None) => {
                self.tries_backlog = false;
                Ok(None)
            }
            Err(fault) => {
                self.give_up_backlog(&fault.to_string()).await;
                Ok(None)
            }
        }
    }

    async fn end_backlog(&mut self) {
        self.tries_backlog = false;
        self.notes.clear(BACKLOG);
        if let Phase::Backlog(run) = std::mem::replace(&mut self.phase, Phase::Starting) {
            (self.place.stream, self.shown) = run.last();
            let (backlog, changes) = run.into_parts();
            self.take_back(changes);
            if let Err(fault) = backlog.close(&self.config.server).await {
                tracing::debug!(%fault, "the slot is moved by the stream");
            }
        }
    }

    /// Goes on as a stream, from the last batch on.
    async fn give_up_backlog(&mut self, reason: &str) {
        tracing::warn!(
            slot = self.config.slot.name,
            "a backlog of WAL is streamed, which is slower than reading it by SQL; that needs two \
             free replication slots, the right to copy one, and room for temporary files, and was \
             given up because: {reason}"
        );
        self.notes.clear(BACKLOG);
        self.tries_backlog = false;
        if let Phase::Backlog(run) = std::mem::replace(&mut self.phase, Phase::Starting) {
            let (backlog, changes) = run.into_parts();
            // Tables as they were when the rows that were handed over were read;
            // the snapshot's filter stays as it was at the last batch.
            let (fresh, tables) = changes.into_tables();
            self.changes.extend(fresh);
            self.is_new_place = !self.changes.is_empty();
            self.tables = tables.into_stored();
            drop(backlog.close(&self.config.server).await);
        }
    }

    /// Takes from a stream that ended what the next one goes on with.
    fn take_back(&mut self, mut changes: Changes) {
        self.changes.extend(changes.take().state);
        self.is_new_place = !self.changes.is_empty();
        let (tables, snapshot) = changes.into_parts();
        self.tables = tables.into_stored();
        self.snapshot = snapshot;
    }

    /// Starts the stream where the last position is. Cancel-safe: what it
    /// leaves behind is a connection that ends.
    async fn start(
        &mut self,
        types: Types,
        binary: bool,
    ) -> Result<StreamRun<Replication>, ConnectError> {
        let replication = self.start_replication(&self.start_at(binary)).await?;
        Ok(self.run(replication, types, binary))
    }

    async fn start_replication(&self, at: &StartAt<'_>) -> Result<Replication, ConnectError> {
        let slot = at.slot;
        let since = self.place.stream.flush_lsn;
        let mut tries = 0;
        loop {
            let wire = connect(&self.config.server, Purpose::Replication).await?;
            match Replication::start(wire, at).await {
                Ok(replication) => return Ok(replication),
                // Our own last session may be about to end.
                Err(fault) if fault.code() == Some("55006") && tries < 20 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(fault) => return Err(not_started(fault, slot, since)),
            }
        }
    }

    /// Whether all columns of all captured tables can be read in their binary
    /// form, and no key's text is needed that is not told from it.
    async fn all_binary(
        &self,
        sql: &super::client::Sql,
        types: &Types,
    ) -> Result<bool, ConnectError> {
        let names = check::captured(sql, &self.config).await?;
        let oids: Vec<u32> = names.iter().map(|table| table.oid).collect();
        let tables = load_tables(sql.client(), &oids).await?;
        let filter = SnapshotFilter::of(&self.snapshot);
        Ok(tables.iter().all(|table| {
            let needs_keys = filter.as_ref().is_some_and(|filter| filter.needs_keys(table.oid));
            (!needs_keys || super::snapshot::all_have_text(table))
                && table.columns.iter().all(|column| binary_decodable(column.type_oid, types))
        }))
    }

    async fn restart_in_text(&mut self) {
        self.text_only = true;
        let (last, changes) = match std::mem::replace(&mut self.phase, Phase::Starting) {
            Phase::Stream(run) => (run.last(), run.into_parts().1),
            Phase::Backlog(run) => {
                let last = run.last();
                let (backlog, changes) = run.into_parts();
                drop(backlog.close(&self.config.server).await);
                (last, changes)
            }
            _ => return,
        };
        // What was left out since the last batch must not come again: the
        // filter of the snapshot may be gone.
        (self.place.stream, self.shown) = last;
        self.take_back(changes);
    }
}

/// What is wrong, and what to do.
fn not_started(fault: Fault, slot: &str, since: Lsn) -> ConnectError {
    let doing = "cannot start the replication stream";
    let text = fault.to_string();
    match fault.code() {
        Some("55006") => slot::in_use(slot, None),
        Some("42704") if text.contains("slot") => SlotProblem::Missing(since).error(slot),
        Some("55000") if text.contains("wal_level") => {
            let error = fault.during(doing);
            ConnectError::bad_config(format!(
                "{error}; set wal_level=logical and restart the server"
            ))
        }
        Some("55000") => SlotProblem::Lost(since).error(slot),
        _ => fault.during(doing),
    }
}

/// Tells the server how far rows are durable.
pub struct PostgresCommitter(pub(super) Arc<Confirmed>);

impl Committer for PostgresCommitter {
    fn commit(&self, position: Durable<Position>) {
        // invariant 2: only what is durable is confirmed.
        if let Some(lsn) = Place::flush_lsn(position.get()) {
            self.0.set(lsn);
        }
    }
}
