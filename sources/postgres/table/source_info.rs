//! The `source` block: where a row came from.

use std::sync::Arc;

use thalweg_core::ConnectError;
use thalweg_core::batch::{Cell, Columns, Layout, NodeId};
use thalweg_core::schema::{Schema, SchemaBuilder, Value};

use crate::postgres::types::iso::padded;

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
    /// All values, by their numbers.
    const ALL: [Self; 7] = [
        Self::No,
        Self::Yes,
        Self::First,
        Self::FirstOfTable,
        Self::LastOfTable,
        Self::Last,
        Self::Incremental,
    ];

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

/// A row's place in its transaction (`provide.transaction.metadata`). An update
/// that changes the key is two events, and takes two numbers.
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

/// Nodes of the `source` block in an envelope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceNodes {
    block: NodeId,
    version: NodeId,
    connector: NodeId,
    name: NodeId,
    ts_ms: NodeId,
    snapshot: NodeId,
    db: NodeId,
    sequence: NodeId,
    ts_us: NodeId,
    ts_ns: NodeId,
    schema: NodeId,
    table: NodeId,
    tx_id: NodeId,
    lsn: NodeId,
    origin: NodeId,
    origin_lsn: NodeId,
}

/// The version of Debezium whose events these are.
const VERSION: &str = "3.5.0.Final";

/// The texts of a batch that all its rows share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceTexts {
    snapshot: [Cell; SnapshotMarker::ALL.len()],
}

impl SourceNodes {
    /// Of a schema that has the block as `source`.
    pub(crate) fn of(layout: &Layout) -> Result<Self, ConnectError> {
        let node = |name: &str| super::plan::node(layout, &["source", name]);
        Ok(Self {
            block: super::plan::node(layout, &["source"])?,
            version: node("version")?,
            connector: node("connector")?,
            name: node("name")?,
            ts_ms: node("ts_ms")?,
            snapshot: node("snapshot")?,
            db: node("db")?,
            sequence: node("sequence")?,
            ts_us: node("ts_us")?,
            ts_ns: node("ts_ns")?,
            schema: node("schema")?,
            table: node("table")?,
            tx_id: node("txId")?,
            lsn: node("lsn")?,
            origin: node("origin")?,
            origin_lsn: node("origin_lsn")?,
        })
    }

    /// Writes what all rows of a batch share.
    pub(crate) fn start(
        &self,
        to: &mut Columns,
        [server, database, schema, table]: [&str; 4],
    ) -> SourceTexts {
        let mut text = |text: &str| to.intern(text.as_bytes()).unwrap_or_default();
        let constants = [
            (self.version, text(VERSION)),
            (self.connector, text("postgresql")),
            (self.name, text(server)),
            (self.db, text(database)),
            (self.schema, text(schema)),
            (self.table, text(table)),
        ];
        let snapshot = SnapshotMarker::ALL.map(|marker| text(marker.as_str()));
        for (node, cell) in constants {
            to.set_constant(node, cell);
        }
        SourceTexts { snapshot }
    }

    /// Writes a row's part of the block.
    #[inline]
    pub(crate) fn put(&self, to: &mut Columns, source: &SourceInfo<'_>, texts: &SourceTexts) {
        to.set_present(self.block);
        to.set(self.ts_ms, Cell::Int(source.ts_us.div_euclid(1000)));
        to.set(self.ts_us, Cell::Int(source.ts_us));
        to.set(self.ts_ns, Cell::Int(source.ts_us.saturating_mul(1000)));
        // The schema's default says `false`.
        if source.snapshot != SnapshotMarker::No {
            to.set(self.snapshot, texts.snapshot[source.snapshot as usize]);
        }
        // LSNs are far below 2^63.
        let lsn = source.lsn.cast_signed();
        to.set(self.lsn, Cell::Int(lsn));
        if let Some(tx_id) = source.tx_id {
            to.set(self.tx_id, Cell::Int(i64::from(tx_id)));
        }
        let sequence = to.intern_with(|out| {
            match source.last_commit_lsn {
                Some(commit) => {
                    out.extend_from_slice(b"[\"");
                    padded(commit, 1, out);
                    out.extend_from_slice(b"\",\"");
                }
                None => out.extend_from_slice(b"[null,\""),
            }
            padded(source.lsn, 1, out);
            out.extend_from_slice(b"\"]");
        });
        to.set(self.sequence, sequence.unwrap_or_default());
        if let Some((origin, lsn)) = source.origin {
            to.set_bytes(self.origin, origin.as_bytes());
            to.set(self.origin_lsn, Cell::Int(lsn.cast_signed()));
        }
    }
}
