//! Writing changes, whole or by the chunk that holds their key.

use thalweg_core::{ConnectError, Coordinates, ErrorKind};

use super::changes::{Changes, Pause, Transaction};
use super::relations::Readiness;
use crate::postgres::pgoutput::{Message, OldKind, Tuples};
use crate::postgres::position::Lsn;
use crate::postgres::snapshot::{Verdict, key_texts};
use crate::postgres::table::{OldRow, SnapshotMarker, SourceInfo, TableWriter};
use crate::postgres::types::TupleValue;

/// A change, read.
pub(super) struct Row<'a, 'b> {
    pub(super) message: &'b Message<'a>,
    pub(super) tuples: &'b Tuples<'a>,
    pub(super) lsn: Lsn,
    pub(super) now_ns: i64,
}

/// The table of a change.
#[inline]
pub(super) fn relation(message: &Message<'_>) -> u32 {
    match message {
        Message::Insert(insert) => insert.relation,
        Message::Update(update) => update.relation,
        Message::Delete(delete) => delete.relation,
        _ => 0,
    }
}

fn old_row<'t>(kind: OldKind, old: &'t [TupleValue<'t>]) -> OldRow<'t> {
    match kind {
        OldKind::None => OldRow::None,
        OldKind::Key => OldRow::Key(old),
        OldKind::Full => OldRow::Full(old),
    }
}

impl Changes {
    fn source<'s>(&self, lsn: Lsn, now_ns: i64, transaction: &'s Transaction) -> SourceInfo<'s> {
        let origin = transaction.origin.as_ref();
        SourceInfo {
            snapshot: SnapshotMarker::No,
            lsn: lsn.0,
            last_commit_lsn: (self.shown.lsn_commit.0 > 0).then_some(self.shown.lsn_commit.0),
            tx_id: Some(transaction.begin.xid),
            ts_us: transaction.begin.commit_us,
            now_ns,
            origin: origin.map(|(name, lsn)| (name.as_str(), lsn.0)),
            transaction: None,
        }
    }

    /// Writes a change.
    #[inline]
    pub(super) fn write(
        &mut self,
        at: usize,
        row: &Row<'_, '_>,
        transaction: &Transaction,
    ) -> Result<(), ConnectError> {
        let source = self.source(row.lsn, row.now_ns, transaction);
        let ordinal = &mut self.ordinal;
        let captured = self.tables.captured(at);
        let Some(writer) = captured.and_then(|captured| captured.writer.as_mut()) else {
            return Ok(());
        };
        let Tuples { old, new } = row.tuples;
        let (written, message) = match row.message {
            Message::Insert(_) => (writer.insert(new, &source, ordinal), "INSERT"),
            Message::Update(update) => {
                (writer.update(old_row(update.old, old), new, &source, ordinal), "UPDATE")
            }
            Message::Delete(delete) => {
                (writer.delete(old_row(delete.old, old), &source, ordinal), "DELETE")
            }
            _ => return Ok(()),
        };
        written.map_err(|error| located(error, writer, row.lsn))?;
        self.wrote(row.lsn, message, &transaction.begin);
        Ok(())
    }

    /// Writes as much of a change as the snapshots of its keys' chunks do not
    /// have.
    pub(super) fn write_by_key(
        &mut self,
        at: usize,
        row: &Row<'_, '_>,
        transaction: &Transaction,
    ) -> Result<Option<Pause>, ConnectError> {
        let Some(keys) = self.keys_of(at, row) else {
            // Its key can't be told: better twice than not at all.
            return self.write(at, row, transaction).map(|()| None);
        };
        let Some(seen) = self.answers.take() else {
            return Ok(Some(Pause::AskChunks(relation(row.message), keys)));
        };
        match (row.message, seen.as_slice()) {
            (_, [true] | [true, true]) => Ok(None),
            (Message::Update(update), [false, true]) => {
                // The row left a chunk that has it for one that has it too.
                self.half(at, row, transaction, Some(update.old)).map(|()| None)
            }
            (Message::Update(_), [true, false]) => {
                self.half(at, row, transaction, None).map(|()| None)
            }
            _ => self.write(at, row, transaction).map(|()| None),
        }
    }

    /// Writes one half of a changed key: the delete of the old row, or the
    /// create of the new one.
    fn half(
        &mut self,
        at: usize,
        row: &Row<'_, '_>,
        transaction: &Transaction,
        delete: Option<OldKind>,
    ) -> Result<(), ConnectError> {
        let source = self.source(row.lsn, row.now_ns, transaction);
        let ordinal = &mut self.ordinal;
        let captured = self.tables.captured(at);
        let Some(writer) = captured.and_then(|captured| captured.writer.as_mut()) else {
            return Ok(());
        };
        let written = match delete {
            Some(kind) => writer.delete(old_row(kind, &row.tuples.old), &source, ordinal),
            None => writer.insert(&row.tuples.new, &source, ordinal),
        };
        written.map_err(|error| located(error, writer, row.lsn))?;
        self.wrote(row.lsn, "UPDATE", &transaction.begin);
        Ok(())
    }

    /// The keys that a change is of: one, or the old and the new one.
    fn keys_of(&mut self, at: usize, row: &Row<'_, '_>) -> Option<Vec<Vec<String>>> {
        let table = self.tables.captured(at)?.table.as_ref()?;
        let Tuples { old, new } = row.tuples;
        match row.message {
            Message::Insert(_) => Some(vec![key_texts(table, new)?]),
            Message::Delete(_) => Some(vec![key_texts(table, old)?]),
            Message::Update(update) => {
                let after = key_texts(table, new)?;
                if update.old == OldKind::None {
                    return Some(vec![after]);
                }
                let before = key_texts(table, old)?;
                Some(if before == after { vec![after] } else { vec![before, after] })
            }
            _ => None,
        }
    }

    /// Writes that tables were emptied.
    pub(super) fn truncate<'a>(
        &mut self,
        lsn: Lsn,
        body: &'a [u8],
        tuples: &mut Tuples<'a>,
        now_ns: i64,
    ) -> Result<Option<Pause>, ConnectError> {
        let Message::Truncate(truncate) = Message::parse(body, tuples)? else { return Ok(None) };
        let mut ready = Vec::new();
        for &oid in &truncate.relations {
            match self.readiness(oid)? {
                Readiness::Ready(at) => ready.push((oid, at)),
                Readiness::NotCaptured => {}
                Readiness::AskCatalog => return Ok(Some(Pause::AskCatalog(oid))),
                Readiness::NeedsText => return Ok(Some(Pause::NeedsText)),
            }
        }
        let Some(transaction) = self.transaction_copy() else { return Ok(None) };
        for (oid, at) in ready {
            if self.filter.as_ref().is_some_and(|filter| match filter.verdict(oid) {
                Verdict::Keep => false,
                Verdict::Drop => true,
                // Rows of its older chunks were read before, those of its
                // newer ones after it: these stay.
                Verdict::ByKey => true,
            }) {
                continue;
            }
            let source = self.source(lsn, now_ns, &transaction);
            let ordinal = &mut self.ordinal;
            let captured = self.tables.captured(at);
            if let Some(writer) = captured.and_then(|captured| captured.writer.as_mut()) {
                writer.truncate(&source, ordinal).map_err(|e| located(e, writer, lsn))?;
                self.wrote(lsn, "TRUNCATE", &transaction.begin);
            }
        }
        Ok(None)
    }
}

/// A row that can't be written, with its coordinates (invariant 4).
fn located(error: ConnectError, writer: &TableWriter, lsn: Lsn) -> ConnectError {
    if error.kind() != ErrorKind::BadRecord || error.coordinates().is_some() {
        return error;
    }
    let at = Coordinates {
        place: writer.topic().to_string(),
        partition: None,
        at: format!("LSN {lsn}"),
    };
    ConnectError::bad_record(at, error.to_string())
}
