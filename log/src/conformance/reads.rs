//! Reading, waiting, offsets and trimming.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::{append, group, is_waiting, topic, values, within};
use crate::api::{Log, OffsetAt};
use crate::error::LogError;
use crate::record::Batches;

pub(super) async fn run<F, L>(make: &F)
where
    F: Fn() -> L,
    L: Future<Output = Arc<dyn Log>>,
{
    give_the_batch_that_holds_the_offset(&*make().await).await;
    respect_the_limit(&*make().await).await;
    refuse_offsets_out_of_range(&*make().await).await;
    wait_for_records(make().await).await;
    find_offsets_by_time(&*make().await).await;
    trim_what_is_before(&*make().await).await;
}

async fn give_the_batch_that_holds_the_offset(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    for n in 0..40 {
        let values = [format!("{n}a"), format!("{n}b"), format!("{n}c")];
        let refs: Vec<&str> = values.iter().map(String::as_str).collect();
        append(&*writer, vec![group(at, &refs)]).await;
    }
    for offset in 0..120 {
        let fetched = log.read(at, offset, 1).await.unwrap();
        let batches: Vec<_> = Batches::new(&fetched.batches).map(Result::unwrap).collect();
        assert_eq!(batches.len(), 1, "a limit of 1 byte still gives one batch");
        assert_eq!(batches[0].header.base_offset, offset / 3 * 3);
        assert_eq!((fetched.start, fetched.end), (0, 120));
    }
    assert!(log.read(at, 120, 1).await.unwrap().batches.is_empty());
}

async fn respect_the_limit(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    let value = "x".repeat(1000);
    for _ in 0..50 {
        append(&*writer, vec![group(at, &[&value])]).await;
    }
    let fetched = log.read(at, 0, 10_000).await.unwrap();
    let len = fetched.batches.len();
    assert!((1000..=10_000).contains(&len), "{len}");
    let count = Batches::new(&fetched.batches).map(Result::unwrap).count();
    assert!(count >= 5, "{count} of the 9 batches that fit");
}

async fn refuse_offsets_out_of_range(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, vec![group(at, &["a", "b", "c"])]).await;
    for offset in [-1, 4, i64::MAX, i64::MIN] {
        let error = log.read(at, offset, 1).await.unwrap_err();
        assert!(matches!(error, LogError::OffsetOutOfRange { start: 0, end: 3, .. }));
    }
}

async fn wait_for_records(log: Arc<dyn Log>) {
    let info = topic(&*log, "t", 2).await;
    let (a, b) = (info.partition(0), info.partition(1));
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, vec![group(a, &["a0"])]).await;
    within(log.wait(vec![(a, 0), (b, 0)])).await.unwrap();
    assert!(is_waiting(log.wait(vec![(a, 1), (b, 0)])).await);
    let waiting = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.wait(vec![(a, 1), (b, 0)]).await })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    append(&*writer, vec![group(b, &["b0"])]).await;
    within(waiting).await.unwrap().unwrap();
    // A record that is seen by a waiter can be read.
    assert_eq!(values(&*log, b, 0, 1).await, ["b0"]);
}

async fn find_offsets_by_time(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    assert_eq!(log.offset(at, OffsetAt::Time(0)).await.unwrap(), 0);
    let writer = log.open_writer("w").await.unwrap();
    // Timestamps are 1000, 1001, 1002 in each batch.
    append(&*writer, vec![group(at, &["a", "b", "c"])]).await;
    append(&*writer, vec![group(at, &["d", "e"])]).await;
    for (time, offset) in [(0, 0), (1000, 0), (1001, 1), (1002, 2), (1003, 5)] {
        let found = log.offset(at, OffsetAt::Time(time)).await.unwrap();
        assert_eq!(found, offset, "at {time}");
    }
    assert_eq!(log.offset(at, OffsetAt::Start).await.unwrap(), 0);
    assert_eq!(log.offset(at, OffsetAt::End).await.unwrap(), 5);
}

async fn trim_what_is_before(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, vec![group(at, &["a", "b", "c"])]).await;
    append(&*writer, vec![group(at, &["d", "e"])]).await;
    log.trim(at, 1).await.unwrap();
    log.trim(at, 0).await.unwrap();
    assert_eq!(log.offset(at, OffsetAt::Start).await.unwrap(), 1);
    assert_eq!(values(log, at, 1, 1).await, ["b", "c", "d", "e"]);
    assert!(log.read(at, 0, 1).await.is_err());
    assert!(log.trim(at, 6).await.is_err());
    log.trim(at, 5).await.unwrap();
    let fetched = log.read(at, 5, 1).await.unwrap();
    assert_eq!((fetched.start, fetched.end), (5, 5));
    append(&*writer, vec![group(at, &["f"])]).await;
    assert_eq!(values(log, at, 5, 1).await, ["f"]);
}
