//! What every [`Log`] must do, as one suite that all implementations run.
//!
//! A new implementation gives [`run`] a way to make an empty log, and
//! [`restart::run`] a way to close and open one again, if it lasts.
#![allow(clippy::unwrap_used)] // a failure is the suite's answer

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::api::{Appended, Group, Log, TopicInfo, TopicPartition, TopicSpec, Writer};
use crate::record::{BatchBuilder, BatchDecoder, Batches, Compression};

mod appends;
mod reads;
pub(crate) mod restart;
mod topics;
mod writers;

/// Runs the whole suite, each case on a log of its own.
pub(crate) async fn run<F, L>(make: F)
where
    F: Fn() -> L,
    L: Future<Output = Arc<dyn Log>>,
{
    appends::run(&make).await;
    reads::run(&make).await;
    topics::run(&make).await;
    writers::run(&make).await;
}

pub(crate) async fn topic(log: &dyn Log, name: &str, partitions: u32) -> TopicInfo {
    log.create_topic(TopicSpec { name: name.to_owned(), partitions, config: Vec::new() })
        .await
        .unwrap()
}

/// One batch of these values; the record's timestamp is 1000 + its number.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    batch_with(Compression::None, values)
}

pub(crate) fn batch_with(compression: Compression, values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new(compression);
    for (time, value) in (1000..).zip(values) {
        builder.append(time, Some(b"k"), Some(value.as_bytes()), &[]).unwrap();
    }
    builder.finish().unwrap()
}

pub(crate) fn group(target: TopicPartition, values: &[&str]) -> Group {
    Group { target, batches: batch(values) }
}

pub(crate) async fn append(writer: &dyn Writer, groups: Vec<Group>) -> Vec<Appended> {
    within(async { writer.append(groups).await.unwrap().await.unwrap() }).await
}

/// All values of a partition from `from` on, read in steps of `bytes_max`; the
/// offsets of the records are checked to be consecutive.
pub(crate) async fn values(
    log: &dyn Log,
    at: TopicPartition,
    from: i64,
    bytes_max: usize,
) -> Vec<String> {
    let mut next = from;
    let mut out = Vec::new();
    let mut decoder = BatchDecoder::new(1 << 28);
    loop {
        let fetched = log.read(at, next, bytes_max).await.unwrap();
        if fetched.batches.is_empty() {
            assert_eq!(next, fetched.end);
            return out;
        }
        for batch in Batches::new(&fetched.batches) {
            let batch = batch.unwrap();
            batch.header.check(batch.bytes).unwrap();
            for record in decoder.decode(&batch).unwrap() {
                let record = record.unwrap();
                if record.offset < next {
                    continue;
                }
                assert_eq!(record.offset, next);
                next += 1;
                out.push(String::from_utf8(record.value.unwrap().to_vec()).unwrap());
            }
        }
    }
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.unwrap()
}

pub(crate) async fn is_waiting<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(50), future).await.is_err()
}
