//! What can only be checked when all types are known.

use std::collections::{HashMap, HashSet};

use super::super::error::SchemaError;
use super::super::model::{FieldData, Naming, NodeData, Schema, Shape};
use super::super::name::Name;
use super::defaults;
use super::{DEPTH_MAX, Parser};

impl Parser {
    pub(super) fn finish(mut self, root: u32, own_from: u32) -> Result<Schema, SchemaError> {
        let mut target: HashMap<u32, u32> = HashMap::new();
        for pending in &self.pending {
            // Unlike one that was defined before its use, as in Java, it is not looked for
            // in no namespace too.
            let name = Name::resolve(&pending.given, pending.namespace.as_deref());
            match self.named.get(name.full()) {
                Some(index) => target.insert(pending.index, *index),
                None => {
                    return Err(SchemaError::new(
                        &pending.path,
                        format!(
                            "type {:?} is not defined: it is neither a primitive type nor a \
                             name that this schema or one of its references defines",
                            pending.given
                        ),
                    ));
                }
            };
        }
        for (first, second, _) in &self.again {
            target.insert(*second, *first);
        }
        let resolve = |index: &mut u32| {
            if let Some(to) = target.get(index) {
                *index = *to;
            }
        };
        for node in &mut self.nodes {
            match &mut node.shape {
                Shape::Array(inner) | Shape::Map(inner) => resolve(inner),
                Shape::Union(branches) => branches.iter_mut().for_each(resolve),
                Shape::Record(record) => {
                    for field in &mut record.fields {
                        resolve(&mut field.node);
                    }
                }
                _ => {}
            }
        }
        let mut root = root;
        resolve(&mut root);
        for (first, second, path) in &self.again {
            self.check_again(*first, *second, path)?;
        }
        let schema = Schema { nodes: self.nodes, root, own_from };
        walk(&schema)?;
        Ok(schema)
    }

    /// A type may be defined twice if both say the same.
    fn check_again(&self, first: u32, second: u32, path: &str) -> Result<(), SchemaError> {
        let both = (self.nodes.get(first as usize), self.nodes.get(second as usize));
        let (Some(first), Some(second)) = both else {
            return Ok(());
        };
        if self.same(first, second, 0) {
            return Ok(());
        }
        let name = naming(&second.shape).map(|naming| naming.name.full());
        Err(SchemaError::new(
            path,
            format!(
                "{} is defined a second time, in another way: refer to it by its name, or \
                 choose another name",
                name.unwrap_or_default()
            ),
        ))
    }

    /// Whether two types are written the same way. Named types inside them are compared
    /// by name; where they are defined again they are compared on their own.
    fn same(&self, one: &NodeData, other: &NodeData, depth: usize) -> bool {
        if one.props != other.props || depth > DEPTH_MAX {
            return false;
        }
        let inner = |one: u32, other: u32| {
            let both = (self.nodes.get(one as usize), self.nodes.get(other as usize));
            let (Some(one), Some(other)) = both else {
                return false;
            };
            match (naming(&one.shape), naming(&other.shape)) {
                (Some(one), Some(other)) => one.name == other.name,
                (None, None) => self.same(one, other, depth + 1),
                _ => false,
            }
        };
        match (&one.shape, &other.shape) {
            (Shape::Primitive(one), Shape::Primitive(other)) => one == other,
            (Shape::Array(one), Shape::Array(other)) | (Shape::Map(one), Shape::Map(other)) => {
                inner(*one, *other)
            }
            (Shape::Union(one), Shape::Union(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(a, b)| inner(*a, *b))
            }
            (Shape::Enum(one), Shape::Enum(other)) => {
                one.symbols == other.symbols && one.default == other.default
            }
            (Shape::Fixed(one), Shape::Fixed(other)) => one.size == other.size,
            (Shape::Record(one), Shape::Record(other)) => {
                let same = |(a, b): (&FieldData, &FieldData)| {
                    a.name == b.name
                        && a.default == b.default
                        && a.order == b.order
                        && a.props == b.props
                        && inner(a.node, b.node)
                };
                one.error == other.error
                    && one.fields.len() == other.fields.len()
                    && one.fields.iter().zip(&other.fields).all(same)
            }
            _ => false,
        }
    }
}

fn naming(shape: &Shape) -> Option<&Naming> {
    match shape {
        Shape::Record(record) => Some(&record.naming),
        Shape::Enum(data) => Some(&data.naming),
        Shape::Fixed(fixed) => Some(&fixed.naming),
        _ => None,
    }
}

/// Visits each type once, in the order in which it is printed, without recursion: checks
/// the depth, the branches of unions, the defaults of fields.
fn walk(schema: &Schema) -> Result<(), SchemaError> {
    let mut seen: HashSet<u32> = HashSet::new();
    // The types that are open: index, its children, the next child's place.
    let mut open: Vec<(u32, Vec<u32>, usize)> = Vec::new();
    let path = |open: &[(u32, Vec<u32>, usize)]| {
        let steps = open.iter().filter(|(_, _, next)| *next > 0);
        steps.map(|(index, _, next)| step(schema, *index, next - 1)).collect::<String>()
    };
    let mut enter = Some(schema.root);
    loop {
        if let Some(index) = enter.take()
            && seen.insert(index)
        {
            if open.len() >= DEPTH_MAX {
                return Err(SchemaError::new(
                    path(&open),
                    format!("types are nested more than {DEPTH_MAX} levels deep"),
                ));
            }
            check(schema, index).map_err(|(inner, reason)| {
                SchemaError::new(format!("{}{inner}", path(&open)), reason)
            })?;
            open.push((index, children(schema, index), 0));
        }
        let Some((_, children, next)) = open.last_mut() else {
            return Ok(());
        };
        match children.get(*next) {
            Some(child) => {
                *next += 1;
                enter = Some(*child);
            }
            None => {
                open.pop();
            }
        }
    }
}

fn children(schema: &Schema, index: u32) -> Vec<u32> {
    match &schema.data(index).shape {
        Shape::Array(inner) | Shape::Map(inner) => vec![*inner],
        Shape::Union(branches) => branches.clone(),
        Shape::Record(record) => record.fields.iter().map(|field| field.node).collect(),
        _ => Vec::new(),
    }
}

fn step(schema: &Schema, index: u32, place: usize) -> String {
    match &schema.data(index).shape {
        Shape::Array(_) => "/items".to_owned(),
        Shape::Map(_) => "/values".to_owned(),
        Shape::Record(_) => format!("/fields/{place}/type"),
        _ => format!("/{place}"),
    }
}

fn check(schema: &Schema, index: u32) -> Result<(), (String, String)> {
    match &schema.data(index).shape {
        Shape::Union(_) => {
            let mut names = HashSet::new();
            let node = super::super::Node { schema, index };
            for (place, branch) in node.branches().enumerate() {
                let name = branch.branch_name();
                if !names.insert(name) {
                    return Err((
                        format!("/{place}"),
                        format!("the union has {name} twice: a reader could not tell them apart"),
                    ));
                }
            }
            Ok(())
        }
        Shape::Record(record) => {
            for (place, field) in record.fields.iter().enumerate() {
                if let Some(default) = &field.default {
                    defaults::check(schema, field, default)
                        .map_err(|reason| (format!("/fields/{place}/default"), reason))?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
