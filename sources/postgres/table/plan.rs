//! How the rows of one table become events: compiled once per table, schema
//! and settings.

use std::collections::HashSet;
use std::sync::Arc;

use thalweg_core::ConnectError;
use thalweg_core::batch::{Columns, Layout, NodeId};
use thalweg_core::schema::SchemaBuilder;

use super::source_info::SourceNodes;
use super::{TableSettings, source_schema};
use crate::postgres::catalog::{ColumnInfo, ReplicaIdentity, TableInfo, Types};
use crate::postgres::types::{ColumnType, TupleValue, Unreadable};
use crate::relational::EnvelopeSchemas;

/// One column of the row.
#[derive(Debug)]
struct PlannedColumn {
    /// Its place in a tuple.
    at: usize,
    name: String,
    kind: ColumnType,
    before: NodeId,
    after: NodeId,
}

/// One column of the key, whether or not the row has it too.
#[derive(Debug)]
struct PlannedKey {
    /// Its place in a tuple.
    at: usize,
    name: String,
    kind: ColumnType,
    node: NodeId,
}

/// Nodes of the envelope.
#[derive(Clone, Copy, Debug)]
pub(super) struct EnvelopeNodes {
    pub(super) before: NodeId,
    pub(super) after: NodeId,
    pub(super) op: NodeId,
    pub(super) transaction: NodeId,
    pub(super) ts_ms: NodeId,
    pub(super) ts_us: NodeId,
    pub(super) ts_ns: NodeId,
}

/// Which of the two rows of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// A row's values. What did not change may be known from the row before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    pub(super) values: &'a [TupleValue<'a>],
    pub(super) old: Option<&'a [TupleValue<'a>]>,
}

impl<'a> Row<'a> {
    pub(super) fn of(values: &'a [TupleValue<'a>]) -> Self {
        Self { values, old: None }
    }

    #[inline]
    fn get(&self, at: usize) -> TupleValue<'a> {
        match (self.values[at], self.old) {
            (TupleValue::Unchanged, Some(old)) => old[at],
            (value, _) => value,
        }
    }
}

/// A value that can't be read: of which column, and why.
pub(super) type ColumnError = (String, Unreadable);

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) table: String,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) topic: Arc<str>,
    pub(super) key: Option<Arc<Layout>>,
    pub(super) value: Arc<Layout>,
    pub(super) nodes: EnvelopeNodes,
    pub(super) source: SourceNodes,
    pub(super) unknown_types: Vec<(String, String)>,
    /// Values in a tuple.
    pub(super) width: usize,
    columns: Vec<PlannedColumn>,
    keys: Vec<PlannedKey>,
}

impl Plan {
    pub(super) fn new(
        table: &TableInfo,
        settings: &TableSettings,
        types: &Types,
    ) -> Result<Self, ConnectError> {
        let topic = settings.topics.table(&table.schema, &table.name);
        let modes = &settings.modes;
        let named = |what: &str| modes.schema_names.schema(&format!("{topic}.{what}"));
        let (key, keys) = Self::key(table, settings, types, named("Key"))?;
        let chosen: Vec<(usize, &ColumnInfo)> = table
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| {
                settings.selection.has_column(&table.schema, &table.name, &column.name)
            })
            .collect();
        let kinds: Vec<ColumnType> =
            chosen.iter().map(|(_, column)| ColumnType::compile(column, types, modes)).collect();
        let field = |column: &ColumnInfo| modes.field_names.field(&column.name);
        unique_names(table, chosen.iter().map(|(_, column)| field(column)))?;
        let mut row = SchemaBuilder::structure().name(named("Value")).optional();
        for ((_, column), kind) in chosen.iter().zip(&kinds) {
            row = row.field(field(column), Arc::clone(&kind.schema));
        }
        let envelope =
            EnvelopeSchemas::envelope(&named("Envelope"), &row.build(), &source_schema());
        let value = Layout::of(&envelope);
        let nodes = EnvelopeNodes::of(&value)?;
        let source = SourceNodes::of(&value)?;
        let sides = value.fields(nodes.before).zip(value.fields(nodes.after));
        let columns: Vec<PlannedColumn> = chosen
            .iter()
            .zip(kinds)
            .zip(sides)
            .map(|(((at, column), kind), (before, after))| PlannedColumn {
                at: *at,
                name: column.name.clone(),
                kind,
                before,
                after,
            })
            .collect();
        let unknown = |column: &PlannedColumn| {
            column.kind.unknown.as_ref().map(|name| (column.name.clone(), name.to_string()))
        };
        Ok(Self {
            table: table.full_name(),
            schema: table.schema.clone(),
            name: table.name.clone(),
            topic: topic.into(),
            key,
            value,
            nodes,
            source,
            unknown_types: columns.iter().filter_map(unknown).collect(),
            width: table.columns.len(),
            columns,
            keys,
        })
    }

    /// The key's schema and columns; none if the table has no key.
    fn key(
        table: &TableInfo,
        settings: &TableSettings,
        types: &Types,
        name: String,
    ) -> Result<(Option<Arc<Layout>>, Vec<PlannedKey>), ConnectError> {
        let mut schema = SchemaBuilder::structure().name(name);
        let mut keys = Vec::new();
        for at in key_columns(table, settings)? {
            let column = &table.columns[at];
            let kind = ColumnType::compile(column, types, &settings.modes);
            let field = settings.modes.field_names.field(&column.name);
            schema = schema.field(field, Arc::clone(&kind.schema));
            keys.push(PlannedKey { at, name: column.name.clone(), kind, node: Layout::ROOT });
        }
        if keys.is_empty() {
            return Ok((None, keys));
        }
        let layout = Layout::of(&schema.build());
        for (key, node) in keys.iter_mut().zip(layout.fields(Layout::ROOT)) {
            key.node = node;
        }
        Ok((Some(layout), keys))
    }

    /// Writes a row into the event under construction.
    #[inline]
    pub(super) fn put(
        &self,
        side: Side,
        row: Row<'_>,
        to: &mut Columns,
    ) -> Result<(), ColumnError> {
        to.set_present(if side == Side::Before { self.nodes.before } else { self.nodes.after });
        for column in &self.columns {
            let node = if side == Side::Before { column.before } else { column.after };
            column
                .kind
                .write(row.get(column.at), to, node)
                .map_err(|error| (column.name.clone(), error))?;
        }
        Ok(())
    }

    /// Writes a row's key.
    #[inline]
    pub(super) fn put_key(&self, row: Row<'_>, to: &mut Columns) -> Result<(), ColumnError> {
        to.set_present(Layout::ROOT);
        for key in &self.keys {
            key.kind
                .write(row.get(key.at), to, key.node)
                .map_err(|error| (key.name.clone(), error))?;
        }
        to.end_row();
        Ok(())
    }

    /// Whether an update changed some column that is written.
    pub(super) fn row_changed(&self, old: &[TupleValue<'_>], new: &[TupleValue<'_>]) -> bool {
        let differs = |at: usize| new[at] != TupleValue::Unchanged && old[at] != new[at];
        self.columns.iter().any(|column| differs(column.at))
    }

    /// Whether an update changed the key.
    pub(super) fn key_changed(&self, old: &[TupleValue<'_>], new: &[TupleValue<'_>]) -> bool {
        self.keys
            .iter()
            .any(|key| new[key.at] != TupleValue::Unchanged && old[key.at] != new[key.at])
    }
}

/// The columns of the key, in its order, as indexes into the table's columns.
fn key_columns(table: &TableInfo, settings: &TableSettings) -> Result<Vec<usize>, ConnectError> {
    let Some(names) = settings.selection.keys.of(&table.full_name()) else {
        return Ok(identity_key(table).to_vec());
    };
    let known =
        |name: &&str| table.columns.iter().all(|column| !column.name.eq_ignore_ascii_case(name));
    if let Some(missing) = names.iter().find(|name| known(name)) {
        return Err(ConnectError::bad_config(format!(
            "message.key.columns: {} has no column {missing}: name columns that it has",
            table.full_name()
        )));
    }
    let is_key = |column: &ColumnInfo| names.iter().any(|n| column.name.eq_ignore_ascii_case(n));
    let columns = table.columns.iter().enumerate();
    Ok(columns.filter(|(_, column)| is_key(column)).map(|(at, _)| at).collect())
}

/// The table's own key. Where the replica identity is an index that lacks part
/// of the primary key, deletes tell the index's columns only: then these are
/// the key, since any other could not be told.
fn identity_key(table: &TableInfo) -> &[usize] {
    let key = table.event_key();
    match &table.replica_identity {
        ReplicaIdentity::Index(index)
            if !index.is_empty() && !key.iter().all(|column| index.contains(column)) =>
        {
            index
        }
        _ => key,
    }
}

fn unique_names(
    table: &TableInfo,
    names: impl Iterator<Item = String>,
) -> Result<(), ConnectError> {
    let mut seen = HashSet::new();
    for name in names {
        if seen.contains(&name) {
            return Err(ConnectError::bad_config(format!(
                "field.name.adjustment.mode: two columns of {} become the field {name}: \
                 choose avro_unicode, or leave one out by column.exclude.list",
                table.full_name()
            )));
        }
        seen.insert(name);
    }
    Ok(())
}

/// The node at a path of a schema of our own.
pub(super) fn node(layout: &Layout, path: &[&str]) -> Result<NodeId, ConnectError> {
    layout
        .find(path)
        .ok_or_else(|| ConnectError::fatal(format!("the envelope has no {}", path.join("."))))
}

impl EnvelopeNodes {
    fn of(layout: &Layout) -> Result<Self, ConnectError> {
        Ok(Self {
            before: node(layout, &["before"])?,
            after: node(layout, &["after"])?,
            op: node(layout, &["op"])?,
            transaction: node(layout, &["transaction"])?,
            ts_ms: node(layout, &["ts_ms"])?,
            ts_us: node(layout, &["ts_us"])?,
            ts_ns: node(layout, &["ts_ns"])?,
        })
    }
}
