//! Changes a schema, for those that look for one that gets on with others.

use std::collections::HashMap;

use super::json::Json;
use super::model::{FieldData, Kind, Naming, NodeData, NodeId, Order, Schema, Shape};
use super::name::Name;
use super::{Field, Node};

/// A schema under change. What comes of it is not checked: print it and read it again.
/// Each change answers whether there was something to be changed; types of referenced
/// schemas are not.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    schema: Schema,
}

/// A field by its record and its place there.
pub(crate) type Place = (NodeId, usize);

impl Draft {
    pub(crate) fn new(schema: &Schema) -> Self {
        Self { schema: schema.clone() }
    }

    /// How many types it holds.
    pub(crate) fn len(&self) -> usize {
        self.schema.len()
    }

    /// The text of the schema as it is now.
    pub(crate) fn text(&self) -> String {
        self.schema.text()
    }

    fn own(&mut self, id: NodeId) -> Option<&mut NodeData> {
        if id.0 < self.schema.own_from {
            return None;
        }
        self.schema.nodes.get_mut(id.0 as usize)
    }

    fn fields(&mut self, record: NodeId) -> Option<&mut Vec<FieldData>> {
        match &mut self.own(record)?.shape {
            Shape::Record(record) => Some(&mut record.fields),
            _ => None,
        }
    }

    fn field(&mut self, (record, place): Place) -> Option<&mut FieldData> {
        self.fields(record)?.get_mut(place)
    }

    fn naming(&mut self, id: NodeId) -> Option<&mut Naming> {
        match &mut self.own(id)?.shape {
            Shape::Record(record) => Some(&mut record.naming),
            Shape::Enum(data) => Some(&mut data.naming),
            Shape::Fixed(fixed) => Some(&mut fixed.naming),
            _ => None,
        }
    }

    fn add(&mut self, shape: Shape) -> u32 {
        let index = u32::try_from(self.schema.nodes.len()).unwrap_or(u32::MAX);
        self.schema.nodes.push(NodeData { shape, props: Vec::new() });
        index
    }

    /// Gives a field a default.
    pub(crate) fn set_default(&mut self, field: Place, default: Json) -> Option<()> {
        self.field(field)?.default = Some(default);
        Some(())
    }

    /// Makes a field a union that begins with null, which is its default.
    pub(crate) fn make_nullable(&mut self, field: Place) -> Option<()> {
        let node = self.field(field)?.node;
        let null = self.add(Shape::Primitive(Kind::Null));
        let mut branches = vec![null];
        match &self.schema.data(node).shape {
            Shape::Primitive(Kind::Null) => return None,
            Shape::Union(others) => branches.extend(others.iter().copied().filter(|branch| {
                !matches!(self.schema.data(*branch).shape, Shape::Primitive(Kind::Null))
            })),
            _ => branches.push(node),
        }
        let union = self.add(Shape::Union(branches));
        let field = self.field(field)?;
        field.node = union;
        field.default = Some(Json::Null);
        Some(())
    }

    /// Gives a field another name that it had.
    pub(crate) fn add_field_alias(&mut self, field: Place, alias: &str) -> Option<()> {
        self.field(field)?.aliases.push(alias.into());
        Some(())
    }

    /// Takes all other names of a field away.
    pub(crate) fn clear_field_aliases(&mut self, field: Place) -> Option<()> {
        self.field(field)?.aliases.clear();
        Some(())
    }

    /// Gives a field another name.
    pub(crate) fn rename_field(&mut self, field: Place, name: &str) -> Option<()> {
        let field = self.field(field)?;
        field.aliases.retain(|alias| **alias != *name);
        field.name = name.into();
        Some(())
    }

    /// Takes a field out.
    pub(crate) fn remove_field(&mut self, (record, place): Place) -> Option<()> {
        let fields = self.fields(record)?;
        (place < fields.len()).then(|| drop(fields.remove(place)))
    }

    /// Adds a field of another schema to the end of a record.
    pub(crate) fn add_field(&mut self, record: NodeId, of: Field<'_>) -> Option<()> {
        self.fields(record)?;
        let node = self.graft(of.schema());
        self.fields(record)?.push(FieldData {
            name: of.name().into(),
            doc: of.doc().map(Into::into),
            node,
            default: of.default().cloned(),
            order: Order::Ascending,
            aliases: Vec::new(),
            props: of.props().to_vec(),
        });
        Some(())
    }

    /// Gives a field the type and default that it has in another schema.
    pub(crate) fn keep_type(&mut self, field: Place, of: Field<'_>) -> Option<()> {
        self.field(field)?;
        let node = self.graft(of.schema());
        let field = self.field(field)?;
        field.node = node;
        field.default = of.default().cloned();
        Some(())
    }

    /// Lets a field be of its own type or of one of another schema.
    pub(crate) fn join_types(&mut self, field: Place, of: Node<'_>) -> Option<()> {
        let node = self.field(field)?.node;
        let other = self.graft(of);
        let mut branches = Vec::new();
        for index in [node, other] {
            match &self.schema.data(index).shape {
                Shape::Union(more) => branches.extend(more.iter().copied()),
                _ => branches.push(index),
            }
        }
        let mut names: Vec<String> = Vec::new();
        branches.retain(|branch| {
            let name = Node { schema: &self.schema, index: *branch }.branch_name();
            let is_new = !names.iter().any(|known| known == name);
            names.push(name.to_owned());
            is_new
        });
        let union = self.add(Shape::Union(branches));
        self.field(field)?.node = union;
        Some(())
    }

    /// Adds a type of another schema to a union.
    pub(crate) fn add_branch(&mut self, union: NodeId, of: Node<'_>) -> Option<()> {
        self.own(union)?;
        let branch = self.graft(of);
        match &mut self.own(union)?.shape {
            Shape::Union(branches) => branches.push(branch),
            _ => return None,
        }
        Some(())
    }

    /// Takes a type out of a union.
    pub(crate) fn remove_branch(&mut self, union: NodeId, branch: NodeId) -> Option<()> {
        let Shape::Union(branches) = &mut self.own(union)?.shape else { return None };
        let before = branches.len();
        branches.retain(|index| *index != branch.0);
        (branches.len() < before && !branches.is_empty()).then_some(())
    }

    /// Gives a named type another name that it had.
    pub(crate) fn add_type_alias(&mut self, id: NodeId, alias: &Name) -> Option<()> {
        self.naming(id)?.aliases.push(alias.clone());
        Some(())
    }

    /// Gives a named type another name.
    pub(crate) fn rename_type(&mut self, id: NodeId, name: &Name) -> Option<()> {
        self.naming(id)?.name = name.clone();
        Some(())
    }

    /// Gives a fixed another size.
    pub(crate) fn set_size(&mut self, id: NodeId, size: u32) -> Option<()> {
        match &mut self.own(id)?.shape {
            Shape::Fixed(fixed) => fixed.size = size,
            _ => return None,
        }
        Some(())
    }

    /// Adds symbols to the end of an enum.
    pub(crate) fn add_symbols(&mut self, id: NodeId, symbols: &[&str]) -> Option<()> {
        match &mut self.own(id)?.shape {
            Shape::Enum(data) => data.symbols.extend(symbols.iter().map(|text| (*text).into())),
            _ => return None,
        }
        Some(())
    }

    /// Takes symbols out of an enum.
    pub(crate) fn remove_symbols(&mut self, id: NodeId, symbols: &[&str]) -> Option<()> {
        let Shape::Enum(data) = &mut self.own(id)?.shape else { return None };
        data.symbols.retain(|symbol| !symbols.contains(&&**symbol));
        (!data.symbols.is_empty()).then_some(())
    }

    /// Gives an enum a symbol for those that it does not know.
    pub(crate) fn set_enum_default(&mut self, id: NodeId, symbol: &str) -> Option<()> {
        match &mut self.own(id)?.shape {
            Shape::Enum(data) => data.default = Some(symbol.into()),
            _ => return None,
        }
        Some(())
    }

    /// Copies a type of another schema; a name that is known here is that of the type
    /// here.
    fn graft(&mut self, of: Node<'_>) -> u32 {
        let named = self.schema.nodes.iter().enumerate().filter_map(|(index, data)| {
            let naming = match &data.shape {
                Shape::Record(record) => &record.naming,
                Shape::Enum(data) => &data.naming,
                Shape::Fixed(fixed) => &fixed.naming,
                _ => return None,
            };
            Some((naming.name.full().to_owned(), u32::try_from(index).ok()?))
        });
        // A name that was defined twice is that of the first.
        let named: Vec<(String, u32)> = named.collect();
        let mut known = HashMap::new();
        for (name, index) in named.into_iter().rev() {
            known.insert(name, index);
        }
        self.copy(of, &mut known)
    }

    /// As deep as schemas may be nested.
    fn copy(&mut self, of: Node<'_>, known: &mut HashMap<String, u32>) -> u32 {
        if let Some(name) = of.name()
            && let Some(index) = known.get(name.full())
        {
            return *index;
        }
        let index = self.add(Shape::Missing);
        if let Some(name) = of.name() {
            known.insert(name.full().to_owned(), index);
        }
        let data = of.data();
        let mut at = |index: u32| self.copy(Node { schema: of.schema, index }, known);
        let shape = match &data.shape {
            Shape::Array(items) => Shape::Array(at(*items)),
            Shape::Map(values) => Shape::Map(at(*values)),
            Shape::Union(branches) => Shape::Union(branches.iter().map(|one| at(*one)).collect()),
            Shape::Record(record) => {
                let mut record = record.clone();
                for field in &mut record.fields {
                    field.node = at(field.node);
                }
                Shape::Record(record)
            }
            other => other.clone(),
        };
        if let Some(node) = self.schema.nodes.get_mut(index as usize) {
            *node = NodeData { shape, props: data.props.clone() };
        }
        index
    }
}
