//! The sink for object stores and local lakes: Confluent's S3 sink, exactly
//! once.

mod close;
mod config;
mod lane;
mod names;
mod partition;
mod plan;
mod replay;
mod round;
mod schedule;
mod store;
mod task;

use std::sync::Arc;

use thalweg_core::ConnectError;
use thalweg_core::config::{Declare, Problem};
use thalweg_core::connector::{
    About, Assigned, Checked, ReadAs, SinkConnector, SinkContext, StartOffsets,
};

pub use config::S3Config;
use config::Target;
use store::{Bucket, LocalFolder, Store};
pub use task::S3Task;
use task::Shared;

/// Writes rows into files of a bucket or a local folder.
#[derive(Clone, Copy, Debug)]
pub struct S3Sink;

impl SinkConnector for S3Sink {
    type Config = S3Config;
    type Task = S3Task;

    fn about(&self) -> About {
        About {
            class: "io.confluent.connect.s3.S3SinkConnector",
            alias: "s3",
            version: "10.6.0",
            summary: "Writes topics to S3 or a local folder as JSON, Avro or Parquet files",
        }
    }

    fn declare(&self, keys: &mut Declare<'_>) -> S3Config {
        config::declare(keys)
    }

    fn read_as(&self, config: &S3Config) -> ReadAs {
        config.read_as
    }

    async fn check(&self, config: &S3Config) -> Checked {
        let key = match config.target {
            Target::Folder(_) => "store.url",
            Target::Bucket(_) => "s3.bucket.name",
        };
        let checked =
            open_store(config, &format!("check-{}", uuid::Uuid::new_v4().simple())).check().await;
        checked.err().map(|error| Problem::new(key, error.to_string())).into_iter().collect()
    }

    async fn open(
        &self,
        config: Arc<S3Config>,
        context: SinkContext,
        assigned: Vec<Assigned>,
    ) -> Result<(S3Task, StartOffsets), ConnectError> {
        let store = open_store(&config, &format!("{}-{}", context.connector, context.task));
        let clock = Arc::new(task::system_clock);
        S3Task::open(Shared::new(config, context, store, clock), assigned).await
    }
}

/// Opens the store for a task.
fn open_store(config: &S3Config, task: &str) -> Arc<dyn Store> {
    match &config.target {
        Target::Folder(root) => Arc::new(LocalFolder::open(root, &folder_name(task))),
        Target::Bucket(bucket) => Arc::new(Bucket::open(bucket.clone())),
    }
}

/// A connector's name as the name of a folder.
fn folder_name(task: &str) -> String {
    task.chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests;
