//! Schemas of rows: Kafka Connect's model.
//!
//! A [`Schema`] is immutable and shared (`Arc`). Its [`SchemaId`] is a hash of
//! all it says, so two schemas that say the same have the same id, in this run
//! and the next: plans are cached by it.

mod build;
mod id;
mod value;

use std::sync::Arc;

pub use build::SchemaBuilder;
pub use id::SchemaId;
pub use value::Value;

/// The shape of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// 8-bit signed integer.
    Int8,
    /// 16-bit signed integer.
    Int16,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// 32-bit float.
    Float32,
    /// 64-bit float.
    Float64,
    /// UTF-8 text.
    String,
    /// Bytes.
    Bytes,
    /// Named fields, in order.
    Struct(Vec<Field>),
    /// A list of values of one schema.
    Array(Arc<Schema>),
    /// Keys to values.
    Map(Arc<Schema>, Arc<Schema>),
    /// A value that came without a schema: one JSON text, kept as it came.
    Json,
}

impl Kind {
    /// Its name in Connect's own words.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float32 => "float",
            Self::Float64 => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Struct(_) => "struct",
            Self::Array(_) => "array",
            Self::Map(..) => "map",
            Self::Json => "json",
        }
    }
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// Its schema.
    pub schema: Arc<Schema>,
}

/// The schema of a value: Connect's model. Made by [`SchemaBuilder`].
#[derive(Debug)]
pub struct Schema {
    kind: Kind,
    optional: bool,
    name: Option<Arc<str>>,
    version: Option<i32>,
    doc: Option<Arc<str>>,
    parameters: Vec<(Arc<str>, Arc<str>)>,
    default: Option<Value>,
    id: SchemaId,
}

impl Schema {
    /// Its shape.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Whether null is a value of it.
    #[must_use]
    pub fn optional(&self) -> bool {
        self.optional
    }

    /// Its (logical) name, such as `io.debezium.time.Date`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The version of its name.
    #[must_use]
    pub fn version(&self) -> Option<i32> {
        self.version
    }

    /// What people say of it.
    #[must_use]
    pub fn doc(&self) -> Option<&str> {
        self.doc.as_deref()
    }

    /// Its parameters, in order (`scale`, `allowed`, ...).
    #[must_use]
    pub fn parameters(&self) -> &[(Arc<str>, Arc<str>)] {
        &self.parameters
    }

    /// The parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    /// Its default value.
    #[must_use]
    pub fn default_value(&self) -> Option<&Value> {
        self.default.as_ref()
    }

    /// Its identity.
    #[must_use]
    pub fn id(&self) -> SchemaId {
        self.id
    }

    /// The fields of a struct; none for any other kind.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            Kind::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| &*field.name == name)
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Schema {}

#[cfg(test)]
mod tests;
