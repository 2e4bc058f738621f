//! Making schemas.

use std::sync::Arc;

use super::{Field, Kind, Schema, Value, id};

/// Makes a [`Schema`].
///
/// ```
/// use thalweg_core::schema::SchemaBuilder;
/// let row = SchemaBuilder::structure()
///     .name("shop.public.orders.Key")
///     .field("id", SchemaBuilder::int32().build())
///     .field("note", SchemaBuilder::string().optional().build())
///     .build();
/// assert_eq!(row.fields().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct SchemaBuilder {
    kind: Kind,
    optional: bool,
    name: Option<Arc<str>>,
    version: Option<i32>,
    doc: Option<Arc<str>>,
    parameters: Vec<(Arc<str>, Arc<str>)>,
    default: Option<Value>,
}

macro_rules! constructors {
    ($($function:ident => $kind:ident, $what:literal;)*) => {
        $(
            #[doc = concat!("A schema of ", $what, ".")]
            #[must_use]
            pub fn $function() -> Self {
                Self::of(Kind::$kind)
            }
        )*
    };
}

impl SchemaBuilder {
    /// A schema of this kind.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            optional: false,
            name: None,
            version: None,
            doc: None,
            parameters: Vec::new(),
            default: None,
        }
    }

    constructors! {
        boolean => Boolean, "booleans";
        int8 => Int8, "8-bit integers";
        int16 => Int16, "16-bit integers";
        int32 => Int32, "32-bit integers";
        int64 => Int64, "64-bit integers";
        float32 => Float32, "32-bit floats";
        float64 => Float64, "64-bit floats";
        string => String, "text";
        bytes => Bytes, "bytes";
        json => Json, "JSON values without a schema";
    }

    /// A struct without fields yet.
    #[must_use]
    pub fn structure() -> Self {
        Self::of(Kind::Struct(Vec::new()))
    }

    /// A list of elements of this schema.
    #[must_use]
    pub fn array(element: Arc<Schema>) -> Self {
        Self::of(Kind::Array(element))
    }

    /// A map of these keys and values.
    #[must_use]
    pub fn map(key: Arc<Schema>, value: Arc<Schema>) -> Self {
        Self::of(Kind::Map(key, value))
    }

    /// A copy of a schema, to be changed.
    #[must_use]
    pub fn from_schema(schema: &Schema) -> Self {
        Self {
            kind: schema.kind.clone(),
            optional: schema.optional,
            name: schema.name.clone(),
            version: schema.version,
            doc: schema.doc.clone(),
            parameters: schema.parameters.clone(),
            default: schema.default.clone(),
        }
    }

    /// Another shape; all else stays.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Null is a value of it.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Null is a value of it, or not.
    #[must_use]
    pub fn optional_if(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }

    /// Its (logical) name.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The version of its name.
    #[must_use]
    pub fn version(mut self, version: i32) -> Self {
        self.version = Some(version);
        self
    }

    /// What people say of it.
    #[must_use]
    pub fn doc(mut self, doc: impl Into<Arc<str>>) -> Self {
        self.doc = Some(doc.into());
        self
    }

    /// One more parameter.
    #[must_use]
    pub fn parameter(mut self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.parameters.push((key.into(), value.into()));
        self
    }

    /// Its default value.
    #[must_use]
    pub fn default_value(mut self, value: Value) -> Self {
        self.default = Some(value);
        self
    }

    /// Without a default value.
    #[must_use]
    pub fn without_default(mut self) -> Self {
        self.default = None;
        self
    }

    /// One more field. Only structs have fields: elsewhere this changes nothing.
    #[must_use]
    pub fn field(mut self, name: impl Into<Arc<str>>, schema: Arc<Schema>) -> Self {
        if let Kind::Struct(fields) = &mut self.kind {
            fields.push(Field { name: name.into(), schema });
        }
        self
    }

    /// The schema.
    #[must_use]
    pub fn build(self) -> Arc<Schema> {
        let mut schema = Schema {
            kind: self.kind,
            optional: self.optional,
            name: self.name,
            version: self.version,
            doc: self.doc,
            parameters: self.parameters,
            default: self.default,
            id: id::SchemaId::NONE,
        };
        schema.id = id::of(&schema);
        Arc::new(schema)
    }
}
