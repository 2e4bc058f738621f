//! Looking at the server before anything is started: all problems at once,
//! each with its key.

use thalweg_core::ConnectError;
use thalweg_core::config::Problem;

use super::catalog::{TableKind, TableName, list_tables};
use super::client::{Sql, failed};
use super::config::{Autocreate, Config, SnapshotMode};
use super::{publication, slot};

/// Everything that stands in the way.
pub(crate) async fn check(config: &Config) -> Vec<Problem> {
    let sql = match config.server.sql().await {
        Ok(sql) => sql,
        Err(error) => return vec![Problem::new(key_of(&error), error.to_string())],
    };
    let mut problems = Vec::new();
    let streams = config.snapshot != SnapshotMode::InitialOnly;
    let mut note = |key: &str, found: Result<Option<String>, ConnectError>| match found {
        Ok(None) => {}
        Ok(Some(message)) => problems.push(Problem::new(key, message)),
        Err(error) => problems.push(Problem::new(key, error.to_string())),
    };
    if streams {
        note("database.hostname", wal_level(&sql).await);
        note("database.user", replication_right(&sql, &config.server.user).await);
        note("slot.name", free_slot(&sql, config).await);
        note("publication.name", has_publication(&sql, config).await);
    }
    match captured(&sql, config).await {
        Ok(tables) => {
            note("table.include.list", some_table(&tables, config));
            note("table.include.list", readable(&sql, &tables, config).await);
        }
        Err(error) => note("database.dbname", Err(error)),
    }
    problems
}

/// The tables that the lists leave.
pub(crate) async fn captured(sql: &Sql, config: &Config) -> Result<Vec<TableName>, ConnectError> {
    let selection = &config.settings.selection;
    let mut tables = list_tables(sql.client()).await?;
    tables.retain(|table| selection.has_table(&table.schema, &table.name));
    Ok(tables)
}

/// Whether a table has rows of its own to read: a root where it is the root
/// that is told, leaves where not.
pub(crate) fn has_rows(table: &TableName, via_root: bool) -> bool {
    match table.kind {
        TableKind::Ordinary => true,
        TableKind::Partitioned => via_root,
        TableKind::Partition => !via_root,
    }
}

fn key_of(error: &ConnectError) -> &'static str {
    let text = error.to_string();
    let keys = ["28P01", "3D000", "28000"].iter().zip([
        "database.password",
        "database.dbname",
        "database.user",
    ]);
    let found = keys.into_iter().find(|(code, _)| text.contains(**code));
    found.map_or("database.hostname", |(_, key)| key)
}

async fn wal_level(sql: &Sql) -> Result<Option<String>, ConnectError> {
    let level: String = one(sql, "SELECT pg_catalog.current_setting('wal_level')").await?;
    Ok((level != "logical").then(|| {
        format!(
            "Postgres server wal_level property must be 'logical' but is: '{level}': set \
             wal_level=logical and restart the server"
        )
    }))
}

async fn replication_right(sql: &Sql, user: &str) -> Result<Option<String>, ConnectError> {
    // Managed servers grant it through roles of their own.
    let right: bool = one(
        sql,
        "SELECT bool_or(r.rolreplication OR r.rolsuper OR r.rolname IN ('rds_replication', \
         'azure_pg_admin', 'cloudsqlsuperuser')) FROM pg_catalog.pg_roles r \
         WHERE pg_catalog.pg_has_role(r.oid, 'MEMBER')",
    )
    .await?;
    Ok((!right).then(|| format!("user {user} may not replicate: ALTER ROLE {user} REPLICATION")))
}

async fn free_slot(sql: &Sql, config: &Config) -> Result<Option<String>, ConnectError> {
    let name = &config.slot.name;
    if let Some(found) = slot::find(sql, name).await? {
        return match slot::usable(&found, name, &config.server.database) {
            // Our own running task may be the one that reads it.
            Err(error) if found.active_pid.is_none() => Ok(Some(error.to_string())),
            _ => Ok(None),
        };
    }
    let free: bool = one(
        sql,
        "SELECT count(*) < pg_catalog.current_setting('max_replication_slots')::int8 \
         FROM pg_catalog.pg_replication_slots",
    )
    .await?;
    Ok((!free).then(|| {
        "all replication slots are taken: raise max_replication_slots, or drop one that nobody \
         uses"
            .to_owned()
    }))
}

async fn has_publication(sql: &Sql, config: &Config) -> Result<Option<String>, ConnectError> {
    let name = &config.publication.name;
    if publication::exists(sql, name).await? {
        return Ok(None);
    }
    match config.publication.autocreate {
        Autocreate::Disabled => Ok(Some(publication::missing(name).to_string())),
        Autocreate::AllTables => {
            let may: bool =
                one(sql, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")
                    .await?;
            Ok((!may).then(|| {
                format!(
                    "publication {name} does not exist, and only a superuser can create it for \
                     all tables: let one create it, or set publication.autocreate.mode=filtered"
                )
            }))
        }
        Autocreate::Filtered | Autocreate::NoTables => Ok(None),
    }
}

/// Lists that leave no table are a slip, but tables may come later.
fn some_table(tables: &[TableName], config: &Config) -> Result<Option<String>, ConnectError> {
    let via_root = config.publication.via_root;
    if tables.iter().any(|table| has_rows(table, via_root)) {
        return Ok(None);
    }
    if let Some(root) = tables.iter().find(|table| table.kind == TableKind::Partitioned) {
        return Ok(Some(format!(
            "{}.{} is partitioned, and its changes are told as those of its partitions: set \
             publish.via.partition.root=true, or list the partitions",
            root.schema, root.name
        )));
    }
    if config.publication.autocreate == Autocreate::Filtered {
        let database = &config.server.database;
        return Ok(Some(match config.settings.selection.tables_included() {
            Some(list) => format!(
                "no table of database {database} that is included matches {list}: check the names \
                 (schema.table), or create the table first"
            ),
            None => format!(
                "database {database} has no table that the include and exclude lists leave: \
                 create one first, or change the lists"
            ),
        }));
    }
    Ok(None)
}

async fn readable(
    sql: &Sql,
    tables: &[TableName],
    config: &Config,
) -> Result<Option<String>, ConnectError> {
    if config.snapshot == SnapshotMode::NoData {
        return Ok(None);
    }
    const DENIED: &str = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) \
                          FROM pg_catalog.pg_class c \
                          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                          WHERE c.oid = ANY ($1) \
                          AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') \
                          ORDER BY 1 LIMIT 5";
    let oids: Vec<u32> = tables.iter().map(|table| table.oid).collect();
    let rows = sql.client().query(DENIED, &[&oids]).await;
    let rows = rows.map_err(|error| failed(&error, "cannot look up rights on tables"))?;
    let names: Vec<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
    let user = &config.server.user;
    Ok((!names.is_empty()).then(|| {
        format!("user {user} may not read {0}: GRANT SELECT ON {0} TO {user}", names.join(", "))
    }))
}

async fn one<T>(sql: &Sql, statement: &str) -> Result<T, ConnectError>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    let doing = "cannot look at the server's settings";
    let row = sql.client().query_one(statement, &[]).await;
    row.and_then(|row| row.try_get(0)).map_err(|error| failed(&error, doing))
}
