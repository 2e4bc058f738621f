//! The topic of a table: its records, and who may write them.

use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{TableItem, replay};
use crate::api::{Group, Log, Result, TopicInfo, TopicSpec, Writer};
use crate::error::LogError;
use crate::record::{BatchBuilder, Compression};

/// Settings of a table's topic. The segment that is written to is not compacted,
/// so it is small: a table takes about twice what is in it, and one segment more.
pub(crate) const SETTINGS: [(&str, &str); 3] =
    [("cleanup.policy", "compact"), ("segment.bytes", "4194304"), ("segment.ms", "86400000")];

/// A [`Table`](super::Table) without its map, for a holder who keeps in a shape of its
/// own what the changes add up to: they are shown when it is opened, and written here.
pub struct TableWriter<K, V> {
    topic: TopicInfo,
    log: Arc<dyn Log>,
    writer: RwLock<Arc<dyn Writer>>,
    items: PhantomData<fn(&K, &V)>,
}

/// Changes with their offsets, and the offset after them.
pub(super) type Since<K, V> = (Vec<(i64, K, Option<V>)>, i64);

impl<K: TableItem + Ord, V: TableItem> TableWriter<K, V> {
    /// Opens the table in this topic, which is made if it is missing, and fences the
    /// former holder's own writes. What was written is shown to `take`, in the order of
    /// the writes: keys and values, or deletions. Not all changes that a later one took
    /// the place of are shown, as compaction takes some of them too.
    pub async fn open(
        log: &Arc<dyn Log>,
        name: &str,
        mut take: impl FnMut(K, Option<V>) + Send,
    ) -> Result<Self> {
        Ok(Self::open_at(log, name, |_, key, value| take(key, value)).await?.0)
    }

    /// The same with the offset of each change, and the offset after them.
    pub(super) async fn open_at(
        log: &Arc<dyn Log>,
        name: &str,
        take: impl FnMut(i64, K, Option<V>) + Send,
    ) -> Result<(Self, i64)> {
        let topic = open_topic(&**log, name).await?;
        // The writer first: what is read after it is final.
        let writer = RwLock::new(open_writer(&**log, name).await?);
        let (next, broken) = replay::latest(&**log, topic.partition(0), take).await?;
        if let Some((what, offset, reason)) = broken {
            return Err(unreadable(name, offset, what, reason));
        }
        let log = Arc::clone(log);
        Ok((Self { topic, log, writer, items: PhantomData }, next))
    }

    /// The topic that holds it.
    #[must_use]
    pub fn topic(&self) -> &TopicInfo {
        &self.topic
    }

    /// Makes these changes, all or none, in this order. Resolves when they are durable.
    pub async fn write(&self, changes: &[(K, Option<V>)]) -> Result<()> {
        if !changes.is_empty() {
            self.append(self.group(changes)?).await?;
        }
        Ok(())
    }

    /// Appends changes; the offset of the first of them.
    pub(super) async fn append(&self, group: Group) -> Result<i64> {
        let writer = Arc::clone(&*self.writer.read().unwrap_or_else(PoisonError::into_inner));
        match writer.append(vec![group]).await?.await {
            Ok(appended) => appended.first().map(|appended| appended.first).ok_or_else(|| {
                LogError::InvalidBatch(format!("table {}: nothing was appended", self.topic.name))
            }),
            Err(error) => {
                self.recover(&error).await?;
                Err(error)
            }
        }
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

    /// What was appended from this offset on.
    pub(super) async fn since(&self, from: i64) -> Result<Since<K, V>> {
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
        Ok((found, to))
    }

    /// Changes as they are appended.
    pub(super) fn group(&self, changes: &[(K, Option<V>)]) -> Result<Group> {
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
        Ok(Group { target: self.topic.partition(0), batches: builder.finish()? })
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

pub(super) async fn open_topic(log: &dyn Log, name: &str) -> Result<TopicInfo> {
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
