//! Which chunks are done.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thalweg_core::ConnectError;
use thalweg_core::batch::StateChange;

use super::view::View;

/// The key of the snapshots in the source's state.
const VIEWS: &str = "snapshot";
/// What the keys of tables in the source's state begin with.
const TABLE: &str = "snapshot/";

/// Keys up to this one were read in this snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    /// The last key; none stands for the end of the table.
    pub(crate) upto: Option<Vec<String>>,
    /// The snapshot's number.
    pub(crate) view: usize,
}

/// A table's chunks. Neighbours of one snapshot are kept as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableProgress {
    /// `schema.table`, for those who look it up.
    pub(crate) table: String,
    /// The names of the key's columns.
    pub(crate) key: Vec<String>,
    /// What is done, in the order of keys.
    pub(crate) chunks: Vec<Chunk>,
    /// The files that it is read from; empty while nothing was read.
    #[serde(default)]
    pub(crate) files: Files,
    /// It was emptied after rows of it were read, and that is still to be told.
    #[serde(default)]
    pub(crate) owes_truncate: bool,
}

/// A table's files, or those of its partitions: `pg_relation_filenode` by
/// object id. TRUNCATE, and DDL that rewrites rows, gives them other ones.
pub(crate) type Files = BTreeMap<u32, u32>;

impl TableProgress {
    /// Whether all of it is done.
    pub(crate) fn is_done(&self) -> bool {
        self.chunks.last().is_some_and(|chunk| chunk.upto.is_none())
    }

    /// Whether it is not in the files any more that it was read from.
    pub(super) fn was_rewritten(&self, now: &Files) -> bool {
        self.files.iter().any(|(oid, file)| now.get(oid).is_some_and(|now| now != file))
    }

    /// The last key that is done.
    pub(crate) fn last_key(&self) -> Option<&[String]> {
        self.chunks.last()?.upto.as_deref()
    }

    /// Keys up to this one are done too.
    pub(super) fn advance(&mut self, upto: Option<Vec<String>>, view: usize) {
        match self.chunks.last_mut() {
            Some(last) if last.view == view => last.upto = upto,
            _ => self.chunks.push(Chunk { upto, view }),
        }
    }
}

/// All that is known of a snapshot under way, or just done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SnapshotState {
    /// One for each time that it was begun or gone on with.
    pub(crate) views: Vec<View>,
    /// Tables by object id.
    pub(crate) tables: BTreeMap<u32, TableProgress>,
}

impl SnapshotState {
    /// As the source's state has it.
    ///
    /// # Errors
    /// Fatal, if an entry is not one of ours.
    pub(crate) fn load(state: &BTreeMap<String, Value>) -> Result<Self, ConnectError> {
        let mut loaded = Self::default();
        if let Some(value) = state.get(VIEWS) {
            loaded.views = serde_json::from_value(value.clone()).map_err(|_| unreadable(VIEWS))?;
        }
        for (key, value) in state.range(TABLE.to_owned()..) {
            let Some(oid) = key.strip_prefix(TABLE) else { break };
            let oid = oid.parse().map_err(|_| unreadable(key))?;
            let table = serde_json::from_value(value.clone()).map_err(|_| unreadable(key))?;
            loaded.tables.insert(oid, table);
        }
        Ok(loaded)
    }

    /// The change that keeps the snapshots.
    pub(crate) fn keep_views(&self) -> StateChange {
        StateChange { key: VIEWS.to_owned(), value: serde_json::to_value(&self.views).ok() }
    }

    /// The change that keeps a table's chunks.
    pub(crate) fn keep_table(&self, oid: u32) -> StateChange {
        let value = self.tables.get(&oid).and_then(|table| serde_json::to_value(table).ok());
        StateChange { key: format!("{TABLE}{oid}"), value }
    }

    /// The changes that forget all of it.
    pub(crate) fn forget(&self) -> Vec<StateChange> {
        let tables = self.tables.keys().map(|oid| format!("{TABLE}{oid}"));
        let views = (!self.views.is_empty()).then(|| VIEWS.to_owned());
        tables.chain(views).map(|key| StateChange { key, value: None }).collect()
    }
}

fn unreadable(key: &str) -> ConnectError {
    ConnectError::fatal(format!(
        "the stored progress of the snapshot can't be read ({key}): reset the offsets of this \
         connector to take a new snapshot"
    ))
}
