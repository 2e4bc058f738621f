//! Gathering what a Fetch asks for.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use thalweg_log::record::Batches;
use thalweg_log::{Log, LogError, OffsetAt, TopicPartition};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::request::{Request, Topic, Wanted};
use crate::apis::{check_epoch, partition_of};
use crate::error_code::Refusal;
use crate::server::Server;

/// How long to let records gather when there are some, but not enough: so the
/// number of looks does not grow with the number of records.
const GATHER: Duration = Duration::from_millis(2);
/// How much is read of a partition when memory is short.
const BYTES_WHEN_SHORT: usize = 64 << 10;
/// Start and end of a partition that was not read yet.
const UNREAD: i64 = -1;

/// One partition that is asked for.
pub(super) struct Partition {
    at: TopicPartition,
    /// Where to read on.
    next: i64,
    bytes_left: usize,
    /// First offset and end; [`UNREAD`] until it is read.
    pub(super) start: i64,
    pub(super) end: i64,
    /// Whole batches, in order.
    pub(super) pieces: Vec<Bytes>,
}

/// A Fetch under way.
pub(super) struct Gathering<'a> {
    server: &'a Server,
    bytes_min: usize,
    bytes_left: usize,
    deadline: Instant,
    len: usize,
    /// Whether memory is short: what is gathered is answered at once.
    is_short: bool,
    /// In the order of the request.
    pub(super) partitions: Vec<Result<Partition, Refusal>>,
    /// Room for what was read.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(server: &'a Server, request: &Request) -> Self {
        let mut partitions = Vec::new();
        for topic in &request.topics {
            let info = find(server, topic);
            for wanted in &topic.wanted {
                let found = info.as_ref().map_err(Clone::clone);
                partitions.push(found.and_then(|info| {
                    check_epoch(wanted.leader_epoch)?;
                    Ok(Partition::new(partition_of(info, wanted.index)?, wanted))
                }));
            }
        }
        Self {
            server,
            bytes_min: request.bytes_min,
            bytes_left: request.bytes_max,
            deadline: Instant::now() + request.wait,
            len: 0,
            is_short: false,
            partitions,
            permit: None,
        }
    }

    /// Reads, and waits for more, until it is enough or time is up.
    pub(super) async fn until_enough(&mut self, leaving: &CancellationToken) {
        self.read_until_enough(leaving).await;
        for place in &mut self.partitions {
            if let Ok(partition) = place
                && partition.end == UNREAD
                && let Err(error) = partition.look(self.server).await
            {
                *place = Err(error.into());
            }
        }
    }

    async fn read_until_enough(&mut self, leaving: &CancellationToken) {
        let mut time_is_up = pin!(sleep_until(self.deadline));
        loop {
            self.read_all().await;
            if self.is_enough() || self.deadline <= Instant::now() {
                return;
            }
            let waited_for = self.waited_for();
            if waited_for.is_empty() {
                return;
            }
            tokio::select! {
                waited = self.server.log().wait(waited_for) => {
                    if waited.is_err() {
                        return;
                    }
                }
                () = &mut time_is_up => return,
                () = leaving.cancelled() => return,
            }
            if self.bytes_min > 1 {
                tokio::select! {
                    () = sleep(GATHER) => {}
                    () = &mut time_is_up => {}
                    () = leaving.cancelled() => {}
                }
            }
        }
    }

    fn is_enough(&self) -> bool {
        let has_refusal = self.partitions.iter().any(Result::is_err);
        has_refusal || self.is_full() || self.len >= self.bytes_min
    }

    /// Whether nothing more is to be read.
    fn is_full(&self) -> bool {
        self.len > 0 && (self.is_short || self.bytes_left == 0)
    }

    fn waited_for(&self) -> Vec<(TopicPartition, i64)> {
        let open = self.partitions.iter().flatten().filter(|partition| partition.bytes_left > 0);
        open.map(|partition| (partition.at, partition.next)).collect()
    }

    async fn read_all(&mut self) {
        for index in 0..self.partitions.len() {
            if self.is_full() {
                return;
            }
            if let Err(refusal) = self.read(index).await {
                self.partitions[index] = Err(refusal);
            }
        }
    }

    /// Reads one partition, at least one batch if there is any.
    async fn read(&mut self, index: usize) -> Result<(), Refusal> {
        let Ok(partition) = &mut self.partitions[index] else { return Ok(()) };
        if partition.bytes_left == 0 && !partition.pieces.is_empty() {
            return Ok(());
        }
        let wanted = partition.bytes_left.min(self.bytes_left);
        let permit = self.server.fetched.try_take(wanted);
        if permit.is_none() && self.len > 0 {
            self.is_short = true;
            return Ok(());
        }
        // Something is read even without room for it, once: so every client gets on.
        let bytes_max = if permit.is_some() { wanted } else { wanted.min(BYTES_WHEN_SHORT) };
        let fetched = self.server.log().read(partition.at, partition.next, bytes_max).await?;
        let len = fetched.batches.len();
        (partition.start, partition.end) = (fetched.start, fetched.end);
        if len == 0 {
            return Ok(());
        }
        partition.bytes_left = partition.bytes_left.saturating_sub(len);
        self.bytes_left = self.bytes_left.saturating_sub(len);
        self.len += len;
        if self.len < self.bytes_min {
            partition.next = end_of(&fetched.batches).unwrap_or(partition.next);
        }
        partition.pieces.push(fetched.batches);
        self.hold(permit, wanted, len);
        Ok(())
    }

    /// Keeps room for what was read: a first batch may be larger than wanted.
    fn hold(&mut self, permit: Option<OwnedSemaphorePermit>, wanted: usize, len: usize) {
        let Some(mut permit) = permit else {
            self.is_short = true;
            return;
        };
        drop(permit.split(wanted.saturating_sub(len)));
        match self.server.fetched.try_take(len.saturating_sub(wanted)) {
            Some(more) => permit.merge(more),
            None => self.is_short = true,
        }
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
    }
}

/// The offset after the last of these batches.
fn end_of(batches: &[u8]) -> Option<i64> {
    let last = Batches::new(batches).flatten().last();
    last.map(|batch| batch.header.last_offset() + 1)
}

fn find(server: &Server, topic: &Topic) -> Result<thalweg_log::TopicInfo, Refusal> {
    if topic.id.is_nil() { server.topic(&topic.name) } else { server.topic_by_id(topic.id) }
}

impl Partition {
    fn new(at: TopicPartition, wanted: &Wanted) -> Self {
        Self {
            at,
            next: wanted.offset,
            bytes_left: wanted.bytes_max,
            start: UNREAD,
            end: UNREAD,
            pieces: Vec::new(),
        }
    }

    /// Finds start and end of what is not read: the answer was full before.
    async fn look(&mut self, server: &Server) -> Result<(), LogError> {
        let (start, end) = (
            server.log().offset(self.at, OffsetAt::Start).await?,
            server.log().offset(self.at, OffsetAt::End).await?,
        );
        if !(start..=end).contains(&self.next) {
            return Err(LogError::OffsetOutOfRange { offset: self.next, start, end });
        }
        (self.start, self.end) = (start, end);
        Ok(())
    }
}
