//! Reading a compacted topic from its start to its end.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::task::{JoinHandle, spawn_blocking};

use super::TableItem;
use crate::api::{Log, OffsetAt, Result, TopicPartition};
use crate::error::LogError;
use crate::record::{BatchDecoder, Batches, OPENED_BYTES_MAX, Records};

/// Bytes of one read.
const READ_BYTES: usize = 1 << 20;

/// Bytes of the shortest record.
const RECORD_LEN_MIN: usize = 7;

/// Most pieces of the topic that are decoded at once. What they change is taken on one
/// thread, which more would only wait for.
const DECODING_MAX: usize = 2;

/// What could not be decoded. Something later may have taken its place.
struct Broken<K> {
    keys: HashMap<Box<[u8]>, (i64, String)>,
    values: BTreeMap<K, (i64, String)>,
}

/// What could not be decoded and was not replaced: what it is of, where, and why.
pub(super) type Unreadable = (&'static str, i64, String);

/// A key's last change within a piece of the topic.
struct Decoded<K, V> {
    offset: i64,
    key: std::result::Result<K, (Box<[u8]>, String)>,
    value: Option<std::result::Result<V, String>>,
}

/// The changes of a piece of the topic, and where they are decoded.
type Decoding<K, V> = JoinHandle<Result<Vec<Decoded<K, V>>>>;

/// Reads everything, and shows the changes to `take` with their offsets. The answer is the
/// offset after them, and the first that could not be decoded and that nothing took the
/// place of.
///
/// Pieces are read and decoded on other threads while earlier ones are taken: no more than
/// these lie in memory besides what is kept of them.
pub(super) async fn latest<K, V>(
    log: &dyn Log,
    from: TopicPartition,
    mut take: impl FnMut(i64, K, Option<V>) + Send,
) -> Result<(i64, Option<Unreadable>)>
where
    K: TableItem + Ord,
    V: TableItem,
{
    let mut decoding: VecDeque<Decoding<K, V>> = VecDeque::new();
    let mut broken = Broken { keys: HashMap::new(), values: BTreeMap::new() };
    let mut next = log.offset(from, OffsetAt::Start).await?;
    let mut fetched = log.read(from, next, READ_BYTES).await?;
    while let Some(last) = Batches::new(&fetched.batches).last() {
        let first = next;
        next = last?.header.last_offset().saturating_add(1);
        decoding.push_back(spawn_blocking(move || changes(&fetched.batches, first)));
        let ahead = log.read(from, next, READ_BYTES);
        let earlier = async {
            if decoding.len() > DECODING_MAX
                && let Some(decoded) = decoding.pop_front()
            {
                broken.take(joined(decoded).await?, &mut take);
            }
            Ok(())
        };
        let (read, ()) = tokio::try_join!(ahead, earlier)?;
        fetched = read;
    }
    for decoded in decoding {
        broken.take(joined(decoded).await?, &mut take);
    }
    Ok((next, broken.first()))
}

async fn joined<K, V>(decoding: Decoding<K, V>) -> Result<Vec<Decoded<K, V>>> {
    decoding.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => Err(LogError::Stopped(error.to_string())),
    })
}

impl<K: Ord> Broken<K> {
    /// Shows what is readable to `take`, and keeps what is not.
    fn take<V>(&mut self, changes: Vec<Decoded<K, V>>, mut take: impl FnMut(i64, K, Option<V>)) {
        for Decoded { offset, key, value } in changes {
            let key = match (key, &value) {
                (Ok(key), _) => key,
                (Err((bytes, reason)), Some(_)) => {
                    self.keys.insert(bytes, (offset, reason));
                    continue;
                }
                (Err((bytes, _)), None) => {
                    self.keys.remove(&bytes);
                    continue;
                }
            };
            if !self.values.is_empty() {
                self.values.remove(&key);
            }
            match value.transpose() {
                Ok(value) => take(offset, key, value),
                Err(reason) => drop(self.values.insert(key, (offset, reason))),
            }
        }
    }

    /// The first that could not be decoded and that nothing took the place of.
    fn first(self) -> Option<Unreadable> {
        let keys = self.keys.into_values().map(|(offset, reason)| ("key", offset, reason));
        let values = self.values.into_values().map(|(offset, reason)| ("value", offset, reason));
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
            // By what the piece can hold: a count is not to be trusted (invariant 7).
            let count = usize::try_from(batch.header.records).unwrap_or(0);
            found.reserve(count.min(piece.len() / RECORD_LEN_MIN));
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
