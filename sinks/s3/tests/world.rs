//! A sink in a world that can be killed at any step and started again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use thalweg_core::batch::{Batch, Layout};
use thalweg_core::config::{ConfigMap, Declare};
use thalweg_core::connector::{
    Assigned, Notes, SinkBatch, SinkConnector, SinkContext, SinkPartition, SinkTask, StateStore,
};
use thalweg_core::schema::{Schema, SchemaBuilder, Value};
use thalweg_core::{BoxFuture, ConnectError, ErrorKind};
use uuid::Uuid;

use crate::lake::{SpoolFolder, Spooled};
use crate::s3::plan::FilePlan;
use crate::s3::store::{Found, Put, Store};
use crate::s3::task::Shared;
use crate::s3::{S3Sink, S3Task, open_store};

pub(super) const KILLED: &str = "killed";

/// Counts steps; from a given one on nothing works any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Kill {
    steps: Arc<AtomicUsize>,
    at: usize,
    /// Whether only the one step fails, and may be tried again.
    once: bool,
}

impl Kill {
    fn step(&self) -> Result<(), ConnectError> {
        let step = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        if self.once {
            let fails = step == self.at;
            return if fails { Err(ConnectError::retriable("not now")) } else { Ok(()) };
        }
        if step >= self.at { Err(ConnectError::fatal(KILLED)) } else { Ok(()) }
    }
}

#[derive(Default)]
struct State(Mutex<BTreeMap<String, serde_json::Value>>);

struct KillableState(Arc<State>, Kill);

impl StateStore for KillableState {
    fn get(&self, key: &str) -> Option<serde_json::Value> {
        self.0.0.lock().unwrap().get(key).cloned()
    }

    fn list(&self, prefix: &str) -> Vec<(String, serde_json::Value)> {
        let state = self.0.0.lock().unwrap();
        let found = state.iter().filter(|(key, _)| key.starts_with(prefix));
        found.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn put(
        &self,
        changes: Vec<(String, Option<serde_json::Value>)>,
    ) -> BoxFuture<'_, Result<(), ConnectError>> {
        Box::pin(async move {
            self.1.step()?;
            let mut state = self.0.0.lock().unwrap();
            for (key, value) in changes {
                match value {
                    Some(value) => state.insert(key, value),
                    None => state.remove(&key),
                };
            }
            drop(state);
            self.1.step()
        })
    }
}

struct KillableStore(Arc<dyn Store>, Kill);

impl Store for KillableStore {
    fn place(&self, key: &str) -> String {
        self.0.place(key)
    }

    fn spool(&self) -> &Arc<SpoolFolder> {
        self.0.spool()
    }

    fn look<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Found>, ConnectError>> {
        Box::pin(async move {
            self.1.step()?;
            self.0.look(key).await
        })
    }

    fn put<'a>(
        &'a self,
        plan: &'a FilePlan,
        file: &'a Spooled,
    ) -> BoxFuture<'a, Result<Put, ConnectError>> {
        Box::pin(async move {
            self.1.step()?;
            let put = self.0.put(plan, file).await?;
            self.1.step()?;
            Ok(put)
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<(), ConnectError>> {
        self.0.check()
    }
}

/// One row of the log.
#[derive(Clone, Debug)]
pub(super) struct LogRow {
    pub(super) offset: i64,
    pub(super) time: i64,
    /// None is a tombstone.
    pub(super) value: Option<(Arc<Schema>, Value)>,
}

/// The log, the sink's state and the lake: what outlives a kill.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    /// Where the files lie: a folder, or the folder of a test server's bucket.
    pub(super) lake: PathBuf,
    pub(super) config: ConfigMap,
    pub(super) partition: SinkPartition,
    pub(super) committed: Option<i64>,
    pub(super) clock: Arc<AtomicI64>,
    pub(super) rows_a_batch: usize,
    /// Whether a run ends when rows are refused, or goes on as with dead letters.
    pub(super) stops_at_refused: bool,
    /// Files that a task may have open, if not as many as usual.
    pub(super) open_files_max: Option<usize>,
    /// What the sink said beside its results.
    pub(super) notes: Notes,
    state: Arc<State>,
}

/// What a run of the sink came to.
pub(super) struct Ran {
    /// How it ended.
    pub(super) result: Result<(), ConnectError>,
    /// Offsets of rows that it refused.
    pub(super) rejected: Vec<i64>,
    /// Steps that it took.
    pub(super) steps: usize,
}

impl World {
    pub(super) fn new(config: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().display());
        let mut map = ConfigMap::from([("store.url".to_owned(), url)]);
        let lake = folder.path().to_owned();
        map.extend(config.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())));
        Self {
            folder,
            lake,
            config: map,
            partition: SinkPartition { topic: "t".into(), topic_id: Uuid::new_v4(), partition: 3 },
            committed: None,
            clock: Arc::new(AtomicI64::new(1_700_000_000_000)),
            rows_a_batch: 3,
            stops_at_refused: false,
            open_files_max: None,
            notes: Notes::default(),
            state: Arc::default(),
        }
    }

    /// Deletes the topic and makes it again.
    pub(super) fn recreate_topic(&mut self) {
        self.partition.topic_id = Uuid::new_v4();
        self.committed = None;
    }

    pub(super) async fn open(&self, kill: &Kill) -> Result<(S3Task, Option<i64>), ConnectError> {
        let mut keys = Declare::read(&self.config);
        let config = S3Sink.declare(&mut keys);
        let declared = keys.finish();
        assert!(declared.problems.is_empty(), "{:?}", declared.problems);
        let store = Arc::new(KillableStore(open_store(&config, "test-0"), kill.clone()));
        let context = SinkContext {
            connector: "test".into(),
            task: 0,
            state: Arc::new(KillableState(Arc::clone(&self.state), kill.clone())),
            cancel: tokio_util::sync::CancellationToken::new(),
            notes: self.notes.clone(),
        };
        let clock = Arc::clone(&self.clock);
        let mut shared = Shared::new(
            Arc::new(config),
            context,
            store,
            Arc::new(move || clock.load(Ordering::SeqCst)),
        );
        shared.open_files_max = self.open_files_max.unwrap_or(shared.open_files_max);
        let assigned = Assigned { partition: self.partition.clone(), committed: self.committed };
        let (task, start) = S3Task::open(shared, vec![assigned]).await?;
        Ok((task, start.first().map(|(_, offset)| *offset)))
    }

    /// Runs the sink over the log until its end, or until it is killed at its
    /// `kill_at`-th step.
    pub(super) async fn run(&mut self, log: &[LogRow], kill_at: usize) -> Ran {
        let kill = Kill { steps: Arc::default(), at: kill_at, once: false };
        let mut rejected = Vec::new();
        let result = self.try_run(log, &kill, &mut rejected).await;
        Ran { result, rejected, steps: kill.steps.load(Ordering::SeqCst) }
    }

    /// Runs it while its step `fails_at` fails once; a write is then tried
    /// again, as the runtime does.
    pub(super) async fn run_with_a_fault(&mut self, log: &[LogRow], fails_at: usize) -> Ran {
        let kill = Kill { steps: Arc::default(), at: fails_at, once: true };
        let mut rejected = Vec::new();
        let result = self.try_run(log, &kill, &mut rejected).await;
        Ran { result, rejected, steps: kill.steps.load(Ordering::SeqCst) }
    }

    async fn try_run(
        &mut self,
        log: &[LogRow],
        kill: &Kill,
        rejected: &mut Vec<i64>,
    ) -> Result<(), ConnectError> {
        let (mut task, start) = self.open(kill).await?;
        let from = start.or(self.committed).unwrap_or_default();
        let log: Vec<LogRow> = log.iter().filter(|row| row.offset >= from).cloned().collect();
        for batch in batches(&self.partition, &log, self.rows_a_batch) {
            self.clock.fetch_add(61_000, Ordering::SeqCst);
            let report = match task.write(&batch).await {
                Err(error) if error.kind() == ErrorKind::Retriable => task.write(&batch).await?,
                done => done?,
            };
            rejected.extend(report.rejected.iter().map(|r| batch.offsets[r.row]));
            if let (true, Some(refused)) =
                (self.stops_at_refused, report.rejected.into_iter().next())
            {
                return Err(refused.error);
            }
            let durable = task.flush().await?;
            kill.step()?;
            if let Some((_, offset)) = durable.first() {
                assert!(self.committed.is_none_or(|committed| committed <= *offset));
                self.committed = Some(*offset);
                task.committed(&durable);
            }
            kill.step()?;
        }
        task.close().await;
        Ok(())
    }

    /// Entries of the sink's state that begin so.
    pub(super) fn state_keys(&self, prefix: &str) -> Vec<String> {
        let state = self.state.0.lock().unwrap();
        state.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// The lake's files, by name, without temporary ones.
    pub(super) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        walk(&self.lake, &mut files);
        let root = &self.lake;
        let mut names: Vec<String> = files
            .iter()
            .map(|file| file.strip_prefix(root).unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    pub(super) fn bytes_of(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.lake.join(name)).unwrap()
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Cuts a log into batches: at most so many rows, one schema each. Tombstones
/// go with whatever is around them.
pub(super) fn batches(partition: &SinkPartition, log: &[LogRow], rows: usize) -> Vec<SinkBatch> {
    let mut batches: Vec<SinkBatch> = Vec::new();
    for row in log {
        let schema = row.value.as_ref().map(|(schema, _)| schema);
        let fits = batches.last().is_some_and(|last| {
            let same = match (&last.batch.value, schema) {
                (Some(value), Some(schema)) => value.layout().schema() == schema,
                (None, Some(_)) => false,
                (_, None) => true,
            };
            same && last.offsets.len() < rows
        });
        if !fits {
            let batch = Batch::new(partition.topic.clone(), None, schema.map(Layout::of));
            batches.push(SinkBatch { partition: partition.clone(), offsets: vec![], batch });
        }
        let last = batches.last_mut().unwrap();
        last.offsets.push(row.offset);
        last.batch.rows += 1;
        last.batch.timestamps.push(row.time);
        if let Some(value) = &mut last.batch.value {
            match &row.value {
                Some((_, row)) => value.push_value(row),
                None => value.absent_row(),
            }
        }
    }
    batches
}

/// `{id, city, note}`; from version 2 on with one more field.
pub(super) fn schema(version: usize) -> Arc<Schema> {
    let schema = SchemaBuilder::structure()
        .name("shop.orders.Value")
        .field("id", SchemaBuilder::int64().build())
        .field("city", SchemaBuilder::string().build())
        .field("note", SchemaBuilder::string().optional().build());
    match version {
        1 => schema.build(),
        _ => schema.field("more", SchemaBuilder::int32().optional().build()).build(),
    }
}

/// A row whose offset is its id.
pub(super) fn row(offset: i64, version: usize) -> LogRow {
    let city = ["Bern", "Basel", "Genf"][usize::try_from(offset * 7 % 3).unwrap()];
    let note = if offset % 2 == 0 { Value::Null } else { Value::Text(format!("note {offset}")) };
    let mut values = vec![Value::Int(offset), Value::Text(city.to_owned()), note];
    if version > 1 {
        values.push(Value::Int(offset + 1));
    }
    LogRow {
        offset,
        time: 1_700_000_000_000 + offset * 1_000_000,
        value: Some((schema(version), Value::Struct(values))),
    }
}

pub(super) fn tombstone(offset: i64) -> LogRow {
    LogRow { offset, time: 1_700_000_000_000 + offset * 1_000_000, value: None }
}
