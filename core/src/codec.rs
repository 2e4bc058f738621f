//! What the Avro and the JSON codec share: their errors, and what stands in the
//! log for a value that the source did not send.

use crate::batch::{Layout, NodeId};
use crate::schema::{Kind, Schema, Value};

/// Debezium's text for a value that the source did not send.
pub const UNAVAILABLE_PLACEHOLDER: &str = "__debezium_unavailable_value";

/// Deepest nesting of a schema or value that codecs take (invariant 7).
pub const DEPTH_MAX: usize = 100;

/// Most nodes (fields, elements, branches) that a schema from outside may have
/// with all its references written out (invariant 7).
pub const NODES_MAX: usize = 50_000;

/// A schema that a codec can't use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", place(.path))]
pub struct SchemaError {
    /// The path of field names down to what is wrong; empty for the root.
    pub path: String,
    /// What is wrong and what to do.
    pub reason: String,
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}: ") }
}

impl SchemaError {
    /// An error about the schema as a whole.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    /// The same error, seen from the struct that has this field.
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        self.path =
            if self.path.is_empty() { field.to_owned() } else { format!("{field}.{}", self.path) };
        self
    }
}

/// A row that can't be written. Names the field, never its value (invariant 8).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field {field}: {problem}")]
pub struct EncodeError {
    /// The path of field names.
    pub field: String,
    /// What is wrong.
    pub problem: EncodeProblem,
}

/// Why a field can't be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeProblem {
    /// Null in a field that is neither optional nor has a default.
    #[error("it is null, and its schema is neither optional nor has a default")]
    Null,
    /// A value that the source did not send, of a type without a placeholder.
    #[error(
        "the source did not send it (unchanged TOAST), and its type has no placeholder: set \
         REPLICA IDENTITY FULL on the table"
    )]
    Unavailable,
    /// A cell that is not of the schema's type.
    #[error("its value is not of the type that its schema says")]
    WrongType,
    /// An integer outside the schema's type.
    #[error("its value is out of the range of its type")]
    OutOfRange,
    /// A union without a value, or with several.
    #[error("not exactly one branch of the union has a value")]
    NotOneBranch,
}

/// Bytes that can't be read. Names the place, never a value (invariant 8).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}, at byte {at}", place(.field))]
pub struct DecodeError {
    /// The path of field names; empty for the root.
    pub field: String,
    /// Where in the bytes.
    pub at: usize,
    /// What is wrong.
    pub problem: DecodeProblem,
}

/// Why bytes can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeProblem {
    /// The bytes end too early.
    #[error("the record ends in the middle of a value")]
    Truncated,
    /// More bytes than the schema accounts for.
    #[error("there are bytes left over after the last field")]
    LeftOver,
    /// A length below zero, beyond the record's end or beyond all limits.
    #[error("a length or count is negative or too large")]
    BadLength,
    /// A number that is too long or out of the type's range.
    #[error("a number is out of the range of its type")]
    OutOfRange,
    /// A union branch or enum symbol that there is not.
    #[error("there is no such union branch or enum symbol")]
    NoSuchBranch,
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    NotText,
    /// Bytes that are not JSON.
    #[error("this is not JSON")]
    NotJson,
    /// A value of another type than the schema's.
    #[error("the value is not of the type that the schema says")]
    WrongType,
    /// Null, or nothing, where there must be a value.
    #[error("there is no value, and the schema is neither optional nor has a default")]
    Missing,
    /// A field that is there twice.
    #[error("the field is there twice")]
    Twice,
    /// Nested too deeply.
    #[error("values are nested too deeply")]
    TooDeep,
    /// No room in the batch: its text passed 4 GiB.
    #[error("the batch has no room for the value")]
    Full,
}

/// The path of field names down to a node.
pub(crate) fn path_of(layout: &Layout, node: NodeId) -> String {
    let mut names = Vec::new();
    let mut at = Some(node);
    while let Some(id) = at {
        let node = layout.node(id);
        if !node.name.is_empty() {
            names.push(&*node.name);
        }
        at = node.parent;
    }
    names.reverse();
    names.join(".")
}

/// A path within a path.
pub(crate) fn join(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        ("", inner) => inner.to_owned(),
        (outer, "") => outer.to_owned(),
        (outer, inner) => format!("{outer}.{inner}"),
    }
}

/// What Debezium writes in a field whose value the source did not send. None
/// for types that are never left out of a row.
pub(crate) fn placeholder(schema: &Schema, text: &str) -> Option<Value> {
    let words = || Value::Text(text.to_owned());
    match schema.kind() {
        Kind::String => Some(words()),
        Kind::Bytes => Some(Value::Bytes(text.as_bytes().to_vec())),
        Kind::Array(element) => match element.kind() {
            Kind::String => Some(Value::List(vec![words()])),
            // Debezium spells the text in the elements' numbers.
            Kind::Int32 | Kind::Int64 => {
                Some(Value::List(text.bytes().map(|byte| Value::Int(byte.into())).collect()))
            }
            _ => None,
        },
        Kind::Map(key, value) => match (key.kind(), value.kind()) {
            (Kind::String, Kind::String) => Some(Value::Map(vec![(words(), words())])),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod samples;
