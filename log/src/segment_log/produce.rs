//! Producing: batches of clients, which need no writer, in the queue that all
//! appends share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{SegmentLog, Shared, closed};
use crate::api::{Group, Result};
use crate::engine::{CheckedGroup, Command, Produce, Produced};
use crate::record::{Bounds, check_produced, set_max_timestamp};
use crate::view::unknown;

/// The outcome of a batch that is on its way. It resolves when the batch is
/// durable at the configured level (invariant 1). It may be dropped: the batch
/// goes on.
#[must_use = "the batch is durable when it resolves"]
#[derive(Debug)]
pub struct PendingProduce(oneshot::Receiver<Result<Produced>>);

impl Future for PendingProduce {
    type Output = Result<Produced>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(context);
        answer.map(|answer| answer.unwrap_or_else(|_| Err(closed())))
    }
}

impl SegmentLog {
    /// Appends a batch that a client produced, under the rules for clients: it
    /// must be whole, well-formed and no part of a transaction, its timestamps
    /// near the log's clock, and, from an idempotent producer, the next one or
    /// one of the last that were stored, which is answered as it was stored. The
    /// outer future resolves when the batch has its place in the queue (bounded
    /// in bytes). Batches get their places in the order of these calls, if each
    /// is awaited.
    pub async fn produce(&self, group: Group) -> Result<PendingProduce> {
        let group = self.shared.check_produced(group)?;
        let permit = self.shared.place(group.batches.len()).await?;
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push(Command::Produce(Produce {
            group: Some(group),
            reply,
            permit: Some(permit),
        }));
        Ok(PendingProduce(answer))
    }
}

impl Shared {
    /// Waits for a place in the queue.
    async fn place(&self, bytes: usize) -> Result<OwnedSemaphorePermit> {
        let bytes = bytes.clamp(1, self.options.queue_bytes_max);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.permits);
        permits.acquire_many_owned(bytes).await.map_err(|_| closed())
    }

    /// Checks a batch as it comes in, in the thread that brings it.
    fn check_produced(&self, group: Group) -> Result<CheckedGroup> {
        let target = group.target;
        let topic = self.view.by_id(target.topic).ok_or_else(|| unknown(target))?;
        let mut checked = self.check(vec![group])?;
        let Some(mut group) = checked.pop() else {
            return Err(unknown(target));
        };
        let config = &topic.config;
        let now_ms = self.clock.wall_ms();
        let bounds = Bounds {
            earliest: now_ms.saturating_sub(config.timestamp_before_max_ms),
            latest: now_ms.saturating_add(config.timestamp_after_max_ms),
        };
        let newest = check_produced(&group.batches, (!config.log_append_time).then_some(bounds))?;
        // Where others hold the bytes too, as the other parts of one request do,
        // they are copied here and not in the engine.
        let mut bytes = BytesMut::from(group.batches);
        if let Some(summary) = group.summaries.first_mut()
            && summary.max_timestamp != newest
        {
            set_max_timestamp(&mut bytes, summary, newest);
        }
        group.batches = bytes.freeze();
        Ok(group)
    }
}
