//! `connect-source-state`: what sources keep beside their positions, such as
//! the schemas of tables. Changed in the same append as the records.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use thalweg_core::batch::StateChange;
use thalweg_log::table::{Change, Json};
use thalweg_log::{Appended, Group, Log, LogError, Table};

pub(super) const TOPIC: &str = "connect-source-state";

/// Changes on their way to the log.
pub(crate) type StateEntries = Change<Json<(String, String)>, Json<Value>>;

/// Sources' own state. Keys are `["connector","key"]`.
pub(crate) struct SourceStateStore {
    table: Table<Json<(String, String)>, Json<Value>>,
}

impl SourceStateStore {
    pub(super) async fn open(log: &Arc<dyn Log>) -> Result<Self, LogError> {
        Ok(Self { table: Table::open(log, TOPIC).await? })
    }

    /// Reads what a former holder of a task's writer appended. To be asked
    /// after that writer was opened: it appends nothing more then.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
        self.table.catch_up().await
    }

    /// All that a connector keeps.
    pub(crate) fn of(&self, connector: &str) -> BTreeMap<String, Value> {
        let mut state = BTreeMap::new();
        self.table.for_each(|Json((name, key)), Json(value)| {
            if name == connector {
                state.insert(key.clone(), value.clone());
            }
        });
        state
    }

    /// Encodes changes, to be appended with the records that they belong to.
    pub(crate) fn change(
        &self,
        connector: &str,
        changes: Vec<StateChange>,
    ) -> Result<(Group, StateEntries), LogError> {
        let entries = changes
            .into_iter()
            .map(|StateChange { key, value }| (Json((connector.to_owned(), key)), value.map(Json)));
        self.table.change(entries.collect())
    }

    /// The append that held the changes is durable: shows them.
    pub(crate) fn apply(&self, change: StateEntries, appended: &[Appended]) {
        let target = self.table.topic().partition(0);
        if let Some(landed) = appended.iter().find(|landed| landed.target == target) {
            self.table.apply(change, landed.first);
        }
    }
}
