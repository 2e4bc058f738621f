//! COPY in its binary format.

use thalweg_core::ConnectError;

use super::begin::from;
use super::key;
use crate::postgres::catalog::{TableInfo, Types};
use crate::postgres::transport::identifier;
use crate::postgres::types::{TupleValue, binary_decodable};

/// The statement that reads what is left of a table, and for each column
/// whether it comes in its binary form.
pub(super) fn statement(
    info: &TableInfo,
    after: Option<&[String]>,
    types: &Types,
) -> (String, Vec<bool>) {
    let binary: Vec<bool> = info
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let told = !info.primary_key.contains(&at) || key::has_text(column.type_oid);
            told && binary_decodable(column.type_oid, types)
        })
        .collect();
    let columns: Vec<String> = info
        .columns
        .iter()
        .zip(&binary)
        .map(|(column, &binary)| {
            let name = identifier(&column.name);
            if binary { name } else { format!("{name}::text") }
        })
        .collect();
    let (condition, order) = key::rest_of(info, after);
    let sql = format!(
        "COPY (SELECT {} FROM {} r{condition}{order}) TO STDOUT (FORMAT binary)",
        columns.join(", "),
        from(info),
    );
    (sql, binary)
}

/// Reads a row.
#[inline]
pub(super) fn values<'a>(
    row: &'a [u8],
    binary: &[bool],
    values: &mut Vec<TupleValue<'a>>,
) -> Option<()> {
    values.clear();
    let (count, mut rest) = row.split_first_chunk::<2>()?;
    if usize::from(u16::from_be_bytes(*count)) != binary.len() {
        return None;
    }
    for &binary in binary {
        let (length, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
            values.push(TupleValue::Null);
            continue;
        };
        let (value, after) = rest.split_at_checked(length)?;
        rest = after;
        values.push(if binary { TupleValue::Binary(value) } else { TupleValue::Text(value) });
    }
    rest.is_empty().then_some(())
}

/// A row that is none.
pub(super) fn malformed(info: &TableInfo) -> ConnectError {
    ConnectError::fatal(format!("COPY of {} sent a row that can't be read", info.full_name()))
}
