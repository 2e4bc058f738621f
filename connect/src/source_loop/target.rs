//! The topics that a source writes to.

use std::sync::Arc;

use thalweg_core::ConnectError;
use thalweg_log::{LogError, TopicInfo, TopicSpec};

use super::SourceRun;
use crate::log_errors::from_log;
use crate::store::is_internal;

/// The topic of this name, made if it is missing. Asked for each batch: it may
/// have been deleted, or deleted and made again.
pub(super) async fn topic(run: &SourceRun, name: &Arc<str>) -> Result<TopicInfo, ConnectError> {
    if is_internal(name) {
        return Err(ConnectError::bad_config(format!(
            "topic {name} is this server's own, and rows would damage it: give the rows' topic \
             another name"
        )));
    }
    let topic = match run.log.topic(name) {
        Some(topic) => topic,
        None => create(run, name).await?,
    };
    run.board.used_topic(&run.connector, run.task, name);
    Ok(topic)
}

async fn create(run: &SourceRun, name: &Arc<str>) -> Result<TopicInfo, ConnectError> {
    let creation = &run.settings.creation;
    let spec = TopicSpec {
        name: name.to_string(),
        partitions: creation.partitions,
        config: creation.config.clone(),
    };
    match run.log.create_topic(spec).await {
        Ok(topic) => {
            tracing::info!(connector = %run.connector, topic = %name, "topic made");
            Ok(topic)
        }
        Err(LogError::TopicExists(_)) => {
            let gone = || ConnectError::retriable(format!("topic {name} is gone again"));
            run.log.topic(name).ok_or_else(gone)
        }
        Err(error) => Err(from_log(&error, format!("making topic {name}"))),
    }
}
