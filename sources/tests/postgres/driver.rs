//! Runs a task as the runtime does, and shows what it gives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use thalweg_core::batch::{Batch, Cell, Columns, Layout, NodeId, NodeKind, SourceBatch};
use thalweg_core::config::{ConfigMap, Declare};
use thalweg_core::connector::{Committer, Notes, SourceConnector, SourceContext, SourceTask};
use thalweg_core::schema::Kind;
use thalweg_core::{ConnectError, Durable, Position};
use thalweg_sources::postgres::{Postgres, PostgresCommitter, PostgresTask};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::{Database, server};

/// What the runtime keeps between runs, and a task.
pub(crate) struct Driver {
    pub(crate) config: ConfigMap,
    pub(crate) position: Option<Position>,
    pub(crate) state: BTreeMap<String, Value>,
    pub(crate) notes: Notes,
    pub(crate) cancel: CancellationToken,
    task: Option<(PostgresTask, PostgresCommitter)>,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) topic: String,
    pub(crate) key: Value,
    /// None is a tombstone.
    pub(crate) value: Option<Value>,
    pub(crate) ordinal: u64,
}

impl Event {
    pub(crate) fn op(&self) -> &str {
        self.value.as_ref().and_then(|value| value["op"].as_str()).unwrap_or("tombstone")
    }

    pub(crate) fn at(&self, path: &str) -> Value {
        let value = self.value.as_ref().and_then(|value| value.pointer(path));
        value.cloned().unwrap_or(Value::Null)
    }
}

impl Driver {
    pub(crate) fn new(database: &Database, more: &[(&str, &str)]) -> Self {
        let mut config: ConfigMap = [
            ("database.hostname", "127.0.0.1"),
            ("database.port", &server().port().to_string()),
            ("database.user", "postgres"),
            ("database.password", "postgres"),
            ("database.dbname", &database.name),
            ("topic.prefix", "p"),
            ("slot.name", &format!("slot_{}", database.name)),
            ("status.update.interval.ms", "200"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        config.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        Self {
            config,
            position: None,
            state: BTreeMap::new(),
            notes: Notes::default(),
            cancel: CancellationToken::new(),
            task: None,
        }
    }

    pub(crate) async fn open(&mut self) -> Result<(), ConnectError> {
        self.task = None;
        let mut keys = Declare::read(&self.config);
        let config = Postgres.declare(&mut keys);
        let declared = keys.finish();
        assert!(declared.problems.is_empty(), "{:?}", declared.problems);
        let context = SourceContext {
            connector: "c".into(),
            task: 0,
            position: self.position.clone(),
            state: self.state.clone(),
            cancel: self.cancel.clone(),
            notes: self.notes.clone(),
        };
        self.task = Some(Postgres.open(Arc::new(config), context).await?);
        Ok(())
    }

    /// Opens, waiting while the last session still holds the slot.
    pub(crate) async fn reopen(&mut self) {
        for _ in 0..100 {
            match self.open().await {
                Ok(()) => return,
                Err(error) if error.to_string().contains("in use") => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the slot stays in use");
    }

    /// The next batch, without making it durable: what a crash loses.
    pub(crate) async fn poll_only(&mut self) -> Result<SourceBatch, ConnectError> {
        let (task, _) = self.task.as_mut().unwrap();
        tokio::time::timeout(Duration::from_secs(60), task.poll()).await.unwrap()
    }

    /// Makes a batch durable.
    pub(crate) fn keep(&mut self, batch: &SourceBatch) {
        for change in &batch.state {
            match &change.value {
                Some(value) => self.state.insert(change.key.clone(), value.clone()),
                None => self.state.remove(&change.key),
            };
        }
        if let Some(position) = &batch.position {
            self.position = Some(position.clone());
            let (_, committer) = self.task.as_ref().unwrap();
            committer.commit(Durable::attest(position.clone()));
        }
    }

    pub(crate) async fn poll(&mut self) -> Vec<Event> {
        let batch = self.poll_only().await.unwrap();
        self.keep(&batch);
        events(&batch)
    }

    /// Polls until this many events are there.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(self.poll().await);
        }
        assert_eq!(events.len(), count, "{events:#?}");
        events
    }

    /// Polls until no event comes for a second.
    pub(crate) async fn drain(&mut self) -> Vec<Event> {
        let mut all = Vec::new();
        let mut end = Instant::now() + Duration::from_secs(1);
        loop {
            let (task, _) = self.task.as_mut().unwrap();
            let Ok(batch) = timeout_at(end, task.poll()).await else { return all };
            let batch = batch.unwrap();
            self.keep(&batch);
            let rows = events(&batch);
            if !rows.is_empty() || !self.is_streaming() {
                end = Instant::now() + Duration::from_secs(1);
            }
            all.extend(rows);
        }
    }

    pub(crate) fn is_streaming(&self) -> bool {
        let position = self.position.as_ref();
        position.is_some_and(|position| position.0["thalweg"]["snapshot"] == "done")
    }

    /// Drops the task as a crash does.
    pub(crate) fn crash(&mut self) {
        self.task = None;
    }

    pub(crate) async fn close(&mut self) {
        if let Some((task, _)) = self.task.take() {
            task.close().await;
        }
    }
}

/// All events of a batch, in their order.
pub(crate) fn events(batch: &SourceBatch) -> Vec<Event> {
    let mut all: Vec<Event> = batch.batches.iter().flat_map(events_of).collect();
    all.sort_by_key(|event| event.ordinal);
    all
}

fn events_of(batch: &Batch) -> Vec<Event> {
    (0..batch.rows)
        .map(|row| Event {
            topic: batch.topic.to_string(),
            key: batch.key.as_ref().map_or(Value::Null, |key| show(key, Layout::ROOT, row)),
            value: batch
                .value
                .as_ref()
                .filter(|value| value.has_row(row))
                .map(|value| show(value, Layout::ROOT, row)),
            ordinal: batch.ordinals[row],
        })
        .collect()
}

fn show(columns: &Columns, node: NodeId, row: usize) -> Value {
    let layout = columns.layout();
    match &layout.node(node).kind {
        NodeKind::Struct if node != Layout::ROOT && !columns.present(node, row) => Value::Null,
        NodeKind::Struct => {
            let field = |id| (layout.node(id).name.to_string(), show(columns, id, row));
            Value::Object(layout.fields(node).map(field).collect::<Map<_, _>>())
        }
        NodeKind::List(_) => match (columns.cell(node, row), columns.items(node)) {
            (Cell::Span { start, len }, Some(items)) => {
                let rows = start as usize..(start + len) as usize;
                rows.map(|row| show(items, Layout::ROOT, row)).collect()
            }
            _ => Value::Null,
        },
        NodeKind::Leaf => match columns.cell(node, row) {
            Cell::Null => Value::Null,
            Cell::Unavailable => json!("__unavailable"),
            Cell::Bool(value) => json!(value),
            Cell::Int(value) => json!(value),
            Cell::Float(value) => json!(value),
            cell @ Cell::Span { .. } => {
                let bytes = columns.bytes(cell).unwrap_or_default();
                match layout.node(node).schema.kind() {
                    Kind::Bytes => json!(bytes),
                    _ => json!(String::from_utf8_lossy(bytes)),
                }
            }
        },
    }
}
