//! What a statement would do to the rows of tables, before it is run.
//!
//! The server itself is asked: the statement runs on an empty temporary copy of
//! the table, in a transaction that is rolled back. So types, defaults and keys
//! are what they will be, and the table is not touched.

mod plain;
mod statements;

use std::sync::Arc;

use thalweg_core::ConnectError;
use thalweg_core::connector::{DdlPreview, RowSchemas, TablePreview};
use tokio_postgres::Client;

use super::catalog::{ReplicaIdentity, TableInfo, Types, load_table};
use super::client::{Sql, failed};
use super::config::Config;
use super::table::{TableSettings, TableWriter};
use super::transport::identifier;
use statements::Step;

/// Nothing that others do is waited for long, and nothing is left behind.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '20s'";

/// Tells what the statements would do.
pub(crate) async fn preview(config: &Config, sql: &str) -> Result<DdlPreview, ConnectError> {
    let steps = statements::parse(sql)?;
    let session = config.server.sql().await?;
    batch(&session, BEGIN, "cannot begin a preview").await?;
    let told = follow(session.client(), config, &steps).await;
    // The end of the session does it too, should this fail.
    drop(batch(&session, "ROLLBACK", "cannot end a preview").await);
    told
}

async fn batch(session: &Sql, sql: &str, doing: &str) -> Result<(), ConnectError> {
    session.client().batch_execute(sql).await.map_err(|error| failed(&error, doing))
}

/// A table that statements change.
struct Changed {
    was: TableInfo,
    /// Its copy; none once it is dropped.
    copy: Option<u32>,
    copy_name: String,
    name: String,
}

async fn follow(
    client: &Client,
    config: &Config,
    steps: &[Step],
) -> Result<DdlPreview, ConnectError> {
    let mut told = DdlPreview::default();
    let mut changed: Vec<Changed> = Vec::new();
    for step in steps {
        let Some(at) = find(client, &mut changed, step).await? else {
            if !step.may_be_missing() {
                return Err(ConnectError::bad_config(format!(
                    "there is no table {}: check its name, and its schema",
                    step.table()
                )));
            }
            told.notes.push(format!("there is no table {}", step.table()));
            continue;
        };
        let table = &mut changed[at];
        match step {
            Step::Rename { to, .. } => table.name.clone_from(to),
            Step::Drop { .. } => table.copy = None,
            Step::Alter(alter) if alter.operations.is_empty() => {}
            Step::Alter(alter) => {
                let statement = plain::on_table(alter, &table.copy_name).ok_or_else(|| {
                    ConnectError::bad_config(format!(
                        "this change of {} can't be followed: its names, types and constants may \
                         have letters, digits and - _ . : , + / @ only",
                        table.was.full_name()
                    ))
                })?;
                // As one statement: nothing can stand behind it.
                client.execute(&statement, &[]).await.map_err(|error| {
                    let said = failed(&error, "the server refuses it");
                    ConnectError::bad_config(format!("{}: {said}", table.was.full_name()))
                })?;
            }
        }
    }
    let types = Types::load(client).await?;
    for table in changed {
        tell(client, &config.settings, &types, table, &mut told).await?;
    }
    Ok(told)
}

/// The table of a step among those that are changed; its copy is made if it is
/// the first step that names it.
async fn find(
    client: &Client,
    changed: &mut Vec<Changed>,
    step: &Step,
) -> Result<Option<usize>, ConnectError> {
    let parts: Vec<String> =
        step.table().0.iter().filter_map(|part| part.as_ident()).map(statements::value).collect();
    // A table that was renamed by a step before is known by its new name here alone.
    let is_meant = |table: &Changed| {
        table.name != table.was.name
            && match parts.as_slice() {
                [name] => *name == table.name,
                [schema, name] => *schema == table.was.schema && *name == table.name,
                _ => false,
            }
    };
    if let Some(known) = changed.iter().position(is_meant) {
        return Ok(changed[known].copy.map(|_| known));
    }
    let name = step.table().to_string();
    let looking = |error| failed(&error, "cannot look up a table");
    let row = client.query_one("SELECT pg_catalog.to_regclass($1)::oid", &[&name]).await;
    let oid: Option<u32> = row.and_then(|row| row.try_get(0)).map_err(looking)?;
    let Some(oid) = oid else { return Ok(None) };
    if let Some(known) = changed.iter().position(|table| table.was.oid == oid) {
        let is_there =
            changed[known].copy.is_some() && changed[known].name == changed[known].was.name;
        return Ok(is_there.then_some(known));
    }
    let Some(was) = load_table(client, oid).await? else {
        return Ok(None);
    };
    let copy_name = format!("thalweg_preview_{}", changed.len());
    let copying = format!(
        "CREATE TEMPORARY TABLE {} (LIKE {}.{} INCLUDING ALL)",
        identifier(&copy_name),
        identifier(&was.schema),
        identifier(&was.name)
    );
    client
        .batch_execute(&copying)
        .await
        .map_err(|error| failed(&error, "cannot make a temporary copy of the table"))?;
    let row = client
        .query_one("SELECT ('pg_temp.' || $1)::regclass::oid", &[&copy_name])
        .await
        .map_err(looking)?;
    let copy = Some(row.try_get(0).map_err(looking)?);
    changed.push(Changed { name: was.name.clone(), was, copy, copy_name });
    Ok(Some(changed.len() - 1))
}

async fn tell(
    client: &Client,
    settings: &Arc<TableSettings>,
    types: &Types,
    table: Changed,
    told: &mut DdlPreview,
) -> Result<(), ConnectError> {
    let Changed { was, copy, name, .. } = table;
    let full_name = was.full_name();
    if !settings.selection.has_table(&was.schema, &was.name) {
        told.notes.push(format!("{full_name} is not read by this connector"));
        return Ok(());
    }
    let after = match copy {
        None => None,
        Some(copy) => load_table(client, copy).await?.map(|copy| TableInfo {
            oid: was.oid,
            schema: was.schema.clone(),
            name: name.clone(),
            kind: was.kind,
            replica_identity: identity(&was, &copy),
            ..copy
        }),
    };
    let after = match after {
        Some(after) if !settings.selection.has_table(&after.schema, &after.name) => {
            told.notes.push(format!(
                "{} will not be read by this connector: its lists leave that name out",
                after.full_name()
            ));
            None
        }
        Some(after) => Some(schemas(&after, settings, types)?),
        None => None,
    };
    let before = schemas(&was, settings, types)?;
    told.tables.push(TablePreview { table: full_name, before, after });
    Ok(())
}

/// The table's replica identity in its copy, which has none of its own.
fn identity(was: &TableInfo, copy: &TableInfo) -> ReplicaIdentity {
    match &was.replica_identity {
        ReplicaIdentity::Index(columns) => {
            let place = |at: &usize| {
                let name = &was.columns.get(*at)?.name;
                copy.columns.iter().position(|column| column.name == *name)
            };
            ReplicaIdentity::Index(columns.iter().filter_map(place).collect())
        }
        other => other.clone(),
    }
}

fn schemas(
    table: &TableInfo,
    settings: &Arc<TableSettings>,
    types: &Types,
) -> Result<RowSchemas, ConnectError> {
    TableWriter::new(table, settings, types).map(|writer| writer.schemas())
}
