//! The checkpoint: what is in synced segments, so that recovery replays only
//! the journal's tail.
//!
//! One file, replaced by rename. A clean stop leaves a mark beside it, which
//! says that the journal has no tail.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};

use crate::api::{Result, TopicInfo, TopicPartition};
use crate::disk::{Disk, Open, failed, read_full};
use crate::error::LogError;
use crate::journal::entry::{Malformed, decode_topic, encode_topic};
use crate::producers::{Producers, decode_producers, encode_producers};
use crate::segment::{IndexState, Segment};

const MAGIC: &[u8; 8] = b"THALWEG2";
/// Of checkpoints without the state of compaction.
const MAGIC_1: &[u8; 8] = b"THALWEG1";
const NAME: &str = "checkpoint";
const NEW_NAME: &str = "checkpoint.new";
const MARK_NAME: &str = "clean-stop";

/// State of one partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionState {
    /// First offset kept.
    pub(crate) start: i64,
    /// Offset after the last record.
    pub(crate) next: i64,
    pub(crate) segments: Vec<Segment>,
    pub(crate) producers: Arc<Producers>,
    pub(crate) compacted: Compacted,
}

/// How far compaction has come in a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compacted {
    /// No key has two records before this offset.
    pub(crate) to: i64,
    /// When the next tombstone may go, in ms since 1970.
    pub(crate) horizon_ms: Option<i64>,
}

/// State of one topic.
#[derive(Clone, Debug)]
pub(crate) struct TopicState {
    pub(crate) info: TopicInfo,
    pub(crate) partitions: Vec<PartitionState>,
}

/// State of the log at one moment, and where the journal goes on from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkpoint {
    /// Rises with each checkpoint.
    pub(crate) number: u64,
    /// The log's own part of journal CRCs, chosen once.
    pub(crate) salt: u64,
    /// Lowest generation of journal files that are needed.
    pub(crate) generation: u64,
    /// First frame that is needed.
    pub(crate) sequence: u64,
    /// Frames up to this one are durable.
    pub(crate) durable_through: u64,
    /// Where the first needed frame lies, for reports of damage.
    pub(crate) place: (PathBuf, u64),
    pub(crate) topics: Vec<TopicState>,
    /// Ids of producers below this one may have been given.
    pub(crate) producer_ids: i64,
}

impl Checkpoint {
    /// A segment, if it is there. Topics are in the order of their ids.
    pub(crate) fn segment_mut(&mut self, at: TopicPartition, base: i64) -> Option<&mut Segment> {
        let topic = self.topics.binary_search_by_key(&at.topic, |topic| topic.info.id).ok()?;
        let partition = self.topics[topic].partitions.get_mut(at.partition as usize)?;
        let segment =
            partition.segments.binary_search_by_key(&base, |segment| segment.base).ok()?;
        partition.segments.get_mut(segment)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.topics.len() * 256);
        out.put_slice(MAGIC);
        out.put_u64(self.number);
        out.put_u64(self.salt);
        out.put_u64(self.generation);
        out.put_u64(self.sequence);
        out.put_u64(self.durable_through);
        let name = self.place.0.file_name().unwrap_or_default();
        let name = name.to_string_lossy();
        out.put_u32(u32::try_from(name.len()).unwrap_or(0));
        out.put_slice(name.as_bytes());
        out.put_u64(self.place.1);
        out.put_u32(count(self.topics.len()));
        for topic in &self.topics {
            encode_topic(&mut out, &topic.info);
            for partition in &topic.partitions {
                encode_partition(&mut out, partition);
            }
        }
        out.put_i64(self.producer_ids);
        for partition in self.topics.iter().flat_map(|topic| &topic.partitions) {
            encode_producers(&mut out, &partition.producers);
        }
        let crc = crc32c::crc32c(&out);
        out.put_u32(crc);
        out
    }

    pub(crate) fn decode(bytes: &[u8], journal: &Path) -> std::result::Result<Self, Malformed> {
        let body_len = bytes.len().checked_sub(4).ok_or(Malformed)?;
        let (body, mut crc) = bytes.split_at(body_len);
        if crc.try_get_u32()? != crc32c::crc32c(body) {
            return Err(Malformed);
        }
        let (magic, body) = body.split_first_chunk::<8>().ok_or(Malformed)?;
        let has_compacted = match magic {
            MAGIC => true,
            MAGIC_1 => false,
            _ => return Err(Malformed),
        };
        let mut from = Bytes::copy_from_slice(body);
        let from = &mut from;
        let mut checkpoint = Self {
            number: from.try_get_u64()?,
            salt: from.try_get_u64()?,
            generation: from.try_get_u64()?,
            sequence: from.try_get_u64()?,
            durable_through: from.try_get_u64()?,
            ..Self::default()
        };
        let len = from.try_get_u32()? as usize;
        if len > from.len() {
            return Err(Malformed);
        }
        let name = from.split_to(len);
        let name = std::str::from_utf8(&name).map_err(|_| Malformed)?;
        checkpoint.place = (journal.join(name), from.try_get_u64()?);
        for _ in 0..from.try_get_u32()? {
            let info = decode_topic(from)?;
            let mut partitions = Vec::new();
            for _ in 0..info.partitions {
                partitions.push(decode_partition(from, has_compacted)?);
            }
            checkpoint.topics.push(TopicState { info, partitions });
        }
        // One from before producers were remembered ends here.
        if !from.is_empty() {
            checkpoint.producer_ids = from.try_get_i64()?;
            for partition in checkpoint.topics.iter_mut().flat_map(|t| &mut t.partitions) {
                partition.producers = Arc::new(decode_producers(from)?);
            }
        }
        Ok(checkpoint)
    }

    /// Reads the checkpoint of this data folder, if there is one.
    pub(crate) fn load(disk: &dyn Disk, root: &Path, journal: &Path) -> Result<Option<Self>> {
        let path = root.join(NAME);
        let Some(bytes) = read_file(disk, &path)? else {
            return Ok(None);
        };
        match Self::decode(&bytes, journal) {
            Ok(checkpoint) => Ok(Some(checkpoint)),
            Err(Malformed) => Err(LogError::Damaged {
                path,
                at: 0,
                reason: "the checkpoint is not what was written: restore this file".to_owned(),
            }),
        }
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

fn encode_partition(out: &mut Vec<u8>, partition: &PartitionState) {
    out.put_i64(partition.start);
    out.put_i64(partition.next);
    encode_compacted(out, partition.compacted);
    out.put_u32(count(partition.segments.len()));
    for segment in &partition.segments {
        encode_segment(out, segment);
    }
}

/// Appends the state of compaction.
pub(crate) fn encode_compacted(out: &mut Vec<u8>, compacted: Compacted) {
    out.put_i64(compacted.to);
    out.put_i64(compacted.horizon_ms.unwrap_or(i64::MAX));
}

/// Appends a segment whose batches and index entries are in its files.
pub(crate) fn encode_segment(out: &mut Vec<u8>, segment: &Segment) {
    out.put_i64(segment.base);
    out.put_i64(segment.next);
    out.put_u64(segment.len);
    out.put_i64(segment.created_ms);
    out.put_i64(segment.max_timestamp());
    out.put_u32(segment.index.written);
    out.put_u32(segment.index.time_written);
    out.put_u32(segment.revision);
}

fn decode_partition(
    from: &mut Bytes,
    has_compacted: bool,
) -> std::result::Result<PartitionState, Malformed> {
    let mut partition = PartitionState {
        start: from.try_get_i64()?,
        next: from.try_get_i64()?,
        segments: Vec::new(),
        producers: Arc::default(),
        compacted: if has_compacted { decode_compacted(from)? } else { Compacted::default() },
    };
    for _ in 0..from.try_get_u32()? {
        partition.segments.push(decode_segment(from, has_compacted)?);
    }
    Ok(partition)
}

/// Takes the state of compaction off the front.
pub(crate) fn decode_compacted(from: &mut Bytes) -> std::result::Result<Compacted, Malformed> {
    let to = from.try_get_i64()?;
    let horizon_ms = from.try_get_i64()?;
    Ok(Compacted { to, horizon_ms: (horizon_ms != i64::MAX).then_some(horizon_ms) })
}

/// Takes a segment off the front.
pub(crate) fn decode_segment(
    from: &mut Bytes,
    has_revision: bool,
) -> std::result::Result<Segment, Malformed> {
    let base = from.try_get_i64()?;
    let next = from.try_get_i64()?;
    let len = from.try_get_u64()?;
    let created_ms = from.try_get_i64()?;
    let max_timestamp = from.try_get_i64()?;
    let indexed = from.try_get_u32()?;
    let time_indexed = from.try_get_u32()?;
    Ok(Segment {
        base,
        next,
        len,
        written: len,
        created_ms,
        revision: if has_revision { from.try_get_u32()? } else { 0 },
        index: IndexState::of_files(max_timestamp, indexed, time_indexed),
    })
}

fn read_file(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>> {
    let file = match disk.open(path, Open::Existing) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("opening", path, &error)),
    };
    let read = || {
        let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(0)];
        let count = read_full(&*file, &mut bytes, 0)?;
        bytes.truncate(count);
        Ok(bytes)
    };
    read().map(Some).map_err(|error: std::io::Error| failed("reading", path, &error))
}

/// Replaces the checkpoint of this data folder by these bytes, durably.
pub(crate) fn store(disk: &dyn Disk, root: &Path, bytes: &[u8]) -> Result<()> {
    let new = root.join(NEW_NAME);
    let write = || {
        let file = disk.open(&new, Open::Empty)?;
        file.write_at(&[IoSlice::new(bytes)], 0)?;
        file.sync()?;
        disk.rename(&new, &root.join(NAME))?;
        disk.sync_dir(root)
    };
    write().map_err(|error| failed("writing", &new, &error))
}

/// Leaves the mark of a clean stop at this checkpoint.
pub(crate) fn mark_clean(disk: &dyn Disk, root: &Path, number: u64) -> Result<()> {
    let path = root.join(MARK_NAME);
    let write = || {
        let file = disk.open(&path, Open::Empty)?;
        file.write_at(&[IoSlice::new(&number.to_be_bytes())], 0)?;
        file.sync()?;
        disk.sync_dir(root)
    };
    write().map_err(|error| failed("writing", &path, &error))
}

/// Whether the log was stopped cleanly at this checkpoint.
pub(crate) fn is_marked_clean(disk: &dyn Disk, root: &Path, number: u64) -> Result<bool> {
    let bytes = read_file(disk, &root.join(MARK_NAME))?;
    Ok(bytes.is_some_and(|bytes| bytes == number.to_be_bytes()))
}

/// Removes the mark, durably, before the journal is written again.
pub(crate) fn unmark_clean(disk: &dyn Disk, root: &Path) -> Result<()> {
    let path = root.join(MARK_NAME);
    disk.remove_file(&path)
        .and_then(|()| disk.sync_dir(root))
        .map_err(|error| failed("removing", &path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Sequenced;

    fn sample() -> Checkpoint {
        let mut producers = Producers::default();
        let batch = Sequenced { producer: 4, epoch: 1, sequence: 0, last_delta: 2 };
        producers.add(&batch, 7, 1000, 2000);
        let partition = |producers| PartitionState {
            start: 3,
            next: 10,
            segments: Vec::new(),
            producers: Arc::new(producers),
            compacted: Compacted { to: 5, horizon_ms: Some(4000) },
        };
        let info = TopicInfo {
            id: uuid::Uuid::from_u128(1),
            name: "t".into(),
            partitions: 2,
            config: Vec::new(),
        };
        let partitions = vec![partition(Producers::default()), partition(producers)];
        let topics = vec![TopicState { info, partitions }];
        Checkpoint { number: 9, topics, producer_ids: 5000, ..Checkpoint::default() }
    }

    #[test]
    fn producers_come_back_with_their_partitions() {
        let decoded = Checkpoint::decode(&sample().encode(), Path::new("/j")).ok().unwrap();
        assert_eq!(decoded.producer_ids, 5000);
        let partitions = decoded.topics[0].partitions.iter();
        assert_eq!(partitions.clone().map(|p| p.producers.len()).collect::<Vec<_>>(), [0, 1]);
        let known = Compacted { to: 5, horizon_ms: Some(4000) };
        assert!(partitions.into_iter().all(|partition| partition.compacted == known));
    }

    #[test]
    fn one_without_producers_is_read() {
        let mut bytes = sample().encode();
        let mut tail = 5000i64.to_be_bytes().to_vec();
        for partition in &sample().topics[0].partitions {
            encode_producers(&mut tail, &partition.producers);
        }
        bytes.truncate(bytes.len() - 4 - tail.len());
        let crc = crc32c::crc32c(&bytes);
        bytes.put_u32(crc);
        let decoded = Checkpoint::decode(&bytes, Path::new("/j")).ok().unwrap();
        assert_eq!((decoded.number, decoded.producer_ids), (9, 0));
        assert_eq!(decoded.topics[0].partitions[1].next, 10);
    }
}
