//! Reading table after table, chunk after chunk.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use thalweg_core::batch::{SourceBatch, StateChange};
use thalweg_core::{ConnectError, Position};

use super::progress::{Files, SnapshotState};
use super::{copy, key};
use crate::postgres::catalog::{TableInfo, Types};
use crate::postgres::position::Lsn;
use crate::postgres::schemas;
use crate::postgres::table::{SnapshotMarker, SourceInfo, TableSettings, TableWriter};
use crate::postgres::transport::{
    Fault, ServerError, Wire, after_copy_header, is_copy_trailer, next_frame, now_us,
};
use crate::postgres::types::TupleValue;

/// A chunk ends when its rows take about so many bytes.
const CHUNK_BYTES: usize = 2 * 1024 * 1024;
/// What a cell takes beside its bytes.
const CELL_BYTES: usize = 16;

/// A table to be read.
pub(super) struct Job {
    /// The table.
    pub(super) info: TableInfo,
    /// The last key that is done.
    pub(super) after: Option<Vec<String>>,
    /// Whether it has no rows at all.
    pub(super) is_empty: bool,
    /// The files that it is read from.
    pub(super) files: Files,
}

/// What going on with an interrupted snapshot means for its tables.
#[derive(Debug, Default)]
pub(crate) struct Resumed {
    /// Whether it is gone on with at all.
    pub(crate) any: bool,
    /// Tables without a primary key that are read again from their start: the
    /// one case in which rows come twice.
    pub(crate) restarted: Vec<String>,
    /// Tables that were emptied or rewritten meanwhile: that is told, and they
    /// are read again from their start.
    pub(crate) emptied: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Starting,
    Rows,
    Ending,
}

/// The table that is being read.
struct Copying {
    info: TableInfo,
    writer: TableWriter,
    binary: Vec<bool>,
    stage: Stage,
    /// Whether the header of the COPY is still to come.
    is_fresh: bool,
    /// Whether it is the first table of the snapshot that has rows.
    is_first: bool,
    /// Whether a later table has rows.
    is_last: bool,
    /// Whether its next row is its first.
    at_first_row: bool,
}

/// A snapshot under way.
pub(crate) struct SnapshotRun {
    wire: Wire,
    state: SnapshotState,
    jobs: VecDeque<Job>,
    types: Types,
    current: Option<Copying>,
    /// Writers of tables that are done, with rows that are not handed over.
    done: Vec<TableWriter>,
    /// Changes that go out with the next batch.
    changes: Vec<StateChange>,
    touched: BTreeSet<u32>,
    /// Where the snapshot is, for the source block.
    lsn: Lsn,
    ts_us: i64,
    any_row: bool,
    ordinal: u64,
    bytes: usize,
    resumed: Resumed,
    /// The tables, as they were read.
    known: Vec<TableInfo>,
}

/// Why reading what is buffered ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    NeedBytes,
    Full,
    TableEnd,
}

impl SnapshotRun {
    pub(super) fn new(
        wire: Wire,
        state: SnapshotState,
        jobs: VecDeque<Job>,
        types: Types,
        lsn: Lsn,
        ts_us: i64,
        resumed: Resumed,
    ) -> Self {
        let changes = vec![state.keep_views()];
        Self {
            wire,
            jobs,
            types,
            current: None,
            done: Vec::new(),
            changes,
            touched: state.tables.keys().copied().collect(),
            state,
            lsn,
            ts_us,
            any_row: resumed.any,
            ordinal: 0,
            bytes: 0,
            resumed,
            known: Vec::new(),
        }
    }

    /// Where it is, for positions.
    pub(crate) fn lsn(&self) -> Lsn {
        self.lsn
    }

    /// When it was taken, in µs since 1970.
    pub(crate) fn ts_us(&self) -> i64 {
        self.ts_us
    }

    /// What going on with it means for its tables.
    pub(crate) fn resumed(&self) -> &Resumed {
        &self.resumed
    }

    /// Changes of state that go out before all others.
    pub(crate) fn forget_first(&mut self, changes: Vec<StateChange>) {
        self.changes.splice(0..0, changes);
    }

    /// The next chunk; none when all tables are done. Cancel-safe. The position
    /// is the caller's.
    pub(crate) async fn next(
        &mut self,
        settings: &Arc<TableSettings>,
    ) -> Result<Option<SourceBatch>, ConnectError> {
        loop {
            if self.current.is_none() && !self.next_table(settings)? {
                return Ok(self.take());
            }
            let stage = self.current.as_ref().map_or(Stage::Ending, |copying| copying.stage);
            match stage {
                Stage::Starting => self.start().await?,
                Stage::Ending => self.end().await?,
                Stage::Rows => match self.rows()? {
                    Step::Full => return Ok(self.take()),
                    Step::NeedBytes => self.wire.fill().await.map_err(|f| self.failed(f))?,
                    Step::TableEnd => {}
                },
            }
        }
    }

    /// Ends the transaction: what was read in which snapshot, and the tables as
    /// they were.
    pub(crate) fn finish(self) -> (SnapshotState, Vec<TableInfo>) {
        (self.state, self.known)
    }

    /// Goes on to the next table with rows; false if there is none.
    fn next_table(&mut self, settings: &Arc<TableSettings>) -> Result<bool, ConnectError> {
        while let Some(Job { info, after, is_empty, files }) = self.jobs.pop_front() {
            self.changes.push(schemas::keep(&info, self.lsn));
            self.known.push(info.clone());
            let owes_truncate = self.begin_table(info.oid, files);
            if is_empty && !owes_truncate {
                self.finish_table(info.oid);
                continue;
            }
            let mut writer = TableWriter::new(&info, settings, &self.types)?;
            for (column, kind) in writer.unknown_types() {
                tracing::warn!(
                    table = info.full_name(),
                    column,
                    kind,
                    "unknown type, written as text"
                );
            }
            if owes_truncate {
                let source = source_of(self.lsn, self.ts_us);
                let source = SourceInfo { snapshot: SnapshotMarker::No, ..source };
                writer.truncate(&source, &mut self.ordinal)?;
            }
            if is_empty {
                self.finish_table(info.oid);
                self.done.push(writer);
                continue;
            }
            let (sql, binary) = copy::statement(&info, after.as_deref(), &self.types);
            self.wire.begin_copy(&sql).map_err(|fault| self.failed(fault))?;
            self.current = Some(Copying {
                writer,
                binary,
                stage: Stage::Starting,
                is_fresh: true,
                is_first: !self.any_row,
                is_last: self.jobs.iter().all(|job| job.is_empty),
                at_first_row: after.is_none(),
                info,
            });
            return Ok(true);
        }
        Ok(false)
    }

    async fn start(&mut self) -> Result<(), ConnectError> {
        self.wire.copy_begun().await.map_err(|fault| self.failed(fault))?;
        if let Some(copying) = &mut self.current {
            copying.stage = Stage::Rows;
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), ConnectError> {
        self.wire.copy_ended().await.map_err(|fault| self.failed(fault))?;
        if let Some(copying) = self.current.take() {
            self.finish_table(copying.info.oid);
            self.done.push(copying.writer);
        }
        Ok(())
    }

    /// Keeps what a table is read from; whether it must be told first that it
    /// was emptied.
    fn begin_table(&mut self, oid: u32, files: Files) -> bool {
        let Some(table) = self.state.tables.get_mut(&oid) else { return false };
        self.touched.insert(oid);
        table.files = files;
        std::mem::take(&mut table.owes_truncate)
    }

    fn finish_table(&mut self, oid: u32) {
        let view = self.state.views.len().saturating_sub(1);
        if let Some(table) = self.state.tables.get_mut(&oid) {
            table.advance(None, view);
            self.touched.insert(oid);
        }
    }

    /// Writes the rows that are buffered. A row is written when what follows it
    /// is there: only then is it known whether it is the last.
    fn rows(&mut self) -> Result<Step, ConnectError> {
        let Some(copying) = &mut self.current else { return Ok(Step::TableEnd) };
        let protocol = |fault: Fault| fault.during("cannot read the snapshot");
        let bytes = self.wire.buffered();
        let (mut scanned, mut written) = (0, 0);
        let mut values: Vec<TupleValue<'_>> = Vec::with_capacity(copying.binary.len());
        let mut held: Option<&[u8]> = None;
        let mut is_fresh = copying.is_fresh;
        let mut source = source_of(self.lsn, self.ts_us);
        let mut step = Step::NeedBytes;
        while let Some((frame, size)) = next_frame(&bytes[scanned..]).map_err(protocol)? {
            let start = scanned;
            scanned += size;
            let row = match frame.tag {
                b'd' if is_fresh => {
                    after_copy_header(frame.body).ok_or_else(|| copy::malformed(&copying.info))?
                }
                b'd' => frame.body,
                b'E' => return Err(protocol(Fault::Server(ServerError::parse(frame.body)))),
                b'c' => &[0xFF, 0xFF],
                _ => continue,
            };
            is_fresh = false;
            if row.is_empty() {
                continue;
            }
            let at_end = is_copy_trailer(row);
            if let Some(row) = held.take() {
                copy::values(row, &copying.binary, &mut values)
                    .ok_or_else(|| copy::malformed(&copying.info))?;
                source.snapshot = copying.marker(at_end);
                copying.writer.read(&values, &source, &mut self.ordinal)?;
                copying.at_first_row = false;
                self.any_row = true;
                self.bytes += row.len() + values.len() * CELL_BYTES;
                written = start;
            }
            if at_end {
                written = scanned;
                copying.stage = Stage::Ending;
                step = Step::TableEnd;
                break;
            }
            if self.bytes >= CHUNK_BYTES {
                step = Step::Full;
                break;
            }
            held = Some(row);
        }
        if written > 0 {
            copying.is_fresh = false;
        }
        if step == Step::Full
            && let Some(key) = key::key_texts(&copying.info, &values)
            && !key.is_empty()
            && let Some(table) = self.state.tables.get_mut(&copying.info.oid)
        {
            table.advance(Some(key), self.state.views.len().saturating_sub(1));
            self.touched.insert(copying.info.oid);
        }
        self.wire.consume(written);
        Ok(step)
    }

    /// What is finished so far; none if there is nothing.
    fn take(&mut self) -> Option<SourceBatch> {
        let writers = self.done.iter_mut();
        let current = self.current.iter_mut().map(|copying| &mut copying.writer);
        let batches: Vec<_> = writers.chain(current).filter_map(TableWriter::take).collect();
        self.done.clear();
        self.bytes = 0;
        let mut state = std::mem::take(&mut self.changes);
        let touched = std::mem::take(&mut self.touched);
        state.extend(touched.into_iter().map(|oid| self.state.keep_table(oid)));
        let batch = SourceBatch { batches, position: None::<Position>, state };
        (!batch.is_empty()).then_some(batch)
    }

    fn failed(&self, fault: Fault) -> ConnectError {
        let table = self.current.as_ref().map(|copying| copying.info.full_name());
        fault.during(format!("cannot read the snapshot of {}", table.unwrap_or_default()))
    }
}

/// The source block of rows of this snapshot.
fn source_of(lsn: Lsn, ts_us: i64) -> SourceInfo<'static> {
    SourceInfo {
        snapshot: SnapshotMarker::Yes,
        lsn: lsn.0,
        last_commit_lsn: None,
        tx_id: None,
        ts_us,
        now_ns: now_us().saturating_mul(1000),
        origin: None,
        transaction: None,
    }
}

impl Copying {
    /// The marker of the next row.
    fn marker(&self, at_end: bool) -> SnapshotMarker {
        match (self.at_first_row, at_end) {
            (_, true) if self.is_last => SnapshotMarker::Last,
            (true, _) if self.is_first => SnapshotMarker::First,
            (_, true) => SnapshotMarker::LastOfTable,
            (true, false) => SnapshotMarker::FirstOfTable,
            (false, false) => SnapshotMarker::Yes,
        }
    }
}
