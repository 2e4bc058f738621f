//! What the catalog of a database says of tables and types.

mod queries;
mod types;

use serde::{Deserialize, Serialize};

pub use queries::{list_tables, load_table, load_tables};
pub use types::{TypeInfo, TypeKind, Types};

/// A table's name and number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableName {
    /// Its object id.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What kind of table it is.
    pub kind: TableKind,
}

/// What a table is to partitioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// A table with rows of its own.
    Ordinary,
    /// A root or an inner table of a partition tree: no rows of its own.
    Partitioned,
    /// A leaf of a partition tree.
    Partition,
}

/// `REPLICA IDENTITY`: what the old row of updates and deletes holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentity {
    /// The primary key.
    Default,
    /// Nothing.
    Nothing,
    /// All columns.
    Full,
    /// The columns of an index, as indexes into `columns`.
    Index(Vec<usize>),
}

/// A table, as rows are decoded with it. Kept in the source's durable state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableInfo {
    /// Its object id.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in the order in which a row's values come.
    pub columns: Vec<ColumnInfo>,
    /// The primary key, as indexes into `columns`, in the key's order; empty
    /// if there is none.
    pub primary_key: Vec<usize>,
    /// The first unique index by name, in the same way: the key of events if
    /// there is no primary key.
    #[serde(default)]
    pub unique_key: Vec<usize>,
    /// What old rows hold.
    pub replica_identity: ReplicaIdentity,
    /// What it is to partitioning.
    pub kind: TableKind,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Its type's object id.
    pub type_oid: u32,
    /// Its type's modifier; -1 if it has none.
    pub type_modifier: i32,
    /// Whether null is refused, by the column or by its domain.
    pub not_null: bool,
    /// Its default, as SQL.
    #[serde(default)]
    pub default_expr: Option<String>,
    /// Whether its value is computed from other columns: such columns are in
    /// snapshots, but not in the stream.
    #[serde(default)]
    pub generated: bool,
    /// Whether it is an identity column.
    #[serde(default)]
    pub identity: bool,
}

impl TableInfo {
    /// `schema.table`, as lists and messages name it.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// The key of events by the table itself: the primary key, or else the
    /// first unique index.
    #[must_use]
    pub fn event_key(&self) -> &[usize] {
        if self.primary_key.is_empty() { &self.unique_key } else { &self.primary_key }
    }

    /// The same table with these columns only, in this order: what a Relation
    /// message or a snapshot's select names. None if a column is unknown.
    #[must_use]
    pub fn project(&self, names: &[&str]) -> Option<Self> {
        let find = |name: &str| self.columns.iter().position(|column| column.name == name);
        let at: Vec<usize> = names.iter().map(|name| find(name)).collect::<Option<_>>()?;
        let moved = |key: &[usize]| -> Vec<usize> {
            let key: Option<Vec<usize>> =
                key.iter().map(|old| at.iter().position(|kept| kept == old)).collect();
            // A key of which a column is missing identifies nothing.
            key.unwrap_or_default()
        };
        Some(Self {
            columns: at.iter().map(|&column| self.columns[column].clone()).collect(),
            primary_key: moved(&self.primary_key),
            unique_key: moved(&self.unique_key),
            replica_identity: match &self.replica_identity {
                ReplicaIdentity::Index(key) => ReplicaIdentity::Index(moved(key)),
                other => other.clone(),
            },
            ..self.clone()
        })
    }
}
