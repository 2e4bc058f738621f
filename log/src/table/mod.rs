//! A map that lives in a compacted topic.

mod item;
mod replay;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;

pub use item::{Json, TableItem};

use crate::api::{Group, Log, Result, TopicInfo, TopicSpec, Writer};
use crate::error::LogError;
use crate::record::{BatchBuilder, Compression};

/// A map of `K` to `V`, replayed from a topic with one partition and
/// `cleanup.policy=compact`, whose records are the map's changes. Reads are
/// from memory; a change is visible once it is durable.
///
/// Changes of several holders may be in flight at once: what the map shows is
/// always what a replay up to the same offset would show.
pub struct Table<K, V> {
    topic: TopicInfo,
    state: RwLock<State<K, V>>,
    in_flight: Arc<AtomicUsize>,
    log: Arc<dyn Log>,
    writer: RwLock<Arc<dyn Writer>>,
}

/// Settings of a table's topic. The segment that is written to is not compacted,
/// so it is small: a table takes about twice what is in it, and one segment more.
pub(crate) const SETTINGS: [(&str, &str); 3] =
    [("cleanup.policy", "compact"), ("segment.bytes", "4194304"), ("segment.ms", "86400000")];

/// Most ranges that are kept ahead of what is read.
const AHEAD_MAX: usize = 1024;

struct State<K, V> {
    entries: BTreeMap<K, Entry<V>>,
    /// Entries without a value, to be dropped when nothing is in flight.
    deleted: Vec<K>,
    live: usize,
    /// All changes before this offset are in.
    read_to: i64,
    /// Changes beyond it that are in: from, to.
    ahead: BTreeMap<i64, i64>,
}

/// A key's last change: a value, or a deletion that a change with a lower
/// offset, still on its way, must not undo.
struct Entry<V> {
    value: Option<V>,
    offset: i64,
}

/// Changes of a table that are on their way to the log. [`Table::apply`] makes
/// them visible once they are durable; dropping them forgets them.
#[must_use = "apply it when the group is durable"]
pub struct Change<K, V> {
    changes: Vec<(K, Option<V>)>,
    _in_flight: InFlight,
}

struct InFlight(Arc<AtomicUsize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl<K, V> Table<K, V>
where
    K: TableItem + Ord + Clone,
    V: TableItem + Clone,
{
    /// Opens the table in this topic, which is made if it is missing, and
    /// fences the former holder's own writes.
    pub async fn open(log: &Arc<dyn Log>, name: &str) -> Result<Self> {
        Self::open_with(log, name, |_, _| ()).await
    }

    /// Opens the table and shows what was written to `look`, in the order of the writes:
    /// keys and values, or deletions. Not all changes that a later one took the place of
    /// are shown, as compaction takes some of them too.
    pub async fn open_with(
        log: &Arc<dyn Log>,
        name: &str,
        look: impl FnMut(&K, Option<&V>) + Send,
    ) -> Result<Self> {
        let topic = open_topic(&**log, name).await?;
        // The writer first: what is read after it is final.
        let writer = RwLock::new(open_writer(&**log, name).await?);
        let mut found = replay::latest(&**log, topic.partition(0), look).await?;
        let (entries, read_to) = (std::mem::take(&mut found.entries), found.next);
        if let Some((what, offset, reason)) = found.unreadable() {
            return Err(unreadable(name, offset, what, reason));
        }
        let live = entries.len();
        let state = State { entries, deleted: Vec::new(), live, read_to, ahead: BTreeMap::new() };
        let log = Arc::clone(log);
        Ok(Self { topic, state: RwLock::new(state), in_flight: Arc::default(), log, writer })
    }

    /// The topic that holds it.
    #[must_use]
    pub fn topic(&self) -> &TopicInfo {
        &self.topic
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<V> {
        self.read().entries.get(key)?.value.clone()
    }

    /// All keys and values, in the order of the keys.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(K, V)> {
        let mut all = Vec::new();
        self.for_each(|key, value| all.push((key.clone(), value.clone())));
        all
    }

    /// Shows each key and value to `look`, in the order of the keys, without
    /// copies. The table can't change meanwhile.
    pub fn for_each(&self, mut look: impl FnMut(&K, &V)) {
        for (key, entry) in &self.read().entries {
            if let Some(value) = &entry.value {
                look(key, value);
            }
        }
    }

    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().live
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets a value. Resolves when it is durable and visible.
    pub async fn put(&self, key: K, value: V) -> Result<()> {
        self.write(vec![(key, Some(value))]).await
    }

    /// Removes a key. Resolves when that is durable and visible.
    pub async fn delete(&self, key: K) -> Result<()> {
        self.write(vec![(key, None)]).await
    }

    /// Makes these changes, all or none, in this order. Resolves when they are
    /// durable and visible.
    pub async fn write(&self, changes: Vec<(K, Option<V>)>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let (group, change) = self.change(changes)?;
        let writer = Arc::clone(&*self.writer.read().unwrap_or_else(PoisonError::into_inner));
        let appended = match writer.append(vec![group]).await?.await {
            Ok(appended) => appended,
            Err(error) => {
                self.recover(&error).await?;
                return Err(error);
            }
        };
        if let Some(appended) = appended.first() {
            self.apply(change, appended.first);
        }
        Ok(())
    }

    /// A writer whose append failed is of no more use. Entries do not build on
    /// each other, so the table goes on with a new one, unless somebody else
    /// has the table now.
    async fn recover(&self, error: &LogError) -> Result<()> {
        if matches!(error, LogError::Fenced(_)) {
            return Ok(());
        }
        let writer = open_writer(&*self.log, &self.topic.name).await?;
        *self.writer.write().unwrap_or_else(PoisonError::into_inner) = writer;
        Ok(())
    }

    /// Encodes changes (one at least) as a group that a caller appends together
    /// with others, by a writer of its own. When that is durable, the caller
    /// hands the [`Change`] to [`apply`](Self::apply).
    pub fn change(&self, changes: Vec<(K, Option<V>)>) -> Result<(Group, Change<K, V>)> {
        let group = Group { target: self.topic.partition(0), batches: self.encode(&changes)? };
        self.in_flight.fetch_add(1, Ordering::Acquire);
        let change = Change { changes, _in_flight: InFlight(Arc::clone(&self.in_flight)) };
        Ok((group, change))
    }

    /// Makes a durable change visible; `first` is the offset at which its group
    /// landed.
    pub fn apply(&self, change: Change<K, V>, first: i64) {
        let Change { changes, _in_flight } = change;
        let mut state = self.state_mut();
        state.note(first, first.saturating_add(i64::try_from(changes.len()).unwrap_or(0)));
        for (offset, (key, value)) in (first..).zip(changes) {
            state.set(key, value, offset);
        }
        drop(_in_flight);
        if self.in_flight.load(Ordering::Acquire) == 0 {
            state.forget_deleted();
        }
    }

    /// Reads what others appended since. A writer that was opened to append
    /// [changes](Self::change) sees after this what its former holder left.
    pub async fn catch_up(&self) -> Result<()> {
        let from = self.read().read_to;
        let name = &self.topic.name;
        let mut found = Vec::new();
        let to = replay::since(&*self.log, self.topic.partition(0), from, |at, key, value| {
            let failed = |what, reason| unreadable(name, at, what, reason);
            let key = K::decode(key).map_err(|reason| failed("key", reason))?;
            let value = value.map(V::decode).transpose();
            found.push((at, key, value.map_err(|reason| failed("value", reason))?));
            Ok(())
        })
        .await?;
        let mut state = self.state_mut();
        for (offset, key, value) in found {
            state.set(key, value, offset);
        }
        state.note(from, to);
        Ok(())
    }

    fn encode(&self, changes: &[(K, Option<V>)]) -> Result<Bytes> {
        let refused = |reason: String| {
            LogError::InvalidBatch(format!("an entry of table {}: {reason}", self.topic.name))
        };
        let time = now_ms();
        let mut builder = BatchBuilder::new(Compression::None);
        let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
        for (key, value) in changes {
            key_bytes.clear();
            key.encode(&mut key_bytes).map_err(refused)?;
            value_bytes.clear();
            if let Some(value) = value {
                value.encode(&mut value_bytes).map_err(refused)?;
            }
            let value = value.as_ref().map(|_| value_bytes.as_slice());
            builder.append(time, Some(&key_bytes), value, &[])?;
        }
        builder.finish()
    }

    fn read(&self) -> RwLockReadGuard<'_, State<K, V>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> RwLockWriteGuard<'_, State<K, V>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Ord + Clone, V> State<K, V> {
    fn set(&mut self, key: K, value: Option<V>, offset: i64) {
        if self.entries.get(&key).is_some_and(|entry| entry.offset > offset) {
            return;
        }
        if value.is_none() {
            self.deleted.push(key.clone());
        }
        let is_live = value.is_some();
        let old = self.entries.insert(key, Entry { value, offset });
        let was_live = old.is_some_and(|entry| entry.value.is_some());
        self.live = self.live + usize::from(is_live) - usize::from(was_live);
    }

    /// The changes in this range are in.
    fn note(&mut self, from: i64, to: i64) {
        self.ahead.insert(from, to);
        // Ranges that no other closes up to (an append whose future was
        // dropped) are read again by the next catch-up.
        while self.ahead.len() > AHEAD_MAX {
            self.ahead.pop_last();
        }
        while let Some(range) = self.ahead.first_entry() {
            if *range.key() > self.read_to {
                return;
            }
            self.read_to = self.read_to.max(range.remove());
        }
    }

    fn forget_deleted(&mut self) {
        for key in self.deleted.drain(..) {
            if self.entries.get(&key).is_some_and(|entry| entry.value.is_none()) {
                self.entries.remove(&key);
            }
        }
    }
}

fn unreadable(table: &str, offset: i64, what: &str, reason: String) -> LogError {
    LogError::InvalidBatch(format!(
        "the {what} at offset {offset} of topic {table} is not readable: {reason}"
    ))
}

async fn open_writer(log: &dyn Log, table: &str) -> Result<Arc<dyn Writer>> {
    Ok(Arc::from(log.open_writer(&format!("table-{table}")).await?))
}

async fn open_topic(log: &dyn Log, name: &str) -> Result<TopicInfo> {
    let settings = |given: &[(&str, &str)]| -> Vec<(String, String)> {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let config = settings(&SETTINGS);
    if let Some(topic) = log.topic(name) {
        // As it was made before its segments were small. Others are somebody's
        // choice.
        if topic.config == settings(&SETTINGS[..1]) {
            log.configure_topic(topic.id, config.clone()).await?;
            return Ok(TopicInfo { config, ..topic });
        }
        return Ok(topic);
    }
    let spec = TopicSpec { name: name.to_owned(), partitions: 1, config };
    match log.create_topic(spec).await {
        Err(LogError::TopicExists(_)) => {
            log.topic(name).ok_or_else(|| LogError::UnknownTopic(name.to_owned()))
        }
        made => made,
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
