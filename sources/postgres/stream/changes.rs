//! Messages into rows.

use std::sync::Arc;

use thalweg_core::ConnectError;
use thalweg_core::batch::{SourceBatch, StateChange};

use super::relations::{Readiness, TableStore};
use super::write::{self, Row};
use crate::postgres::catalog::{TableInfo, Types};
use crate::postgres::pgoutput::{Begin, Commit, Message, Tuples};
use crate::postgres::position::{Lsn, Shown, StreamPlace};
use crate::postgres::schemas;
use crate::postgres::snapshot::{Chunk, SnapshotFilter, SnapshotState, Verdict};
use crate::postgres::transport::{WalFrame, WalFrames, now_us};

/// A batch ends when the messages of its rows have about so many bytes.
const BATCH_BYTES: usize = 1024 * 1024;
/// A batch of so many bytes is not waited with.
const LINGER_BYTES: usize = 256 * 1024;
/// What a row takes beside its bytes.
const ROW_BYTES: usize = 256;

/// Where the stream is gone on from: what is done is passed over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Resume {
    /// What is done.
    pub(crate) place: StreamPlace,
    /// What positions show.
    pub(crate) shown: Shown,
}

/// The transaction that is being read.
#[derive(Clone, Debug, Default)]
pub(super) struct Transaction {
    pub(super) begin: Begin,
    /// Messages that were read, counted before any filter.
    ordinal: u64,
    /// Messages that are done since before.
    done: u64,
    pub(super) origin: Option<(String, Lsn)>,
}

/// Why reading what is buffered ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// All of it is read.
    Drained,
    /// The batch is full.
    Full,
    /// The catalog must be asked about a table.
    AskCatalog(u32),
    /// It must be known which chunks these keys of a table are of.
    AskChunks(u32, Vec<Vec<String>>),
    /// The stream must be started again in text.
    NeedsText,
}

/// The rows of the stream, and where they are.
pub(crate) struct Changes {
    /// Tables.
    pub(super) tables: TableStore,
    /// What the snapshot has; none once that is past.
    pub(super) filter: Option<SnapshotFilter>,
    snapshot: SnapshotState,
    /// Whether values come in their binary form.
    binary: bool,
    resume: StreamPlace,
    place: StreamPlace,
    pub(super) shown: Shown,
    transaction: Option<Transaction>,
    /// For each key that was asked about: whether its chunk has the change.
    pub(super) answers: Option<Vec<bool>>,
    changes: Vec<StateChange>,
    pub(super) ordinal: u64,
    bytes: usize,
    rows: bool,
    /// Whether the place moved since the last batch.
    moved: bool,
    /// The server wants an answer.
    reply: bool,
    received: Lsn,
}

impl Changes {
    /// From a place on.
    pub(crate) fn new(
        tables: TableStore,
        snapshot: SnapshotState,
        binary: bool,
        resume: Resume,
    ) -> Self {
        Self {
            tables,
            filter: SnapshotFilter::of(&snapshot),
            snapshot,
            binary,
            resume: resume.place,
            place: resume.place,
            shown: resume.shown,
            transaction: None,
            answers: None,
            changes: Vec::new(),
            ordinal: 0,
            bytes: 0,
            rows: false,
            moved: false,
            reply: false,
            received: resume.place.flush_lsn,
        }
    }

    /// What a stream that is started again goes on with.
    pub(crate) fn into_parts(self) -> (TableStore, SnapshotState) {
        (self.tables, self.snapshot)
    }

    /// The tables alone, and those of them that are not kept yet.
    pub(crate) fn into_tables(mut self) -> (Vec<StateChange>, TableStore) {
        (self.take_fresh(), self.tables)
    }

    /// Reads frames until there are no more, or something must be done first.
    /// The frame that waits for it is left for the next call.
    pub(crate) fn read(&mut self, frames: &mut WalFrames<'_>) -> Result<Pause, ConnectError> {
        let mut tuples = Tuples::default();
        let now_ns = now_us().saturating_mul(1000);
        loop {
            if self.bytes >= BATCH_BYTES {
                return Ok(Pause::Full);
            }
            let before = *frames;
            let frame = frames.next().map_err(|fault| fault.during("the replication stream"))?;
            let pause = match frame {
                None => return Ok(Pause::Drained),
                Some(WalFrame::Data { lsn, body }) => self.data(lsn, body, &mut tuples, now_ns)?,
                Some(WalFrame::KeepAlive { end, reply }) => {
                    self.keep_alive(end, reply);
                    None
                }
            };
            if let Some(pause) = pause {
                *frames = before;
                return Ok(pause);
            }
        }
    }

    #[inline]
    fn data<'a>(
        &mut self,
        lsn: Lsn,
        body: &'a [u8],
        tuples: &mut Tuples<'a>,
        now_ns: i64,
    ) -> Result<Option<Pause>, ConnectError> {
        if !Message::counts(body) {
            match Message::parse(body, tuples)? {
                Message::Begin(begin) => self.begin(lsn, begin),
                Message::Commit(commit) => self.commit(lsn, commit),
                Message::Relation(relation) => self.tables.describe(&relation),
                Message::Origin(origin) => {
                    if let Some(transaction) = &mut self.transaction {
                        transaction.origin = Some((origin.name.to_owned(), origin.lsn));
                    }
                }
                // Types are looked up in the catalog.
                _ => {}
            }
            return Ok(None);
        }
        let Some(transaction) = &mut self.transaction else {
            return Err(ConnectError::fatal(format!(
                "the replication stream has a change outside of a transaction, at {lsn}"
            )));
        };
        if transaction.ordinal < transaction.done {
            transaction.ordinal += 1;
            return Ok(None);
        }
        if let Some(pause) = self.change(lsn, body, tuples, now_ns)? {
            return Ok(Some(pause));
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.ordinal += 1;
        }
        self.moved = true;
        Ok(None)
    }

    /// One change that is not done yet.
    #[inline]
    fn change<'a>(
        &mut self,
        lsn: Lsn,
        body: &'a [u8],
        tuples: &mut Tuples<'a>,
        now_ns: i64,
    ) -> Result<Option<Pause>, ConnectError> {
        let at = match body {
            [b'I' | b'U' | b'D', a, b, c, d, ..] => {
                let oid = u32::from_be_bytes([*a, *b, *c, *d]);
                match self.tables.ready(oid, self.binary)? {
                    Readiness::Ready(at) => at,
                    Readiness::NotCaptured => return Ok(None),
                    Readiness::AskCatalog => return Ok(Some(Pause::AskCatalog(oid))),
                    Readiness::NeedsText => return Ok(Some(Pause::NeedsText)),
                }
            }
            [b'T', ..] => return self.truncate(lsn, body, tuples, now_ns),
            // Messages of applications are not asked for.
            _ => return Ok(None),
        };
        let message = Message::parse(body, tuples)?;
        let row = Row { message: &message, tuples, lsn, now_ns };
        let verdict = match &self.filter {
            None => Verdict::Keep,
            Some(filter) => filter.verdict(write::relation(&message)),
        };
        if verdict == Verdict::Drop {
            return Ok(None);
        }
        let transaction = self.transaction.take().unwrap_or_default();
        let written = if verdict == Verdict::ByKey {
            self.write_by_key(at, &row, &transaction)
        } else {
            self.write(at, &row, &transaction).map(|()| None)
        };
        self.transaction = Some(transaction);
        if let Some(pause) = written? {
            return Ok(Some(pause));
        }
        self.bytes += body.len() + ROW_BYTES;
        Ok(None)
    }

    /// Whether rows of a table can be written.
    pub(super) fn readiness(&mut self, oid: u32) -> Result<Readiness, ConnectError> {
        self.tables.ready(oid, self.binary)
    }

    /// The transaction that is being read.
    pub(super) fn transaction_copy(&self) -> Option<Transaction> {
        self.transaction.clone()
    }

    /// Says that a row was written.
    pub(super) fn wrote(&mut self, lsn: Lsn, message: &'static str, begin: &Begin) {
        self.rows = true;
        self.shown.lsn = lsn;
        self.shown.message = Some(message);
        self.shown.tx_id = Some(begin.xid);
        self.shown.ts_us = begin.commit_us;
    }

    fn begin(&mut self, lsn: Lsn, begin: Begin) {
        // What is done may come again where two chunks of a backlog meet.
        let done = if begin.commit_lsn < self.place.flush_lsn {
            u64::MAX
        } else if begin.commit_lsn == self.resume.commit_lsn {
            self.resume.ordinal
        } else {
            0
        };
        if self.filter.as_ref().is_some_and(|filter| filter.is_over(begin.commit_lsn)) {
            self.filter = None;
            self.changes.extend(self.snapshot.forget());
            self.snapshot = SnapshotState::default();
        }
        if let Some(filter) = &mut self.filter {
            filter.begin(begin.xid);
        }
        self.received = self.received.max(lsn);
        self.transaction = Some(Transaction { begin, ordinal: 0, done, origin: None });
    }

    fn commit(&mut self, lsn: Lsn, commit: Commit) {
        self.transaction = None;
        self.received = self.received.max(commit.end_lsn);
        if commit.end_lsn > self.place.flush_lsn {
            self.place = StreamPlace { flush_lsn: commit.end_lsn, ..StreamPlace::default() };
            self.shown.lsn_commit = lsn.max(commit.end_lsn);
            self.moved = true;
        }
    }

    /// An idle server tells how far it has read: that is where we are too.
    fn keep_alive(&mut self, end: Lsn, reply: bool) {
        self.reply |= reply;
        self.received = self.received.max(end);
        // One that is done in part comes again, after keepalives of before it:
        // until then its ordinal must stay, or its rows come twice.
        let from = self.place.flush_lsn.max(self.place.commit_lsn);
        if self.transaction.is_none() && end > from {
            self.place = StreamPlace { flush_lsn: end, ..StreamPlace::default() };
            self.moved = true;
        }
    }

    /// Where a position after all that was read would be.
    pub(crate) fn place(&self) -> StreamPlace {
        match &self.transaction {
            Some(transaction) if transaction.ordinal > transaction.done => StreamPlace {
                commit_lsn: transaction.begin.commit_lsn,
                ordinal: transaction.ordinal,
                ..self.place
            },
            _ => self.place,
        }
    }

    /// What positions show.
    pub(crate) fn shown(&self) -> &Shown {
        &self.shown
    }

    /// The last place that came.
    pub(crate) fn received(&self) -> Lsn {
        self.received
    }

    /// Whether there are rows, or schemas, to be handed over.
    pub(crate) fn has_rows(&self) -> bool {
        self.rows
    }

    /// Whether the batch is small, and its last transaction goes on.
    pub(crate) fn expects_more(&self) -> bool {
        self.rows && self.transaction.is_some() && self.bytes < LINGER_BYTES
    }

    /// Whether the place moved since the last batch.
    pub(crate) fn has_moved(&self) -> bool {
        self.moved
    }

    /// Whether the server wants an answer; asks once.
    pub(crate) fn take_reply(&mut self) -> bool {
        std::mem::take(&mut self.reply)
    }

    /// The next row's place in the source's order.
    pub(crate) fn next_ordinal(&mut self) -> u64 {
        self.ordinal += 1;
        self.ordinal - 1
    }

    /// The catalog's answer to [`Pause::AskCatalog`].
    pub(crate) fn resolve(&mut self, oid: u32, catalog: Option<&TableInfo>, types: Types) {
        self.tables.resolve(oid, catalog, types);
    }

    /// What [`Pause::AskChunks`] needs to know of a table.
    pub(crate) fn chunks_of(&mut self, oid: u32) -> Option<(Arc<TableInfo>, Vec<Chunk>)> {
        let Ok(Readiness::Ready(at)) = self.readiness(oid) else { return None };
        let table = Arc::clone(self.tables.captured(at)?.table.as_ref()?);
        Some((table, self.filter.as_ref()?.chunks(oid).to_vec()))
    }

    /// The answer to [`Pause::AskChunks`]: for each key the snapshot of its
    /// chunk.
    pub(crate) fn answer(&mut self, views: &[Option<usize>]) {
        let seen = |view: &Option<usize>| {
            let filter = self.filter.as_ref();
            view.zip(filter).is_some_and(|(view, filter)| filter.seen_by(view))
        };
        self.answers = Some(views.iter().map(seen).collect());
    }

    /// Tables as they are since the last batch, to be kept.
    fn take_fresh(&mut self) -> Vec<StateChange> {
        let lsn = self.place().commit_lsn.max(self.place.flush_lsn);
        let fresh = self.tables.take_fresh();
        fresh.into_iter().map(|table| schemas::keep(table, lsn)).collect()
    }

    /// What was read since the last batch. The position is the caller's.
    pub(crate) fn take(&mut self) -> SourceBatch {
        let mut state = std::mem::take(&mut self.changes);
        state.extend(self.take_fresh());
        let batches = self.tables.take_batches();
        self.bytes = 0;
        self.rows = false;
        self.moved = false;
        SourceBatch { batches, position: None, state }
    }
}

#[cfg(test)]
mod tests;
