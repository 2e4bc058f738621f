//! Small real connectors for tests, and a worker with them. They unwrap: a
//! failure is the test's answer.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs)]

mod file_stream;
mod http;
mod sink;
mod source;

use std::sync::Arc;
use std::time::Duration;

use thalweg_core::BoxFuture;
use thalweg_core::config::ConfigMap;
use thalweg_log::record::{BatchDecoder, Batches};
use thalweg_log::{Log, MemoryLog, OffsetAt};

use crate::converters::Converters;
use crate::converters::avro::{SchemaStore, StoreError};
use crate::plugins::Plugins;
use crate::store::TargetState;
use crate::supervisor::{BackoffRange, Handle, Posted, Refusal};
use crate::worker::{Worker, WorkerOptions};

pub use http::{Answered, Server};
pub use sink::Collecting;
pub use source::Counting;

pub const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";

/// A registry that has nothing: the tests here write text.
struct NoSchemas;

impl SchemaStore for NoSchemas {
    fn register<'a>(
        &'a self,
        _subject: &'a str,
        _schema: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async { Err(StoreError::Unreachable("no registry here".into())) })
    }

    fn look_up<'a>(
        &'a self,
        _subject: &'a str,
        _schema: &'a str,
    ) -> BoxFuture<'a, Result<u32, StoreError>> {
        Box::pin(async { Err(StoreError::Unreachable("no registry here".into())) })
    }

    fn schema(&self, _id: u32) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        Box::pin(async { Ok(None) })
    }
}

/// The connectors of a test, which see all its workers.
#[derive(Clone, Default)]
pub struct Bench {
    pub log: Option<Arc<dyn Log>>,
    pub source: Counting,
    pub sink: Collecting,
}

impl Bench {
    pub fn new() -> Self {
        Self { log: Some(Arc::new(MemoryLog::new())), ..Self::default() }
    }

    pub fn log(&self) -> Arc<dyn Log> {
        Arc::clone(self.log.as_ref().unwrap())
    }

    pub async fn worker(&self) -> Worker {
        let plugins = Plugins::new()
            .source(thalweg_core::connector::source(self.source.clone()))
            .sink(thalweg_core::connector::sink(self.sink.clone()))
            .source(thalweg_core::connector::source(file_stream::FileSource))
            .sink(thalweg_core::connector::sink(file_stream::FileSink));
        let min = Duration::from_millis(20);
        Worker::start(WorkerOptions {
            log: self.log(),
            converters: Converters::new(Arc::new(NoSchemas), |_| true),
            plugins,
            worker_id: "127.0.0.1:8083".into(),
            cluster_id: "test".into(),
            commit: "0123456789abcdef".into(),
            append_bytes_max: 128 << 20,
            backoff: BackoffRange { min, max: Duration::from_millis(200) },
        })
        .await
        .unwrap()
    }

    /// All records of a topic: (partition, key, value), by partition and offset.
    pub async fn records(&self, topic: &str) -> Vec<(u32, Option<String>, Option<String>)> {
        let log = self.log();
        let Some(info) = log.topic(topic) else { return Vec::new() };
        let mut all = Vec::new();
        let mut decoder = BatchDecoder::new(1 << 30);
        let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8(b.to_vec()).unwrap());
        for number in 0..info.partitions {
            let at = info.partition(number);
            let mut next = log.offset(at, OffsetAt::Start).await.unwrap();
            loop {
                let fetched = log.read(at, next, 1 << 20).await.unwrap();
                if fetched.batches.is_empty() {
                    break;
                }
                for batch in Batches::new(&fetched.batches) {
                    let batch = batch.unwrap();
                    for record in decoder.decode(&batch).unwrap() {
                        let record = record.unwrap();
                        all.push((number, text(record.key), text(record.value)));
                    }
                    next = batch.header.last_offset() + 1;
                }
            }
        }
        all
    }

    pub async fn values(&self, topic: &str) -> Vec<String> {
        self.records(topic).await.into_iter().filter_map(|(_, _, value)| value).collect()
    }
}

/// A config from pairs, with text converters.
pub fn config(pairs: &[(&str, &str)]) -> ConfigMap {
    let mut config: ConfigMap =
        [("key.converter", STRING), ("value.converter", STRING), ("tasks.max", "1")]
            .iter()
            .chain(pairs)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
    if let Some(name) = config.get("name").cloned() {
        config.insert("name".into(), name);
    }
    config
}

pub async fn create(handle: &Handle, name: &str, pairs: &[(&str, &str)]) -> Result<(), Refusal> {
    let mut config = config(pairs);
    config.insert("name".into(), name.into());
    handle.create(Posted { name: name.into(), config }, TargetState::Started).await
}

/// The numbers from 0 as texts.
pub fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

/// Waits until it is so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// State and trace of a connector's first task.
pub fn task_of(handle: &Handle, name: &str) -> (&'static str, String) {
    let view = handle.view(name).unwrap();
    match view.tasks.first() {
        Some(task) => (task.state, task.trace.clone().unwrap_or_default()),
        None => ("none", String::new()),
    }
}
