//! Rows of a snapshot read by plain queries, in text and in binary form.

use std::error::Error;
use std::sync::Arc;

use thalweg_core::batch::Batch;
use thalweg_core::config::{ConfigMap, Declare};
use thalweg_sources::postgres::catalog::{TableInfo, Types, list_tables, load_tables};
use thalweg_sources::postgres::table::{SnapshotMarker, SourceInfo, TableSettings, TableWriter};
use thalweg_sources::postgres::types::{TupleValue, binary_decodable, modes};
use thalweg_sources::relational::{Selection, TopicNaming};
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::fixtures::Case;

/// The settings of a case.
pub(crate) fn settings(case: &Case) -> Arc<TableSettings> {
    let posted: ConfigMap = case
        .config
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .chain([("topic.prefix".to_owned(), "dbz".to_owned())])
        .collect();
    let mut keys = Declare::read(&posted);
    Arc::new(TableSettings {
        topics: TopicNaming::declare(&mut keys),
        database: "oracle".to_owned(),
        modes: modes::declare(&mut keys),
        selection: Selection::declare(&mut keys),
    })
}

pub(crate) async fn connect(url: &str) -> Result<Client, Box<dyn Error>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// All tables of a database as batches.
pub(crate) async fn snapshot(
    client: &Client,
    settings: &Arc<TableSettings>,
    binary: bool,
) -> Result<Vec<Batch>, Box<dyn Error>> {
    let types = Types::load(client).await?;
    let names = list_tables(client).await?;
    let oids: Vec<u32> = names
        .iter()
        .filter(|table| settings.selection.has_table(&table.schema, &table.name))
        .map(|table| table.oid)
        .collect();
    let mut batches = Vec::new();
    let mut ordinal = 0;
    for table in load_tables(client, &oids).await? {
        let mut writer = TableWriter::new(&table, settings, &types)?;
        if binary {
            read_binary(client, &table, &types, &mut writer, &mut ordinal).await?;
        } else {
            read_text(client, &table, &mut writer, &mut ordinal).await?;
        }
        batches.extend(writer.take());
    }
    Ok(batches)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn from(table: &TableInfo) -> String {
    format!("FROM {}.{}", quoted(&table.schema), quoted(&table.name))
}

fn marker(row: usize, rows: usize) -> SourceInfo<'static> {
    let snapshot = if row + 1 == rows {
        SnapshotMarker::LastOfTable
    } else if row == 0 {
        SnapshotMarker::FirstOfTable
    } else {
        SnapshotMarker::Yes
    };
    SourceInfo {
        snapshot,
        lsn: 1,
        last_commit_lsn: None,
        tx_id: Some(1),
        ts_us: 1,
        now_ns: 1,
        origin: None,
        transaction: None,
    }
}

async fn read_text(
    client: &Client,
    table: &TableInfo,
    writer: &mut TableWriter,
    ordinal: &mut u64,
) -> Result<(), Box<dyn Error>> {
    let columns: Vec<String> = table.columns.iter().map(|c| quoted(&c.name)).collect();
    let answer =
        client.simple_query(&format!("SELECT {} {}", columns.join(", "), from(table))).await?;
    let rows: Vec<_> = answer
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .collect();
    for (number, row) in rows.iter().enumerate() {
        let value =
            |at| row.get(at).map_or(TupleValue::Null, |t: &str| TupleValue::Text(t.as_bytes()));
        let values: Vec<TupleValue<'_>> = (0..row.len()).map(value).collect();
        writer.read(&values, &marker(number, rows.len()), ordinal)?;
    }
    Ok(())
}

/// The bytes of any type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

async fn read_binary(
    client: &Client,
    table: &TableInfo,
    types: &Types,
    writer: &mut TableWriter,
    ordinal: &mut u64,
) -> Result<(), Box<dyn Error>> {
    let binary: Vec<bool> =
        table.columns.iter().map(|c| binary_decodable(c.type_oid, types)).collect();
    let columns: Vec<String> = table
        .columns
        .iter()
        .zip(&binary)
        .map(|(c, binary)| quoted(&c.name) + if *binary { "" } else { "::text" })
        .collect();
    let rows = client.query(&format!("SELECT {} {}", columns.join(", "), from(table)), &[]).await?;
    for (number, row) in rows.iter().enumerate() {
        let value = |at: usize| match row.get::<_, Option<Raw<'_>>>(at) {
            None => TupleValue::Null,
            Some(Raw(bytes)) if binary[at] => TupleValue::Binary(bytes),
            Some(Raw(bytes)) => TupleValue::Text(bytes),
        };
        let values: Vec<TupleValue<'_>> = (0..row.len()).map(value).collect();
        writer.read(&values, &marker(number, rows.len()), ordinal)?;
    }
    Ok(())
}
