//! Appending for clients, in the words of the log's wider API.

use std::sync::{Arc, Mutex, PoisonError};

use thalweg_log::{BoxFuture, Group, Log, LogError, OffsetAt, SegmentLog, Writer};

/// Where the batches of a client landed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Produced {
    pub(crate) first: i64,
    pub(crate) log_start: i64,
    pub(crate) log_append_time_ms: Option<i64>,
}

/// It resolves when the batches are durable.
pub(crate) type Pending = BoxFuture<'static, Result<Produced, LogError>>;

/// The writer that all clients share.
#[derive(Default)]
pub(crate) struct Producing {
    writer: Arc<Mutex<Option<Arc<dyn Writer>>>>,
}

impl Producing {
    /// Appends batches to one partition; resolves when they have their place.
    pub(crate) async fn produce(
        &self,
        log: &SegmentLog,
        group: Group,
    ) -> Result<Pending, LogError> {
        let writer = self.writer(log).await?;
        let target = group.target;
        let log_start = log.offset(target, OffsetAt::Start).await?;
        let pending = writer.append(vec![group]).await?;
        let slot = Arc::clone(&self.writer);
        Ok(Box::pin(async move {
            match pending.await {
                Ok(appended) => {
                    let first = appended.first().map_or(-1, |appended| appended.first);
                    Ok(Produced { first, log_start, log_append_time_ms: None })
                }
                Err(error) => {
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    Err(error)
                }
            }
        }))
    }

    async fn writer(&self, log: &SegmentLog) -> Result<Arc<dyn Writer>, LogError> {
        let open = self.writer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(writer) = open {
            return Ok(writer);
        }
        let writer: Arc<dyn Writer> = Arc::from(log.open_writer("kafka-clients").await?);
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&writer));
        Ok(writer)
    }
}
