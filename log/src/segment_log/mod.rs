//! The embedded log: the engine on a thread of its own, behind the async
//! [`Log`] trait.

#[cfg(test)]
mod compaction_tests;
mod driver;
#[cfg(test)]
mod fault_tests;
mod produce;
mod queue;
#[cfg(test)]
mod tests;
mod threads;
mod wide;
#[cfg(test)]
mod wide_tests;

use std::collections::HashMap;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::select_all;
use tokio::sync::{Semaphore, oneshot};

use crate::api::{
    BoxFuture, Fetched, Group, Log, OffsetAt, Pending, Result, TopicId, TopicInfo, TopicPartition,
    TopicSpec, Writer,
};
use crate::clock::{Clock, SystemClock};
use crate::disk::{Disk, RealDisk, failed};
pub use crate::engine::Produced;
use crate::engine::{Append, CheckedGroup, Command, Engine, WriterToken};
use crate::error::LogError;
use crate::options::Options;
use crate::read::SegmentReader;
use crate::record::{check_batches, check_keys};
use crate::view::{Found, PartitionView, View, unknown};
pub use produce::PendingProduce;
use queue::{Queue, Stop};
use threads::Threads;
pub use wide::Space;

/// The embedded log in a data folder, which it locks.
///
/// All partitions share one journal: what is queued while the disk is busy is
/// made durable by the next sync, together. Reads are served from memory or from
/// the segment files, and wait for no write.
pub struct SegmentLog {
    folder: PathBuf,
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
}

/// What the log's handles and its threads share.
pub(crate) struct Shared {
    queue: Queue,
    view: Arc<View>,
    reader: Arc<SegmentReader>,
    /// Generation of the holder of each writer id.
    writers: Mutex<HashMap<Arc<str>, Arc<AtomicU64>>>,
    /// One permit for each byte that may wait for the disk (invariant 7).
    permits: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    options: Options,
    groups: AtomicU64,
}

impl SegmentLog {
    /// Number of group commits since the start: each was one write and, at
    /// [`Durability::Fsync`](crate::Durability::Fsync), one sync.
    #[must_use]
    pub fn group_commits(&self) -> u64 {
        self.shared.groups.load(Ordering::Relaxed)
    }

    /// Opens the log in `folder`, which is made if it is missing, and recovers
    /// what an unclean stop left. Blocks on the disk, for milliseconds after a
    /// clean stop. [`LogError::InUse`] if another process has the folder,
    /// [`LogError::Damaged`] if acknowledged bytes of the journal are not what
    /// was written.
    pub fn open(folder: &Path, options: Options) -> Result<Self> {
        Self::open_on(Arc::new(RealDisk), folder, options)
    }

    fn open_on(disk: Arc<dyn Disk>, folder: &Path, options: Options) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| failed("creating", folder, &error))?;
        let lock = RealDisk::lock(folder)?;
        RealDisk::raise_open_files();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let engine = Engine::open(disk, Arc::clone(&clock), folder, options.clone())?;
        let shared = Arc::new(Shared {
            queue: Queue::new(),
            view: Arc::clone(&engine.view),
            reader: Arc::clone(&engine.reader),
            writers: Mutex::default(),
            permits: Arc::new(Semaphore::new(options.queue_bytes_max)),
            clock,
            options,
            groups: AtomicU64::new(0),
        });
        let threads = Threads::start(engine, Arc::clone(&shared), lock)
            .map_err(|error| failed("starting the threads of", folder, &error))?;
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Ok(Self { folder, shared, threads: Mutex::new(Some(threads)) })
    }

    /// Stops the log: everything queued is written, segments are synced, and a
    /// mark says that the stop was clean. Later calls answer
    /// [`LogError::Stopped`].
    pub async fn close(&self) -> Result<()> {
        self.shared.queue.stop(Stop::Clean);
        let threads = self.take_threads();
        let Some(threads) = threads else {
            return Ok(());
        };
        let joined = tokio::task::spawn_blocking(move || threads.join());
        joined.await.unwrap_or_else(|error| Err(LogError::Stopped(error.to_string())))
    }

    fn take_threads(&self) -> Option<Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for SegmentLog {
    /// Without [`close`](Self::close) the log stops as in a crash of the
    /// process: nothing that was acknowledged is lost.
    fn drop(&mut self) {
        self.shared.queue.stop(Stop::Abrupt);
        if let Some(threads) = self.take_threads() {
            drop(threads.join());
        }
    }
}

fn closed() -> LogError {
    LogError::Stopped("it is closed".to_owned())
}

impl Shared {
    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.queue.push(command(reply));
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Checks groups as they come in, in the thread that brings them.
    fn check(&self, groups: Vec<Group>) -> Result<Vec<CheckedGroup>> {
        let bytes: usize = groups.iter().map(|group| group.batches.len()).sum();
        if bytes > self.options.append_bytes_max {
            return Err(LogError::TooLarge {
                what: "append",
                bytes: bytes as u64,
                limit: self.options.append_bytes_max as u64,
                setting: "log.append.bytes.max",
            });
        }
        let check = |group: Group| {
            let topic = self.view.by_id(group.target.topic);
            let topic = topic.filter(|topic| group.target.partition < topic.info.partitions);
            let topic = topic.ok_or_else(|| unknown(group.target))?;
            let limit = topic.config.message_bytes_max;
            let summaries = check_batches(&group.batches, limit, "max.message.bytes")?;
            if topic.config.compact {
                check_keys(&group.batches, limit, &topic.info.name)?;
            }
            Ok(CheckedGroup { target: group.target, summaries, batches: group.batches })
        };
        groups.into_iter().map(check).collect()
    }

    fn token(&self, id: &str) -> WriterToken {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let id: Arc<str> = Arc::from(id);
        let current = Arc::clone(writers.entry(Arc::clone(&id)).or_default());
        // From here on what the former holder has in the queue is refused.
        let generation = current.fetch_add(1, Ordering::AcqRel) + 1;
        WriterToken { id, current, generation, failed: Arc::default() }
    }
}

impl Log for SegmentLog {
    fn create_topic(&self, spec: TopicSpec) -> BoxFuture<'_, Result<TopicInfo>> {
        Box::pin(self.shared.ask(|reply| Command::Create(spec, reply)))
    }

    fn configure_topic(
        &self,
        id: TopicId,
        config: Vec<(String, String)>,
    ) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.shared.ask(move |reply| Command::Configure(id, config, reply)))
    }

    fn delete_topic(&self, id: TopicId) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.shared.ask(move |reply| Command::Delete(id, reply)))
    }

    fn topics(&self) -> Vec<TopicInfo> {
        self.shared.view.infos()
    }

    fn topic(&self, name: &str) -> Option<TopicInfo> {
        Some(self.shared.view.by_name(name)?.info.clone())
    }

    fn open_writer(&self, id: &str) -> BoxFuture<'_, Result<Box<dyn Writer>>> {
        let token = self.shared.token(id);
        Box::pin(async move {
            // A group of the former holder may be with the disk right now.
            self.shared.ask(Command::Barrier).await?;
            let writer: Box<dyn Writer> =
                Box::new(SegmentWriter { shared: Arc::clone(&self.shared), token });
            Ok(writer)
        })
    }

    fn read(
        &self,
        from: TopicPartition,
        offset: i64,
        bytes_max: usize,
    ) -> BoxFuture<'_, Result<Fetched>> {
        let partition = match self.shared.view.partition(from) {
            Ok(partition) => partition,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        let found = partition.read().find(offset, bytes_max);
        match found {
            Err(error) => Box::pin(ready(Err(error))),
            Ok(Found::Memory(fetched)) => Box::pin(ready(Ok(fetched))),
            Ok(Found::File(read)) => {
                let reader = Arc::clone(&self.shared.reader);
                blocking(move || reader.read_file(&partition, &read, offset, bytes_max))
            }
        }
    }

    fn wait(&self, at: Vec<(TopicPartition, i64)>) -> BoxFuture<'_, Result<()>> {
        let found = at.iter().map(|(partition, offset)| {
            let view = self.shared.view.partition(*partition);
            view.map(|view| (view, *offset))
        });
        let Ok(partitions) = found.collect::<Result<Vec<_>>>() else {
            // One of them is gone.
            return Box::pin(ready(Ok(())));
        };
        Box::pin(wait_for(partitions))
    }

    fn offset(&self, of: TopicPartition, at: OffsetAt) -> BoxFuture<'_, Result<i64>> {
        let partition = match self.shared.view.partition(of) {
            Ok(partition) => partition,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        let (start, end) = {
            let records = partition.read();
            (records.start, records.end)
        };
        match at {
            OffsetAt::Start => Box::pin(ready(Ok(start))),
            OffsetAt::End => Box::pin(ready(Ok(end))),
            OffsetAt::Time(time) => {
                let reader = Arc::clone(&self.shared.reader);
                blocking(move || {
                    Ok(reader.at_time(&partition, time)?.map_or(end, |found| found.offset))
                })
            }
        }
    }

    fn trim(&self, of: TopicPartition, before: i64) -> BoxFuture<'_, Result<()>> {
        let ask = self.shared.ask(move |reply| Command::Trim(of, before, reply));
        Box::pin(ask)
    }
}

fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> BoxFuture<'static, Result<T>> {
    Box::pin(async move {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(LogError::Stopped(format!("a read failed: {error}"))))
    })
}

async fn wait_for(partitions: Vec<(Arc<PartitionView>, i64)>) -> Result<()> {
    if partitions.is_empty() {
        return std::future::pending().await;
    }
    loop {
        // Registered before the look, so that no record is missed.
        let mut changed = Vec::with_capacity(partitions.len());
        for (partition, _) in &partitions {
            let mut notified = Box::pin(partition.changed.notified());
            notified.as_mut().enable();
            changed.push(notified);
        }
        let has_record = |(partition, offset): &(Arc<PartitionView>, i64)| {
            let records = partition.read();
            records.end > *offset || records.is_gone
        };
        if partitions.iter().any(has_record) {
            return Ok(());
        }
        select_all(changed).await;
    }
}

struct SegmentWriter {
    shared: Arc<Shared>,
    token: WriterToken,
}

impl SegmentWriter {
    fn send(
        &self,
        groups: Vec<CheckedGroup>,
        permit: tokio::sync::OwnedSemaphorePermit,
    ) -> Pending {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push(Command::Append(Append {
            writer: self.token.clone(),
            groups,
            reply,
            permit: Some(permit),
        }));
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(closed())) })
    }
}

impl Writer for SegmentWriter {
    fn append(&self, groups: Vec<Group>) -> BoxFuture<'_, Result<Pending>> {
        if groups.is_empty() {
            let pending: Pending = Box::pin(ready(Ok(Vec::new())));
            return Box::pin(ready(Ok(pending)));
        }
        let groups = match self.shared.check(groups) {
            Ok(groups) => groups,
            Err(error) => return Box::pin(ready(Err(error))),
        };
        let bytes: usize = groups.iter().map(|group| group.batches.len()).sum();
        let bytes = bytes.clamp(1, self.shared.options.queue_bytes_max);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        // Most appends find their place at once, and then keep the order of the
        // calls whatever the caller does with the future.
        let permits = Arc::clone(&self.shared.permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_many_owned(bytes) {
            return Box::pin(ready(Ok(self.send(groups, permit))));
        }
        Box::pin(async move {
            let permit = permits.acquire_many_owned(bytes).await;
            let permit = permit.map_err(|_| closed())?;
            Ok(self.send(groups, permit))
        })
    }
}
