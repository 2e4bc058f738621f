//! A case through the connector itself: snapshot, then stream.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use thalweg_core::ConnectError;
use thalweg_core::batch::Batch;
use thalweg_core::config::{ConfigMap, Declare};
use thalweg_core::connector::{Notes, SourceConnector, SourceContext, SourceTask};
use thalweg_harness::{Postgres as Server, wait_until};
use thalweg_sources::postgres::{Postgres, PostgresTask};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::fixtures::{Case, Event};
use crate::{DATABASE, fresh_database, ours};

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) snapshot: Vec<Event>,
    pub(crate) stream: Vec<Event>,
}

struct Run {
    task: PostgresTask,
    position: Value,
}

/// The config as the recorder has it; the error names what is refused.
fn config(server: &Server, case: &Case) -> Result<ConfigMap, Vec<String>> {
    let mut posted: ConfigMap = [
        ("database.hostname", "127.0.0.1"),
        ("database.port", &server.port().to_string()),
        ("database.user", "postgres"),
        ("database.password", Server::PASSWORD),
        ("database.dbname", DATABASE),
        ("topic.prefix", "dbz"),
        ("plugin.name", "pgoutput"),
        ("slot.name", "compare"),
        ("publication.name", "compare"),
        ("status.update.interval.ms", "100"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    let own = case.config.iter().filter(|(key, _)| !key.starts_with("value.converter"));
    posted.extend(own.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())));
    let mut keys = Declare::read(&posted);
    let _ = Postgres.declare(&mut keys);
    let problems = keys.finish().problems;
    if problems.is_empty() {
        Ok(posted)
    } else {
        Err(problems.iter().map(ToString::to_string).collect())
    }
}

/// Runs a case; the error says what of its config is refused.
pub(crate) async fn run(server: &Server, case: &Case) -> Result<Ran, Vec<String>> {
    config(server, case)?;
    Ok(try_run(server, case).await.unwrap())
}

/// Runs a case; the error is the source's.
pub(crate) async fn try_run(server: &Server, case: &Case) -> Result<Ran, ConnectError> {
    let posted = config(server, case).unwrap();
    fresh_database(server, &case.before);
    let mut keys = Declare::read(&posted);
    let config = Postgres.declare(&mut keys);
    let context = SourceContext {
        connector: "compare".into(),
        task: 0,
        position: None,
        state: BTreeMap::new(),
        cancel: CancellationToken::new(),
        notes: Notes::default(),
    };
    let (task, _committer) = Postgres.open(Arc::new(config), context).await?;
    let mut run = Run { task, position: Value::Null };
    let ran = run.all(server, case).await;
    run.task.close().await;
    free_slots(server);
    ran
}

fn free_slots(server: &Server) {
    let gone = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
                WHERE NOT active; SELECT count(*) FROM pg_replication_slots";
    wait_until("the slot to be free", Duration::from_secs(10), || {
        server.sql(gone).ok()?.ends_with('0').then_some(())
    })
    .unwrap();
}

impl Run {
    async fn all(&mut self, server: &Server, case: &Case) -> Result<Ran, ConnectError> {
        let initial_only = case.config.get("snapshot.mode").is_some_and(|m| m == "initial_only");
        let nulls = case.nulls_to_defaults();
        let snapshot = self.until(|position| position["thalweg"]["snapshot"] == "done").await?;
        let mut stream = Vec::new();
        for step in &case.steps {
            server.sql_in(DATABASE, step).unwrap();
            if !initial_only {
                let end = lsn(&server.sql_in(DATABASE, "SELECT pg_current_wal_lsn()").unwrap());
                let batches = self.until(|position| flushed(position) >= end).await?;
                stream.extend(ours::events(&batches, nulls));
            }
        }
        let ran = ours::events(&snapshot, nulls);
        let (snapshot, early): (Vec<Event>, Vec<Event>) =
            ran.into_iter().partition(|event| event.value["op"] == "r");
        stream.splice(0..0, early);
        Ok(Ran { snapshot, stream })
    }

    /// Polls until the position is there, or nothing has come for a while.
    async fn until(&mut self, there: impl Fn(&Value) -> bool) -> Result<Vec<Batch>, ConnectError> {
        let mut batches = Vec::new();
        while !there(&self.position) {
            let Ok(batch) = timeout(Duration::from_secs(5), self.task.poll()).await else { break };
            let batch = batch?;
            if let Some(position) = &batch.position {
                self.position = Value::Object(position.0.clone());
            }
            batches.extend(batch.batches);
        }
        Ok(batches)
    }
}

/// How far a position is.
fn flushed(position: &Value) -> u64 {
    match position {
        Value::Object(members) => match members.get("flush_lsn") {
            Some(flush) => lsn(flush.as_str().unwrap_or_default()),
            None => members.values().map(flushed).max().unwrap_or(0),
        },
        _ => 0,
    }
}

fn lsn(text: &str) -> u64 {
    let (high, low) = text.split_once('/').unwrap_or(("0", "0"));
    let part = |text: &str| u64::from_str_radix(text, 16).unwrap_or(0);
    part(high) << 32 | part(low)
}
