//! The transaction that reads, and what it will read.

use std::collections::VecDeque;

use thalweg_core::{ConnectError, ErrorKind};

use super::files::{self, TableFiles};
use super::progress::{Files, SnapshotState, TableProgress};
use super::run::{Job, Resumed, SnapshotRun};
use super::view::View;
use crate::postgres::catalog::{TableInfo, TableKind, Types, load_tables};
use crate::postgres::client::{Server, Sql};
use crate::postgres::position::Lsn;
use crate::postgres::transport::{Fault, Purpose, Wire, connect, identifier, literal, now_us};

/// What a snapshot is begun with.
pub(crate) struct Begin<'a> {
    /// The server.
    pub(crate) server: &'a Server,
    /// A session for the catalog.
    pub(crate) sql: &'a Sql,
    /// The exported snapshot of a slot that was just made.
    pub(crate) exported: Option<&'a str>,
    /// The tables to read: object id and `"schema"."table"`.
    pub(crate) tables: &'a [(u32, String)],
    /// What is done of it.
    pub(crate) state: SnapshotState,
    /// Whether truncates are told (`skipped.operations`).
    pub(crate) tells_truncates: bool,
}

/// What came of beginning.
pub(crate) enum Begun {
    /// It is under way.
    Run(Box<SnapshotRun>),
    /// These tables were rewritten between the exported snapshot and our locks.
    /// Rewriting DDL is not MVCC-safe: the snapshot would see them empty.
    Rewritten(Vec<String>),
}

/// Settings of the reading transaction. Tables are read along their primary
/// keys' indexes: rows come at once and in order, without a sort.
const SETTINGS: &str = "\
SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
SET LOCAL lock_timeout = '10s'; SET LOCAL jit = off; \
SET LOCAL max_parallel_workers_per_gather = 0; \
SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off";

/// Opens the transaction, locks the tables against DDL (not against writes)
/// and looks at them.
pub(crate) async fn begin(begin: Begin<'_>) -> Result<Begun, ConnectError> {
    let Begin { server, sql, exported, tables, mut state, tells_truncates } = begin;
    let mut wire = connect(server, Purpose::Sql).await?;
    let doing = "cannot begin the snapshot";
    let run = |fault: Fault| fault.during(doing);
    wire.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(run)?;
    if let Some(name) = exported {
        let import = format!("SET TRANSACTION SNAPSHOT {}", literal(name));
        wire.query(&import).await.map_err(run)?;
    }
    wire.query(SETTINGS).await.map_err(run)?;
    for (_, table) in tables {
        lock(&mut wire, table).await?;
    }
    let oids: Vec<u32> = tables.iter().map(|(oid, _)| *oid).collect();
    let TableFiles { mut files, rewritten } = files::of(&mut wire, &oids).await?;
    if !rewritten.is_empty() {
        let is_rewritten = |(oid, _): &&(u32, String)| rewritten.contains(oid);
        let names = tables.iter().filter(is_rewritten).map(|(_, name)| name.clone());
        return Ok(Begun::Rewritten(names.collect()));
    }
    let view = current_view(&mut wire).await?;
    let lsn = view.until;
    let infos = load_tables(sql.client(), &oids).await?;
    let types = Types::load(sql.client()).await?;
    state.views.push(view);
    let mut resumed = Resumed { any: state.views.len() > 1, ..Resumed::default() };
    let mut jobs = VecDeque::new();
    for info in infos {
        let files = files.remove(&info.oid).unwrap_or_default();
        let progress = progress_of(&state, &info, tells_truncates.then_some(&files));
        if progress.is_done() {
            continue;
        }
        if progress.owes_truncate {
            resumed.emptied.push(info.full_name());
        } else if resumed.any && info.primary_key.is_empty() {
            resumed.restarted.push(info.full_name());
        }
        let after = progress.last_key().map(<[String]>::to_vec);
        let is_empty = is_empty(&mut wire, &info).await?;
        state.tables.insert(info.oid, progress);
        jobs.push_back(Job { info, after, is_empty, files });
    }
    let run = SnapshotRun::new(wire, state, jobs, types, lsn, now_us(), resumed);
    Ok(Begun::Run(Box::new(run)))
}

/// What is done of a table. What was done along another key, or without one,
/// is done again. So is all of a table that was emptied meanwhile, where that
/// is told: the stream leaves the TRUNCATE out, since rows that the new
/// snapshot has are newer, and the older ones would stay in targets for ever.
fn progress_of(state: &SnapshotState, info: &TableInfo, files: Option<&Files>) -> TableProgress {
    let key: Vec<String> =
        info.primary_key.iter().map(|&at| info.columns[at].name.clone()).collect();
    let again = TableProgress { table: info.full_name(), key, ..TableProgress::default() };
    match state.tables.get(&info.oid) {
        Some(known) if known.is_done() && known.key == again.key => known.clone(),
        Some(known) if files.is_some_and(|now| known.was_rewritten(now)) => {
            TableProgress { owes_truncate: true, ..again }
        }
        Some(known) if known.key == again.key => known.clone(),
        Some(known) => {
            let (files, owes_truncate) = (known.files.clone(), known.owes_truncate);
            TableProgress { files, owes_truncate, ..again }
        }
        None => again,
    }
}

async fn lock(wire: &mut Wire, table: &str) -> Result<(), ConnectError> {
    let statement = format!("LOCK TABLE {table} IN ACCESS SHARE MODE");
    wire.query(&statement).await.map(drop).map_err(|fault| {
        let (kind, advice) = match fault.code() {
            Some("42501") => (ErrorKind::BadConfig, "; grant SELECT on it to database.user"),
            Some("55P03") => (ErrorKind::Retriable, "; a session holds it exclusively (DDL)"),
            // Gone since it was listed: the next try does not list it.
            _ => (ErrorKind::Retriable, ""),
        };
        let error = fault.during(format!("cannot read table {table}"));
        ConnectError::new(kind, format!("{error}{advice}"))
    })
}

async fn current_view(wire: &mut Wire) -> Result<View, ConnectError> {
    // The end of the WAL is looked up after the snapshot was taken.
    let statement = "SELECT pg_catalog.pg_current_snapshot()::text, \
                     pg_catalog.pg_current_wal_insert_lsn()::text";
    let rows =
        wire.query(statement).await.map_err(|fault| fault.during("cannot take a snapshot"))?;
    let cell = |at: usize| rows.first().and_then(|row| row.get(at)?.clone());
    let until = cell(1).and_then(|lsn| lsn.parse::<Lsn>().ok());
    until
        .and_then(|until| View::parse(&cell(0)?, until))
        .ok_or_else(|| ConnectError::retriable("the server does not tell its snapshot"))
}

async fn is_empty(wire: &mut Wire, info: &TableInfo) -> Result<bool, ConnectError> {
    let statement = format!("SELECT 1 FROM {} LIMIT 1", from(info));
    let rows = wire.query(&statement).await;
    let doing = || format!("cannot read table {}", info.full_name());
    Ok(rows.map_err(|fault| fault.during(doing()))?.is_empty())
}

/// The table in a FROM clause: without the rows of tables that inherit from
/// it, which are tables of their own to a publication.
pub(super) fn from(info: &TableInfo) -> String {
    let only = if info.kind == TableKind::Partitioned { "" } else { "ONLY " };
    format!("{only}{}.{}", identifier(&info.schema), identifier(&info.name))
}
