//! A sink that collects.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use thalweg_core::ConnectError;
use thalweg_core::batch::Layout;
use thalweg_core::config::Declare;
use thalweg_core::connector::{
    About, Assigned, Checked, Offsets, Rejected, SinkBatch, SinkConnector, SinkContext,
    SinkPartition, SinkTask, StartOffsets, WriteReport,
};

/// A row as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub topic: String,
    pub partition: u32,
    pub offset: i64,
    pub key: Option<String>,
    pub value: Option<String>,
}

/// Keeps every row that it is given. Rows become durable with `flush.every`
/// rows; the ones that are not are given again after a restart.
#[derive(Clone, Default)]
pub struct Collecting {
    /// All rows, in the order of their writes, of all tasks and workers.
    pub rows: Arc<Mutex<Vec<Row>>>,
    /// What each open was given.
    pub opened: Arc<Mutex<Vec<Vec<Assigned>>>>,
    /// Failures of a write that are left.
    pub failures: Arc<AtomicI64>,
    /// Whether writes wait, whatever is asked of the task.
    pub is_stuck: Arc<AtomicBool>,
    /// Whether a write waits so.
    pub waits: Arc<AtomicBool>,
}

#[derive(Clone)]
pub struct Config {
    reject: Option<String>,
    flush_every: i64,
}

impl SinkConnector for Collecting {
    type Config = Config;
    type Task = Task;

    fn about(&self) -> About {
        About {
            class: "org.example.CollectingSinkConnector",
            alias: "collecting",
            version: "1.0",
            summary: "Collects.",
        }
    }

    fn declare(&self, keys: &mut Declare<'_>) -> Config {
        Config {
            reject: keys.text("reject", "Value that is refused.").optional(),
            flush_every: keys.int("flush.every", "Rows until durable.").default(1),
        }
    }

    async fn check(&self, _config: &Config) -> Checked {
        Vec::new()
    }

    async fn open(
        &self,
        config: Arc<Config>,
        context: SinkContext,
        assigned: Vec<Assigned>,
    ) -> Result<(Task, StartOffsets), ConnectError> {
        let opens = context.state.get("opens").and_then(|n| n.as_i64()).unwrap_or(0);
        context.state.put(vec![("opens".into(), Some(json!(opens + 1)))]).await?;
        self.opened.lock().unwrap().push(assigned);
        let task = Task { config, all: self.clone(), written: BTreeMap::new() };
        Ok((task, Vec::new()))
    }
}

pub struct Task {
    config: Arc<Config>,
    all: Collecting,
    written: BTreeMap<SinkPartition, i64>,
}

impl SinkTask for Task {
    async fn write(&mut self, batch: &SinkBatch) -> Result<WriteReport, ConnectError> {
        while self.all.is_stuck.load(Ordering::SeqCst) {
            self.all.waits.store(true, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if self.all.failures.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Err(ConnectError::retriable("the target is away"));
        }
        let text = |columns: &Option<thalweg_core::batch::Columns>, row: usize| {
            let columns = columns.as_ref().filter(|columns| columns.has_row(row))?;
            Some(String::from_utf8(columns.bytes_at(Layout::ROOT, row)?.to_vec()).unwrap())
        };
        let mut report = WriteReport::default();
        for (row, offset) in batch.offsets.iter().enumerate() {
            let value = text(&batch.batch.value, row);
            if value.is_some() && value == self.config.reject {
                let error = ConnectError::fatal("the column is too short");
                report.rejected.push(Rejected { row, error });
                return Ok(report);
            }
            self.all.rows.lock().unwrap().push(Row {
                topic: batch.partition.topic.to_string(),
                partition: batch.partition.partition,
                offset: *offset,
                key: text(&batch.batch.key, row),
                value,
            });
            self.written.insert(batch.partition.clone(), offset + 1);
        }
        if self.config.flush_every == 1 {
            report.durable = self.durable();
        }
        Ok(report)
    }

    async fn flush(&mut self) -> Result<Offsets, ConnectError> {
        Ok(self.durable())
    }

    async fn revoke(&mut self, partitions: &[SinkPartition]) -> Result<(), ConnectError> {
        self.written.retain(|partition, _| !partitions.contains(partition));
        Ok(())
    }

    async fn close(self) {}
}

impl Task {
    fn durable(&self) -> Offsets {
        let every = self.config.flush_every.max(1);
        let whole = |next: i64| next - next.rem_euclid(every);
        self.written.iter().map(|(at, next)| (at.clone(), whole(*next))).collect()
    }
}
