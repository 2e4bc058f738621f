//! How a schema's tree lies in columns.

use std::sync::Arc;

use crate::schema::{Kind, Schema, SchemaBuilder};

/// A node's number in its [`Layout`]: the schema's tree in pre-order, so that a
/// struct's leaves follow it directly.
pub type NodeId = usize;

/// What a node's column holds.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A cell per row.
    Leaf,
    /// A presence bit per row; its fields are nodes of their own.
    Struct,
    /// A range of rows of a child column set: of the element for an array, of
    /// a struct `{key, value}` for a map.
    List(Arc<Layout>),
}

/// One node of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// The field's name; empty for the root.
    pub name: Arc<str>,
    /// Its schema.
    pub schema: Arc<Schema>,
    /// The struct that it is a field of.
    pub parent: Option<NodeId>,
    /// The first node after it and all its descendants.
    pub end: NodeId,
    /// What its column holds.
    pub kind: NodeKind,
}

/// The columns of a schema. Made once per schema and shared.
#[derive(Debug)]
pub struct Layout {
    nodes: Vec<Node>,
}

impl Layout {
    /// The root's number.
    pub const ROOT: NodeId = 0;

    /// The layout of a schema.
    #[must_use]
    pub fn of(schema: &Arc<Schema>) -> Arc<Self> {
        let mut nodes = Vec::new();
        add(&mut nodes, "".into(), schema, None);
        Arc::new(Self { nodes })
    }

    /// The whole schema.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.nodes[Self::ROOT].schema
    }

    /// All nodes, in pre-order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// The fields of a struct node, in order.
    pub fn fields(&self, of: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let end = self.nodes[of].end;
        let is_struct = matches!(self.nodes[of].kind, NodeKind::Struct);
        let mut next = if is_struct { of + 1 } else { end };
        std::iter::from_fn(move || {
            (next < end).then(|| {
                let field = next;
                next = self.nodes[field].end;
                field
            })
        })
    }

    /// The node at a path of field names.
    #[must_use]
    pub fn find(&self, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(Self::ROOT, |at, name| {
            self.fields(at).find(|&field| &*self.nodes[field].name == *name)
        })
    }
}

fn add(nodes: &mut Vec<Node>, name: Arc<str>, schema: &Arc<Schema>, parent: Option<NodeId>) {
    let id = nodes.len();
    let kind = match schema.kind() {
        Kind::Struct(_) => NodeKind::Struct,
        Kind::Array(element) => NodeKind::List(Layout::of(element)),
        Kind::Map(key, value) => {
            let entry = SchemaBuilder::structure()
                .field("key", Arc::clone(key))
                .field("value", Arc::clone(value))
                .build();
            NodeKind::List(Layout::of(&entry))
        }
        _ => NodeKind::Leaf,
    };
    nodes.push(Node { name, schema: Arc::clone(schema), parent, end: id + 1, kind });
    for field in schema.fields() {
        add(nodes, Arc::clone(&field.name), &field.schema, Some(id));
    }
    nodes[id].end = nodes.len();
}
