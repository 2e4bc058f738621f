//! Opening a task: what is there, what is to be gone on with, what is new.

use std::collections::HashMap;
use std::sync::Arc;

use thalweg_core::ConnectError;
use thalweg_core::connector::SourceContext;

use super::catalog::TableName;
use super::check;
use super::client::{Sql, failed};
use super::config::{Config, SnapshotMode};
use super::position::{Lsn, Origin, Place, Shown, SnapshotPhase, StreamPlace};
use super::slot::{self, Slot, SlotProblem};
use super::snapshot::{self, Begun, SnapshotRun, SnapshotState};
use super::stream::Confirmed;
use super::task::{Phase, PostgresCommitter, PostgresTask};
use super::transport::{Purpose, Wire, connect, identifier};
use super::{publication, schemas};

/// So often a slot is made when tables are rewritten meanwhile.
const SLOT_TRIES: usize = 5;

/// What opening looks at.
struct Opening<'a> {
    config: &'a Arc<Config>,
    context: &'a SourceContext,
    sql: Sql,
    captured: Vec<TableName>,
    origin: Origin,
    /// For the slot; none if nothing is streamed.
    wire: Option<Wire>,
    slot: Option<Slot>,
    server_end: Lsn,
}

/// The slot to stream from.
struct TakenSlot {
    /// Where it is.
    consistent: Lsn,
    /// The snapshot of just that place.
    exported: Option<String>,
    /// Whether it was made just now.
    is_new: bool,
}

/// What a task begins with.
struct Beginning {
    place: Place,
    phase: Phase,
    snapshot: SnapshotState,
    changes: Vec<thalweg_core::batch::StateChange>,
    /// Whether the place is one that is not kept yet.
    is_new: bool,
    /// Whether what was kept is gone on with.
    goes_on: bool,
}

/// Opens a task.
pub(crate) async fn open(
    config: Arc<Config>,
    context: SourceContext,
) -> Result<(PostgresTask, PostgresCommitter), ConnectError> {
    let opening = Opening::look(&config, &context).await?;
    let stored = context.position.as_ref();
    let shown = stored.map(Place::shown).unwrap_or_default();
    let place = stored.map(Place::read).transpose()?;
    opening.note_unpublished().await?;
    let beginning = opening.begin(place).await?;
    let shown = match &beginning.phase {
        Phase::Snapshot(run) => Shown { lsn: run.lsn(), ts_us: run.ts_us(), ..shown },
        _ => shown,
    };
    let confirmed = Arc::new(Confirmed::default());
    if !beginning.is_new {
        // invariant 2: the stored position is durable.
        confirmed.set(beginning.place.stream.flush_lsn);
    }
    let task = PostgresTask {
        cancel: context.cancel.clone(),
        notes: context.notes.clone(),
        confirmed: Arc::clone(&confirmed),
        phase: beginning.phase,
        place: beginning.place,
        shown,
        is_new_place: beginning.is_new,
        changes: beginning.changes,
        tables: if beginning.goes_on { schemas::load(&context.state)? } else { HashMap::new() },
        snapshot: beginning.snapshot,
        text_only: false,
        tries_backlog: true,
        config,
    };
    Ok((task, PostgresCommitter(confirmed)))
}

impl<'a> Opening<'a> {
    async fn look(
        config: &'a Arc<Config>,
        context: &'a SourceContext,
    ) -> Result<Self, ConnectError> {
        let sql = config.server.sql().await?;
        let captured = check::captured(&sql, config).await?;
        let streams = config.snapshot != SnapshotMode::InitialOnly;
        let (wire, slot) = if streams {
            // The slot decodes with the catalog of its time: the publication
            // must be older.
            publication::ensure(&sql, &config.publication, &captured, &context.notes).await?;
            let wire = connect(&config.server, Purpose::Replication).await?;
            (Some(wire), slot::find(&sql, &config.slot.name).await?)
        } else {
            (None, None)
        };
        let mut opening = Self {
            config,
            context,
            origin: Origin { system_id: String::new(), timeline: 0, slot: None },
            server_end: Lsn::default(),
            sql,
            captured,
            wire,
            slot,
        };
        match &mut opening.wire {
            Some(wire) => {
                opening.origin = slot::identify(wire, Some(&config.slot.name)).await?;
                opening.server_end = end_of_wal(&opening.sql).await?;
            }
            None => opening.origin = origin_by_sql(&opening.sql).await?,
        }
        Ok(opening)
    }

    /// Tables that are read by the snapshot only, since the publication does
    /// not have them, are told.
    async fn note_unpublished(&self) -> Result<(), ConnectError> {
        if self.wire.is_none() {
            return Ok(());
        }
        let name = &self.config.publication.name;
        let published = publication::tables(&self.sql, name).await?;
        let via_root = self.config.publication.via_root;
        let missing: Vec<String> = self
            .captured
            .iter()
            .filter(|table| check::has_rows(table, via_root))
            .filter(|table| {
                !published
                    .iter()
                    .any(|(schema, name)| *schema == table.schema && *name == table.name)
            })
            .map(|table| format!("{}.{}", table.schema, table.name))
            .collect();
        if missing.is_empty() {
            self.context.notes.clear("publication");
        } else {
            let note = format!(
                "publication {name} does not have {}: their changes are not streamed",
                missing.join(", ")
            );
            tracing::warn!(connector = %self.context.connector, "{note}");
            self.context.notes.set("publication", note);
        }
        Ok(())
    }

    async fn begin(self, place: Option<Place>) -> Result<Beginning, ConnectError> {
        let Some(place) = place else { return self.fresh(None).await };
        let state = SnapshotState::load(&self.context.state)?;
        if self.wire.is_none() {
            if place.snapshot == SnapshotPhase::Running {
                return self.resume(place, state).await;
            }
            let phase = Phase::Idle;
            return Ok(Beginning {
                place,
                phase,
                snapshot: state,
                changes: vec![],
                is_new: false,
                goes_on: true,
            });
        }
        let judged = slot::judge(self.slot.as_ref(), &place, &self.origin, self.server_end);
        if let Err(problem) = judged {
            let dropped_by_us = self.config.slot.drop_on_stop
                && matches!(problem, SlotProblem::Missing(_))
                && self.config.snapshot != SnapshotMode::NoData;
            if self.config.snapshot == SnapshotMode::WhenNeeded || dropped_by_us {
                let error = problem.error(&self.config.slot.name);
                tracing::warn!(connector = %self.context.connector, %error, "a new snapshot");
                self.context.notes.set("snapshot", format!("a new snapshot is taken: {error}"));
                return self.fresh(Some(problem)).await;
            }
            return Err(problem.error(&self.config.slot.name));
        }
        self.usable()?;
        let place = Place { origin: self.origin.clone(), ..place };
        match (place.snapshot, self.config.snapshot) {
            (SnapshotPhase::Running, _) => self.resume(place, state).await,
            (SnapshotPhase::Done, SnapshotMode::Always) => {
                // What the stream has not told yet, the new snapshot has.
                let changes = state.forget();
                let place = Place { snapshot: SnapshotPhase::Running, ..place };
                let run = self.snapshot(SnapshotState::default()).await?;
                Ok(beginning(place, run, changes, true))
            }
            (SnapshotPhase::Done, _) => Ok(Beginning {
                place,
                phase: Phase::Starting,
                snapshot: state,
                changes: Vec::new(),
                is_new: false,
                goes_on: true,
            }),
        }
    }

    fn usable(&self) -> Result<(), ConnectError> {
        let Some(slot) = &self.slot else { return Ok(()) };
        slot::usable(slot, &self.config.slot.name, &self.config.server.database)
    }

    /// Goes on with a snapshot that was interrupted.
    async fn resume(&self, place: Place, state: SnapshotState) -> Result<Beginning, ConnectError> {
        let run = self.snapshot(state).await?;
        let resumed = run.resumed();
        let mut notes = Vec::new();
        if !resumed.restarted.is_empty() {
            notes.push(format!(
                "the snapshot was interrupted, and these tables have no primary key: they are \
                 read again from their start, so some of their rows come twice: {}",
                resumed.restarted.join(", ")
            ));
        }
        if !resumed.emptied.is_empty() {
            notes.push(format!(
                "these tables were truncated or rewritten while the snapshot was interrupted: a \
                 truncate is written, and they are read again from their start: {}",
                resumed.emptied.join(", ")
            ));
        }
        if !notes.is_empty() {
            let note = notes.join("; ");
            tracing::warn!(connector = %self.context.connector, "{note}");
            self.context.notes.set("snapshot", note);
        }
        Ok(beginning(place, run, Vec::new(), true))
    }

    /// Begins at the beginning. What was kept of before is forgotten.
    async fn fresh(mut self, problem: Option<SlotProblem>) -> Result<Beginning, ConnectError> {
        let forgotten: Vec<_> = self
            .context
            .state
            .keys()
            .map(|key| thalweg_core::batch::StateChange { key: key.clone(), value: None })
            .collect();
        let reads = self.config.snapshot != SnapshotMode::NoData;
        if reads {
            let (consistent, run) = self.slot_and_snapshot(problem.is_some()).await?;
            let place = self.place(consistent, SnapshotPhase::Running);
            return Ok(beginning(place, run, forgotten, false));
        }
        let taken = self.take_slot(problem.is_some(), false).await?;
        Ok(Beginning {
            place: self.place(taken.consistent, SnapshotPhase::Done),
            phase: Phase::Starting,
            snapshot: SnapshotState::default(),
            changes: forgotten,
            is_new: true,
            goes_on: false,
        })
    }

    fn place(&self, consistent: Lsn, snapshot: SnapshotPhase) -> Place {
        let stream = StreamPlace { flush_lsn: consistent, ..StreamPlace::default() };
        Place { origin: self.origin.clone(), snapshot, stream }
    }

    /// Takes the slot, and begins the snapshot where it is. The tables can't be
    /// locked before: making a slot waits for all transactions that write, also
    /// for one that waits for our lock. So it is looked afterwards whether one
    /// was rewritten, and if so, the slot is made again.
    async fn slot_and_snapshot(
        &mut self,
        is_bad: bool,
    ) -> Result<(Lsn, SnapshotRun), ConnectError> {
        let mut rewritten = Vec::new();
        for _ in 0..SLOT_TRIES {
            let taken = self.take_slot(is_bad, true).await?;
            let begun = self.snapshot_at(&taken).await;
            if let Ok(Begun::Run(run)) = begun {
                return Ok((taken.consistent, *run));
            }
            if taken.is_new {
                // Nothing is kept of it. Left behind, it would hold back WAL.
                let name = &self.config.slot.name;
                if let Err(error) = slot::drop_if_exists(&self.sql, name).await {
                    tracing::warn!(slot = name, %error, "the replication slot is left behind");
                }
                self.slot = None;
            }
            match begun? {
                Begun::Run(_) => {}
                Begun::Rewritten(tables) => rewritten = tables,
            }
        }
        Err(rewritten_meanwhile(&rewritten))
    }

    async fn snapshot_at(&mut self, taken: &TakenSlot) -> Result<Begun, ConnectError> {
        if taken.is_new {
            // Making it may take long: tables that were made meanwhile, and
            // their rows, are older than it.
            self.captured = check::captured(&self.sql, self.config).await?;
            self.note_unpublished().await?;
        }
        self.begin_snapshot(taken.exported.as_deref(), SnapshotState::default()).await
    }

    /// The slot to stream from: one that is there and has no position of ours
    /// yet, or a new one. Where it is, and its exported snapshot.
    async fn take_slot(&mut self, is_bad: bool, export: bool) -> Result<TakenSlot, ConnectError> {
        let config = &self.config.slot;
        let there = |consistent| TakenSlot { consistent, exported: None, is_new: false };
        let Some(wire) = &mut self.wire else { return Ok(there(Lsn::default())) };
        if let Some(slot) = &self.slot {
            slot::usable(slot, &config.name, &self.config.server.database)?;
            let at = slot.confirmed.unwrap_or_default();
            if !is_bad && slot.is_lost {
                return Err(SlotProblem::Lost(at).error(&config.name));
            }
            if !is_bad {
                return Ok(there(at));
            }
            slot::drop_if_exists(&self.sql, &config.name).await?;
        }
        let made = slot::create(wire, config, export).await?;
        let (consistent, exported) = (made.consistent, made.snapshot);
        Ok(TakenSlot { consistent, exported, is_new: true })
    }

    /// A snapshot of its own, not that of a slot.
    async fn snapshot(&self, state: SnapshotState) -> Result<SnapshotRun, ConnectError> {
        match self.begin_snapshot(None, state).await? {
            Begun::Run(run) => Ok(*run),
            Begun::Rewritten(tables) => Err(rewritten_meanwhile(&tables)),
        }
    }

    async fn begin_snapshot(
        &self,
        exported: Option<&str>,
        state: SnapshotState,
    ) -> Result<Begun, ConnectError> {
        let via_root = self.config.publication.via_root;
        let wanted = |table: &&TableName| {
            let name = format!("{}.{}", table.schema, table.name);
            let listed = self.config.snapshot_tables.as_ref();
            check::has_rows(table, via_root) && listed.is_none_or(|list| list.matches(&name))
        };
        let tables: Vec<(u32, String)> = self
            .captured
            .iter()
            .filter(wanted)
            .map(|table| {
                let name = format!("{}.{}", identifier(&table.schema), identifier(&table.name));
                (table.oid, name)
            })
            .collect();
        snapshot::begin(snapshot::Begin {
            server: &self.config.server,
            sql: &self.sql,
            exported,
            tables: &tables,
            state,
            tells_truncates: !self.config.settings.modes.skipped.truncate,
        })
        .await
    }
}

fn beginning(
    place: Place,
    mut run: SnapshotRun,
    changes: Vec<thalweg_core::batch::StateChange>,
    goes_on: bool,
) -> Beginning {
    run.forget_first(changes);
    Beginning {
        place,
        phase: Phase::Snapshot(Box::new(run)),
        snapshot: SnapshotState::default(),
        changes: Vec::new(),
        is_new: false,
        goes_on,
    }
}

fn rewritten_meanwhile(tables: &[String]) -> ConnectError {
    ConnectError::retriable(format!(
        "tables are rewritten by DDL (ALTER TABLE, TRUNCATE, VACUUM FULL) again and again while \
         the snapshot begins: {}",
        tables.join(", ")
    ))
}

async fn end_of_wal(sql: &Sql) -> Result<Lsn, ConnectError> {
    const END: &str = "SELECT (CASE WHEN pg_catalog.pg_is_in_recovery() \
                       THEN pg_catalog.pg_last_wal_receive_lsn() \
                       ELSE pg_catalog.pg_current_wal_insert_lsn() END)::text";
    let doing = "cannot ask the server for the end of its WAL";
    let row = sql.client().query_one(END, &[]).await.map_err(|error| failed(&error, doing))?;
    let text: Option<String> = row.try_get(0).map_err(|error| failed(&error, doing))?;
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| ConnectError::retriable(format!("{doing}: it does not say")))
}

async fn origin_by_sql(sql: &Sql) -> Result<Origin, ConnectError> {
    const WHO: &str = "SELECT system_identifier::text, timeline_id \
                       FROM pg_catalog.pg_control_system(), pg_catalog.pg_control_checkpoint()";
    let doing = "cannot ask the server who it is";
    let row = sql.client().query_one(WHO, &[]).await.map_err(|error| failed(&error, doing))?;
    let origin = || {
        let timeline: i32 = row.try_get(1)?;
        let timeline = u32::try_from(timeline).unwrap_or_default();
        Ok(Origin { system_id: row.try_get(0)?, timeline, slot: None })
    };
    origin().map_err(|error: tokio_postgres::Error| failed(&error, doing))
}
