//! Reads a schema's text. What Java's parser (1.12) refuses is refused here, with the
//! path to it; names may be used before they are defined, as there.

mod attributes;
mod defaults;
mod finish;
mod types;

use std::collections::HashMap;
use std::sync::Arc;

use super::error::SchemaError;
use super::json::{self, Json};
use super::model::{Kind, NodeData, Schema, Shape};
use super::name::Name;

/// Longest text of a schema in bytes.
pub const TEXT_BYTES_MAX: usize = 4 << 20;

/// Deepest nesting of types in a schema, where types that are used before they are
/// defined count as written out.
pub const DEPTH_MAX: usize = 200;

/// Reads a schema.
///
/// # Errors
/// Says what is wrong with the text, and where.
pub fn parse(text: &str) -> Result<Arc<Schema>, SchemaError> {
    parse_with(text, &[])
}

/// Reads a schema that uses types of other schemas by name. `references` are their
/// texts, each after those that it uses itself.
///
/// # Errors
/// Says what is wrong with the text or one of the references, and where.
pub fn parse_with(text: &str, references: &[&str]) -> Result<Arc<Schema>, SchemaError> {
    let mut parser = Parser::default();
    for reference in references {
        parser.read(reference)?;
    }
    let own_from = parser.next_index();
    parser.plain.clear();
    let root = parser.read(text)?;
    parser.finish(root, own_from).map(Arc::new)
}

#[derive(Default)]
struct Parser {
    nodes: Vec<NodeData>,
    /// Named types by full name.
    named: HashMap<Box<str>, u32>,
    /// Primitive types without attributes, shared.
    plain: HashMap<Kind, u32>,
    /// Names that were used before they were defined.
    pending: Vec<Pending>,
    /// Types that were defined again: the first one, the second one, where.
    again: Vec<(u32, u32, String)>,
    path: Vec<Step>,
    namespace: Option<Box<str>>,
    depth: usize,
}

/// One use of a name that is not defined yet.
struct Pending {
    index: u32,
    given: Box<str>,
    namespace: Option<Box<str>>,
    path: String,
}

enum Step {
    Key(&'static str),
    Place(usize),
}

impl Parser {
    fn read(&mut self, text: &str) -> Result<u32, SchemaError> {
        // Invariant 7: the text is bounded before it is taken apart.
        if text.len() > TEXT_BYTES_MAX {
            return Err(SchemaError::new(
                "/",
                format!("the schema has {} bytes; at most {TEXT_BYTES_MAX} are taken", text.len()),
            ));
        }
        if text.trim().is_empty() {
            return Err(SchemaError::new("/", "the schema is empty"));
        }
        self.schema(&json::read(text)?)
    }

    fn next_index(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    fn add(&mut self, shape: Shape, props: super::model::Props) -> u32 {
        let index = self.next_index();
        self.nodes.push(NodeData { shape, props });
        index
    }

    fn fail<T>(&self, reason: impl Into<String>) -> Result<T, SchemaError> {
        Err(SchemaError::new(self.place(), reason))
    }

    /// The path to where the parser is.
    fn place(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            path.push('/');
            match step {
                Step::Key(key) => path.push_str(key),
                Step::Place(place) => path.push_str(&place.to_string()),
            }
        }
        path
    }

    /// Reads a type that is an inner part, found at `step`.
    fn inner(&mut self, step: Step, json: &Json) -> Result<u32, SchemaError> {
        self.path.push(step);
        let index = self.schema(json)?;
        self.path.pop();
        Ok(index)
    }

    fn schema(&mut self, json: &Json) -> Result<u32, SchemaError> {
        if self.depth >= DEPTH_MAX {
            return self.fail(format!(
                "types are nested more than {DEPTH_MAX} levels deep: define inner types \
                 first and refer to them by name"
            ));
        }
        self.depth += 1;
        let index = match json {
            Json::String(name) => Ok(self.reference(name)),
            Json::Array(branches) => self.union(branches),
            Json::Object(_) => self.object(json),
            other => self.fail(format!(
                "{other} is not a schema: a schema is a type's name, an object with a \
                 \"type\", or an array of these (a union)"
            )),
        };
        self.depth -= 1;
        index
    }

    /// A type by name: primitive, defined, or to be looked for when all is read.
    fn reference(&mut self, given: &str) -> u32 {
        if let Some(kind) = Kind::primitive(given) {
            return self.plain(kind);
        }
        if let Some(index) = self.defined(given, self.namespace.as_deref()) {
            return index;
        }
        let index = self.add(Shape::Missing, Vec::new());
        self.pending.push(Pending {
            index,
            given: given.into(),
            namespace: self.namespace.clone(),
            path: self.place(),
        });
        index
    }

    /// Looks a name up in the namespace in force, then in none, as Java does.
    fn defined(&self, given: &str, namespace: Option<&str>) -> Option<u32> {
        let name = Name::resolve(given, namespace);
        let found = self.named.get(name.full());
        found.or_else(|| self.named.get(given)).copied()
    }

    fn plain(&mut self, kind: Kind) -> u32 {
        if let Some(index) = self.plain.get(&kind) {
            return *index;
        }
        let index = self.add(Shape::Primitive(kind), Vec::new());
        self.plain.insert(kind, index);
        index
    }

    fn union(&mut self, branches: &[Json]) -> Result<u32, SchemaError> {
        let mut nodes = Vec::with_capacity(branches.len());
        for (place, branch) in branches.iter().enumerate() {
            if matches!(branch, Json::Array(_)) {
                self.path.push(Step::Place(place));
                return self.fail(
                    "a union is directly inside another union: list its branches in the \
                     outer one",
                );
            }
            nodes.push(self.inner(Step::Place(place), branch)?);
        }
        Ok(self.add(Shape::Union(nodes), Vec::new()))
    }
}
