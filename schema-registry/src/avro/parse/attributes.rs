//! The attributes of a type's or a field's JSON object, each checked once.

use super::super::error::SchemaError;
use super::super::json::{Json, Number};
use super::super::model::{Naming, Props};
use super::super::name::{self, Name};
use super::{Kind, Parser, Step};

/// Attributes of types that Avro knows; those of one kind are no properties of another.
const OF_TYPES: [&str; 10] =
    ["type", "name", "namespace", "doc", "aliases", "fields", "symbols", "items", "values", "size"];

/// Attributes of fields that Avro knows.
pub(super) const OF_FIELDS: [&str; 6] = ["type", "name", "doc", "default", "order", "aliases"];

/// The attributes that Avro does not know, in order.
pub(super) fn rest(json: &Json, known: &[&str]) -> Props {
    let entries = json.as_object().unwrap_or_default();
    entries.iter().filter(|(key, _)| !known.contains(&key.as_ref())).cloned().collect()
}

/// The properties of a type. Java reserves `default` for enums alone.
pub(super) fn props_of_type(json: &Json, kind: Kind) -> Props {
    let mut props = rest(json, &OF_TYPES);
    if kind == Kind::Enum {
        props.retain(|(key, _)| **key != *"default");
    }
    props
}

/// A text; something else counts as not there, as in Java.
pub(super) fn text<'j>(json: &'j Json, key: &str) -> Option<&'j str> {
    json.get(key)?.as_str()
}

impl Parser {
    /// Name, documentation and aliases of a record, enum or fixed.
    pub(super) fn naming(&mut self, json: &Json, kind: &str) -> Result<Naming, SchemaError> {
        let Some(given) = text(json, "name") else {
            return self.fail(format!("the {kind} has no name: add a \"name\""));
        };
        let namespace = text(json, "namespace").map(str::to_owned);
        let namespace = namespace.or_else(|| self.namespace.as_deref().map(str::to_owned));
        let name = Name::resolve(given, namespace.as_deref());
        self.check_name("name", name.simple())?;
        for part in name.namespace().iter().flat_map(|space| space.split('.')) {
            if let Some(problem) = name::problem(part) {
                return self.fail(format!(
                    "namespace {:?} of the {kind} is not valid: {problem}",
                    name.namespace().unwrap_or_default()
                ));
            }
        }
        if name.namespace().is_none() && Kind::primitive(name.simple()).is_some() {
            return self.fail(format!(
                "the {kind} is named like the primitive type {name}: choose another name, or \
                 add a namespace"
            ));
        }
        let mut aliases: Vec<Name> = Vec::new();
        for alias in self.aliases(json)? {
            let alias = Name::resolve(&alias, name.namespace());
            self.check_name("aliases", alias.simple())?;
            if !aliases.contains(&alias) {
                aliases.push(alias);
            }
        }
        Ok(Naming { name, doc: text(json, "doc").map(Into::into), aliases })
    }

    /// Fails where a name is not one.
    pub(super) fn check_name(&mut self, key: &'static str, name: &str) -> Result<(), SchemaError> {
        match name::problem(name) {
            Some(problem) => {
                self.path.push(Step::Key(key));
                self.fail(problem)
            }
            None => Ok(()),
        }
    }

    /// The `aliases` of a type or a field, each once.
    pub(super) fn aliases(&mut self, json: &Json) -> Result<Vec<Box<str>>, SchemaError> {
        let Some(aliases) = json.get("aliases") else {
            return Ok(Vec::new());
        };
        self.path.push(Step::Key("aliases"));
        let Some(items) = aliases.as_array() else {
            return self.fail("aliases must be an array of names");
        };
        let mut found: Vec<Box<str>> = Vec::new();
        for alias in items {
            let Some(alias) = alias.as_str() else {
                return self.fail(format!("{alias} is not an alias: aliases are texts"));
            };
            if !found.iter().any(|known| **known == *alias) {
                found.push(alias.into());
            }
        }
        self.path.pop();
        Ok(found)
    }

    /// The size of a fixed in bytes.
    pub(super) fn size(&mut self, json: &Json) -> Result<u32, SchemaError> {
        self.path.push(Step::Key("size"));
        let size = match json.get("size") {
            Some(Json::Number(Number::Int(size))) => {
                i32::try_from(*size).ok().and_then(|size| u32::try_from(size).ok())
            }
            _ => None,
        };
        let Some(size) = size else {
            return self.fail("a fixed needs a \"size\": a whole number of bytes, 0 to 2147483647");
        };
        self.path.pop();
        Ok(size)
    }
}
