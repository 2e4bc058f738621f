//! The APIs, one file each: what a client can ask for.

mod alter_configs;
pub(crate) mod api_versions;
#[cfg(test)]
mod bytes_tests;
mod configs;
mod create_partitions;
mod create_topics;
mod delete_records;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_log_dirs;
mod fetch;
mod incremental_alter_configs;
mod init_producer_id;
mod list_offsets;
mod metadata;
mod offset_for_leader_epoch;
mod operations;
pub(crate) mod produce;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;

use kafka_protocol::protocol::StrBytes;
use thalweg_log::{TopicInfo, TopicPartition};

use crate::call::Call;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::{LEADER_EPOCH, Server};
use crate::wire::layout::Layout;
use crate::wire::{Malformed, Response};

/// The answer to a request.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response, Malformed>> + Send + 'a>>;

/// One API.
pub(crate) struct Api {
    /// Its number.
    pub(crate) key: i16,
    pub(crate) name: &'static str,
    /// The first version that is served.
    pub(crate) first: i16,
    /// The last one.
    pub(crate) last: i16,
    /// The first version that ApiVersions tells of.
    pub(crate) told: i16,
    /// From this version on lengths are varints.
    pub(crate) flexible: i16,
    /// What a request looks like, for those that a decoder of the protocol crate
    /// reads.
    pub(crate) layout: Layout,
    pub(crate) run: Run,
}

/// How an API is run.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// It is a Produce: the log has its batches before the next request is read.
    Staged,
    /// It may wait for long, and later requests are read meanwhile.
    Waits(Handler),
    /// It is answered before the next request is read.
    Alone(Handler),
}

/// What answers a request. It may give back what the request holds.
pub(crate) type Handler = for<'a> fn(&'a Server, &'a mut Call) -> Answer<'a>;

impl Api {
    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible
    }
}

/// All APIs, by their numbers.
static APIS: &[&Api] = &[
    &produce::API,
    &fetch::API,
    &list_offsets::API,
    &metadata::API,
    &api_versions::API,
    &create_topics::API,
    &delete_topics::API,
    &delete_records::API,
    &init_producer_id::API,
    &offset_for_leader_epoch::API,
    &describe_configs::API,
    &alter_configs::API,
    &describe_log_dirs::API,
    &create_partitions::API,
    &incremental_alter_configs::API,
    &describe_cluster::API,
];

/// What an answer may still hold: a request can name more than fits into memory
/// (invariant 7).
struct Room {
    left: usize,
    max: usize,
    what: &'static str,
}

impl Room {
    fn new(max: usize, what: &'static str) -> Self {
        Self { left: max, max, what }
    }

    /// Takes place for so many, or refuses what does not fit.
    fn take(&mut self, count: usize) -> Result<(), Refusal> {
        let Some(left) = self.left.checked_sub(count) else {
            let Self { max, what, .. } = self;
            return Err(Refusal::new(
                ErrorCode::InvalidRequest,
                format!("an answer has at most {max} {what}: ask for less at once"),
            ));
        };
        self.left = left;
        Ok(())
    }
}

/// The API of this number.
pub(crate) fn find(key: i16) -> Option<&'static Api> {
    APIS.iter().copied().find(|api| api.key == key)
}

/// One partition of a topic, by its number on the wire.
fn partition_of(topic: &TopicInfo, index: i32) -> Result<TopicPartition, Refusal> {
    let number = u32::try_from(index).ok().filter(|number| *number < topic.partitions);
    number.map(|number| topic.partition(number)).ok_or_else(|| Refusal::unknown(&topic.name))
}

/// Checks which leader's epoch a client believes in; -1 is none.
fn check_epoch(epoch: i32) -> Result<(), Refusal> {
    let code = match epoch {
        -1 | LEADER_EPOCH => return Ok(()),
        ..LEADER_EPOCH => ErrorCode::FencedLeaderEpoch,
        _ => ErrorCode::UnknownLeaderEpoch,
    };
    Err(Refusal::new(code, format!("the leader's epoch is {LEADER_EPOCH}, not {epoch}")))
}

/// A text of an answer.
fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}
