//! A [`Log`] in memory, for tests: everything is durable at once and gone at
//! the end.

use std::collections::{BTreeMap, HashMap};
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::api::{
    Appended, BoxFuture, Fetched, Group, Log, OffsetAt, Pending, Result, TopicId, TopicInfo,
    TopicPartition, TopicSpec, Writer,
};
use crate::error::LogError;
use crate::record::{BatchSummary, check_batches, check_keys, first_at, set_base_offset};
use crate::topic::{TopicConfig, check_spec};

/// Most bytes of one append.
const APPEND_BYTES_MAX: usize = 128 << 20;

/// The log in memory. Clones are handles to the same log.
#[derive(Clone, Default)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<Arc<str>, TopicInfo>,
    partitions: HashMap<TopicPartition, Partition>,
    /// Generation of the holder of each writer id.
    writers: HashMap<Arc<str>, u64>,
}

struct Partition {
    start: i64,
    end: i64,
    batches: Vec<Stored>,
    message_bytes_max: usize,
    /// The topic's name, if it is compacted: its records need keys.
    compacted: Option<Arc<str>>,
}

struct Stored {
    /// Offset after its last record.
    next: i64,
    max_timestamp: i64,
    bytes: Bytes,
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create(&self, spec: &TopicSpec) -> Result<TopicInfo> {
        let config = check_spec(&TopicConfig::default(), spec)?;
        let mut state = self.lock();
        if state.topics.contains_key(spec.name.as_str()) {
            return Err(LogError::TopicExists(spec.name.clone()));
        }
        let info = TopicInfo {
            id: Uuid::new_v4(),
            name: Arc::from(spec.name.as_str()),
            partitions: spec.partitions,
            config: spec.config.clone(),
        };
        for number in 0..spec.partitions {
            let partition = Partition {
                start: 0,
                end: 0,
                batches: Vec::new(),
                message_bytes_max: config.message_bytes_max,
                compacted: config.compact.then(|| Arc::clone(&info.name)),
            };
            state.partitions.insert(info.partition(number), partition);
        }
        state.topics.insert(Arc::clone(&info.name), info.clone());
        Ok(info)
    }

    fn configure(&self, id: TopicId, settings: Vec<(String, String)>) -> Result<()> {
        let config = TopicConfig::parse(&TopicConfig::default(), &settings)?;
        let mut state = self.lock();
        let state = &mut *state;
        let Some(info) = state.topics.values_mut().find(|info| info.id == id) else {
            return Err(LogError::UnknownTopic(id.to_string()));
        };
        info.config = settings;
        for number in 0..info.partitions {
            if let Some(partition) = state.partitions.get_mut(&info.partition(number)) {
                partition.message_bytes_max = config.message_bytes_max;
                partition.compacted = config.compact.then(|| Arc::clone(&info.name));
            }
        }
        Ok(())
    }

    fn delete(&self, id: TopicId) -> Result<()> {
        let mut state = self.lock();
        let before = state.topics.len();
        state.topics.retain(|_, info| info.id != id);
        if state.topics.len() == before {
            return Err(LogError::UnknownTopic(id.to_string()));
        }
        state.partitions.retain(|at, _| at.topic != id);
        drop(state);
        self.changed.notify_waiters();
        Ok(())
    }

    fn append(&self, id: &Arc<str>, generation: u64, groups: &[Group]) -> Result<Vec<Appended>> {
        let mut state = self.lock();
        if state.writers.get(id) != Some(&generation) {
            return Err(LogError::Fenced(id.to_string()));
        }
        let bytes: usize = groups.iter().map(|group| group.batches.len()).sum();
        if bytes > APPEND_BYTES_MAX {
            return Err(LogError::TooLarge {
                what: "append",
                bytes: bytes as u64,
                limit: APPEND_BYTES_MAX as u64,
                setting: "log.append.bytes.max",
            });
        }
        // All groups are checked before the first is stored: all or nothing.
        let mut checked = Vec::with_capacity(groups.len());
        for group in groups {
            let partition = state.partition(group.target)?;
            let limit = partition.message_bytes_max;
            checked.push(check_batches(&group.batches, limit, "max.message.bytes")?);
            if let Some(topic) = &partition.compacted {
                check_keys(&group.batches, limit, topic)?;
            }
        }
        let mut appended = Vec::with_capacity(groups.len());
        for (group, summaries) in groups.iter().zip(checked) {
            let partition = state.partition(group.target)?;
            let first = partition.end;
            partition.store(&group.batches, &summaries);
            appended.push(Appended { target: group.target, first, last: partition.end - 1 });
        }
        drop(state);
        self.changed.notify_waiters();
        Ok(appended)
    }
}

impl State {
    fn partition(&mut self, at: TopicPartition) -> Result<&mut Partition> {
        self.partitions.get_mut(&at).ok_or_else(|| unknown(at))
    }

    fn has_record_at(&self, at: &[(TopicPartition, i64)]) -> bool {
        at.iter().any(|(partition, offset)| {
            self.partitions.get(partition).is_none_or(|partition| partition.end > *offset)
        })
    }
}

fn unknown(at: TopicPartition) -> LogError {
    LogError::UnknownTopic(format!("{} partition {}", at.topic, at.partition))
}

impl Partition {
    fn store(&mut self, batches: &[u8], summaries: &[BatchSummary]) {
        for summary in summaries {
            let mut bytes = BytesMut::from(&batches[summary.at..summary.at + summary.len]);
            set_base_offset(&mut bytes, self.end);
            self.end += summary.offsets;
            self.batches.push(Stored {
                next: self.end,
                max_timestamp: summary.max_timestamp,
                bytes: bytes.freeze(),
            });
        }
    }

    fn read(&self, offset: i64, bytes_max: usize) -> Result<Fetched> {
        if offset < self.start || offset > self.end {
            return Err(LogError::OffsetOutOfRange { offset, start: self.start, end: self.end });
        }
        let from = self.batches.partition_point(|stored| stored.next <= offset);
        let mut bytes = BytesMut::new();
        for stored in &self.batches[from..] {
            if !bytes.is_empty() && bytes.len() + stored.bytes.len() > bytes_max {
                break;
            }
            bytes.extend_from_slice(&stored.bytes);
        }
        Ok(Fetched { batches: bytes.freeze(), start: self.start, end: self.end })
    }

    fn offset(&self, at: OffsetAt) -> i64 {
        match at {
            OffsetAt::Start => self.start,
            OffsetAt::End => self.end,
            OffsetAt::Time(time) => self
                .batches
                .iter()
                .filter(|stored| stored.max_timestamp >= time)
                .find_map(|stored| first_at(&stored.bytes, time, self.start))
                .map(|found| found.offset)
                .unwrap_or(self.end),
        }
    }

    fn trim(&mut self, before: i64) -> Result<()> {
        if before < 0 || before > self.end {
            return Err(LogError::OffsetOutOfRange {
                offset: before,
                start: self.start,
                end: self.end,
            });
        }
        self.start = self.start.max(before);
        self.batches.retain(|stored| stored.next > before);
        Ok(())
    }
}

impl Log for MemoryLog {
    fn create_topic(&self, spec: TopicSpec) -> BoxFuture<'_, Result<TopicInfo>> {
        Box::pin(ready(self.shared.create(&spec)))
    }

    fn configure_topic(
        &self,
        id: TopicId,
        config: Vec<(String, String)>,
    ) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(self.shared.configure(id, config)))
    }

    fn delete_topic(&self, id: TopicId) -> BoxFuture<'_, Result<()>> {
        Box::pin(ready(self.shared.delete(id)))
    }

    fn topics(&self) -> Vec<TopicInfo> {
        self.shared.lock().topics.values().cloned().collect()
    }

    fn topic(&self, name: &str) -> Option<TopicInfo> {
        self.shared.lock().topics.get(name).cloned()
    }

    fn open_writer(&self, id: &str) -> BoxFuture<'_, Result<Box<dyn Writer>>> {
        let id: Arc<str> = Arc::from(id);
        let mut state = self.shared.lock();
        let generation = state.writers.entry(Arc::clone(&id)).or_insert(0);
        *generation += 1;
        let writer: Box<dyn Writer> = Box::new(MemoryWriter {
            shared: Arc::clone(&self.shared),
            generation: *generation,
            id,
        });
        Box::pin(ready(Ok(writer)))
    }

    fn read(
        &self,
        from: TopicPartition,
        offset: i64,
        bytes_max: usize,
    ) -> BoxFuture<'_, Result<Fetched>> {
        let mut state = self.shared.lock();
        let fetched = state.partition(from).and_then(|partition| partition.read(offset, bytes_max));
        Box::pin(ready(fetched))
    }

    fn wait(&self, at: Vec<(TopicPartition, i64)>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            loop {
                // Registered before the look, so that no change is missed.
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if self.shared.lock().has_record_at(&at) {
                    return Ok(());
                }
                changed.await;
            }
        })
    }

    fn offset(&self, of: TopicPartition, at: OffsetAt) -> BoxFuture<'_, Result<i64>> {
        let mut state = self.shared.lock();
        let offset = state.partition(of).map(|partition| partition.offset(at));
        Box::pin(ready(offset))
    }

    fn trim(&self, of: TopicPartition, before: i64) -> BoxFuture<'_, Result<()>> {
        let mut state = self.shared.lock();
        let trimmed = state.partition(of).and_then(|partition| partition.trim(before));
        Box::pin(ready(trimmed))
    }
}

struct MemoryWriter {
    shared: Arc<Shared>,
    id: Arc<str>,
    generation: u64,
}

impl Writer for MemoryWriter {
    fn append(&self, groups: Vec<Group>) -> BoxFuture<'_, Result<Pending>> {
        let outcome = match self.shared.append(&self.id, self.generation, &groups) {
            // What can't be taken at all gets no place in the queue.
            Err(error) if !matches!(error, LogError::Fenced(_)) => {
                return Box::pin(ready(Err(error)));
            }
            outcome => outcome,
        };
        let pending: Pending = Box::pin(ready(outcome));
        Box::pin(ready(Ok(pending)))
    }
}
