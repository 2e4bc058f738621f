//! Tests of what the embedded log can do for Kafka's clients. They unwrap: a
//! failure is the test's answer.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};

use super::*;
use crate::Refusal;
use crate::conformance::{batch_with, topic, values};
use crate::record::{BatchBuilder, BatchDecoder, BatchHeader, Batches, Compression};

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

const NOW: i64 = 1_795_000_000_000;

/// A batch of records with these times.
fn timed(compression: Compression, times: &[i64]) -> Bytes {
    let mut builder = BatchBuilder::new(compression);
    for time in times {
        builder.append(*time, None, Some(&[7; 200]), &[]).unwrap();
    }
    builder.finish().unwrap()
}

/// Times that go up and down, on several segments: each is found as by looking
/// at every record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_found_by_their_times_in_any_order() {
    let options = Options { tail_bytes_max: 0, ..Options::default() };
    let mut world = World::with(options);
    let info = world.topic(&[("segment.bytes", "20000"), ("retention.ms", "-1")]).await;
    let at = info.partition(0);
    let mut rng = fastrand::Rng::with_seed(11);
    let mut times: Vec<i64> = Vec::new();
    for n in 0..150 {
        let codecs = [Compression::None, Compression::Lz4, Compression::Gzip, Compression::Snappy];
        let codec = *rng.choice(&codecs).unwrap();
        let records: Vec<i64> =
            (0..rng.usize(1..9)).map(|_| 1000 + n * 10 + rng.i64(-40..40)).collect();
        let produced = produce(world.log(), at, timed(codec, &records)).await.unwrap();
        assert_eq!(produced.first, i64::try_from(times.len()).unwrap());
        times.extend(records);
    }
    for round in 0..3 {
        let start = [0, 101, 102][round];
        world.log().trim(at, i64::try_from(start).unwrap()).await.unwrap();
        let kept = || (0..).zip(&times).skip(start);
        for time in (950..2600).step_by(7) {
            let expected = kept().find(|(_, at)| **at >= time);
            let found = world.log().offset_at_time(at, time).await.unwrap();
            let found = found.map(|found| (found.offset, found.timestamp_ms));
            assert_eq!(found, expected.map(|(offset, at)| (offset, *at)), "at {time}");
        }
        check_latest(world.log(), at, kept().map(|(_, time)| *time).max()).await;
        if round == 1 { world.crash() } else { world.restart().await }
    }
    // The latest may be in the first segment, before or after the start.
    let late = timed(Compression::None, &[9000, 20, 8000]);
    world.log().delete_records(at, -1).await.unwrap();
    check_latest(world.log(), at, None).await;
    let first = produce(world.log(), at, late).await.unwrap().first;
    produce(world.log(), at, timed(Compression::Lz4, &[7000])).await.unwrap();
    for (start, latest) in [(0, 9000), (1, 8000), (2, 8000), (3, 7000)] {
        world.log().trim(at, first + start).await.unwrap();
        check_latest(world.log(), at, Some(latest)).await;
    }
}

async fn check_latest(log: &SegmentLog, at: TopicPartition, time: Option<i64>) {
    let found = log.offset_of_latest_time(at).await.unwrap();
    assert_eq!(found.map(|found| found.timestamp_ms), time);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_stamped_where_the_topic_wants_the_time_of_the_append() {
    let mut world = World::new();
    let info = world.topic(&[("message.timestamp.type", "LogAppendTime")]).await;
    let at = info.partition(0);
    let mut stamps = Vec::new();
    for (n, codec) in (0..).zip([Compression::None, Compression::Lz4]) {
        // Far from the clock: that does not matter here.
        let sent = with_header(&timed(codec, &[5, NOW * 3]), |header| {
            (header.producer_id, header.producer_epoch, header.base_sequence) = (3, 0, n * 2);
        });
        let produced = produce(world.log(), at, sent.clone()).await.unwrap();
        let stamp = produced.log_append_time_ms.unwrap();
        assert!(stamp > 1_700_000_000_000);
        let again = produce(world.log(), at, sent).await.unwrap();
        assert_eq!(again, Produced { duplicate: true, ..produced });
        stamps.push(stamp);
    }
    for round in 0..3 {
        let fetched = world.log().read(at, 0, 1 << 20).await.unwrap();
        let mut decoder = BatchDecoder::new(1 << 20);
        let mut count = 0;
        for (batch, stamp) in Batches::new(&fetched.batches).zip(&stamps) {
            let batch = batch.unwrap();
            batch.header.check(batch.bytes).unwrap();
            assert!(batch.header.is_log_append_time());
            for record in decoder.decode(&batch).unwrap() {
                assert_eq!(record.unwrap().timestamp, *stamp);
                count += 1;
            }
        }
        assert_eq!(count, 4);
        let found = world.log().offset_at_time(at, 6).await.unwrap().unwrap();
        assert_eq!((found.offset, found.timestamp_ms), (0, stamps[0]));
        if round == 0 { world.crash() } else { world.restart().await }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_may_not_write_changes_nothing() {
    let world = World::new();
    let info = world.topic(&[("message.timestamp.before.max.ms", "60000")]).await;
    let at = info.partition(0);
    let good = sequenced(1, 0, 0, &["x"]);
    let late = produce(world.log(), at, good.clone()).await;
    assert!(matches!(late, Err(LogError::Refused(Refusal::Timestamp { .. }))));
    world.log().configure_topic(info.id, Vec::new()).await.unwrap();
    let mut torn = BytesMut::from(&good[..]);
    *torn.last_mut().unwrap() ^= 1;
    let torn = produce(world.log(), at, torn.freeze()).await;
    assert!(matches!(torn, Err(LogError::InvalidBatch(_))));
    let marker = with_header(&good, |header| header.attributes |= 0x20);
    let marker = produce(world.log(), at, marker).await;
    assert!(matches!(marker, Err(LogError::Refused(Refusal::Record(_)))));
    let gone = TopicPartition { partition: 1, ..at };
    let gone = produce(world.log(), gone, good.clone()).await;
    assert!(matches!(gone, Err(LogError::UnknownTopic(_))));
    assert_eq!(world.log().offset(at, OffsetAt::End).await.unwrap(), 0);
    assert_eq!(produce(world.log(), at, good).await.unwrap().first, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn producers_are_bounded_and_those_that_are_silent_are_forgotten() {
    let options = Options {
        producers_max: 50,
        producer_expiration: std::time::Duration::from_secs(4),
        retention_check: std::time::Duration::from_millis(50),
        ..Options::default()
    };
    let world = World::with(options);
    let info = topic(world.log(), "t", 2).await;
    let is_known = async |partition: u32, id: i64| {
        let gap = sequenced(id, 0, 1000, &["x"]);
        match produce(world.log(), info.partition(partition), gap).await {
            Ok(_) => false,
            Err(LogError::Refused(Refusal::OutOfOrderSequence { .. })) => true,
            Err(error) => panic!("{error}"),
        }
    };
    for id in 0..60 {
        let partition = u32::try_from(id % 2).unwrap();
        let sent = sequenced(id, 0, 0, &["x"]);
        produce(world.log(), info.partition(partition), sent).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    // The oldest have gone for the latest.
    assert!(is_known(1, 59).await && is_known(0, 30).await);
    assert!(!is_known(0, 0).await);
    tokio::time::sleep(std::time::Duration::from_millis(4300)).await;
    assert!(!is_known(1, 59).await);
}
