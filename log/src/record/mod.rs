//! Kafka v2 record batches: what the log stores, byte for byte.
//!
//! A batch is a header of [`HEADER_LEN`] bytes and its records, compressed or
//! not. Offsets and timestamps of records are deltas to the header's. The
//! CRC-32C covers everything from the attributes on, so the log assigns offsets
//! by patching the base offset without touching it.

mod batches;
mod builder;
mod check;
mod compression;
mod decode;
mod header;
mod keys;
mod partitioner;
mod produced;
#[cfg(test)]
mod produced_tests;
mod raw;
mod seek;
pub(crate) mod varint;

#[cfg(test)]
mod tests;

pub use batches::{Batch, Batches};
pub use builder::BatchBuilder;
pub use check::{BatchSummary, Sequenced, check_batches};
pub use compression::Compression;
pub use decode::{BatchDecoder, Headers, Record, Records};
pub(crate) use header::CRC_START;
pub use header::{BatchHeader, HEADER_LEN, set_base_offset};
pub(crate) use keys::check_keys;
pub use partitioner::partition_of;
pub(crate) use produced::{Bounds, check_produced, set_max_timestamp, stamp};
pub(crate) use raw::{RawRecord, RawRecords};
pub use seek::TimedOffset;
pub(crate) use seek::{first_at, latest_from};

use crate::error::LogError;

/// An [`LogError::InvalidBatch`] with this reason.
fn invalid(reason: impl Into<String>) -> LogError {
    LogError::InvalidBatch(reason.into())
}
