//! The entries of the journal: everything that changes the log.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, TryGetError};
use uuid::Uuid;

use super::SEAL_LEN;
use crate::api::{TopicId, TopicInfo, TopicPartition};
use crate::checkpoint::{
    Compacted, decode_compacted, decode_segment, encode_compacted, encode_segment,
};
use crate::segment::Segment;

const APPEND: u8 = 1;
const CREATE: u8 = 2;
const DELETE: u8 = 3;
const CONFIG: u8 = 4;
const TRIM: u8 = 5;
const ROLL: u8 = 6;
const PARTITIONS: u8 = 7;
const PRODUCER_IDS: u8 = 8;
const SWAP: u8 = 16;

/// One change of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Batches with their final offsets, the first of which is `base`.
    Append { target: TopicPartition, base: i64, batches: Bytes },
    /// A topic was made.
    Create(TopicInfo),
    /// A topic was deleted.
    Delete(TopicId),
    /// A topic's settings were replaced.
    Config(TopicId, Vec<(String, String)>),
    /// Records before `start` were forgotten.
    Trim { target: TopicPartition, start: i64 },
    /// The next append of this partition begins a segment.
    Roll { target: TopicPartition, base: i64 },
    /// A topic has this many partitions now.
    Partitions { topic: TopicId, total: u32 },
    /// Ids of producers below this one may have been given.
    ProducerIds(i64),
    /// Compaction replaced segments.
    Swap(Box<Swap>),
}

/// Segments of a partition that compaction replaced by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Swap {
    pub(crate) target: TopicPartition,
    /// Their bases, the new one's first.
    pub(crate) replaced: Vec<i64>,
    /// The one in their place. Its files have the names of
    /// [`cleaned_path`](crate::segment::cleaned_path) until they are renamed.
    /// None if nothing was replaced, and compaction just came further.
    pub(crate) segment: Option<Segment>,
    pub(crate) compacted: Compacted,
}

impl Swap {
    /// Most bytes that it takes in the journal, with the seal after it.
    pub(crate) fn journal_len_max(&self) -> u64 {
        (256 + self.replaced.len() * 8 + SEAL_LEN) as u64
    }
}

impl Entry {
    /// Appends the bytes of an entry other than `Append`, whose batches are
    /// written from where they are.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Append { target, base, batches } => {
                encode_append_head(out, *target, *base, batches.len());
                out.put_slice(batches);
            }
            Self::Create(info) => {
                out.put_u8(CREATE);
                encode_topic(out, info);
            }
            Self::Delete(id) => {
                out.put_u8(DELETE);
                out.put_u128(id.as_u128());
            }
            Self::Config(id, config) => {
                out.put_u8(CONFIG);
                out.put_u128(id.as_u128());
                encode_config(out, config);
            }
            Self::Trim { target, start } => encode_at(out, TRIM, *target, *start),
            Self::Roll { target, base } => encode_at(out, ROLL, *target, *base),
            Self::Partitions { topic, total } => {
                out.put_u8(PARTITIONS);
                out.put_u128(topic.as_u128());
                out.put_u32(*total);
            }
            Self::ProducerIds(below) => {
                out.put_u8(PRODUCER_IDS);
                out.put_i64(*below);
            }
            Self::Swap(swap) => {
                encode_at(out, SWAP, swap.target, swap.compacted.to);
                encode_compacted(out, swap.compacted);
                out.put_u32(u32::try_from(swap.replaced.len()).unwrap_or(u32::MAX));
                for base in &swap.replaced {
                    out.put_i64(*base);
                }
                if let Some(segment) = &swap.segment {
                    encode_segment(out, segment);
                }
            }
        }
    }

    /// Takes the entry off the front of `body`. The error says what is wrong
    /// with it.
    pub(crate) fn decode(body: &mut Bytes) -> Result<Self, String> {
        decode(body).map_err(|_| "an entry is cut short or unknown".to_owned())
    }
}

/// Appends the head of an append entry.
pub(crate) fn encode_append_head(
    out: &mut Vec<u8>,
    target: TopicPartition,
    base: i64,
    batches_len: usize,
) {
    encode_at(out, APPEND, target, base);
    // Appends are bounded by `log.append.bytes.max`, far below 4 GiB.
    out.put_u32(u32::try_from(batches_len).unwrap_or(u32::MAX));
}

fn encode_at(out: &mut Vec<u8>, kind: u8, target: TopicPartition, offset: i64) {
    out.put_u8(kind);
    out.put_u128(target.topic.as_u128());
    out.put_u32(target.partition);
    out.put_i64(offset);
}

fn encode_text(out: &mut Vec<u8>, text: &str) {
    out.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    out.put_slice(text.as_bytes());
}

fn encode_config(out: &mut Vec<u8>, config: &[(String, String)]) {
    out.put_u32(u32::try_from(config.len()).unwrap_or(u32::MAX));
    for (name, value) in config {
        encode_text(out, name);
        encode_text(out, value);
    }
}

/// Appends a topic's description.
pub(crate) fn encode_topic(out: &mut Vec<u8>, info: &TopicInfo) {
    out.put_u128(info.id.as_u128());
    encode_text(out, &info.name);
    out.put_u32(info.partitions);
    encode_config(out, &info.config);
}

/// What is not decodable; the caller says where.
pub(crate) struct Malformed;

impl From<TryGetError> for Malformed {
    fn from(_: TryGetError) -> Self {
        Self
    }
}

fn decode(body: &mut Bytes) -> Result<Entry, Malformed> {
    let kind = body.try_get_u8()?;
    Ok(match kind {
        APPEND => {
            let (target, base) = decode_at(body)?;
            let len = body.try_get_u32()? as usize;
            if len > body.len() {
                return Err(Malformed);
            }
            let batches = body.split_to(len);
            Entry::Append { target, base, batches }
        }
        CREATE => Entry::Create(decode_topic(body)?),
        DELETE => Entry::Delete(Uuid::from_u128(body.try_get_u128()?)),
        CONFIG => {
            let id = Uuid::from_u128(body.try_get_u128()?);
            Entry::Config(id, decode_config(body)?)
        }
        TRIM => {
            let (target, start) = decode_at(body)?;
            Entry::Trim { target, start }
        }
        ROLL => {
            let (target, base) = decode_at(body)?;
            Entry::Roll { target, base }
        }
        PARTITIONS => {
            let topic = Uuid::from_u128(body.try_get_u128()?);
            Entry::Partitions { topic, total: body.try_get_u32()? }
        }
        PRODUCER_IDS => Entry::ProducerIds(body.try_get_i64()?),
        SWAP => {
            let (target, _) = decode_at(body)?;
            let compacted = decode_compacted(body)?;
            let mut replaced = Vec::new();
            for _ in 0..body.try_get_u32()? {
                replaced.push(body.try_get_i64()?);
            }
            let segment = match replaced.is_empty() {
                true => None,
                false => Some(decode_segment(body, true)?),
            };
            Entry::Swap(Box::new(Swap { target, replaced, segment, compacted }))
        }
        _ => return Err(Malformed),
    })
}

fn decode_at(body: &mut Bytes) -> Result<(TopicPartition, i64), Malformed> {
    let topic = Uuid::from_u128(body.try_get_u128()?);
    let partition = body.try_get_u32()?;
    Ok((TopicPartition { topic, partition }, body.try_get_i64()?))
}

fn decode_text(body: &mut Bytes) -> Result<String, Malformed> {
    let len = body.try_get_u32()? as usize;
    if len > body.len() {
        return Err(Malformed);
    }
    let text = body.split_to(len);
    String::from_utf8(text.to_vec()).map_err(|_| Malformed)
}

fn decode_config(body: &mut Bytes) -> Result<Vec<(String, String)>, Malformed> {
    let count = body.try_get_u32()?;
    let mut config = Vec::new();
    for _ in 0..count {
        config.push((decode_text(body)?, decode_text(body)?));
    }
    Ok(config)
}

/// Takes a topic's description off the front.
pub(crate) fn decode_topic(body: &mut Bytes) -> Result<TopicInfo, Malformed> {
    let id = Uuid::from_u128(body.try_get_u128()?);
    let name: Arc<str> = decode_text(body)?.into();
    let partitions = body.try_get_u32()?;
    let config = decode_config(body)?;
    Ok(TopicInfo { id, name, partitions, config })
}
