//! Tables as the stream has them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use thalweg_core::ConnectError;

use crate::postgres::catalog::{ColumnInfo, ReplicaIdentity, TableInfo, TableKind, Types};
use crate::postgres::pgoutput::{Identity, Relation, RelationColumn};
use crate::postgres::table::{TableSettings, TableWriter};
use crate::postgres::types::binary_decodable;

/// A column of a Relation message, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    is_key: bool,
    name: String,
    type_oid: u32,
    type_modifier: i32,
}

/// A Relation message, kept until its table is first used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// Its object id.
    pub(crate) oid: u32,
    schema: String,
    name: String,
    identity: Identity,
    columns: Vec<Column>,
}

impl Described {
    fn of(relation: &Relation<'_>) -> Self {
        let column = |column: &RelationColumn<'_>| Column {
            is_key: column.is_key,
            name: column.name.to_owned(),
            type_oid: column.type_oid,
            type_modifier: column.type_modifier,
        };
        Self {
            oid: relation.oid,
            schema: relation.schema.to_owned(),
            name: relation.name.to_owned(),
            identity: relation.identity,
            columns: relation.columns.iter().map(column).collect(),
        }
    }

    /// Whether rows of it are decoded right with this schema.
    fn matches(&self, table: &TableInfo) -> bool {
        let same = |(ours, theirs): (&Column, &ColumnInfo)| {
            ours.name == theirs.name
                && ours.type_oid == theirs.type_oid
                && ours.type_modifier == theirs.type_modifier
        };
        self.schema == table.schema
            && self.name == table.name
            && self.columns.len() == table.columns.len()
            && self.columns.iter().zip(&table.columns).all(same)
            && self.identity() == table.replica_identity
            && self.same_key(table)
    }

    fn identity(&self) -> ReplicaIdentity {
        match self.identity {
            Identity::Default => ReplicaIdentity::Default,
            Identity::Nothing => ReplicaIdentity::Nothing,
            Identity::Full => ReplicaIdentity::Full,
            Identity::Index => ReplicaIdentity::Index(self.flagged()),
        }
    }

    fn flagged(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|&at| self.columns[at].is_key).collect()
    }

    /// Whether the primary key is the same, as far as the message tells it.
    fn same_key(&self, table: &TableInfo) -> bool {
        let mut known = table.primary_key.clone();
        known.sort_unstable();
        self.identity != Identity::Default || known == self.flagged()
    }

    /// The table that it tells of. What it does not tell is taken from the
    /// catalog, or from what was known, where name and type of a column are
    /// the same: the catalog may be ahead of the stream.
    fn table(&self, catalog: Option<&TableInfo>, stored: Option<&TableInfo>) -> TableInfo {
        let sources = || catalog.into_iter().chain(stored);
        let columns: Vec<ColumnInfo> = self
            .columns
            .iter()
            .map(|column| {
                let same = |known: &&ColumnInfo| {
                    known.name == column.name
                        && known.type_oid == column.type_oid
                        && known.type_modifier == column.type_modifier
                };
                let known = sources().find_map(|table| table.columns.iter().find(same)).cloned();
                let mut known = known.unwrap_or_else(|| column.unknown());
                known.not_null |= column.is_key && self.identity == Identity::Default;
                known
            })
            .collect();
        let key = |key: fn(&TableInfo) -> &[usize]| {
            sources().map(|table| self.at(table, key(table))).find(|at| !at.is_empty())
        };
        let told = key(|table| &table.primary_key).unwrap_or_default();
        let flagged = self.flagged();
        let mut sorted = told.clone();
        sorted.sort_unstable();
        // The message knows the key of its time; only the order of its columns
        // is not in it.
        let primary_key =
            if self.identity == Identity::Default && sorted != flagged { flagged } else { told };
        TableInfo {
            oid: self.oid,
            schema: self.schema.clone(),
            name: self.name.clone(),
            columns,
            primary_key,
            unique_key: key(|table| &table.unique_key).unwrap_or_default(),
            replica_identity: self.identity(),
            kind: catalog.or(stored).map_or(TableKind::Ordinary, |table| table.kind),
        }
    }

    /// Columns of another version of the table, here; none if one is missing.
    fn at(&self, table: &TableInfo, columns: &[usize]) -> Vec<usize> {
        let find = |&at: &usize| {
            let name = &table.columns.get(at)?.name;
            self.columns.iter().position(|column| column.name == *name)
        };
        columns.iter().map(find).collect::<Option<_>>().unwrap_or_default()
    }
}

impl Column {
    fn unknown(&self) -> ColumnInfo {
        ColumnInfo {
            name: self.name.clone(),
            type_oid: self.type_oid,
            type_modifier: self.type_modifier,
            not_null: false,
            default_expr: None,
            generated: false,
            identity: false,
        }
    }
}

/// A table that is captured.
pub(super) struct Captured {
    described: Described,
    /// What writes its rows, once it is used.
    pub(super) writer: Option<TableWriter>,
    /// Its schema, once it is used.
    pub(super) table: Option<Arc<TableInfo>>,
}

/// What is to be done before rows of a table can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Nothing: it is there, under this number.
    Ready(usize),
    /// Nothing: it is not captured.
    NotCaptured,
    /// The catalog must be asked.
    AskCatalog,
    /// A column's values can't be read in their binary form: the stream must
    /// be started again in text.
    NeedsText,
}

/// All tables that the stream told of.
pub(crate) struct TableStore {
    settings: Arc<TableSettings>,
    types: Types,
    /// Types that the catalog was asked for.
    asked: HashSet<u32>,
    /// Schemas by object id, as the source's state keeps them.
    stored: HashMap<u32, TableInfo>,
    by_oid: HashMap<u32, Option<usize>>,
    captured: Vec<Captured>,
    /// Writers of former schemas, with rows that are not handed over.
    retired: Vec<TableWriter>,
    /// Schemas that are to be kept with the next batch.
    fresh: Vec<u32>,
    last: (u32, Option<usize>),
}

impl TableStore {
    /// With the schemas that the source's state keeps.
    pub(crate) fn new(
        settings: Arc<TableSettings>,
        types: Types,
        stored: HashMap<u32, TableInfo>,
    ) -> Self {
        Self {
            settings,
            types,
            asked: HashSet::new(),
            stored,
            by_oid: HashMap::new(),
            captured: Vec::new(),
            retired: Vec::new(),
            fresh: Vec::new(),
            last: (0, None),
        }
    }

    /// The schemas that are known, for a stream that is started again.
    pub(crate) fn into_stored(self) -> HashMap<u32, TableInfo> {
        self.stored
    }

    /// A Relation message came.
    pub(super) fn describe(&mut self, relation: &Relation<'_>) {
        let is_captured = self.settings.selection.has_table(relation.schema, relation.name);
        let known = self.by_oid.get(&relation.oid).copied().flatten();
        self.last = (0, None);
        if !is_captured {
            if let Some(at) = known {
                self.retired.extend(self.captured[at].writer.take());
            }
            self.by_oid.insert(relation.oid, None);
            return;
        }
        let described = Described::of(relation);
        match known {
            // Sent again for a reason that is none to us.
            Some(at) if self.captured[at].described == described => {}
            Some(at) => {
                self.retired.extend(self.captured[at].writer.take());
                self.captured[at] = Captured { described, writer: None, table: None };
            }
            None => {
                self.by_oid.insert(relation.oid, Some(self.captured.len()));
                self.captured.push(Captured { described, writer: None, table: None });
            }
        }
    }

    /// Whether rows of a table can be written.
    #[inline]
    pub(super) fn ready(&mut self, oid: u32, binary: bool) -> Result<Readiness, ConnectError> {
        let at = if self.last.0 == oid {
            self.last.1
        } else {
            let at = self.by_oid.get(&oid).copied().ok_or_else(|| unknown(oid))?;
            self.last = (oid, at);
            at
        };
        let Some(at) = at else { return Ok(Readiness::NotCaptured) };
        if self.captured[at].writer.is_some() {
            return Ok(Readiness::Ready(at));
        }
        self.compile(at, binary)
    }

    /// Makes the writer of a table, if the stored schema is the one that the
    /// stream tells of.
    fn compile(&mut self, at: usize, binary: bool) -> Result<Readiness, ConnectError> {
        let described = &self.captured[at].described;
        let stored = self.stored.get(&described.oid);
        let Some(table) = stored.filter(|table| described.matches(table)) else {
            return Ok(Readiness::AskCatalog);
        };
        let is_new = |oid| !self.types.knows(oid) && !self.asked.contains(&oid);
        if table.columns.iter().any(|column| is_new(column.type_oid)) {
            return Ok(Readiness::AskCatalog);
        }
        let decodable = |column: &ColumnInfo| binary_decodable(column.type_oid, &self.types);
        if binary && !table.columns.iter().all(decodable) {
            return Ok(Readiness::NeedsText);
        }
        let writer = TableWriter::new(table, &self.settings, &self.types)?;
        for (column, kind) in writer.unknown_types() {
            let table = table.full_name();
            tracing::warn!(table, column, kind, "unknown type, written as text");
        }
        let table = Arc::new(table.clone());
        let captured = &mut self.captured[at];
        captured.writer = Some(writer);
        captured.table = Some(table);
        Ok(Readiness::Ready(at))
    }

    /// What the catalog says of a table now; none if it is gone. The schema
    /// that the stream tells of becomes the stored one.
    pub(super) fn resolve(&mut self, oid: u32, catalog: Option<&TableInfo>, types: Types) {
        self.types = types;
        let Some(at) = self.by_oid.get(&oid).copied().flatten() else { return };
        let described = &self.captured[at].described;
        // A type that is gone by now is not asked for a second time.
        self.asked.extend(described.columns.iter().map(|column| column.type_oid));
        let table = described.table(catalog, self.stored.get(&oid));
        if self.stored.get(&oid) != Some(&table) {
            self.stored.insert(oid, table);
            self.fresh.push(oid);
        }
    }

    /// A captured table, by its number.
    #[inline]
    pub(super) fn captured(&mut self, at: usize) -> Option<&mut Captured> {
        self.captured.get_mut(at)
    }

    /// The schemas that are to be kept with this batch.
    pub(super) fn take_fresh(&mut self) -> Vec<&TableInfo> {
        let fresh = std::mem::take(&mut self.fresh);
        fresh.iter().filter_map(|oid| self.stored.get(oid)).collect()
    }

    /// All writers that may have rows; those of former schemas first.
    pub(super) fn take_batches(&mut self) -> Vec<thalweg_core::batch::Batch> {
        let mut retired = std::mem::take(&mut self.retired);
        let current = self.captured.iter_mut().filter_map(|captured| captured.writer.as_mut());
        retired.iter_mut().chain(current).filter_map(TableWriter::take).collect()
    }
}

/// A row of a table that was never told of.
fn unknown(oid: u32) -> ConnectError {
    ConnectError::fatal(format!(
        "the replication stream has a row of table {oid}, which it did not describe"
    ))
}
