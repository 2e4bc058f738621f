//! Tests of what the embedded log can do for Kafka's clients. They unwrap: a
//! failure is the test's answer.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};

use super::*;
use crate::Refusal;
use crate::conformance::{batch_with, topic, values};
use crate::record::{BatchHeader, Compression};

/// A log on a folder of its own.
struct World {
    folder: tempfile::TempDir,
    options: Options,
    log: Option<SegmentLog>,
}

impl World {
    fn new() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self { folder, options, log: None };
        world.open();
        world
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn open(&mut self) {
        self.log = Some(SegmentLog::open(&self.path(), self.options.clone()).unwrap());
    }

    fn log(&self) -> &SegmentLog {
        self.log.as_ref().unwrap()
    }

    /// Stops the log as a crash of the process does, and opens it again.
    fn crash(&mut self) {
        drop(self.log.take());
        self.open();
    }

    async fn restart(&mut self) {
        self.log().close().await.unwrap();
        self.crash();
    }

    async fn topic(&self, config: &[(&str, &str)]) -> TopicInfo {
        let config = config.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let spec = TopicSpec { name: "t".to_owned(), partitions: 1, config };
        self.log().create_topic(spec).await.unwrap()
    }
}

/// A batch of these values as producer `id` sends it.
fn sequenced(id: i64, epoch: i16, sequence: i32, values: &[&str]) -> Bytes {
    with_header(&batch_with(Compression::None, values), |header| {
        header.producer_id = id;
        header.producer_epoch = epoch;
        header.base_sequence = sequence;
    })
}

fn with_header(batch: &[u8], change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut bytes = BytesMut::from(batch);
    let mut header = BatchHeader::decode(&bytes).unwrap();
    change(&mut header);
    header.encode_into(&mut bytes).unwrap();
    bytes.freeze()
}

async fn produce(log: &SegmentLog, target: TopicPartition, batches: Bytes) -> Result<Produced> {
    log.produce(Group { target, batches }).await?.await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_sent_again_is_stored_once() {
    let mut world = World::new();
    let at = topic(world.log(), "t", 1).await.partition(0);
    for round in 0..3 {
        for n in 0..7 {
            let sequence = (round * 7 + n) * 2;
            let sent = sequenced(5, 0, sequence, &["a", "b"]);
            let first = produce(world.log(), at, sent.clone()).await.unwrap();
            assert_eq!((first.first, first.last), (i64::from(sequence), i64::from(sequence) + 1));
            assert!(!first.duplicate);
            let again = produce(world.log(), at, sent).await.unwrap();
            assert_eq!(again, Produced { duplicate: true, ..first });
        }
        // All of the last five are known after a stop, of whatever kind.
        if round == 0 {
            world.crash();
        } else {
            world.restart().await;
        }
        for n in 2..7 {
            let sequence = (round * 7 + n) * 2;
            let sent = sequenced(5, 0, sequence, &["a", "b"]);
            let again = produce(world.log(), at, sent).await.unwrap();
            assert_eq!((again.first, again.duplicate), (i64::from(sequence), true));
        }
        let early = sequenced(5, 0, (round * 7 + 8) * 2, &["a"]);
        assert!(matches!(
            produce(world.log(), at, early).await,
            Err(LogError::Refused(Refusal::OutOfOrderSequence { .. }))
        ));
    }
    assert_eq!(values(world.log(), at, 0, 1000).await.len(), 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_producers_are_given_once() {
    let mut world = World::new();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..4 {
        for _ in 0..1500 {
            assert!(seen.insert(world.log().new_producer_id().await.unwrap()));
        }
        if round % 2 == 0 { world.crash() } else { world.restart().await }
    }
    assert!(*seen.last().unwrap() < 20_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_added() {
    let mut world = World::new();
    let info = topic(world.log(), "t", 1).await;
    produce(world.log(), info.partition(0), sequenced(1, 0, 0, &["old"])).await.unwrap();
    let more = world.log().add_partitions(info.id, 3).await.unwrap();
    assert_eq!((more.id, more.partitions), (info.id, 3));
    for total in [0, 2, 3, 1_000_000] {
        let error = world.log().add_partitions(info.id, total).await.unwrap_err();
        assert!(error.to_string().contains("has 3 partitions"), "{error}");
    }
    for number in 1..3 {
        produce(world.log(), info.partition(number), sequenced(1, 0, 0, &["new"])).await.unwrap();
    }
    for round in 0..3 {
        if round == 0 {
            world.crash()
        } else {
            world.restart().await
        }
        assert_eq!(world.log().topic_by_id(info.id), Some(more.clone()));
        assert_eq!(values(world.log(), info.partition(0), 0, 1).await, ["old"]);
        assert_eq!(values(world.log(), info.partition(2), 0, 1).await, ["new"]);
        assert!(world.log().read(info.partition(3), 0, 1).await.is_err());
    }
    // Their folders go with the topic.
    world.log().delete_topic(info.id).await.unwrap();
    world.crash();
    assert!(!world.path().join("t-2").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_told_as_they_are_in_effect() {
    let world = World::new();
    let info = world.topic(&[("retention.ms", "5")]).await;
    let config = world.log().topic_config(info.id).unwrap();
    assert!(config.describe().contains(&("retention.ms", "5".to_owned())));
    world.log().configure_topic(info.id, Vec::new()).await.unwrap();
    let config = world.log().topic_config(info.id).unwrap();
    assert!(config.describe().contains(&("retention.ms", "604800000".to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_deleted() {
    let world = World::new();
    let at = topic(world.log(), "t", 1).await.partition(0);
    for n in 0..4 {
        produce(world.log(), at, sequenced(1, 0, n, &["x"])).await.unwrap();
    }
    assert_eq!(world.log().delete_records(at, 2).await.unwrap(), 2);
    assert_eq!(world.log().delete_records(at, 1).await.unwrap(), 2);
    assert_eq!(world.log().delete_records(at, -1).await.unwrap(), 4);
    for before in [-2, 5] {
        let refused = world.log().delete_records(at, before).await;
        assert!(matches!(refused, Err(LogError::OffsetOutOfRange { .. })));
    }
    // What was deleted is known again all the same.
    let again = produce(world.log(), at, sequenced(1, 0, 3, &["x"])).await.unwrap();
    assert_eq!((again.first, again.log_start, again.duplicate), (3, 4, true));
}
