//! What a Fetch asks for.

use std::time::Duration;

use uuid::Uuid;

use super::{FIRST_WITH_IDS, FIRST_WITH_LOG_START, FIRST_WITH_RACKS, FIRST_WITH_SESSIONS};
use crate::wire::{Malformed, Reader};

const FIRST_WITH_EPOCHS: i16 = 9;
const FIRST_WITH_LAST_EPOCHS: i16 = 12;
const FIRST_WITHOUT_REPLICA: i16 = 15;

/// Most bytes of one answer, apart from a first batch that is larger.
const BYTES_MAX: usize = 64 << 20;
/// Longest time that a request waits.
const WAIT_MAX: Duration = Duration::from_secs(300);

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) wait: Duration,
    pub(super) bytes_min: usize,
    pub(super) bytes_max: usize,
    /// Whether records of open transactions stay out of sight.
    pub(super) is_committed_only: bool,
    pub(super) session_id: i32,
    pub(super) session_epoch: i32,
    pub(super) topics: Vec<Topic>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Topic {
    /// Its name; empty where ids are used.
    pub(super) name: String,
    /// Its id; nil where names are used.
    pub(super) id: Uuid,
    pub(super) wanted: Vec<Wanted>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) index: i32,
    pub(super) leader_epoch: i32,
    pub(super) offset: i64,
    pub(super) bytes_max: usize,
}

fn size(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}

impl Request {
    pub(super) fn read(body: &[u8], version: i16, is_flexible: bool) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body, is_flexible);
        if version < FIRST_WITHOUT_REPLICA {
            reader.i32()?;
        }
        let wait_ms = u64::try_from(reader.i32()?).unwrap_or(0);
        let (bytes_min, bytes_max) = (size(reader.i32()?), size(reader.i32()?).min(BYTES_MAX));
        let is_committed_only = reader.i8()? == 1;
        let (session_id, session_epoch) =
            if version >= FIRST_WITH_SESSIONS { (reader.i32()?, reader.i32()?) } else { (0, -1) };
        let count = reader.count(3)?;
        let mut topics = Vec::with_capacity(count);
        for _ in 0..count {
            topics.push(Topic::read(&mut reader, version)?);
        }
        if version >= FIRST_WITH_SESSIONS {
            skip_forgotten(&mut reader, version)?;
        }
        if version >= FIRST_WITH_RACKS {
            reader.optional_text()?;
        }
        reader.tags()?;
        Ok(Self {
            wait: Duration::from_millis(wait_ms).min(WAIT_MAX),
            bytes_min: bytes_min.min(bytes_max),
            bytes_max,
            is_committed_only,
            session_id,
            session_epoch,
            topics,
        })
    }
}

impl Topic {
    fn read(reader: &mut Reader<'_>, version: i16) -> Result<Self, Malformed> {
        let (name, id) = read_topic(reader, version)?;
        let count = reader.count(16)?;
        let mut wanted = Vec::with_capacity(count);
        for _ in 0..count {
            let index = reader.i32()?;
            let leader_epoch = if version >= FIRST_WITH_EPOCHS { reader.i32()? } else { -1 };
            let offset = reader.i64()?;
            if version >= FIRST_WITH_LAST_EPOCHS {
                reader.i32()?;
            }
            if version >= FIRST_WITH_LOG_START {
                reader.i64()?;
            }
            wanted.push(Wanted { index, leader_epoch, offset, bytes_max: size(reader.i32()?) });
            reader.tags()?;
        }
        reader.tags()?;
        Ok(Self { name: name.to_owned(), id, wanted })
    }
}

fn read_topic<'a>(reader: &mut Reader<'a>, version: i16) -> Result<(&'a str, Uuid), Malformed> {
    if version >= FIRST_WITH_IDS {
        Ok(("", reader.uuid()?))
    } else {
        Ok((reader.text()?, Uuid::nil()))
    }
}

/// Partitions that leave a session: there are none.
fn skip_forgotten(reader: &mut Reader<'_>, version: i16) -> Result<(), Malformed> {
    for _ in 0..reader.count(3)? {
        read_topic(reader, version)?;
        for _ in 0..reader.count(4)? {
            reader.i32()?;
        }
        reader.tags()?;
    }
    Ok(())
}
