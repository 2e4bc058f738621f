//! Reading tables out of the catalog.

use std::collections::BTreeMap;

use thalweg_core::ConnectError;
use tokio_postgres::{Client, Row};

use super::{ColumnInfo, ReplicaIdentity, TableInfo, TableKind, TableName};

/// All tables of the database that may have rows to read: not those of the
/// system, nor temporary ones.
const LIST: &str = "\
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_(catalog$|toast|temp_)' AND n.nspname <> 'information_schema'
ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\"";

const TABLES: &str = "\
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition,
  c.relreplident::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY($1)
ORDER BY n.nspname::text COLLATE \"C\", c.relname::text COLLATE \"C\"";

const COLUMNS: &str = "\
SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid, a.atttypmod,
  a.attnotnull OR (t.typtype = 'd' AND t.typnotnull),
  pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '', a.attidentity <> ''
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum";

/// Unique indexes over plain columns, in the order in which JDBC lists them.
const INDEXES: &str = "\
SELECT i.indrelid, i.indisprimary, i.indisreplident,
  ARRAY(SELECT k.attnum FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, at)
        WHERE k.at <= i.indnkeyatts ORDER BY k.at)
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = ANY($1) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
ORDER BY i.indrelid, i.indisclustered DESC, c.relname::text COLLATE \"C\"";

/// The names of all tables of the database that a source may read, ordered by
/// schema and name.
///
/// # Errors
/// Retriable, if the query fails.
pub async fn list_tables(client: &Client) -> Result<Vec<TableName>, ConnectError> {
    let rows = query(client, "list the tables", LIST, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(TableName {
                oid: cell(row, 0)?,
                schema: cell(row, 1)?,
                name: cell(row, 2)?,
                kind: kind(&cell::<String>(row, 3)?, cell(row, 4)?),
            })
        })
        .collect()
}

/// What the catalog says of these tables, ordered by schema and name. A table
/// that is gone is left out.
///
/// # Errors
/// Retriable, if a query fails.
pub async fn load_tables(client: &Client, oids: &[u32]) -> Result<Vec<TableInfo>, ConnectError> {
    let tables = query(client, "read the tables", TABLES, &[&oids]).await?;
    let columns = query(client, "read the columns", COLUMNS, &[&oids]).await?;
    let indexes = query(client, "read the indexes", INDEXES, &[&oids]).await?;
    let mut columns = columns_by_table(&columns)?;
    let indexes = indexes_by_table(&indexes)?;
    let none = Vec::new();
    tables
        .iter()
        .map(|row| {
            let oid: u32 = cell(row, 0)?;
            let columns = columns.remove(&oid).unwrap_or_default();
            table(row, oid, columns, indexes.get(&oid).unwrap_or(&none))
        })
        .collect()
}

/// What the catalog says of one table; none if it is gone.
///
/// # Errors
/// Retriable, if a query fails.
pub async fn load_table(client: &Client, oid: u32) -> Result<Option<TableInfo>, ConnectError> {
    Ok(load_tables(client, &[oid]).await?.pop())
}

type Numbered = (i16, ColumnInfo);

struct Index {
    primary: bool,
    identity: bool,
    columns: Vec<i16>,
}

fn columns_by_table(rows: &[Row]) -> Result<BTreeMap<u32, Vec<Numbered>>, ConnectError> {
    let mut all: BTreeMap<u32, Vec<Numbered>> = BTreeMap::new();
    for row in rows {
        let column = ColumnInfo {
            name: cell(row, 2)?,
            type_oid: cell(row, 3)?,
            type_modifier: cell(row, 4)?,
            not_null: cell(row, 5)?,
            default_expr: cell(row, 6)?,
            generated: cell(row, 7)?,
            identity: cell(row, 8)?,
        };
        all.entry(cell(row, 0)?).or_default().push((cell(row, 1)?, column));
    }
    Ok(all)
}

fn indexes_by_table(rows: &[Row]) -> Result<BTreeMap<u32, Vec<Index>>, ConnectError> {
    let mut all: BTreeMap<u32, Vec<Index>> = BTreeMap::new();
    for row in rows {
        let index =
            Index { primary: cell(row, 1)?, identity: cell(row, 2)?, columns: cell(row, 3)? };
        all.entry(cell(row, 0)?).or_default().push(index);
    }
    Ok(all)
}

fn table(
    row: &Row,
    oid: u32,
    columns: Vec<Numbered>,
    indexes: &[Index],
) -> Result<TableInfo, ConnectError> {
    let (numbers, columns): (Vec<i16>, Vec<ColumnInfo>) = columns.into_iter().unzip();
    // An index over an expression has the column number 0: it is no key.
    let key = |of: &dyn Fn(&&Index) -> bool| -> Vec<usize> {
        indexes
            .iter()
            .filter(of)
            .find_map(|index| {
                let at = |number| numbers.iter().position(|known| known == number);
                index.columns.iter().map(at).collect::<Option<Vec<usize>>>()
            })
            .unwrap_or_default()
    };
    let replica_identity = match cell::<String>(row, 5)?.as_str() {
        "n" => ReplicaIdentity::Nothing,
        "f" => ReplicaIdentity::Full,
        "i" => ReplicaIdentity::Index(key(&|index| index.identity)),
        _ => ReplicaIdentity::Default,
    };
    Ok(TableInfo {
        oid,
        schema: cell(row, 1)?,
        name: cell(row, 2)?,
        primary_key: key(&|index| index.primary),
        unique_key: key(&|index| !index.primary),
        columns,
        replica_identity,
        kind: kind(&cell::<String>(row, 3)?, cell(row, 4)?),
    })
}

fn kind(relkind: &str, is_partition: bool) -> TableKind {
    match (relkind, is_partition) {
        ("p", _) => TableKind::Partitioned,
        (_, true) => TableKind::Partition,
        _ => TableKind::Ordinary,
    }
}

pub(super) async fn query(
    client: &Client,
    doing: &str,
    sql: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<Row>, ConnectError> {
    client.query(sql, parameters).await.map_err(|error| {
        ConnectError::retriable(format!("cannot {doing} in the catalog: {}", text_of(&error)))
    })
}

/// What the server said, without what it was asked.
fn text_of(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |said| said.message().to_owned())
}

pub(super) fn cell<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    at: usize,
) -> Result<T, ConnectError> {
    row.try_get(at).map_err(|error| {
        ConnectError::fatal(format!("the catalog answered something unexpected: {error}"))
    })
}
