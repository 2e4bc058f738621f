//! Why a text is not an Avro schema.

/// Why a text is not an Avro schema, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at {path})")]
pub struct SchemaError {
    path: String,
    reason: String,
}

impl SchemaError {
    pub(crate) fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        let path = path.into();
        Self { path: if path.is_empty() { "/".to_owned() } else { path }, reason: reason.into() }
    }

    /// Where: a JSON pointer into the schema (`/fields/1/type`), or line and column
    /// where the text is not JSON.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong, and what is expected.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
