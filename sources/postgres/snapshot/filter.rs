//! What the stream leaves out, since the snapshot has it.

use std::collections::HashMap;

use super::SnapshotState;
use super::progress::Chunk;
use super::view::View;
use crate::postgres::position::Lsn;

/// What becomes of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is written.
    Keep,
    /// The snapshot has it.
    Drop,
    /// That depends on the chunk that holds its key.
    ByKey,
}

/// Leaves out changes of transactions that the snapshot of their chunk sees:
/// so no row comes twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct SnapshotFilter {
    views: Vec<View>,
    tables: HashMap<u32, Vec<Chunk>>,
    until: Lsn,
    xid: u32,
    seen: Vec<bool>,
}

impl SnapshotFilter {
    /// For a snapshot that is done. None if there was none.
    pub(crate) fn of(state: &SnapshotState) -> Option<Self> {
        let until = state.views.iter().map(|view| view.until).max()?;
        let tables = state.tables.iter().map(|(&oid, table)| (oid, table.chunks.clone()));
        Some(Self {
            views: state.views.clone(),
            tables: tables.collect(),
            until,
            xid: 0,
            seen: vec![false; state.views.len()],
        })
    }

    /// Whether no transaction that commits there or later can be seen by any
    /// of the snapshots: the filter has done its work.
    pub(crate) fn is_over(&self, commit: Lsn) -> bool {
        commit >= self.until
    }

    /// Whether keys must be known for some table.
    pub(crate) fn needs_keys(&self, oid: u32) -> bool {
        let chunks = self.tables.get(&oid);
        chunks.is_some_and(|chunks| chunks.iter().any(|chunk| chunk.view != chunks[0].view))
    }

    /// A transaction begins.
    pub(crate) fn begin(&mut self, xid: u32) {
        self.xid = xid;
        self.seen = self.views.iter().map(|view| view.sees(xid)).collect();
    }

    /// What becomes of this transaction's changes of a table.
    pub(crate) fn verdict(&self, oid: u32) -> Verdict {
        let Some(chunks) = self.tables.get(&oid) else { return Verdict::Keep };
        let seen = chunks.iter().filter(|chunk| self.seen_by(chunk.view)).count();
        match seen {
            0 => Verdict::Keep,
            seen if seen == chunks.len() => Verdict::Drop,
            _ => Verdict::ByKey,
        }
    }

    /// Whether the snapshot of this number sees this transaction.
    pub(crate) fn seen_by(&self, view: usize) -> bool {
        self.seen.get(view).copied().unwrap_or(false)
    }

    /// A table's chunks.
    pub(crate) fn chunks(&self, oid: u32) -> &[Chunk] {
        self.tables.get(&oid).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::snapshot::progress::TableProgress;

    #[test]
    fn what_all_chunks_have_is_left_out_and_what_some_have_is_asked_for() {
        let mut state = SnapshotState::default();
        state.views.push(View::parse("10:10:", Lsn(100)).unwrap());
        state.views.push(View::parse("20:20:", Lsn(200)).unwrap());
        let mut table = TableProgress::default();
        table.advance(Some(vec!["5".into()]), 0);
        table.advance(Some(vec!["9".into()]), 0);
        table.advance(None, 1);
        assert_eq!(table.chunks.len(), 2, "neighbours of one snapshot are one");
        assert!(table.is_done());
        state.tables.insert(7, table);
        let mut filter = SnapshotFilter::of(&state).unwrap();
        assert!(filter.needs_keys(7));
        for (xid, verdict) in [(9, Verdict::Drop), (10, Verdict::ByKey), (20, Verdict::Keep)] {
            filter.begin(xid);
            assert_eq!(filter.verdict(7), verdict, "transaction {xid}");
            assert_eq!(filter.verdict(8), Verdict::Keep, "a table of which nothing was read");
        }
        assert!(!filter.is_over(Lsn(199)));
        assert!(filter.is_over(Lsn(200)));
    }

    #[test]
    fn progress_is_kept_and_forgotten() {
        let mut state = SnapshotState::default();
        state.views.push(View::parse("10:10:", Lsn(100)).unwrap());
        state.tables.insert(7, TableProgress::default());
        let kept = [state.keep_views(), state.keep_table(7)];
        let kept = kept.into_iter().map(|change| (change.key, change.value.unwrap())).collect();
        assert_eq!(SnapshotState::load(&kept).unwrap(), state);
        assert_eq!(state.forget().len(), 2);
    }
}
