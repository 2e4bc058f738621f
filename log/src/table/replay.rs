//! Reading a compacted topic from its start to its end.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::task::{JoinHandle, spawn_blocking};

use super::{Entry, TableItem};
use crate::api::{Log, OffsetAt, Result, TopicPartition};
use crate::error::LogError;
use crate::record::{BatchDecoder, Batches, OPENED_BYTES_MAX, Records};

/// Bytes of one read.
const READ_BYTES: usize = 1 << 20;

/// Most pieces of the topic that are decoded at once. The table itself is built on one
/// thread, which more would only wait for.
const DECODING_MAX: usize = 2;

/// A whole table, and the offset after what was read.
pub(super) struct Latest<K, V> {
    pub(super) entries: BTreeMap<K, Entry<V>>,
    pub(super) next: i64,
    broken: Broken<K>,
}

/// What could not be decoded. Something later may have taken its place.
struct Broken<K> {
    keys: HashMap<Box<[u8]>, (i64, String)>,
    values: BTreeMap<K, (i64, String)>,
}

/// A key's last change within a piece of the topic.
struct Decoded<K, V> {
    offset: i64,
    key: std::result::Result<K, (Box<[u8]>, String)>,
    value: Option<std::result::Result<V, String>>,
}

/// The changes of a piece of the topic, and where they are decoded.
type Decoding<K, V> = JoinHandle<Result<Vec<Decoded<K, V>>>>;

/// Reads everything. Pieces are decoded on other threads while the next ones are read:
/// no more than these lie in memory besides what the table holds. Each change is shown to
/// `look` before it is taken.
pub(super) async fn latest<K, V>(
    log: &dyn Log,
    from: TopicPartition,
    mut look: impl FnMut(&K, Option<&V>) + Send,
) -> Result<Latest<K, V>>
where
    K: TableItem + Ord,
    V: TableItem,
{
    let mut decoding: VecDeque<Decoding<K, V>> = VecDeque::new();
    let next = log.offset(from, OffsetAt::Start).await?;
    let broken = Broken { keys: HashMap::new(), values: BTreeMap::new() };
    let mut latest = Latest { entries: BTreeMap::new(), next, broken };
    loop {
        let fetched = log.read(from, latest.next, READ_BYTES).await?;
        let Some(last) = Batches::new(&fetched.batches).last() else {
            break;
        };
        let first = latest.next;
        latest.next = last?.header.last_offset().saturating_add(1);
        if decoding.len() >= DECODING_MAX
            && let Some(decoded) = decoding.pop_front()
        {
            latest.take(joined(decoded).await?, &mut look);
        }
        decoding.push_back(spawn_blocking(move || changes(&fetched.batches, first)));
    }
    for decoded in decoding {
        latest.take(joined(decoded).await?, &mut look);
    }
    Ok(latest)
}

async fn joined<K, V>(decoding: Decoding<K, V>) -> Result<Vec<Decoded<K, V>>> {
    decoding.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => Err(LogError::Stopped(error.to_string())),
    })
}

impl<K: Ord, V> Latest<K, V> {
    fn take(&mut self, changes: Vec<Decoded<K, V>>, mut look: impl FnMut(&K, Option<&V>)) {
        let Self { entries, broken, .. } = self;
        for Decoded { offset, key, value } in changes {
            let key = match (key, &value) {
                (Ok(key), _) => key,
                (Err((bytes, reason)), Some(_)) => {
                    broken.keys.insert(bytes, (offset, reason));
                    continue;
                }
                (Err((bytes, _)), None) => {
                    broken.keys.remove(&bytes);
                    continue;
                }
            };
            if !broken.values.is_empty() {
                broken.values.remove(&key);
            }
            match value {
                Some(Ok(value)) => {
                    look(&key, Some(&value));
                    entries.insert(key, Entry { value: Some(value), offset });
                }
                Some(Err(reason)) => {
                    entries.remove(&key);
                    broken.values.insert(key, (offset, reason));
                }
                None => {
                    look(&key, None);
                    entries.remove(&key);
                }
            }
        }
    }

    /// The first that could not be decoded and that nothing took the place of: what it
    /// is of, where, and why.
    pub(super) fn unreadable(self) -> Option<(&'static str, i64, String)> {
        let keys = self.broken.keys.into_values().map(|(offset, reason)| ("key", offset, reason));
        let values =
            self.broken.values.into_values().map(|(offset, reason)| ("value", offset, reason));
        keys.chain(values).min_by_key(|(_, offset, _)| *offset)
    }
}

/// Shows all changes from offset `next` on to `take`, in their order: offset,
/// key, and value if it was not a deletion. The answer is the offset after them.
pub(super) async fn since(
    log: &dyn Log,
    from: TopicPartition,
    mut next: i64,
    mut take: impl FnMut(i64, &[u8], Option<&[u8]>) -> Result<()>,
) -> Result<i64> {
    let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
    loop {
        let fetched = match log.read(from, next, READ_BYTES).await {
            // Compaction or a trim took what was there.
            Err(LogError::OffsetOutOfRange { start, .. }) if next < start => {
                next = start;
                continue;
            }
            fetched => fetched?,
        };
        if fetched.batches.is_empty() {
            return Ok(next);
        }
        for batch in Batches::new(&fetched.batches) {
            let batch = batch?;
            if !batch.header.is_control() {
                for record in decoder.decode(&batch)? {
                    let record = record?;
                    if let Some(key) = record.key.filter(|_| record.offset >= next) {
                        take(record.offset, key, record.value)?;
                    }
                }
            }
            next = batch.header.last_offset().saturating_add(1);
        }
    }
}

/// The last change of each key from offset `next` on: key, offset, and value if it was
/// not a deletion.
type Changes<'a> = HashMap<&'a [u8], (i64, Option<&'a [u8]>)>;

/// What a piece of the topic changes, in its order. Only the last value of a key is
/// worth decoding.
fn changes<K: TableItem, V: TableItem>(piece: &[u8], next: i64) -> Result<Vec<Decoded<K, V>>> {
    let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
    let (mut found, mut decoded) = (Changes::new(), Vec::new());
    for batch in Batches::new(piece) {
        let batch = batch?;
        if batch.header.is_control() {
            continue;
        }
        if let Some(records) = batch.plain_records()? {
            note(&mut found, records, next)?;
        } else {
            // These lie in the decoder only until the next batch.
            decode(std::mem::take(&mut found), &mut decoded);
            let mut opened = Changes::new();
            note(&mut opened, decoder.decode(&batch)?, next)?;
            decode(opened, &mut decoded);
        }
    }
    decode(found, &mut decoded);
    Ok(decoded)
}

fn note<'a>(found: &mut Changes<'a>, records: Records<'a>, next: i64) -> Result<()> {
    for record in records {
        let record = record?;
        if let Some(key) = record.key.filter(|_| record.offset >= next) {
            found.insert(key, (record.offset, record.value));
        }
    }
    Ok(())
}

fn decode<K: TableItem, V: TableItem>(found: Changes<'_>, decoded: &mut Vec<Decoded<K, V>>) {
    let mut found: Vec<_> = found.into_iter().collect();
    // In the order of the writes: what is decoded together lies together.
    found.sort_unstable_by_key(|(_, (offset, _))| *offset);
    decoded.extend(found.into_iter().map(|(key, (offset, value))| Decoded {
        offset,
        key: K::decode(key).map_err(|reason| (key.into(), reason)),
        value: value.map(V::decode),
    }));
}
