//! A source that counts.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use thalweg_core::batch::{Batch, Layout, SourceBatch, StateChange};
use thalweg_core::config::Declare;
use thalweg_core::connector::{
    About, Checked, Claim, Committer, SourceConnector, SourceContext, SourceTask,
};
use thalweg_core::schema::SchemaBuilder;
use thalweg_core::{ConnectError, Coordinates, Durable, JsonMap, Position};

/// Counts from 0 to `count`, in batches of `batch`, each number a row of the
/// topic; its position is the next number. Kept over workers: what upstream
/// was told, and how often it may still fail.
#[derive(Clone, Default)]
pub struct Counting {
    /// Positions that upstream was told of.
    pub told: Arc<Mutex<Vec<i64>>>,
    /// Failures that are left for `fail.kind`.
    pub failures: Arc<AtomicI64>,
}

#[derive(Clone)]
pub struct Config {
    topics: Vec<String>,
    count: i64,
    batch: i64,
    pause_ms: u64,
    fail_at: Option<i64>,
    fail_kind: String,
    counter: Option<String>,
}

impl SourceConnector for Counting {
    type Config = Config;
    type Task = Task;
    type Committer = Upstream;

    fn about(&self) -> About {
        About {
            class: "org.example.CountingSourceConnector",
            alias: "counting",
            version: "1.0",
            summary: "Counts.",
        }
    }

    fn declare(&self, keys: &mut Declare<'_>) -> Config {
        let count = keys.int("count", "How many rows.").high().range(0..=100_000_000).required();
        Config {
            topics: keys.list("to.topics", "Topics.").default(vec!["numbers".into()]),
            count,
            batch: keys.int("batch", "Rows of a batch.").range(1..=1_000_000).default(7),
            pause_ms: keys.int("pause.ms", "Pause.").default(0).unsigned_abs(),
            fail_at: keys.int("fail.at", "Number at which it fails.").optional(),
            fail_kind: keys.text("fail.kind", "How.").default("fatal".into()),
            counter: keys.text("counter", "One that is this connector's alone.").optional(),
        }
        .also(keys)
    }

    fn partition(&self, _config: &Config) -> JsonMap {
        json!({ "server": "counter" }).as_object().unwrap().clone()
    }

    fn validate_position(&self, position: &Position) -> Result<(), String> {
        let n = position.0.get("n").and_then(|n| n.as_i64());
        n.map(drop).ok_or_else(|| "n is missing".into())
    }

    fn claims(&self, config: &Config) -> Vec<Claim> {
        let claim = |what: &String| Claim {
            key: "counter",
            what: format!("counter {what}"),
            advice: "choose another",
        };
        config.counter.iter().map(claim).collect()
    }

    async fn check(&self, config: &Config) -> Checked {
        if config.count == 13 {
            return vec![thalweg_core::config::Problem::new("count", "Unlucky: choose another")];
        }
        Vec::new()
    }

    async fn open(
        &self,
        config: Arc<Config>,
        context: SourceContext,
    ) -> Result<(Task, Upstream), ConnectError> {
        let next = context.position.and_then(|p| p.0.get("n").and_then(|n| n.as_i64()));
        let next = next.unwrap_or(0);
        // The state of the source is changed in the same append as its rows.
        let half = context.state.get("half").and_then(|n| n.as_i64()).unwrap_or(0);
        assert_eq!(half, next / 2, "state and position are of one append");
        context.notes.set("start", format!("began at {next}"));
        let task = Task { config, next, failures: Arc::clone(&self.failures) };
        Ok((task, Upstream { told: Arc::clone(&self.told) }))
    }
}

impl Config {
    fn also(self, keys: &mut Declare<'_>) -> Self {
        let _ = keys.secret("counter.password", "A secret.").optional();
        self
    }
}

pub struct Upstream {
    told: Arc<Mutex<Vec<i64>>>,
}

impl Committer for Upstream {
    fn commit(&self, position: Durable<Position>) {
        let n = position.get().0.get("n").and_then(|n| n.as_i64()).unwrap();
        self.told.lock().unwrap().push(n);
    }
}

pub struct Task {
    config: Arc<Config>,
    next: i64,
    failures: Arc<AtomicI64>,
}

impl Task {
    fn fail(&self) -> Result<(), ConnectError> {
        if self.failures.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Ok(());
        }
        match self.config.fail_kind.as_str() {
            "panic" => panic!("the counter broke"),
            "retriable" => Err(ConnectError::retriable("upstream is away")),
            "record" => {
                let at = Coordinates {
                    place: "public.t".into(),
                    partition: None,
                    at: format!("row {}", self.next),
                };
                Err(ConnectError::bad_record(at, "a number is odd"))
            }
            _ => Err(ConnectError::fatal("the counter can not go on: reset it")),
        }
    }
}

impl SourceTask for Task {
    async fn poll(&mut self) -> Result<SourceBatch, ConnectError> {
        if self.next >= self.config.count {
            std::future::pending::<()>().await;
        }
        if self.config.pause_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.config.pause_ms)).await;
        }
        if self.config.fail_at.is_some_and(|at| self.next >= at) {
            self.fail()?;
        }
        let end = (self.next + self.config.batch).min(self.config.count);
        let layout = Layout::of(&SchemaBuilder::string().build());
        let mut batches: Vec<Batch> = self
            .config
            .topics
            .iter()
            .map(|topic| {
                let (key, value) = (Arc::clone(&layout), Arc::clone(&layout));
                Batch::new(Arc::from(topic.as_str()), Some(key), Some(value))
            })
            .collect();
        for n in self.next..end {
            let count = batches.len();
            let batch = &mut batches[usize::try_from(n).unwrap() % count];
            for columns in [&mut batch.key, &mut batch.value].into_iter().flatten() {
                columns.set_bytes(Layout::ROOT, n.to_string().as_bytes());
                columns.end_row();
            }
            batch.ordinals.push(n.unsigned_abs());
            batch.rows += 1;
        }
        self.next = end;
        let position = json!({ "n": end }).as_object().unwrap().clone();
        let state = vec![StateChange { key: "half".into(), value: Some(json!(end / 2)) }];
        Ok(SourceBatch { batches, position: Some(Position(position)), state })
    }

    async fn close(self) {}
}
