//! A map that lives in a compacted topic.

mod item;
mod replay;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use item::{Json, TableItem};
#[cfg(test)]
pub(crate) use writer::SETTINGS;
pub use writer::TableWriter;

use crate::api::{Group, Log, Result, TopicInfo};

/// A map of `K` to `V`, replayed from a topic with one partition and
/// `cleanup.policy=compact`, whose records are the map's changes. Reads are
/// from memory; a change is visible once it is durable.
///
/// Changes of several holders may be in flight at once: what the map shows is
/// always what a replay up to the same offset would show.
pub struct Table<K, V> {
    writer: TableWriter<K, V>,
    state: RwLock<State<K, V>>,
    in_flight: Arc<AtomicUsize>,
}

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
        let mut entries = BTreeMap::new();
        let opened = TableWriter::open_at(log, name, |offset, key, value| match value {
            Some(value) => drop(entries.insert(key, Entry { value: Some(value), offset })),
            None => drop(entries.remove(&key)),
        });
        let (writer, read_to) = opened.await?;
        let live = entries.len();
        let state = State { entries, deleted: Vec::new(), live, read_to, ahead: BTreeMap::new() };
        Ok(Self { writer, state: RwLock::new(state), in_flight: Arc::default() })
    }

    /// The topic that holds it.
    #[must_use]
    pub fn topic(&self) -> &TopicInfo {
        self.writer.topic()
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
        let first = self.writer.append(group).await?;
        self.apply(change, first);
        Ok(())
    }

    /// Encodes changes (one at least) as a group that a caller appends together
    /// with others, by a writer of its own. When that is durable, the caller
    /// hands the [`Change`] to [`apply`](Self::apply).
    pub fn change(&self, changes: Vec<(K, Option<V>)>) -> Result<(Group, Change<K, V>)> {
        let group = self.writer.group(&changes)?;
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
        let (found, to) = self.writer.since(from).await?;
        let mut state = self.state_mut();
        for (offset, key, value) in found {
            state.set(key, value, offset);
        }
        state.note(from, to);
        Ok(())
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
