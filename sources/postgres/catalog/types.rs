//! The types of a database.

use std::collections::HashMap;
use std::sync::Arc;

use thalweg_core::ConnectError;
use tokio_postgres::Client;

use super::queries::{cell, query};

/// What a type is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeKind {
    /// A scalar.
    Base,
    /// One of these labels, in their order.
    Enum(Vec<Arc<str>>),
    /// Another type, with a modifier of its own (-1 if none).
    Domain {
        /// The other type.
        base: u32,
        /// Its modifier.
        modifier: i32,
    },
    /// An array of this type.
    Array(u32),
    /// A range or multirange.
    Range,
    /// A row type.
    Composite,
    /// Anything else.
    Other,
}

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeInfo {
    /// Its name, without its schema.
    pub name: Arc<str>,
    /// What it is.
    pub kind: TypeKind,
    /// What parts values of it in the text of an array: `,` but for a few.
    pub delimiter: u8,
}

/// All types of a database, by object id.
#[derive(Clone, Debug, Default)]
pub struct Types {
    by_oid: HashMap<u32, TypeInfo>,
}

/// Row types of tables, and arrays of these, are left out: there may be a
/// great many of them, and a column of such a type is read as text.
const TYPES: &str = "\
SELECT t.oid, t.typname::text, t.typtype::text, t.typelem, t.typlen, t.typcategory::text,
  t.typbasetype, t.typtypmod, t.typdelim::text
FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
  LEFT JOIN pg_catalog.pg_class ec ON ec.oid = e.typrelid
WHERE coalesce(c.relkind, 'c') = 'c' AND coalesce(ec.relkind, 'c') = 'c'";

const LABELS: &str = "\
SELECT enumtypid, enumlabel::text FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder";

impl Types {
    /// Reads all types of the database. Read them again when a column has a
    /// type that is not among them.
    ///
    /// # Errors
    /// Retriable, if a query fails.
    pub async fn load(client: &Client) -> Result<Self, ConnectError> {
        let rows = query(client, "read the types", TYPES, &[]).await?;
        let mut labels: HashMap<u32, Vec<Arc<str>>> = HashMap::new();
        for row in &query(client, "read the labels of enums", LABELS, &[]).await? {
            labels.entry(cell(row, 0)?).or_default().push(cell::<&str>(row, 1)?.into());
        }
        let mut by_oid = HashMap::with_capacity(rows.len());
        for row in &rows {
            let oid: u32 = cell(row, 0)?;
            let element: u32 = cell(row, 3)?;
            let length: i16 = cell(row, 4)?;
            let kind = match (cell::<&str>(row, 2)?, cell::<&str>(row, 5)?) {
                ("e", _) => TypeKind::Enum(labels.remove(&oid).unwrap_or_default()),
                ("d", _) => TypeKind::Domain { base: cell(row, 6)?, modifier: cell(row, 7)? },
                ("r" | "m", _) => TypeKind::Range,
                ("c", _) => TypeKind::Composite,
                // int2vector and oidvector are no arrays to the outside.
                ("b", "A") if element != 0 && length == -1 && !matches!(oid, 22 | 30) => {
                    TypeKind::Array(element)
                }
                ("b", _) => TypeKind::Base,
                _ => TypeKind::Other,
            };
            let delimiter = cell::<&str>(row, 8)?.bytes().next().unwrap_or(b',');
            by_oid.insert(oid, TypeInfo { name: cell::<&str>(row, 1)?.into(), kind, delimiter });
        }
        Ok(Self { by_oid })
    }

    /// These, without asking a server.
    #[cfg(test)]
    pub(crate) fn of(types: impl IntoIterator<Item = (u32, TypeInfo)>) -> Self {
        Self { by_oid: types.into_iter().collect() }
    }

    /// Whether a type is known; if not, load again.
    #[must_use]
    pub fn knows(&self, oid: u32) -> bool {
        self.by_oid.contains_key(&oid)
    }

    /// A type.
    #[must_use]
    pub fn get(&self, oid: u32) -> Option<&TypeInfo> {
        self.by_oid.get(&oid)
    }

    /// The type behind domains, with the modifier that counts.
    #[must_use]
    pub fn resolve(&self, oid: u32, modifier: i32) -> (u32, i32) {
        let mut at = (oid, modifier);
        // Domains can't be cyclic; the bound is for a catalog that lies.
        for _ in 0..64 {
            let Some(TypeInfo { kind: TypeKind::Domain { base, modifier }, .. }) = self.get(at.0)
            else {
                break;
            };
            at = (*base, if *modifier == -1 { at.1 } else { *modifier });
        }
        at
    }
}
