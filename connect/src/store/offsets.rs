//! `connect-offsets`: how far sources are, as Kafka Connect keeps it.
//!
//! The one place that says of a position that it is durable: it is appended
//! with the records that it covers, and attested when that append is.

use std::sync::Arc;

use serde_json::Value;
use thalweg_core::{Durable, JsonMap, Position};
use thalweg_log::table::{Change, Json};
use thalweg_log::{Appended, Group, Log, LogError, Table};

pub(super) const TOPIC: &str = "connect-offsets";

/// Positions of sources. Keys are `["connector",{partition}]`.
pub(crate) struct OffsetStore {
    table: Table<String, Json<Option<JsonMap>>>,
}

/// Positions that were set by hand, on their way to the log.
pub(crate) type Altered = Change<String, Json<Option<JsonMap>>>;

/// A position on its way to the log.
pub(crate) struct OffsetChange {
    position: Position,
    change: Change<String, Json<Option<JsonMap>>>,
}

impl OffsetStore {
    pub(super) async fn open(log: &Arc<dyn Log>) -> Result<Self, LogError> {
        Ok(Self { table: Table::open(log, TOPIC).await? })
    }

    /// Reads what a former holder of a task's writer appended. To be asked
    /// after that writer was opened: it appends nothing more then.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
        self.table.catch_up().await
    }

    /// Where a source got to. To be asked after its writer was opened.
    pub(crate) fn position(&self, connector: &str, partition: &JsonMap) -> Option<Position> {
        self.table.get(&key(connector, partition))?.0.map(Position)
    }

    /// All partitions and positions of a connector.
    pub(crate) fn all(&self, connector: &str) -> Vec<(JsonMap, JsonMap)> {
        let mut all = Vec::new();
        self.table.for_each(|key, Json(position)| {
            let parsed = serde_json::from_str::<(String, JsonMap)>(key);
            if let (Ok((name, partition)), Some(position)) = (parsed, position)
                && name == connector
            {
                all.push((partition, position.clone()));
            }
        });
        all
    }

    /// Encodes a position, to be appended with the records that it covers
    /// (invariant 2).
    pub(crate) fn change(
        &self,
        connector: &str,
        partition: &JsonMap,
        position: Position,
    ) -> Result<(Group, OffsetChange), LogError> {
        let entry = (key(connector, partition), Some(Json(Some(position.0.clone()))));
        let (group, change) = self.table.change(vec![entry])?;
        Ok((group, OffsetChange { position, change }))
    }

    /// The append that held the position is durable: shows it, and attests it.
    pub(crate) fn apply(&self, change: OffsetChange, appended: &[Appended]) -> Durable<Position> {
        let target = self.table.topic().partition(0);
        if let Some(landed) = appended.iter().find(|landed| landed.target == target) {
            self.table.apply(change.change, landed.first);
        }
        Durable::attest(change.position)
    }

    /// Encodes positions (one at least) that are set by hand; none forgets one.
    pub(crate) fn alter(
        &self,
        connector: &str,
        positions: Vec<(JsonMap, Option<Position>)>,
    ) -> Result<(Group, Altered), LogError> {
        let entries = positions.into_iter().map(|(partition, position)| {
            (key(connector, &partition), position.map(|position| Json(Some(position.0))))
        });
        self.table.change(entries.collect())
    }

    /// The append that held these positions is durable: shows them. Nobody
    /// upstream is told of them before a task goes on from there.
    pub(crate) fn show(&self, altered: Altered, appended: &[Appended]) {
        let target = self.table.topic().partition(0);
        if let Some(landed) = appended.iter().find(|landed| landed.target == target) {
            self.table.apply(altered, landed.first);
        }
    }
}

/// Connect's key: compact JSON, the partition's fields in their order.
fn key(connector: &str, partition: &JsonMap) -> String {
    serde_json::json!([connector, Value::Object(partition.clone())]).to_string()
}
