//! What a change of tables will do to their rows, told before it is made.

use std::sync::Arc;

use crate::schema::Schema;

/// What statements would do.
#[derive(Clone, Debug, Default)]
pub struct DdlPreview {
    /// The tables that they change and whose rows are read.
    pub tables: Vec<TablePreview>,
    /// What a person should know besides, such as a table that is not read.
    pub notes: Vec<String>,
}

/// What becomes of the rows of one table.
#[derive(Clone, Debug)]
pub struct TablePreview {
    /// The table, as lists and messages name it.
    pub table: String,
    /// Its rows as they are.
    pub before: RowSchemas,
    /// Its rows after the statements; none if there are none any more.
    pub after: Option<RowSchemas>,
}

/// Where rows go, and their schemas.
#[derive(Clone, Debug)]
pub struct RowSchemas {
    /// The topic.
    pub topic: Arc<str>,
    /// Of keys, if rows have any.
    pub key: Option<Arc<Schema>>,
    /// Of values.
    pub value: Arc<Schema>,
}
