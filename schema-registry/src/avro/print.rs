//! The text of a schema, byte for byte what Java's `Schema.toString` prints: types that
//! are named are written out where they are met first and referred to after that;
//! known attributes come in a fixed order, the others after them as they were written.

use std::collections::HashSet;

use super::json::{self, Json};
use super::model::{FieldData, Naming, Order, Props, Schema, Shape};
use super::normal;

impl Schema {
    /// The text that Java's `Schema.toString` prints. Types of referenced schemas are
    /// referred to by name.
    #[must_use]
    pub fn text(&self) -> String {
        self.root().text()
    }

    /// The same with the types of referenced schemas written out: a text that needs no
    /// other.
    #[must_use]
    pub fn standalone_text(&self) -> String {
        self.root().print(usize::MAX, 0, false)
    }

    /// The text of Confluent's `normalize`: the same for schemas that differ only in the
    /// order of their attributes and in what else does not matter.
    #[must_use]
    pub fn normalized_text(&self) -> String {
        self.root().print(usize::MAX, self.own_from, true)
    }

    /// The same with the types of referenced schemas written out.
    #[must_use]
    pub fn normalized_standalone_text(&self) -> String {
        self.root().print(usize::MAX, 0, true)
    }
}

impl super::Node<'_> {
    /// The text of this type alone, as [`Schema::text`] prints it; what it says of types
    /// defined elsewhere in the schema is written out.
    #[must_use]
    pub fn text(self) -> String {
        self.print(usize::MAX, self.schema.own_from, false)
    }

    /// The beginning of [`Self::text`]: about `bytes_max` of it.
    pub(crate) fn excerpt(self, bytes_max: usize) -> String {
        let mut text = self.print(bytes_max, self.schema.own_from, false);
        if text.len() > bytes_max {
            let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
            text.push_str("...");
        }
        text
    }

    fn print(self, bytes_max: usize, own_from: u32, normal: bool) -> String {
        let mut printer = Printer {
            schema: self.schema,
            known: HashSet::new(),
            namespace: None,
            out: String::new(),
            bytes_max,
            own_from,
            normal,
        };
        printer.node(self.index);
        printer.out
    }
}

struct Printer<'a> {
    schema: &'a Schema,
    /// Named types that are written out already.
    known: HashSet<u32>,
    /// The namespace in force.
    namespace: Option<&'a str>,
    out: String,
    /// Nothing more is begun when `out` is longer than this.
    bytes_max: usize,
    /// Named types before this one are referred to by name.
    own_from: u32,
    /// Whether the text is the normalized one.
    normal: bool,
}

impl<'a> Printer<'a> {
    fn node(&mut self, index: u32) {
        if self.out.len() > self.bytes_max {
            return;
        }
        let data = self.schema.data(index);
        match &data.shape {
            Shape::Primitive(kind) => {
                if data.props.is_empty() {
                    json::write_str(kind.name(), &mut self.out);
                } else {
                    self.open(kind.name());
                    self.props(index, &data.props);
                    self.out.push('}');
                }
            }
            Shape::Array(items) => {
                self.open("array");
                self.child("items", *items);
                self.props(index, &data.props);
                self.out.push('}');
            }
            Shape::Map(values) => {
                self.open("map");
                self.child("values", *values);
                self.props(index, &data.props);
                self.out.push('}');
            }
            Shape::Union(branches) => {
                self.out.push('[');
                for (place, branch) in branches.iter().enumerate() {
                    self.comma(place);
                    self.node(*branch);
                }
                self.out.push(']');
            }
            Shape::Record(record) => self.named(index, &record.naming, &data.props),
            Shape::Enum(data_of) => self.named(index, &data_of.naming, &data.props),
            Shape::Fixed(fixed) => self.named(index, &fixed.naming, &data.props),
            Shape::Missing => self.out.push_str("null"),
        }
    }

    fn named(&mut self, index: u32, naming: &'a Naming, props: &'a Props) {
        if index < self.own_from || !self.known.insert(index) {
            json::write_str(naming.name.within(self.namespace), &mut self.out);
            return;
        }
        let shape = &self.schema.data(index).shape;
        self.open(match shape {
            Shape::Record(record) if record.error && !self.normal => "error",
            Shape::Record(_) => "record",
            Shape::Enum(_) => "enum",
            _ => "fixed",
        });
        self.text_attribute("name", naming.name.simple());
        let own = naming.name.namespace();
        if own != self.namespace {
            self.text_attribute("namespace", own.unwrap_or_default());
        }
        if let Some(doc) = naming.doc.as_deref().filter(|doc| !self.normal || !doc.is_empty()) {
            self.text_attribute("doc", doc);
        }
        match shape {
            Shape::Record(record) => {
                let outer = std::mem::replace(&mut self.namespace, own);
                self.key("fields");
                self.out.push('[');
                for (place, field) in record.fields.iter().enumerate() {
                    self.comma(place);
                    self.field(field);
                }
                self.out.push(']');
                self.props(index, props);
                self.aliases(naming);
                self.out.push('}');
                self.namespace = outer;
                return;
            }
            Shape::Enum(data) => {
                self.key("symbols");
                self.texts(data.symbols.iter().map(AsRef::as_ref));
                if let Some(default) = &data.default {
                    self.text_attribute("default", default);
                }
            }
            Shape::Fixed(fixed) => {
                self.key("size");
                self.out.push_str(&fixed.size.to_string());
            }
            _ => {}
        }
        self.props(index, props);
        self.aliases(naming);
        self.out.push('}');
    }

    fn field(&mut self, field: &'a FieldData) {
        self.out.push_str("{\"name\":");
        json::write_str(&field.name, &mut self.out);
        self.child("type", field.node);
        if let Some(doc) = &field.doc {
            self.text_attribute("doc", doc);
        }
        match &field.default {
            Some(default) if self.normal => {
                let node = super::Node { schema: self.schema, index: field.node };
                self.attribute("default", &normal::default(node, default));
            }
            Some(default) => self.attribute("default", default),
            None => {}
        }
        if field.order != Order::Ascending {
            self.text_attribute("order", field.order.name());
        }
        if !field.aliases.is_empty() {
            self.key("aliases");
            if self.normal {
                self.texts(normal::field_aliases(&field.aliases).into_iter());
            } else {
                self.texts(field.aliases.iter().map(AsRef::as_ref));
            }
        }
        if self.normal {
            self.normal_props(None, &field.props);
        } else {
            self.plain_props(&field.props);
        }
        self.out.push('}');
    }

    fn aliases(&mut self, naming: &'a Naming) {
        if !naming.aliases.is_empty() {
            self.key("aliases");
            let own = naming.name.namespace();
            if self.normal {
                let sorted = normal::aliases(&naming.aliases);
                self.texts(sorted.into_iter().map(|alias| alias.within(own)));
            } else {
                self.texts(naming.aliases.iter().map(|alias| alias.within(own)));
            }
        }
    }

    fn props(&mut self, index: u32, props: &Props) {
        if self.normal {
            let node = super::Node { schema: self.schema, index };
            self.normal_props(Some(node), props);
        } else {
            self.plain_props(props);
        }
    }

    fn plain_props(&mut self, props: &Props) {
        for (name, value) in props {
            self.attribute(name, value);
        }
    }

    fn normal_props(&mut self, node: Option<super::Node<'_>>, props: &Props) {
        for (name, value) in normal::props(node, props) {
            self.attribute(name, &value);
        }
    }

    fn attribute(&mut self, name: &str, value: &Json) {
        self.key(name);
        json::write(value, &mut self.out);
    }

    fn text_attribute(&mut self, name: &str, value: &str) {
        self.key(name);
        json::write_str(value, &mut self.out);
    }

    fn texts<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        self.out.push('[');
        for (place, text) in texts.enumerate() {
            self.comma(place);
            json::write_str(text, &mut self.out);
        }
        self.out.push(']');
    }

    fn child(&mut self, name: &str, index: u32) {
        self.key(name);
        self.node(index);
    }

    fn open(&mut self, kind: &str) {
        self.out.push_str("{\"type\":");
        json::write_str(kind, &mut self.out);
    }

    fn key(&mut self, name: &str) {
        self.out.push(',');
        json::write_str(name, &mut self.out);
        self.out.push(':');
    }

    fn comma(&mut self, place: usize) {
        if place > 0 {
            self.out.push(',');
        }
    }
}
