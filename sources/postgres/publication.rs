//! The publication: which tables the server sends.

use thalweg_core::connector::Notes;
use thalweg_core::{ConnectError, ErrorKind};
use tokio_postgres::error::SqlState;

use super::catalog::{TableKind, TableName};
use super::client::{Sql, failed};
use super::config::{Autocreate, PublicationConfig};
use super::transport::identifier;

/// Makes sure that there is one, as the config says.
pub(crate) async fn ensure(
    sql: &Sql,
    config: &PublicationConfig,
    captured: &[TableName],
    notes: &Notes,
) -> Result<(), ConnectError> {
    let exists = exists(sql, &config.name).await?;
    let name = identifier(&config.name);
    let root = if config.via_root { " WITH (publish_via_partition_root = true)" } else { "" };
    let statement = match (config.autocreate, exists) {
        (Autocreate::Filtered, exists) => {
            let tables = listed(captured, config.via_root);
            if tables.is_empty() {
                return Err(ConnectError::bad_config(format!(
                    "publication.autocreate.mode=filtered: the include and exclude lists leave no \
                     table for publication {}",
                    config.name
                )));
            }
            if exists {
                let left_out = left_out(sql, &config.name, captured, config.via_root).await?;
                let Some(left_out) = left_out else { return Ok(()) };
                if !left_out.is_empty() {
                    let (publication, tables) = (&config.name, left_out.join(", "));
                    tracing::warn!(
                        publication,
                        tables,
                        "taken out of the publication: another connector that uses it would miss \
                         their changes; give each one a publication.name of its own"
                    );
                    notes.set(
                        "shared publication",
                        format!(
                            "publication {publication} had {tables} too, and has them no more: \
                             another connector that uses it misses their changes. Give each \
                             connector a publication.name of its own"
                        ),
                    );
                }
                format!("ALTER PUBLICATION {name} SET TABLE {tables}")
            } else {
                format!("CREATE PUBLICATION {name} FOR TABLE {tables}{root}")
            }
        }
        (_, true) => return Ok(()),
        (Autocreate::AllTables, false) => format!("CREATE PUBLICATION {name} FOR ALL TABLES{root}"),
        (Autocreate::NoTables, false) => format!("CREATE PUBLICATION {name}{root}"),
        (Autocreate::Disabled, false) => return Err(missing(&config.name)),
    };
    sql.client().batch_execute(&statement).await.map_err(|error| {
        let advice = match error.code().map(SqlState::code) {
            Some("42501") => {
                "; let a superuser create it and set publication.autocreate.mode=disabled, or set \
                 it to filtered and make the user owner of the tables"
            }
            _ => "",
        };
        let is_there = error.code() == Some(&SqlState::DUPLICATE_OBJECT);
        let error = failed(&error, &format!("cannot create publication {}", config.name));
        // Another connector made it just now: the next try finds it.
        let kind = if is_there { ErrorKind::Retriable } else { error.kind() };
        ConnectError::new(kind, format!("{error}{advice}"))
    })
}

/// There is none, and none is to be made.
pub(crate) fn missing(name: &str) -> ConnectError {
    ConnectError::bad_config(format!(
        "publication.name: publication {name} does not exist, and publication.autocreate.mode is \
         disabled: create it with CREATE PUBLICATION {} FOR ALL TABLES",
        identifier(name)
    ))
}

/// Whether there is one of this name.
pub(crate) async fn exists(sql: &Sql, name: &str) -> Result<bool, ConnectError> {
    const FIND: &str = "SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = $1";
    let doing = format!("cannot look up publication {name}");
    let found = sql.client().query_opt(FIND, &[&name]).await;
    Ok(found.map_err(|error| failed(&error, &doing))?.is_some())
}

/// The tables that it sends: schema and name.
pub(crate) async fn tables(sql: &Sql, name: &str) -> Result<Vec<(String, String)>, ConnectError> {
    const TABLES: &str = "SELECT schemaname::text, tablename::text \
                          FROM pg_catalog.pg_publication_tables WHERE pubname = $1 ORDER BY 1, 2";
    let doing = format!("cannot list the tables of publication {name}");
    let rows =
        sql.client().query(TABLES, &[&name]).await.map_err(|error| failed(&error, &doing))?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<_, tokio_postgres::Error>>()
        .map_err(|error| failed(&error, &doing))
}

/// The tables that it has and that are not to be sent; none if it has just
/// those that are to be sent.
async fn left_out(
    sql: &Sql,
    name: &str,
    captured: &[TableName],
    via_root: bool,
) -> Result<Option<Vec<String>>, ConnectError> {
    let mut wanted: Vec<(String, String)> =
        named(captured, via_root).map(|table| (table.schema.clone(), table.name.clone())).collect();
    wanted.sort();
    let has = tables(sql, name).await?;
    if has == wanted {
        return Ok(None);
    }
    let left_out = has.iter().filter(|table| wanted.binary_search(table).is_err());
    Ok(Some(left_out.map(|(schema, name)| format!("{schema}.{name}")).collect()))
}

/// The tables to name: a root stands for its partitions where it is the root
/// that is told.
fn named(captured: &[TableName], via_root: bool) -> impl Iterator<Item = &TableName> {
    captured.iter().filter(move |table| match table.kind {
        TableKind::Ordinary => true,
        TableKind::Partitioned => via_root,
        TableKind::Partition => !via_root,
    })
}

fn listed(captured: &[TableName], via_root: bool) -> String {
    let names: Vec<String> = named(captured, via_root)
        .map(|table| format!("{}.{}", identifier(&table.schema), identifier(&table.name)))
        .collect();
    names.join(", ")
}
