//! The durable, partitioned log: the [`Log`] trait and its backends.

mod api;
mod error;
pub mod record;

pub use api::{
    Appended, BoxFuture, Fetched, Group, Log, OffsetAt, Pending, Result, TopicId, TopicInfo,
    TopicPartition, TopicSpec, Writer,
};
pub use error::LogError;
