//! The plan of a file: durable before the file is, kept until the committed
//! offset passes it.
//!
//! Rows of a partition go through *rounds*: the files of a round open one by
//! one, by path and schema, and close together. When a round closes, its plan is
//! put into the sink's state, all its files at once; only then the first of them
//! is put into its place. After a crash, what the plan says is found (skipped)
//! or written again with the same rows, and so the same bytes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use thalweg_core::connector::SinkPartition;

/// Contents that a plan remembers from before it was changed: uploads of killed
/// runs may still bring them.
const FORMER_MAX: usize = 8;

/// What a file's bytes are told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    /// Its length.
    pub(crate) bytes: u64,
    /// Its CRC-32C.
    pub(crate) crc: u32,
}

/// The plan of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FilePlan {
    /// The topic's id.
    pub(crate) topic_id: Uuid,
    /// The partition.
    pub(crate) partition: u32,
    /// The partition's next offset when the round began: every row from here on
    /// is in the round, or was left out of the lake on purpose.
    pub(crate) from: i64,
    /// The last offset of the round.
    pub(crate) end: i64,
    /// The rows' path.
    pub(crate) path: String,
    /// The identity of their schema, in hexadecimal.
    pub(crate) schema: String,
    /// The first row's offset.
    pub(crate) first: i64,
    /// The last row's offset.
    pub(crate) last: i64,
    /// Number of rows.
    pub(crate) count: u64,
    /// The name of the file in its store.
    pub(crate) key: String,
    /// Its length and CRC-32C.
    #[serde(flatten)]
    pub(crate) content: Content,
    /// What was planned for the same offsets before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) former: Vec<Content>,
    /// What of the config decides paths and bytes, as one number.
    pub(crate) layout: u64,
}

impl FilePlan {
    /// Its key in the sink's state. Two files of a partition never begin with
    /// the same row.
    pub(crate) fn state_key(&self) -> String {
        format!("{}{:020}", state_prefix(self.topic_id, self.partition), self.first)
    }

    /// Plans other bytes, of as many rows or of those that the log still has. The
    /// offsets stay, and with them the name.
    pub(crate) fn change(&mut self, count: u64, content: Content) {
        if self.content != content {
            self.former.insert(0, self.content);
            self.former.truncate(FORMER_MAX);
        }
        (self.count, self.content) = (count, content);
    }

    /// Whether it was ever planned with these bytes.
    pub(crate) fn had(&self, content: Content) -> bool {
        self.content == content || self.former.contains(&content)
    }

    /// Whether it holds the rows of this path and schema around an offset.
    pub(crate) fn covers(&self, path: Option<&str>, schema: &str, offset: i64) -> bool {
        (self.first..=self.last).contains(&offset)
            && self.schema == schema
            && path.is_none_or(|path| path == self.path)
    }
}

/// What the state's keys of a partition's plans begin with.
pub(crate) fn plan_prefix(partition: &SinkPartition) -> String {
    state_prefix(partition.topic_id, partition.partition)
}

fn state_prefix(topic_id: Uuid, partition: u32) -> String {
    format!("plan/{topic_id}/{partition}/")
}

/// The state's key of the ids that a topic has had.
pub(crate) fn incarnations_key(partition: &SinkPartition) -> String {
    format!("topic/{}/{}", partition.topic, partition.partition)
}

/// 16 bytes that only this file has: for Avro's sync marker.
pub(crate) fn seed(partition: &SinkPartition, first: i64) -> [u8; 16] {
    let mut seed = *partition.topic_id.as_bytes();
    let offset = first.to_be_bytes();
    for (byte, with) in seed[8..].iter_mut().zip(offset) {
        *byte ^= with;
    }
    for (byte, with) in seed[..4].iter_mut().zip(partition.partition.to_be_bytes()) {
        *byte ^= with;
    }
    seed
}
