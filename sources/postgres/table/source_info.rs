//! The `source` block: where a row came from.

use std::sync::Arc;

use thalweg_core::schema::{Schema, SchemaBuilder, Value};

/// Which part of a snapshot a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotMarker {
    /// Not of a snapshot.
    No,
    /// Some row.
    Yes,
    /// The very first one.
    First,
    /// The first one of its table.
    FirstOfTable,
    /// The last one of its table.
    LastOfTable,
    /// The very last one.
    Last,
    /// Of an incremental snapshot.
    Incremental,
}

impl SnapshotMarker {
    /// All values, as the schema lists them.
    pub(super) const ALLOWED: &str =
        "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental";

    /// Its name in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "false",
            Self::Yes => "true",
            Self::First => "first",
            Self::FirstOfTable => "first_in_data_collection",
            Self::LastOfTable => "last_in_data_collection",
            Self::Last => "last",
            Self::Incremental => "incremental",
        }
    }
}

/// A row's place in its transaction (`provide.transaction.metadata`).
#[derive(Clone, Copy, Debug)]
pub struct TransactionInfo<'a> {
    /// `txId:lsn`
    pub id: &'a str,
    /// Counted over all tables, from 1.
    pub total_order: i64,
    /// Counted over its table, from 1.
    pub table_order: i64,
}

/// Where a row came from.
#[derive(Clone, Copy, Debug)]
pub struct SourceInfo<'a> {
    /// Which part of a snapshot.
    pub snapshot: SnapshotMarker,
    /// Its LSN; in a snapshot, the one of the snapshot.
    pub lsn: u64,
    /// The LSN of the commit before; none in a snapshot.
    pub last_commit_lsn: Option<u64>,
    /// The transaction.
    pub tx_id: Option<u32>,
    /// When it was committed, or when the snapshot was taken: µs since 1970.
    pub ts_us: i64,
    /// When it is being read: ns since 1970.
    pub now_ns: i64,
    /// The replication origin: its name and its LSN there.
    pub origin: Option<(&'a str, u64)>,
    /// Its place in the transaction, if the config asks for it.
    pub transaction: Option<TransactionInfo<'a>>,
}

/// The schema of the `source` block.
#[must_use]
pub fn source_schema() -> Arc<Schema> {
    let text = SchemaBuilder::string().build();
    let int = SchemaBuilder::int64().optional().build();
    let optional_text = SchemaBuilder::string().optional().build();
    let snapshot = SchemaBuilder::string()
        .optional()
        .name("io.debezium.data.Enum")
        .version(1)
        .parameter("allowed", SnapshotMarker::ALLOWED)
        .default_value(Value::Text("false".to_owned()))
        .build();
    SchemaBuilder::structure()
        .name("io.debezium.connector.postgresql.Source")
        .version(1)
        .field("version", Arc::clone(&text))
        .field("connector", Arc::clone(&text))
        .field("name", Arc::clone(&text))
        .field("ts_ms", SchemaBuilder::int64().build())
        .field("snapshot", snapshot)
        .field("db", Arc::clone(&text))
        .field("sequence", Arc::clone(&optional_text))
        .field("ts_us", Arc::clone(&int))
        .field("ts_ns", Arc::clone(&int))
        .field("schema", Arc::clone(&text))
        .field("table", text)
        .field("txId", Arc::clone(&int))
        .field("lsn", Arc::clone(&int))
        .field("xmin", Arc::clone(&int))
        .field("origin", optional_text)
        .field("origin_lsn", int)
        .build()
}
