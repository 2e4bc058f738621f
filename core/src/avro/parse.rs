//! An Avro schema in memory: what decoding and the mapping to Connect need of
//! it, no more. (The registry has the whole model.)

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::name;
use crate::codec::{DEPTH_MAX, NODES_MAX, SchemaError};

/// A type. References are resolved: a type used twice is shared.
#[derive(Debug)]
pub(super) struct Avro {
    pub(super) shape: Shape,
    /// Full name of a record, enum or fixed.
    pub(super) name: Option<String>,
    pub(super) doc: Option<String>,
    /// All attributes, standard ones too.
    pub(super) attributes: Map<String, Json>,
    /// Number of nodes with all references written out.
    nodes: usize,
}

#[derive(Debug)]
pub(super) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum(Vec<Arc<str>>),
    Array(Arc<Avro>),
    Map(Arc<Avro>),
    Record(Vec<AvroField>),
    Union(Vec<Arc<Avro>>),
}

#[derive(Debug)]
pub(super) struct AvroField {
    pub(super) name: Arc<str>,
    pub(super) doc: Option<String>,
    pub(super) default: Option<Json>,
    pub(super) aliases: Vec<String>,
    pub(super) schema: Arc<Avro>,
}

impl Avro {
    pub(super) fn text(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute)?.as_str()
    }

    /// The kind's name in Avro.
    pub(super) fn kind(&self) -> &'static str {
        match &self.shape {
            Shape::Null => "null",
            Shape::Boolean => "boolean",
            Shape::Int => "int",
            Shape::Long => "long",
            Shape::Float => "float",
            Shape::Double => "double",
            Shape::Bytes => "bytes",
            Shape::String => "string",
            Shape::Fixed(_) => "fixed",
            Shape::Enum(_) => "enum",
            Shape::Array(_) => "array",
            Shape::Map(_) => "map",
            Shape::Record(_) => "record",
            Shape::Union(_) => "union",
        }
    }

    /// The other full names of a record, enum or fixed.
    pub(super) fn aliases(&self) -> impl Iterator<Item = String> + '_ {
        let space = name::split(self.name.as_deref().unwrap_or_default()).0;
        let aliases = self.attributes.get("aliases").and_then(Json::as_array);
        let names = aliases.into_iter().flatten().filter_map(Json::as_str);
        names.map(move |alias| full_name(alias, space))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.shape, Shape::Null)
    }

    /// Fewest bytes that a value of it takes: 0 only if it is empty in all cases.
    pub(super) fn takes_bytes(&self) -> bool {
        match &self.shape {
            Shape::Null | Shape::Fixed(0) => false,
            Shape::Record(fields) => fields.iter().any(|field| field.schema.takes_bytes()),
            _ => true,
        }
    }
}

/// Reads an Avro schema from JSON text.
pub(super) fn parse(text: &str) -> Result<Arc<Avro>, SchemaError> {
    // A bare name of a primitive is a schema too; some send it without quotes.
    let json: Json = serde_json::from_str(text)
        .or_else(|error| primitive(text.trim()).map(|_| Json::from(text.trim())).ok_or(error))
        .map_err(|error| SchemaError::new(format!("the Avro schema is not JSON: {error}")))?;
    Parser { names: HashMap::new() }.any(&json, "", 0)
}

fn primitive(name: &str) -> Option<Shape> {
    Some(match name {
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "int" => Shape::Int,
        "long" => Shape::Long,
        "float" => Shape::Float,
        "double" => Shape::Double,
        "bytes" => Shape::Bytes,
        "string" => Shape::String,
        _ => return None,
    })
}

struct Parser {
    /// None: being read, so a reference to it is recursion.
    names: HashMap<String, Option<Arc<Avro>>>,
}

impl Parser {
    fn any(&mut self, json: &Json, space: &str, depth: usize) -> Result<Arc<Avro>, SchemaError> {
        if depth > DEPTH_MAX {
            return Err(SchemaError::new(format!("nested deeper than {DEPTH_MAX} levels")));
        }
        match json {
            Json::String(name) => self.named(name, space),
            Json::Array(branches) => {
                let branches: Result<Vec<_>, _> =
                    branches.iter().map(|branch| self.branch(branch, space, depth)).collect();
                finish(Shape::Union(branches?), None, Map::new())
            }
            Json::Object(object) => self.object(object, space, depth),
            _ => Err(SchemaError::new("an Avro type is a name, an object or an array")),
        }
    }

    fn branch(&mut self, json: &Json, space: &str, depth: usize) -> Result<Arc<Avro>, SchemaError> {
        let branch = self.any(json, space, depth + 1)?;
        if matches!(branch.shape, Shape::Union(_)) {
            return Err(SchemaError::new("a union directly within a union is no Avro"));
        }
        Ok(branch)
    }

    fn named(&mut self, name: &str, space: &str) -> Result<Arc<Avro>, SchemaError> {
        if let Some(shape) = primitive(name) {
            return finish(shape, None, Map::new());
        }
        let full = full_name(name, space);
        let found = self.names.get(&full).or_else(|| self.names.get(name));
        match found {
            Some(Some(known)) => Ok(Arc::clone(known)),
            Some(None) => Err(SchemaError::new(format!(
                "the Avro type {full} contains itself; recursive types are not supported: use a \
                 schema without recursion, or ByteArrayConverter"
            ))),
            None => Err(SchemaError::new(format!("there is no Avro type named {full}"))),
        }
    }

    fn object(
        &mut self,
        object: &Map<String, Json>,
        space: &str,
        depth: usize,
    ) -> Result<Arc<Avro>, SchemaError> {
        let kind = match object.get("type") {
            Some(Json::String(kind)) => kind.as_str(),
            // {"type": {...}} and {"type": [...]} wrap a type.
            Some(inner @ (Json::Object(_) | Json::Array(_))) => {
                return self.any(inner, space, depth + 1);
            }
            _ => return Err(SchemaError::new("an Avro type has no \"type\"")),
        };
        let child = |of: &str| {
            let missing = || SchemaError::new(format!("an Avro {kind} has no \"{of}\""));
            object.get(of).ok_or_else(missing)
        };
        let shape = match kind {
            "array" => Shape::Array(self.any(child("items")?, space, depth + 1)?),
            "map" => Shape::Map(self.any(child("values")?, space, depth + 1)?),
            "record" | "error" | "enum" | "fixed" => {
                return self.definition(kind, object, space, depth);
            }
            name => match primitive(name) {
                Some(shape) => shape,
                None => return self.named(name, space),
            },
        };
        finish(shape, None, object.clone())
    }

    fn definition(
        &mut self,
        kind: &str,
        object: &Map<String, Json>,
        space: &str,
        depth: usize,
    ) -> Result<Arc<Avro>, SchemaError> {
        let short = object.get("name").and_then(Json::as_str);
        let short = short.ok_or_else(|| SchemaError::new(format!("an Avro {kind} has no name")))?;
        let own = object.get("namespace").and_then(Json::as_str).unwrap_or(space);
        let full = full_name(short, own);
        if self.names.insert(full.clone(), None).is_some() {
            return Err(SchemaError::new(format!("the Avro type {full} is defined twice")));
        }
        let shape = match kind {
            "enum" => Shape::Enum(symbols(object)?),
            "fixed" => {
                let size = object.get("size").and_then(Json::as_u64);
                let size = size.and_then(|size| i32::try_from(size).ok());
                let size = size.and_then(|size| usize::try_from(size).ok());
                let bad = || SchemaError::new(format!("the Avro fixed {full} has no valid size"));
                Shape::Fixed(size.ok_or_else(bad)?)
            }
            _ => Shape::Record(self.fields(object, name::split(&full).0, depth)?),
        };
        let attributes = object.iter().filter(|(key, _)| *key != "fields" && *key != "symbols");
        let attributes = attributes.map(|(key, value)| (key.clone(), value.clone())).collect();
        let avro = finish(shape, Some(full.clone()), attributes)?;
        self.names.insert(full, Some(Arc::clone(&avro)));
        Ok(avro)
    }

    fn fields(
        &mut self,
        object: &Map<String, Json>,
        space: &str,
        depth: usize,
    ) -> Result<Vec<AvroField>, SchemaError> {
        let fields = object.get("fields").and_then(Json::as_array);
        let fields = fields.ok_or_else(|| SchemaError::new("an Avro record has no \"fields\""))?;
        let mut read: Vec<AvroField> = Vec::with_capacity(fields.len());
        let mut names = std::collections::HashSet::with_capacity(fields.len());
        for field in fields {
            let name = field.get("name").and_then(Json::as_str);
            let name = name.ok_or_else(|| SchemaError::new("an Avro field has no name"))?;
            if !names.insert(name) {
                return Err(SchemaError::new(format!("the Avro field {name} is there twice")));
            }
            let missing = || SchemaError::new("the Avro field has no type").within(name);
            let schema = field.get("type").ok_or_else(missing)?;
            let schema = self.any(schema, space, depth + 1).map_err(|error| error.within(name))?;
            let doc = field.get("doc").and_then(Json::as_str).map(str::to_owned);
            read.push(AvroField {
                name: name.into(),
                doc,
                default: field.get("default").cloned(),
                aliases: texts(field.get("aliases")),
                schema,
            });
        }
        Ok(read)
    }
}

fn texts(json: Option<&Json>) -> Vec<String> {
    let items = json.and_then(Json::as_array).into_iter().flatten();
    items.filter_map(Json::as_str).map(str::to_owned).collect()
}

fn symbols(object: &Map<String, Json>) -> Result<Vec<Arc<str>>, SchemaError> {
    let symbols = object.get("symbols").and_then(Json::as_array);
    let symbols = symbols.ok_or_else(|| SchemaError::new("an Avro enum has no \"symbols\""))?;
    let names = symbols.iter().map(|symbol| {
        symbol.as_str().map(Arc::from).ok_or_else(|| SchemaError::new("a symbol is a text"))
    });
    names.collect()
}

fn full_name(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}

fn finish(
    shape: Shape,
    name: Option<String>,
    attributes: Map<String, Json>,
) -> Result<Arc<Avro>, SchemaError> {
    let below = match &shape {
        Shape::Array(inner) | Shape::Map(inner) => inner.nodes,
        Shape::Record(fields) => fields.iter().map(|field| field.schema.nodes).sum(),
        Shape::Union(branches) => branches.iter().map(|branch| branch.nodes).sum(),
        _ => 0,
    };
    let nodes = below + 1;
    if nodes > NODES_MAX {
        // invariant 7: references make small texts into huge trees
        return Err(SchemaError::new(format!("the Avro schema has more than {NODES_MAX} nodes")));
    }
    let doc = attributes.get("doc").and_then(Json::as_str).map(str::to_owned);
    Ok(Arc::new(Avro { shape, name, doc, attributes, nodes }))
}
