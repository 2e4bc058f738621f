//! Order, atomicity and limits of appends.

use std::future::Future;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{append, batch, batch_with, group, topic, values, within};
use crate::api::{Group, Log, TopicPartition, TopicSpec};
use crate::error::LogError;
use crate::record::{BatchBuilder, Batches, Compression};

pub(super) async fn run<F, L>(make: &F)
where
    F: Fn() -> L,
    L: Future<Output = Arc<dyn Log>>,
{
    keep_their_order(&*make().await).await;
    answer_where_they_landed(&*make().await).await;
    are_all_or_nothing(&*make().await).await;
    refuse_what_is_no_batch(&*make().await).await;
    are_stored_byte_for_byte(&*make().await).await;
    may_be_big(&*make().await).await;
    need_keys_where_keys_count(&*make().await).await;
    of_many_writers_do_not_mix(make().await).await;
}

async fn keep_their_order(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    let mut pending = Vec::new();
    for n in 0..500 {
        let value = n.to_string();
        pending.push(writer.append(vec![group(at, &[&value])]).await.unwrap());
    }
    for (next, outcome) in (0..).zip(pending) {
        let appended = within(outcome).await.unwrap();
        assert_eq!((appended[0].first, appended[0].last), (next, next));
    }
    let expected: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    assert_eq!(values(log, at, 0, 1000).await, expected);
}

async fn answer_where_they_landed(log: &dyn Log) {
    let info = topic(log, "t", 2).await;
    let (a, b) = (info.partition(0), info.partition(1));
    let writer = log.open_writer("w").await.unwrap();
    assert!(append(&*writer, Vec::new()).await.is_empty());
    append(&*writer, vec![group(a, &["a0"])]).await;
    let two = [batch(&["a1", "a2"]), batch(&["a3"])].concat();
    let groups =
        vec![Group { target: a, batches: Bytes::from(two) }, group(b, &["b0"]), group(a, &["a4"])];
    let appended = append(&*writer, groups).await;
    let found: Vec<_> = appended.iter().map(|x| (x.target, x.first, x.last)).collect();
    assert_eq!(found, [(a, 1, 3), (b, 0, 0), (a, 4, 4)]);
    assert_eq!(values(log, a, 0, 1).await, ["a0", "a1", "a2", "a3", "a4"]);
    assert_eq!(values(log, b, 0, 1).await, ["b0"]);
}

async fn are_all_or_nothing(log: &dyn Log) {
    let info = topic(log, "t", 2).await;
    let (a, b) = (info.partition(0), info.partition(1));
    let writer = log.open_writer("w").await.unwrap();
    let gone = TopicPartition { topic: info.id, partition: 7 };
    let refused = async |groups| match writer.append(groups).await {
        Ok(pending) => pending.await.err(),
        Err(error) => Some(error),
    };
    let error = refused(vec![group(a, &["x"]), group(gone, &["x"])]).await;
    assert!(matches!(error, Some(LogError::UnknownTopic(_))), "{error:?}");
    let bad = Group { target: b, batches: Bytes::from_static(b"no batch") };
    let error = refused(vec![group(a, &["x"]), bad]).await;
    assert!(matches!(error, Some(LogError::InvalidBatch(_))), "{error:?}");
    append(&*writer, vec![group(a, &["y"]), group(b, &["y"])]).await;
    assert_eq!(values(log, a, 0, 1000).await, ["y"]);
    assert_eq!(values(log, b, 0, 1000).await, ["y"]);
}

async fn refuse_what_is_no_batch(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    let good = batch(&["one", "two"]);
    for position in [8, 16, 17, 25, 60, 70] {
        let mut bytes = BytesMut::from(&good[..]);
        bytes[position] ^= 1;
        let groups = vec![Group { target: at, batches: bytes.freeze() }];
        let outcome = match writer.append(groups).await {
            Ok(pending) => pending.await.map(drop),
            Err(error) => Err(error),
        };
        assert!(matches!(outcome, Err(LogError::InvalidBatch(_))), "byte {position}");
    }
    assert!(values(log, at, 0, 1000).await.is_empty());
}

async fn are_stored_byte_for_byte(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    let codecs = [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4];
    for compression in codecs.into_iter().chain([Compression::Zstd]) {
        let sent = batch_with(compression, &["one", "two", "three"]);
        let groups = vec![Group { target: at, batches: sent.clone() }];
        let first = append(&*writer, groups).await[0].first;
        let fetched = log.read(at, first, 1).await.unwrap();
        let stored = Batches::new(&fetched.batches).next().unwrap().unwrap();
        assert_eq!(stored.header.base_offset, first);
        assert_eq!(stored.bytes[8..], sent[8..], "{compression:?}");
    }
    assert_eq!(values(log, at, 0, 1 << 20).await.len(), 15);
}

async fn need_keys_where_keys_count(log: &dyn Log) {
    let spec = TopicSpec {
        name: "compacted".to_owned(),
        partitions: 1,
        config: vec![("cleanup.policy".to_owned(), "compact,delete".to_owned())],
    };
    let at = log.create_topic(spec).await.unwrap().partition(0);
    let plain = topic(log, "plain", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let mut builder = BatchBuilder::new(compression);
        builder.append(1, Some(b"k"), Some(b"v"), &[]).unwrap();
        builder.append(1, None, Some(b"v"), &[]).unwrap();
        let batches = builder.finish().unwrap();
        let group = |target| Group { target, batches: batches.clone() };
        let error = match writer.append(vec![group(plain), group(at)]).await {
            Ok(pending) => pending.await.unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, LogError::InvalidBatch(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("topic compacted") && text.contains("record 1"), "{text}");
        append(&*writer, vec![group(plain)]).await;
    }
    append(&*writer, vec![group_of(at, "k"), group_of(at, "")]).await;
    assert_eq!(values(log, at, 0, 1 << 20).await.len(), 2);
    assert_eq!(values(log, plain, 0, 1 << 20).await.len(), 6);
}

fn group_of(target: TopicPartition, key: &str) -> Group {
    let mut builder = BatchBuilder::new(Compression::Lz4);
    builder.append(1, Some(key.as_bytes()), Some(b"v"), &[]).unwrap();
    Group { target, batches: builder.finish().unwrap() }
}

async fn may_be_big(log: &dyn Log) {
    let at = topic(log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    let value = "x".repeat(3 << 20);
    for _ in 0..4 {
        append(&*writer, vec![group(at, &[&value]), group(at, &["small"])]).await;
    }
    assert_eq!(values(log, at, 0, 1000).await.len(), 8);
    let huge = "x".repeat(33 << 20);
    let refused = match writer.append(vec![group(at, &[&huge])]).await {
        Ok(pending) => pending.await.map(drop),
        Err(error) => Err(error),
    };
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("max.message.bytes"), "{text}");
}

async fn of_many_writers_do_not_mix(log: Arc<dyn Log>) {
    let info = topic(&*log, "t", 3).await;
    let mut tasks = Vec::new();
    for number in 0..8 {
        let log = Arc::clone(&log);
        let info = info.clone();
        tasks.push(tokio::spawn(async move {
            let writer = log.open_writer(&format!("w{number}")).await.unwrap();
            for n in 0..50 {
                let value = format!("{number}:{n}");
                let groups = (0..3).map(|p| group(info.partition(p), &[&value])).collect();
                append(&*writer, groups).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let first = values(&*log, info.partition(0), 0, 4096).await;
    assert_eq!(first.len(), 400);
    for number in 0..8 {
        let prefix = format!("{number}:");
        let own: Vec<_> = first.iter().filter(|v| v.starts_with(&prefix)).collect();
        let expected: Vec<_> = (0..50).map(|n| format!("{number}:{n}")).collect();
        assert!(own.iter().map(|v| v.as_str()).eq(expected.iter().map(String::as_str)));
    }
    for partition in 1..3 {
        assert_eq!(values(&*log, info.partition(partition), 0, 4096).await, first);
    }
}
