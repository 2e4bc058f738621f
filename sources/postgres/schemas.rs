//! Table schemas, kept by relation in the source's durable state, each with
//! the place of its first use.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thalweg_core::ConnectError;
use thalweg_core::batch::StateChange;

use super::catalog::TableInfo;
use super::position::Lsn;

/// What the keys in the source's state begin with.
const TABLE: &str = "table/";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    lsn: Lsn,
    table: TableInfo,
}

/// The change that keeps a table's schema from this place on.
pub(crate) fn keep(table: &TableInfo, lsn: Lsn) -> StateChange {
    let kept = Kept { lsn, table: table.clone() };
    StateChange { key: format!("{TABLE}{}", table.oid), value: serde_json::to_value(kept).ok() }
}

/// All kept schemas, by object id.
///
/// # Errors
/// Fatal, if an entry is not one of ours.
pub(crate) fn load(
    state: &BTreeMap<String, Value>,
) -> Result<HashMap<u32, TableInfo>, ConnectError> {
    let mut tables = HashMap::new();
    for (key, value) in
        state.range(TABLE.to_owned()..).take_while(|(key, _)| key.starts_with(TABLE))
    {
        let kept: Kept = serde_json::from_value(value.clone()).map_err(|_| {
            ConnectError::fatal(format!(
                "the stored schema of a table can't be read ({key}): reset the offsets of this \
                 connector to take a new snapshot"
            ))
        })?;
        tables.insert(kept.table.oid, kept.table);
    }
    Ok(tables)
}
