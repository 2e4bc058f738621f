//! ListOffsets, version 6.

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{BrokerId, ListOffsetsRequest, TopicName};

use super::error::MISSING;
use super::{Api, CONTROL_LEN_MAX, Client, ClientError, Refused, index, text};
use crate::wire::{Malformed, Reader};

static API: Api = Api {
    key: 2,
    name: "ListOffsets",
    version: 6,
    is_flexible: true,
    answer_len_max: CONTROL_LEN_MAX,
};

/// Which offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetOf {
    /// The first that is there.
    Start,
    /// The one that the next record will have.
    End,
    /// That of the first record at or after this time, in ms since 1970.
    Time(i64),
}

impl OffsetOf {
    fn timestamp(self) -> i64 {
        match self {
            Self::End => -1,
            Self::Start => -2,
            Self::Time(ms) => ms,
        }
    }
}

impl Client {
    /// One offset for each of these partitions, in their order; none where no
    /// record is that late.
    pub fn offsets(
        &mut self,
        topic: &str,
        partitions: &[u32],
        of: OffsetOf,
    ) -> Result<Vec<Option<i64>>, ClientError> {
        let asked = partitions.iter().map(|partition| {
            ListOffsetsPartition::default()
                .with_partition_index(index(*partition))
                .with_current_leader_epoch(-1)
                .with_timestamp(of.timestamp())
        });
        let topic = ListOffsetsTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(asked.collect());
        let request =
            ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
        let answered = self.call(&API, &request, |_, reader| {
            let answered = read(reader)?;
            let find = |partition: &u32| answered.iter().find(|(at, _)| *at == index(*partition));
            let found = partitions
                .iter()
                .map(|partition| find(partition).map(|(_, offset)| offset.clone()).ok_or(MISSING));
            found.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(answered.into_iter().collect::<Result<_, _>>()?)
    }
}

/// What was found, by the number of its partition.
type Found = (i32, Result<Option<i64>, Refused>);

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Vec<Found>, Malformed> {
    let _throttled_ms = reader.i32()?;
    if reader.count(3)? != 1 {
        return Err(MISSING);
    }
    let _name = reader.text()?;
    let count = reader.count(27)?;
    let mut found = Vec::with_capacity(count);
    for _ in 0..count {
        let partition = reader.i32()?;
        let code = reader.i16()?;
        let _time = reader.i64()?;
        let offset = reader.i64()?;
        let _leader_epoch = reader.i32()?;
        reader.tags()?;
        let offset = (offset >= 0).then_some(offset);
        found.push((partition, Refused::check(code, None).map(|()| offset)));
    }
    Ok(found)
}
