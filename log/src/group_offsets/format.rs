//! Records of `__consumer_offsets`, as Kafka's group coordinator writes them:
//! `OffsetCommitKey` version 1 and `OffsetCommitValue` version 3.

use crate::table::TableItem;

const KEY_VERSION: i16 = 1;
const VALUE_VERSION: i16 = 3;

/// Whose offset it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// An offset.
    Offset {
        /// The group.
        group: String,
        /// The topic's name.
        topic: String,
        /// The partition's number.
        partition: i32,
    },
    /// Another kind of entry (a group's members, ...), kept as it is.
    Other(Vec<u8>),
}

/// An offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// An offset.
    Offset {
        /// The next offset to be read.
        offset: i64,
        /// Epoch of the leader that the record came from, or -1.
        leader_epoch: i32,
        /// A free text.
        metadata: String,
        /// When it was committed, in ms since 1970.
        commit_ms: i64,
    },
    /// Another kind of entry, kept as it is.
    Other(Vec<u8>),
}

impl TableItem for Key {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::Offset { group, topic, partition } => {
                out.extend_from_slice(&KEY_VERSION.to_be_bytes());
                put_text(out, group)?;
                put_text(out, topic)?;
                out.extend_from_slice(&partition.to_be_bytes());
            }
            Self::Other(bytes) => out.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut rest = bytes;
        let parsed = match take(&mut rest).map(i16::from_be_bytes) {
            Some(0 | KEY_VERSION) => (|| {
                let group = take_text(&mut rest)?;
                let topic = take_text(&mut rest)?;
                let partition = i32::from_be_bytes(take(&mut rest)?);
                Some(Self::Offset { group, topic, partition })
            })(),
            Some(_) => Some(Self::Other(bytes.to_vec())),
            None => None,
        };
        parsed.ok_or_else(|| "it is not an OffsetCommitKey".to_owned())
    }
}

impl TableItem for Value {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::Offset { offset, leader_epoch, metadata, commit_ms } => {
                out.extend_from_slice(&VALUE_VERSION.to_be_bytes());
                out.extend_from_slice(&offset.to_be_bytes());
                out.extend_from_slice(&leader_epoch.to_be_bytes());
                put_text(out, metadata)?;
                out.extend_from_slice(&commit_ms.to_be_bytes());
            }
            Self::Other(bytes) => out.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut rest = bytes;
        if take(&mut rest).map(i16::from_be_bytes) != Some(VALUE_VERSION) {
            return Ok(Self::Other(bytes.to_vec()));
        }
        let parsed = (|| {
            let offset = i64::from_be_bytes(take(&mut rest)?);
            let leader_epoch = i32::from_be_bytes(take(&mut rest)?);
            let metadata = take_text(&mut rest)?;
            let commit_ms = i64::from_be_bytes(take(&mut rest)?);
            Some(Self::Offset { offset, leader_epoch, metadata, commit_ms })
        })();
        parsed.ok_or_else(|| "it is not an OffsetCommitValue".to_owned())
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<(), String> {
    let len = i16::try_from(text.len()).map_err(|_| "a text is longer than 32 kB".to_owned())?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let len = usize::try_from(i16::from_be_bytes(take(rest)?)).ok()?;
    let (text, left) = rest.split_at_checked(len)?;
    *rest = left;
    String::from_utf8(text.to_vec()).ok()
}
