//! Types that are written as JSON objects.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::super::error::SchemaError;
use super::super::json::{Json, Number};
use super::super::model::{
    EnumData, FieldData, FixedData, Naming, Order, Props, RecordData, Shape,
};
use super::attributes::{OF_FIELDS, props_of_type, rest, text};
use super::{Kind, Parser, Step};

impl Parser {
    pub(super) fn object(&mut self, json: &Json) -> Result<u32, SchemaError> {
        let Some(kind) = text(json, "type") else {
            return self.no_type(json);
        };
        if let Some(kind) = Kind::primitive(kind) {
            let props = props_of_type(json, kind);
            return Ok(match props.is_empty() {
                true => self.plain(kind),
                false => self.add(Shape::Primitive(kind), props),
            });
        }
        match kind {
            "record" | "error" => self.record(json, kind == "error"),
            "enum" => self.enumeration(json),
            "fixed" => self.fixed(json),
            "array" => {
                let items = self.part(json, "items", "the array has no \"items\" type")?;
                Ok(self.add(Shape::Array(items), props_of_type(json, Kind::Array)))
            }
            "map" => {
                let values = self.part(json, "values", "the map has no \"values\" type")?;
                Ok(self.add(Shape::Map(values), props_of_type(json, Kind::Map)))
            }
            name => {
                self.path.push(Step::Key("type"));
                let index = self.reference(name);
                self.path.pop();
                Ok(index)
            }
        }
    }

    fn no_type(&self, json: &Json) -> Result<u32, SchemaError> {
        match json.get("type") {
            None => self.fail("the object has no \"type\""),
            Some(Json::Array(_)) => self.fail(
                "\"type\" is an array: write a union as the array itself, not as an object \
                 around it",
            ),
            Some(Json::Object(_)) => self.fail(
                "\"type\" is an object: write the inner object itself, not an object around it",
            ),
            Some(other) => self.fail(format!("\"type\" must be a text, not {other}")),
        }
    }

    fn part(&mut self, json: &Json, key: &'static str, missing: &str) -> Result<u32, SchemaError> {
        match json.get(key) {
            Some(inner) => self.inner(Step::Key(key), inner),
            None => self.fail(missing),
        }
    }

    /// Gives a named type its place. A second definition is compared with the first when
    /// all is read.
    fn define(&mut self, naming: &Naming, index: u32) {
        match self.named.entry(naming.name.full().into()) {
            Entry::Vacant(place) => {
                place.insert(index);
            }
            Entry::Occupied(first) => {
                let first = *first.get();
                let path = self.place();
                self.again.push((first, index, path));
            }
        }
    }

    fn record(&mut self, json: &Json, error: bool) -> Result<u32, SchemaError> {
        let naming = self.naming(json, "record")?;
        let Some(given) = json.get("fields").and_then(Json::as_array) else {
            return self.fail(format!(
                "record {} has no \"fields\": an array, which may be empty",
                naming.name
            ));
        };
        // The name is known inside the record's own fields.
        let index = self.add(Shape::Missing, Vec::new());
        self.define(&naming, index);
        let own = naming.name.namespace().map(Into::into);
        let outer = std::mem::replace(&mut self.namespace, own);
        self.path.push(Step::Key("fields"));
        let mut fields = Vec::with_capacity(given.len());
        let mut places = HashMap::with_capacity(given.len());
        for (place, json) in given.iter().enumerate() {
            self.path.push(Step::Place(place));
            let field = self.field(json)?;
            if let Some(other) = places.insert(field.name.clone(), place) {
                return self.fail(format!(
                    "record {} has the field {:?} twice (the other one is field {other})",
                    naming.name, field.name
                ));
            }
            fields.push(field);
            self.path.pop();
        }
        self.path.pop();
        self.namespace = outer;
        let shape = Shape::Record(Box::new(RecordData { naming, error, fields, places }));
        self.fill(index, shape, props_of_type(json, Kind::Record));
        Ok(index)
    }

    fn fill(&mut self, index: u32, shape: Shape, props: Props) {
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.shape = shape;
            node.props = props;
        }
    }

    fn field(&mut self, json: &Json) -> Result<FieldData, SchemaError> {
        let Some(name) = text(json, "name") else {
            return self.fail("the field has no name: add a \"name\"");
        };
        self.check_name("name", name)?;
        let Some(inner) = json.get("type") else {
            return self.fail(format!("field {name:?} has no \"type\""));
        };
        let node = self.inner(Step::Key("type"), inner)?;
        let kind = self.nodes.get(node as usize).map(|node| &node.shape);
        let default = match (json.get("default"), kind) {
            (Some(Json::String(text)), Some(Shape::Primitive(Kind::Float | Kind::Double))) => {
                Some(self.float_of_text(text)?)
            }
            (default, _) => default.cloned(),
        };
        Ok(FieldData {
            name: name.into(),
            doc: text(json, "doc").map(Into::into),
            node,
            default,
            order: self.order(json)?,
            aliases: self.aliases(json)?,
            props: rest(json, &OF_FIELDS),
        })
    }

    /// Java takes the text of a number as the default of a float or double field.
    fn float_of_text(&mut self, text: &str) -> Result<Json, SchemaError> {
        let trimmed = text.trim();
        let number = trimmed.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(trimmed);
        let value = match number {
            "NaN" | "+NaN" | "-NaN" => Some(f64::NAN),
            "Infinity" | "+Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            // Rust reads words like "inf" that Java does not.
            _ if number.bytes().any(|b| b.is_ascii_alphabetic() && !b"eE".contains(&b)) => None,
            _ => number.parse().ok(),
        };
        match value {
            Some(value) => Ok(Json::Number(Number::Float(value))),
            None => {
                self.path.push(Step::Key("default"));
                self.fail("the default is a text that is not a number: write it as a number")
            }
        }
    }

    fn order(&mut self, json: &Json) -> Result<Order, SchemaError> {
        let Some(order) = json.get("order") else {
            return Ok(Order::Ascending);
        };
        let known = [Order::Ascending, Order::Descending, Order::Ignore];
        let found = order
            .as_str()
            .and_then(|given| known.iter().find(|o| given.eq_ignore_ascii_case(o.name())));
        match found {
            Some(order) => Ok(*order),
            None => {
                self.path.push(Step::Key("order"));
                self.fail(format!("{order} is no order: it is ascending, descending or ignore"))
            }
        }
    }

    fn enumeration(&mut self, json: &Json) -> Result<u32, SchemaError> {
        let naming = self.naming(json, "enum")?;
        let Some(given) = json.get("symbols").and_then(Json::as_array) else {
            return self
                .fail(format!("enum {} has no \"symbols\": an array of names", naming.name));
        };
        self.path.push(Step::Key("symbols"));
        let mut symbols: Vec<Box<str>> = Vec::with_capacity(given.len());
        let mut places = HashMap::with_capacity(given.len());
        for (place, symbol) in given.iter().enumerate() {
            let Some(symbol) = symbol.as_str() else {
                return self.fail(format!("{symbol} is not a symbol: symbols are names"));
            };
            if let Some(problem) = super::super::name::problem(symbol) {
                self.path.push(Step::Place(place));
                return self.fail(problem);
            }
            if places.insert(symbol, place).is_some() {
                return self.fail(format!("enum {} has {symbol:?} twice", naming.name));
            }
            symbols.push(symbol.into());
        }
        self.path.pop();
        let default = text(json, "default");
        if let Some(default) = default.filter(|default| !places.contains_key(default)) {
            self.path.push(Step::Key("default"));
            return self.fail(format!(
                "the default {default:?} of enum {} is not one of its symbols",
                naming.name
            ));
        }
        let data = EnumData { naming, symbols, default: default.map(Into::into) };
        let index = self.next_index();
        self.define(&data.naming, index);
        Ok(self.add(Shape::Enum(Box::new(data)), props_of_type(json, Kind::Enum)))
    }

    fn fixed(&mut self, json: &Json) -> Result<u32, SchemaError> {
        let naming = self.naming(json, "fixed")?;
        let size = self.size(json)?;
        let index = self.next_index();
        self.define(&naming, index);
        let shape = Shape::Fixed(Box::new(FixedData { naming, size }));
        Ok(self.add(shape, props_of_type(json, Kind::Fixed)))
    }
}
