//! A parsed schema and the ways to walk it.

use std::collections::HashMap;

use super::json::Json;
use super::name::Name;

/// A parsed Avro schema. It owns all of its types; [`Node`]s are places in it. Types that
/// refer to each other, or to themselves, are one node each, so a walk over a recursive
/// type must remember the [`NodeId`]s that it has seen.
#[derive(Clone, Debug)]
pub struct Schema {
    pub(super) nodes: Vec<NodeData>,
    pub(super) root: u32,
    /// Nodes before this one come from referenced schemas.
    pub(super) own_from: u32,
}

#[derive(Clone, Debug)]
pub(super) struct NodeData {
    pub(super) shape: Shape,
    pub(super) props: Props,
}

pub(super) type Props = Vec<(Box<str>, Json)>;

#[derive(Clone, Debug)]
pub(super) enum Shape {
    Primitive(Kind),
    Record(Box<RecordData>),
    Enum(Box<EnumData>),
    Fixed(Box<FixedData>),
    Array(u32),
    Map(u32),
    Union(Vec<u32>),
    /// A name that is not defined yet. None is left in a finished schema.
    Missing,
}

#[derive(Clone, Debug)]
pub(super) struct Naming {
    pub(super) name: Name,
    pub(super) doc: Option<Box<str>>,
    pub(super) aliases: Vec<Name>,
}

#[derive(Clone, Debug)]
pub(super) struct RecordData {
    pub(super) naming: Naming,
    pub(super) error: bool,
    pub(super) fields: Vec<FieldData>,
    /// Place of a field by its name.
    pub(super) places: HashMap<Box<str>, usize>,
}

#[derive(Clone, Debug)]
pub(super) struct EnumData {
    pub(super) naming: Naming,
    pub(super) symbols: Vec<Box<str>>,
    pub(super) default: Option<Box<str>>,
}

#[derive(Clone, Debug)]
pub(super) struct FixedData {
    pub(super) naming: Naming,
    pub(super) size: u32,
}

#[derive(Clone, Debug)]
pub(super) struct FieldData {
    pub(super) name: Box<str>,
    pub(super) doc: Option<Box<str>>,
    pub(super) node: u32,
    pub(super) default: Option<Json>,
    pub(super) order: Order,
    pub(super) aliases: Vec<Box<str>>,
    pub(super) props: Props,
}

/// The kinds of Avro types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the Avro specification")]
pub enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Record,
    Enum,
    Fixed,
    Array,
    Map,
    Union,
}

impl Kind {
    /// As a schema writes it: `int`, `record`, ...
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Record => "record",
            Self::Enum => "enum",
            Self::Fixed => "fixed",
            Self::Array => "array",
            Self::Map => "map",
            Self::Union => "union",
        }
    }

    /// The primitive type of this name.
    #[must_use]
    pub fn primitive(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "bytes" => Self::Bytes,
            "string" => Self::String,
            _ => return None,
        })
    }

    /// Whether it is a primitive type.
    #[must_use]
    pub fn is_primitive(self) -> bool {
        Self::primitive(self.name()).is_some()
    }
}

/// How a field takes part in the order of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the Avro specification")]
pub enum Order {
    #[default]
    Ascending,
    Descending,
    Ignore,
}

impl Order {
    /// As a schema writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
            Self::Ignore => "ignore",
        }
    }
}

/// Which node of its schema: the same for every reference to one named type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl Schema {
    /// The type that the schema is about.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        Node { schema: self, index: self.root }
    }

    /// The type with this id, which must be one of this schema's.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node { schema: self, index: id.0 }
    }

    /// How many types it has; [`NodeId`]s are below it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never: a schema has at least its root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(super) fn data(&self, index: u32) -> &NodeData {
        &self.nodes[index as usize]
    }
}

/// A type within a [`Schema`]. References to named types are followed: a node is always
/// the type itself.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    pub(super) schema: &'a Schema,
    pub(super) index: u32,
}

impl<'a> Node<'a> {
    pub(super) fn data(self) -> &'a NodeData {
        self.schema.data(self.index)
    }

    fn at(self, index: u32) -> Self {
        Node { schema: self.schema, index }
    }

    fn naming(self) -> Option<&'a Naming> {
        match &self.data().shape {
            Shape::Record(record) => Some(&record.naming),
            Shape::Enum(data) => Some(&data.naming),
            Shape::Fixed(fixed) => Some(&fixed.naming),
            _ => None,
        }
    }

    /// The schema that it is a part of.
    #[must_use]
    pub fn schema(self) -> &'a Schema {
        self.schema
    }

    /// Which node of the schema it is.
    #[must_use]
    pub fn id(self) -> NodeId {
        NodeId(self.index)
    }

    /// Its kind.
    #[must_use]
    pub fn kind(self) -> Kind {
        match &self.data().shape {
            Shape::Primitive(kind) => *kind,
            Shape::Record(_) => Kind::Record,
            Shape::Enum(_) => Kind::Enum,
            Shape::Fixed(_) => Kind::Fixed,
            Shape::Array(_) => Kind::Array,
            Shape::Map(_) => Kind::Map,
            Shape::Union(_) => Kind::Union,
            Shape::Missing => Kind::Null,
        }
    }

    /// Whether it is a record that was declared as an `error`.
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(&self.data().shape, Shape::Record(record) if record.error)
    }

    /// The full name of a record, enum or fixed.
    #[must_use]
    pub fn name(self) -> Option<&'a Name> {
        self.naming().map(|naming| &naming.name)
    }

    /// What tells it from other branches of a union: the full name of a named type,
    /// the kind's name of another.
    #[must_use]
    pub fn branch_name(self) -> &'a str {
        self.name().map_or(self.kind().name(), Name::full)
    }

    /// The aliases of a record, enum or fixed.
    #[must_use]
    pub fn aliases(self) -> &'a [Name] {
        self.naming().map_or(&[], |naming| &naming.aliases)
    }

    /// The documentation of a record, enum or fixed.
    #[must_use]
    pub fn doc(self) -> Option<&'a str> {
        self.naming()?.doc.as_deref()
    }

    /// The fields of a record in order; none of another kind.
    pub fn fields(self) -> impl ExactSizeIterator<Item = Field<'a>> {
        let fields: &[FieldData] = match &self.data().shape {
            Shape::Record(record) => &record.fields,
            _ => &[],
        };
        fields.iter().enumerate().map(move |(place, data)| Field { record: self, place, data })
    }

    /// The field of this name of a record.
    #[must_use]
    pub fn field(self, name: &str) -> Option<Field<'a>> {
        let Shape::Record(record) = &self.data().shape else {
            return None;
        };
        let place = *record.places.get(name)?;
        record.fields.get(place).map(|data| Field { record: self, place, data })
    }

    /// The branches of a union in order; none of another kind.
    pub fn branches(self) -> impl ExactSizeIterator<Item = Node<'a>> {
        let branches: &[u32] = match &self.data().shape {
            Shape::Union(branches) => branches,
            _ => &[],
        };
        branches.iter().map(move |index| self.at(*index))
    }

    /// The type of an array's items.
    #[must_use]
    pub fn items(self) -> Option<Node<'a>> {
        match &self.data().shape {
            Shape::Array(items) => Some(self.at(*items)),
            _ => None,
        }
    }

    /// The type of a map's values.
    #[must_use]
    pub fn values(self) -> Option<Node<'a>> {
        match &self.data().shape {
            Shape::Map(values) => Some(self.at(*values)),
            _ => None,
        }
    }

    /// The symbols of an enum in order; none of another kind.
    #[must_use]
    pub fn symbols(self) -> &'a [Box<str>] {
        match &self.data().shape {
            Shape::Enum(data) => &data.symbols,
            _ => &[],
        }
    }

    /// The symbol of an enum that stands for those a reader does not know.
    #[must_use]
    pub fn enum_default(self) -> Option<&'a str> {
        match &self.data().shape {
            Shape::Enum(data) => data.default.as_deref(),
            _ => None,
        }
    }

    /// The size of a fixed in bytes.
    #[must_use]
    pub fn size(self) -> Option<u32> {
        match &self.data().shape {
            Shape::Fixed(fixed) => Some(fixed.size),
            _ => None,
        }
    }

    /// The attributes that Avro does not know, in order (`connect.name`, `logicalType`,
    /// ...). A union has none.
    #[must_use]
    pub fn props(self) -> &'a [(Box<str>, Json)] {
        &self.data().props
    }

    /// One of [`Self::props`].
    #[must_use]
    pub fn prop(self, name: &str) -> Option<&'a Json> {
        find(self.props(), name)
    }

    /// One of [`Self::props`], if it is a text.
    #[must_use]
    pub fn prop_str(self, name: &str) -> Option<&'a str> {
        self.prop(name)?.as_str()
    }

    /// The `logicalType` as written, known or not.
    #[must_use]
    pub fn logical_type(self) -> Option<&'a str> {
        self.prop_str("logicalType")
    }
}

/// A field of a record.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    record: Node<'a>,
    place: usize,
    data: &'a FieldData,
}

impl<'a> Field<'a> {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'a str {
        &self.data.name
    }

    /// Its place among the fields of the record, from 0.
    #[must_use]
    pub fn place(self) -> usize {
        self.place
    }

    /// Its type.
    #[must_use]
    pub fn schema(self) -> Node<'a> {
        self.record.at(self.data.node)
    }

    /// Its documentation.
    #[must_use]
    pub fn doc(self) -> Option<&'a str> {
        self.data.doc.as_deref()
    }

    /// Its default as JSON, `null` included. The default of a union may be one of any
    /// branch.
    #[must_use]
    pub fn default(self) -> Option<&'a Json> {
        self.data.default.as_ref()
    }

    /// How it takes part in the order of records.
    #[must_use]
    pub fn order(self) -> Order {
        self.data.order
    }

    /// Its other names.
    #[must_use]
    pub fn aliases(self) -> &'a [Box<str>] {
        &self.data.aliases
    }

    /// The attributes of the field itself that Avro does not know, in order.
    #[must_use]
    pub fn props(self) -> &'a [(Box<str>, Json)] {
        &self.data.props
    }

    /// One of [`Self::props`].
    #[must_use]
    pub fn prop(self, name: &str) -> Option<&'a Json> {
        find(self.props(), name)
    }

    /// One of [`Self::props`], if it is a text.
    #[must_use]
    pub fn prop_str(self, name: &str) -> Option<&'a str> {
        self.prop(name)?.as_str()
    }
}

fn find<'a>(props: &'a [(Box<str>, Json)], name: &str) -> Option<&'a Json> {
    props.iter().find(|(key, _)| **key == *name).map(|(_, value)| value)
}
