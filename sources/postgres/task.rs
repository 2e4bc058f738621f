//! One task: a snapshot if one is due, then the stream.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use thalweg_core::batch::SourceBatch;
use thalweg_core::connector::{Committer, Notes, SourceTask};
use thalweg_core::{ConnectError, Durable, Position};
use tokio_util::sync::CancellationToken;

use super::catalog::{TableInfo, Types, load_tables};
use super::check;
use super::config::Config;
use super::position::{Place, Shown, SnapshotPhase};
use super::slot::{self, SlotProblem};
use super::snapshot::{SnapshotFilter, SnapshotRun, SnapshotState};
use super::stream::{Changes, Confirmed, Resume, Step, StreamRun, TableStore};
use super::transport::{Purpose, Replication, StartAt, connect};
use super::types::binary_decodable;

/// What a task does.
pub(super) enum Phase {
    /// It reads what is there.
    Snapshot(Box<SnapshotRun>),
    /// It is about to stream.
    Starting,
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
                        batch.position = Some(self.place.position(&self.shown));
                        return Ok(batch);
                    }
                    self.end_snapshot();
                }
                Phase::Starting => {
                    let run = self.start().await?;
                    self.phase = Phase::Stream(Box::new(run));
                }
                Phase::Stream(run) => match run.next().await? {
                    Step::Batch(batch) => {
                        (self.place.stream, self.shown) = run.last();
                        return Ok(batch);
                    }
                    Step::NeedsText => self.restart_in_text(),
                },
                Phase::Idle => {
                    self.cancel.cancelled().await;
                    return Ok(SourceBatch::default());
                }
            }
        }
    }

    async fn close(self) {
        if let Phase::Stream(run) = self.phase {
            run.into_parts().0.close().await;
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

    /// Starts the stream where the last position is. Cancel-safe: what it
    /// leaves behind is a connection that ends.
    async fn start(&mut self) -> Result<StreamRun<Replication>, ConnectError> {
        let config = &self.config;
        let sql = config.server.sql().await?;
        let types = Types::load(sql.client()).await?;
        let binary = !self.text_only && self.all_binary(&sql, &types).await?;
        // The last known place is asked for: what the server still sends of
        // before it is passed over.
        let place = self.place.stream;
        let lsn = if place.ordinal > 0 { place.commit_lsn } else { place.flush_lsn };
        let slot = &config.slot.name;
        let publication = &config.publication.name;
        let at = StartAt { slot, publication, lsn, binary, messages: false };
        let mut tries = 0;
        let replication = loop {
            let wire = connect(&config.server, Purpose::Replication).await?;
            match Replication::start(wire, &at).await {
                Ok(replication) => break replication,
                // Our own last session may be about to end.
                Err(fault) if fault.code() == Some("55006") && tries < 20 => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(fault) => {
                    return Err(match fault.code() {
                        Some("55006") => slot::in_use(slot, None),
                        Some("42704") if fault.to_string().contains("slot") => {
                            SlotProblem::Missing(place.flush_lsn).error(slot)
                        }
                        Some("55000") if fault.to_string().contains("wal_level") => {
                            let error = fault.during("cannot start the replication stream");
                            ConnectError::bad_config(format!(
                                "{error}; set wal_level=logical and restart the server"
                            ))
                        }
                        Some("55000") => SlotProblem::Lost(place.flush_lsn).error(slot),
                        _ => fault.during("cannot start the replication stream"),
                    });
                }
            }
        };
        let tables = self.tables.clone();
        let store = TableStore::new(Arc::clone(&config.settings), types, tables);
        let resume = Resume { place, shown: self.shown };
        let changes = Changes::new(store, self.snapshot.clone(), binary, resume);
        let origin = self.place.origin.clone();
        let (config, confirmed) = (Arc::clone(config), Arc::clone(&self.confirmed));
        Ok(StreamRun::new(replication, changes, config, origin, confirmed))
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

    fn restart_in_text(&mut self) {
        self.text_only = true;
        if let Phase::Stream(run) = std::mem::replace(&mut self.phase, Phase::Starting) {
            // What was left out since the last batch must not come again: the
            // filter of the snapshot may be gone.
            (self.place.stream, self.shown) = run.last();
            let mut changes = run.into_parts().1;
            self.changes.extend(changes.take().state);
            self.is_new_place = !self.changes.is_empty();
            let (tables, snapshot) = changes.into_parts();
            self.tables = tables.into_stored();
            self.snapshot = snapshot;
        }
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
