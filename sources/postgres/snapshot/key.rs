//! Primary keys as text, and their order.

use std::cmp::Ordering;

use thalweg_core::ConnectError;

use super::progress::Chunk;
use crate::postgres::catalog::{TableInfo, load_table};
use crate::postgres::client::{Sql, failed};
use crate::postgres::transport::{identifier, literal};
use crate::postgres::types::TupleValue;

/// How a column of a key is made text and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    /// A whole number of this many bytes.
    Int,
    /// A UUID.
    Uuid,
    /// Text: only the server knows its order.
    Text,
    /// Anything else: only the server knows its text, and its order.
    Other,
}

fn kind(type_oid: u32) -> KeyKind {
    match type_oid {
        20 | 21 | 23 => KeyKind::Int,
        2950 => KeyKind::Uuid,
        19 | 25 | 1042 | 1043 => KeyKind::Text,
        _ => KeyKind::Other,
    }
}

/// Whether the text of such a key is told from its binary form here.
pub(super) fn has_text(type_oid: u32) -> bool {
    kind(type_oid) != KeyKind::Other
}

/// Whether all keys of a table are told from their binary form here.
pub(crate) fn all_have_text(table: &TableInfo) -> bool {
    table.primary_key.iter().all(|&at| has_text(table.columns[at].type_oid))
}

/// The texts of a row's primary key. None if a value is not there, or in a
/// binary form that is not told here.
pub(crate) fn key_texts(table: &TableInfo, row: &[TupleValue<'_>]) -> Option<Vec<String>> {
    let text = |&at: &usize| text_of(kind(table.columns.get(at)?.type_oid), *row.get(at)?);
    table.primary_key.iter().map(text).collect()
}

fn text_of(kind: KeyKind, value: TupleValue<'_>) -> Option<String> {
    let bytes = match value {
        TupleValue::Text(text) => return Some(std::str::from_utf8(text).ok()?.to_owned()),
        TupleValue::Binary(bytes) => bytes,
        TupleValue::Null | TupleValue::Unchanged => return None,
    };
    match (kind, bytes.len()) {
        (KeyKind::Int, 2) => Some(i16::from_be_bytes(*bytes.first_chunk()?).to_string()),
        (KeyKind::Int, 4) => Some(i32::from_be_bytes(*bytes.first_chunk()?).to_string()),
        (KeyKind::Int, 8) => Some(i64::from_be_bytes(*bytes.first_chunk()?).to_string()),
        (KeyKind::Uuid, 16) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
            Some(parts.join("-"))
        }
        (KeyKind::Text, _) => Some(std::str::from_utf8(bytes).ok()?.to_owned()),
        _ => None,
    }
}

/// The condition and order of what is left of a table `r`, for its SELECT. A
/// bare name in ORDER BY would mean the output column: a text, if it is cast.
pub(super) fn rest_of(table: &TableInfo, after: Option<&[String]>) -> (String, String) {
    let name = |&at: &usize| format!("r.{}", identifier(&table.columns[at].name));
    let names: Vec<String> = table.primary_key.iter().map(name).collect();
    let names = names.join(", ");
    if names.is_empty() {
        return (String::new(), String::new());
    }
    let condition = after.map_or(String::new(), |key| {
        let values: Vec<String> = key.iter().map(|text| literal(text)).collect();
        format!(" WHERE ({names}) > ({})", values.join(", "))
    });
    (condition, format!(" ORDER BY {names}"))
}

/// The snapshot of the chunk that holds a key; none if no chunk does, or that
/// can't be told any more: better twice than not at all. The server is asked
/// where its order is not known here.
pub(crate) async fn chunk_of(
    sql: &Sql,
    table: &TableInfo,
    chunks: &[Chunk],
    key: &[String],
) -> Result<Option<usize>, ConnectError> {
    for chunk in chunks {
        let Some(upto) = &chunk.upto else { return Ok(Some(chunk.view)) };
        let order = match local_order(table, key, upto) {
            Some(order) => order,
            None => match server_order(sql, table, key, upto).await? {
                Some(order) => order,
                None => {
                    let table = table.full_name();
                    tracing::warn!(
                        table,
                        "the table is gone or has another key: some of its last changes may come \
                         twice"
                    );
                    return Ok(None);
                }
            },
        };
        if order != Ordering::Greater {
            return Ok(Some(chunk.view));
        }
    }
    Ok(None)
}

/// The order of two keys, where it is known here.
pub(super) fn local_order(table: &TableInfo, a: &[String], b: &[String]) -> Option<Ordering> {
    let mut order = Ordering::Equal;
    for ((&at, a), b) in table.primary_key.iter().zip(a).zip(b) {
        order = order.then(match kind(table.columns.get(at)?.type_oid) {
            KeyKind::Int => a.parse::<i64>().ok()?.cmp(&b.parse::<i64>().ok()?),
            KeyKind::Uuid => a.cmp(b),
            KeyKind::Text | KeyKind::Other => return None,
        });
    }
    Some(order)
}

/// The order of two keys by the server: types and collations are those of the
/// table's columns. None if they can't be compared any more: the table is gone,
/// or its key is another one.
async fn server_order(
    sql: &Sql,
    table: &TableInfo,
    a: &[String],
    b: &[String],
) -> Result<Option<Ordering>, ConnectError> {
    let failed = |error| failed(&error, &format!("cannot compare keys of {}", table.full_name()));
    match ask_order(sql, table, a, b).await {
        Err(error) if is_changed(&error) => {}
        answer => return answer.map(Some).map_err(failed),
    }
    // Changes of before a rename come with the old names.
    let now = load_table(sql.client(), table.oid).await?;
    let width = table.primary_key.len();
    let Some(now) = now.filter(|now| now.primary_key.len() == width) else { return Ok(None) };
    match ask_order(sql, &now, a, b).await {
        Err(error) if is_changed(&error) => Ok(None),
        answer => answer.map(Some).map_err(failed),
    }
}

/// Whether a comparison failed because the table is not what it was: no such
/// table, column, operator or common type, or a value that its type refuses.
fn is_changed(error: &tokio_postgres::Error) -> bool {
    let code = error.code().map(tokio_postgres::error::SqlState::code);
    let gone = ["42P01", "3F000", "42703", "42883", "42804"];
    code.is_some_and(|code| gone.contains(&code) || code.starts_with("22"))
}

async fn ask_order(
    sql: &Sql,
    table: &TableInfo,
    a: &[String],
    b: &[String],
) -> Result<Ordering, tokio_postgres::Error> {
    let names: Vec<String> =
        table.primary_key.iter().map(|&at| identifier(&table.columns[at].name)).collect();
    let values = |key: &[String]| {
        let values: Vec<String> = key.iter().map(|text| literal(text)).collect();
        values.join(", ")
    };
    let names = names.join(", ");
    let statement = format!(
        "SELECT ({names}) <= ({}) FROM (SELECT {names} FROM {}.{} WHERE false UNION ALL \
         SELECT {}) k",
        values(b),
        identifier(&table.schema),
        identifier(&table.name),
        values(a),
    );
    let before: bool = sql.client().query_one(&statement, &[]).await?.try_get(0)?;
    Ok(if before { Ordering::Less } else { Ordering::Greater })
}
