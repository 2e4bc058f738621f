//! The files that tables are in: whether they are still those that were read.

use std::collections::{BTreeMap, BTreeSet};

use thalweg_core::ConnectError;

use super::progress::Files;
use crate::postgres::transport::Wire;

/// The files of tables.
pub(super) struct TableFiles {
    /// By the table's object id.
    pub(super) files: BTreeMap<u32, Files>,
    /// Tables that were rewritten since the transaction's snapshot.
    pub(super) rewritten: BTreeSet<u32>,
}

/// Looks up the files of tables that are locked. `pg_class` is read by the
/// transaction's snapshot, `pg_relation_filenode` tells what is there now.
pub(super) async fn of(wire: &mut Wire, oids: &[u32]) -> Result<TableFiles, ConnectError> {
    let oids: Vec<String> = oids.iter().map(u32::to_string).collect();
    let statement = format!(
        "WITH RECURSIVE part (root, oid) AS (\
           SELECT t.oid, t.oid FROM pg_catalog.unnest('{{{}}}'::oid[]) t (oid) \
           UNION ALL SELECT part.root, i.inhrelid FROM part \
             JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid \
             JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition) \
         SELECT part.root, c.oid, pg_catalog.pg_relation_filenode(c.oid), \
           pg_catalog.pg_relation_filenode(c.oid) <> c.relfilenode \
         FROM part JOIN pg_catalog.pg_class c ON c.oid = part.oid",
        oids.join(",")
    );
    let rows = wire.query(&statement).await;
    let rows = rows.map_err(|fault| fault.during("cannot look up the files of the tables"))?;
    let mut found = TableFiles { files: BTreeMap::new(), rewritten: BTreeSet::new() };
    for row in rows {
        let number = |at: usize| row.get(at)?.as_ref()?.parse::<u32>().ok();
        // A root of partitions has no file of its own.
        let (Some(root), Some(oid), Some(file)) = (number(0), number(1), number(2)) else {
            continue;
        };
        found.files.entry(root).or_default().insert(oid, file);
        if row.get(3).is_some_and(|cell| cell.as_deref() == Some("t")) {
            found.rewritten.insert(root);
        }
    }
    Ok(found)
}
