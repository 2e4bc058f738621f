//! Records on their way to a topic, as record batches by partition.

use bytes::{Bytes, BytesMut};
use thalweg_core::ConnectError;
use thalweg_log::record::{BatchBuilder, Compression, partition_of};
use thalweg_log::{Group, LogError, TopicInfo};

use crate::log_errors::from_log;

/// Bytes of records, before compression, at which a record batch is closed.
const RECORD_BATCH_BYTES: usize = 1 << 20;

/// Builders that are kept for the next rows.
const BUILDERS_MAX: usize = 16;

/// Builders that are not in use: their buffers serve the next rows.
#[derive(Default)]
pub(super) struct Spare(Vec<BatchBuilder>);

/// Record batches of one topic while they are filled.
pub(super) struct TopicBatches<'a> {
    topic: &'a TopicInfo,
    partitions: Vec<Partition>,
    /// The partition of rows without keys.
    sticky: u32,
    spare: &'a mut Spare,
}

/// Those of one partition.
#[derive(Default)]
struct Partition {
    builder: Option<BatchBuilder>,
    closed: Vec<Bytes>,
}

/// A record to be written.
pub(super) struct NewRecord<'a> {
    /// In ms since 1970.
    pub(super) timestamp: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) headers: &'a [(&'a str, Option<&'a [u8]>)],
}

impl<'a> TopicBatches<'a> {
    /// None yet. `turn` moves rows without keys from partition to partition.
    pub(super) fn new(topic: &'a TopicInfo, turn: u32, spare: &'a mut Spare) -> Self {
        let partitions = (0..topic.partitions).map(|_| Partition::default()).collect();
        Self { topic, partitions, sticky: turn % topic.partitions.max(1), spare }
    }

    /// Adds a record to the batches of its key's partition.
    pub(super) fn append(&mut self, record: &NewRecord<'_>) -> Result<(), ConnectError> {
        let NewRecord { timestamp, key, value, headers } = *record;
        let number = match (self.topic.partitions, key) {
            (1, _) => 0,
            (count, Some(key)) => partition_of(key, count),
            (_, None) => self.sticky,
        };
        let partition = &mut self.partitions[number as usize];
        let builder = partition.builder.get_or_insert_with(|| {
            self.spare.0.pop().unwrap_or_else(|| BatchBuilder::new(Compression::Lz4))
        });
        let written = builder.append(timestamp, key, value, headers);
        written.map_err(|error| from_log(&error, "writing a record"))?;
        if builder.bytes() >= RECORD_BATCH_BYTES {
            partition.closed.push(builder.finish().map_err(|error| closing(&error, self.topic))?);
        }
        Ok(())
    }

    /// All of them, to be appended.
    pub(super) fn finish(self, groups: &mut Vec<Group>) -> Result<(), ConnectError> {
        for (number, Partition { builder, mut closed }) in (0u32..).zip(self.partitions) {
            if let Some(mut builder) = builder {
                if !builder.is_empty() {
                    closed.push(builder.finish().map_err(|error| closing(&error, self.topic))?);
                }
                if self.spare.0.len() < BUILDERS_MAX {
                    self.spare.0.push(builder);
                }
            }
            let batches = match closed.len() {
                0 => continue,
                1 => closed.swap_remove(0),
                _ => {
                    let mut all = BytesMut::with_capacity(closed.iter().map(Bytes::len).sum());
                    closed.iter().for_each(|batch| all.extend_from_slice(batch));
                    all.freeze()
                }
            };
            groups.push(Group { target: self.topic.partition(number), batches });
        }
        Ok(())
    }
}

#[cold]
fn closing(error: &LogError, topic: &TopicInfo) -> ConnectError {
    from_log(error, format!("closing a record batch of topic {}", topic.name))
}
