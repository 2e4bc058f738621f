//! Stand-ins for Kafka's file connectors, which the recorded answers are of.

use std::sync::Arc;

use serde_json::json;
use thalweg_core::batch::{Batch, Layout, SourceBatch};
use thalweg_core::config::Declare;
use thalweg_core::connector::{
    About, Assigned, Checked, Committer, Offsets, SinkBatch, SinkConnector, SinkContext,
    SinkPartition, SinkTask, SourceConnector, SourceContext, SourceTask, StartOffsets, WriteReport,
};
use thalweg_core::schema::SchemaBuilder;
use thalweg_core::{ConnectError, Durable, JsonMap, Position};

pub struct FileSource;

pub struct SourceConfig {
    file: String,
    topic: String,
}

impl SourceConnector for FileSource {
    type Config = SourceConfig;
    type Task = Reading;
    type Committer = Nobody;

    fn about(&self) -> About {
        About {
            class: "org.apache.kafka.connect.file.FileStreamSourceConnector",
            alias: "file-source",
            version: "4.3.1",
            summary: "Reads a file.",
        }
    }

    fn declare(&self, keys: &mut Declare<'_>) -> SourceConfig {
        let _ = keys.int("batch.size", "Records at once.").default(2000);
        SourceConfig {
            file: keys.text("file", "File.").high().optional().unwrap_or_default(),
            topic: keys.text("topic", "Topic.").high().required(),
        }
    }

    fn partition(&self, config: &SourceConfig) -> JsonMap {
        json!({ "filename": config.file }).as_object().unwrap().clone()
    }

    async fn check(&self, _config: &SourceConfig) -> Checked {
        Vec::new()
    }

    async fn open(
        &self,
        config: Arc<SourceConfig>,
        context: SourceContext,
    ) -> Result<(Reading, Nobody), ConnectError> {
        Ok((Reading { config, done: context.position.is_some() }, Nobody))
    }
}

pub struct Nobody;

impl Committer for Nobody {
    fn commit(&self, _position: Durable<Position>) {}
}

/// Reads two lines of one byte.
pub struct Reading {
    config: Arc<SourceConfig>,
    done: bool,
}

impl SourceTask for Reading {
    async fn poll(&mut self) -> Result<SourceBatch, ConnectError> {
        if self.done {
            std::future::pending::<()>().await;
        }
        self.done = true;
        let layout = Layout::of(&SchemaBuilder::string().build());
        let mut batch = Batch::new(Arc::from(self.config.topic.as_str()), None, Some(layout));
        for line in [b"a", b"b"] {
            let columns = batch.value.as_mut().unwrap();
            columns.set_bytes(Layout::ROOT, line);
            columns.end_row();
            batch.rows += 1;
        }
        let position = json!({ "position": 4 }).as_object().unwrap().clone();
        Ok(SourceBatch {
            batches: vec![batch],
            position: Some(Position(position)),
            state: Vec::new(),
        })
    }

    async fn close(self) {}
}

pub struct FileSink;

impl SinkConnector for FileSink {
    type Config = String;
    type Task = Writing;

    fn about(&self) -> About {
        About {
            class: "org.apache.kafka.connect.file.FileStreamSinkConnector",
            alias: "file-sink",
            version: "4.3.1",
            summary: "Writes a file.",
        }
    }

    fn declare(&self, keys: &mut Declare<'_>) -> String {
        keys.text("file", "File.").high().optional().unwrap_or_default()
    }

    async fn check(&self, _config: &String) -> Checked {
        Vec::new()
    }

    async fn open(
        &self,
        config: Arc<String>,
        _context: SinkContext,
        _assigned: Vec<Assigned>,
    ) -> Result<(Writing, StartOffsets), ConnectError> {
        if config.starts_with("/no/") {
            return Err(ConnectError::fatal(format!("Couldn't find or create file '{config}'")));
        }
        Ok((Writing, Vec::new()))
    }
}

pub struct Writing;

impl SinkTask for Writing {
    async fn write(&mut self, batch: &SinkBatch) -> Result<WriteReport, ConnectError> {
        let next = batch.offsets.last().map(|last| last + 1);
        let durable = next.map(|next| (batch.partition.clone(), next)).into_iter().collect();
        Ok(WriteReport { durable, rejected: Vec::new() })
    }

    async fn flush(&mut self) -> Result<Offsets, ConnectError> {
        Ok(Vec::new())
    }

    async fn revoke(&mut self, _partitions: &[SinkPartition]) -> Result<(), ConnectError> {
        Ok(())
    }

    async fn close(self) {}
}
