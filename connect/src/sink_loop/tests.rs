//! What the runtime promises to sinks, checked with a small real one.
#![allow(clippy::unwrap_used)] // a failure is the test's answer

use std::sync::atomic::Ordering;

use thalweg_log::record::{BatchBuilder, Compression};
use thalweg_log::{Group, TopicSpec};

use crate::testing::{Bench, create, eventually, task_of};

const COLLECT: (&str, &str) = ("connector.class", "collecting");

async fn topic(bench: &Bench, name: &str, partitions: u32) {
    let spec = TopicSpec { name: name.into(), partitions, config: Vec::new() };
    bench.log().create_topic(spec).await.unwrap();
}

/// Appends records; a value of `-` is a tombstone.
async fn append(bench: &Bench, topic: &str, partition: u32, values: &[&str]) {
    let log = bench.log();
    let mut builder = BatchBuilder::new(Compression::Lz4);
    for value in values {
        let value = (*value != "-").then_some(value.as_bytes());
        builder.append(5, Some(b"k"), value, &[("h", Some(b"x"))]).unwrap();
    }
    let target = log.topic(topic).unwrap().partition(partition);
    let group = Group { target, batches: builder.finish().unwrap() };
    let writer = log.open_writer("test").await.unwrap();
    writer.append(vec![group]).await.unwrap().await.unwrap();
}

fn values(bench: &Bench) -> Vec<String> {
    let rows = bench.sink.rows.lock().unwrap();
    rows.iter().map(|row| row.value.clone().unwrap_or_else(|| "-".into())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_arrive_and_offsets_are_committed_when_durable() {
    let bench = Bench::new();
    topic(&bench, "t", 1).await;
    append(&bench, "t", 0, &["-", "a", "-", "b", "c"]).await;
    let worker = bench.worker().await;
    let handle = worker.handle();
    // Durable only by the two: of five rows four are committed.
    create(&handle, "s", &[COLLECT, ("topics", "t"), ("flush.every", "2")]).await.unwrap();
    eventually("rows arrive", async || values(&bench).len() == 5).await;
    assert_eq!(values(&bench), ["-", "a", "-", "b", "c"]);
    worker.stop().await;
    let worker = bench.worker().await;
    let handle = worker.handle();
    let offsets = handle.offsets("s").await.unwrap();
    assert_eq!(offsets["offsets"][0]["offset"]["kafka_offset"], 4);
    assert_eq!(offsets["offsets"][0]["partition"]["kafka_topic"], "t");
    append(&bench, "t", 0, &["d"]).await;
    eventually("rows arrive", async || values(&bench).len() == 7).await;
    // What was not durable is given again.
    assert_eq!(values(&bench)[5..], ["c", "d"]);
    assert_eq!(bench.sink.opened.lock().unwrap()[1][0].committed, Some(4));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_away_gets_the_same_rows_later() {
    let bench = Bench::new();
    topic(&bench, "t", 1).await;
    append(&bench, "t", 0, &["a", "b"]).await;
    bench.sink.failures.store(3, Ordering::SeqCst);
    let worker = bench.worker().await;
    let handle = worker.handle();
    create(&handle, "s", &[COLLECT, ("topics", "t")]).await.unwrap();
    eventually("RESTARTING is shown", async || {
        task_of(&handle, "s") == ("RESTARTING", "the target is away".into())
    })
    .await;
    eventually("rows arrive", async || values(&bench).len() == 2).await;
    eventually("it runs", async || task_of(&handle, "s").0 == "RUNNING").await;
    assert_eq!(bench.sink.opened.lock().unwrap().len(), 1);
    worker.stop().await;
}

/// What fails may be the task's own state: it is opened anew, and what was given
/// to it before, and is not durable, is given again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_keeps_failing_gets_a_new_task_and_each_row_once() {
    let bench = Bench::new();
    topic(&bench, "t", 1).await;
    append(&bench, "t", 0, &["a", "b"]).await;
    bench.sink.failures.store(7, Ordering::SeqCst);
    let worker = bench.worker().await;
    let handle = worker.handle();
    create(&handle, "s", &[COLLECT, ("topics", "t")]).await.unwrap();
    eventually("rows arrive", async || values(&bench).len() >= 2).await;
    append(&bench, "t", 0, &["c"]).await;
    eventually("rows arrive", async || values(&bench).len() >= 3).await;
    eventually("it runs", async || task_of(&handle, "s").0 == "RUNNING").await;
    // Of seven failures six are the first task's: a try and five more.
    assert_eq!(bench.sink.opened.lock().unwrap().len(), 2);
    worker.stop().await;
    assert_eq!(values(&bench), ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_refused_stops_the_task_with_its_coordinates() {
    let bench = Bench::new();
    topic(&bench, "t", 1).await;
    append(&bench, "t", 0, &["a", "b", "bad", "c"]).await;
    let worker = bench.worker().await;
    let handle = worker.handle();
    create(&handle, "s", &[COLLECT, ("topics", "t"), ("reject", "bad")]).await.unwrap();
    eventually("it fails", async || task_of(&handle, "s").0 == "FAILED").await;
    let trace = task_of(&handle, "s").1;
    assert!(trace.contains("the column is too short"), "{trace}");
    assert!(trace.contains("t-0 at offset 2"), "{trace}");
    worker.stop().await;
    let worker = bench.worker().await;
    let offsets = worker.handle().offsets("s").await.unwrap();
    // Nothing at or after it counts as done.
    let committed = offsets["offsets"][0]["offset"]["kafka_offset"].as_i64().unwrap_or(0);
    assert!(committed <= 2, "{offsets}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_can_not_be_decoded_stops_the_task_after_the_rows_before_it() {
    let bench = Bench::new();
    topic(&bench, "t", 1).await;
    append(&bench, "t", 0, &["{\"a\": 1}", "-", "pw-8f1", "{\"a\": 2}"]).await;
    let worker = bench.worker().await;
    let handle = worker.handle();
    let keys = [
        COLLECT,
        ("topics", "t"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter.schemas.enable", "false"),
    ];
    create(&handle, "s", &keys).await.unwrap();
    eventually("it fails", async || task_of(&handle, "s").0 == "FAILED").await;
    let trace = task_of(&handle, "s").1;
    assert!(trace.contains("t-0 at offset 2"), "{trace}");
    assert!(!trace.contains("8f1"), "{trace}");
    assert_eq!(values(&bench), ["{\"a\": 1}", "-"]);
    // What came before it is done; the record itself is not.
    let offsets = handle.offsets("s").await.unwrap();
    assert_eq!(offsets["offsets"][0]["offset"]["kafka_offset"], 2);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_split_over_tasks_and_new_topics_are_found() {
    let bench = Bench::new();
    topic(&bench, "in-a", 5).await;
    let worker = bench.worker().await;
    let handle = worker.handle();
    create(&handle, "s", &[COLLECT, ("topics.regex", "in-.*"), ("tasks.max", "2")]).await.unwrap();
    for partition in 0..5 {
        append(&bench, "in-a", partition, &["x"]).await;
    }
    eventually("rows arrive", async || values(&bench).len() == 5).await;
    let mut assigned: Vec<u32> = Vec::new();
    for opened in bench.sink.opened.lock().unwrap().iter() {
        assert!(opened.len() == 2 || opened.len() == 3, "{opened:?}");
        assigned.extend(opened.iter().map(|one| one.partition.partition));
    }
    assigned.sort_unstable();
    assert_eq!(assigned, [0, 1, 2, 3, 4]);
    topic(&bench, "in-b", 1).await;
    topic(&bench, "out-c", 1).await;
    append(&bench, "in-b", 0, &["y"]).await;
    append(&bench, "out-c", 0, &["z"]).await;
    eventually("the new topic is read", async || values(&bench).contains(&"y".into())).await;
    assert_eq!(values(&bench).len(), 6);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_made_again_is_another_one() {
    let bench = Bench::new();
    topic(&bench, "t", 1).await;
    append(&bench, "t", 0, &["a", "b", "c"]).await;
    let worker = bench.worker().await;
    let handle = worker.handle();
    create(&handle, "s", &[COLLECT, ("topics", "t")]).await.unwrap();
    eventually("rows arrive", async || values(&bench).len() == 3).await;
    let old = bench.log().topic("t").unwrap().id;
    bench.log().delete_topic(old).await.unwrap();
    topic(&bench, "t", 1).await;
    append(&bench, "t", 0, &["d"]).await;
    eventually("rows arrive", async || values(&bench).len() == 4).await;
    assert_eq!(values(&bench), ["a", "b", "c", "d"]);
    let opened = bench.sink.opened.lock().unwrap().clone();
    let last = opened.last().unwrap();
    assert_ne!(last[0].partition.topic_id, old);
    assert_eq!(last[0].committed, None);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_are_not_there_are_told_and_read_when_they_are() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let handle = worker.handle();
    create(&handle, "named", &[COLLECT, ("topics", "late")]).await.unwrap();
    create(&handle, "like", &[COLLECT, ("topics.regex", "la.e")]).await.unwrap();
    let notes = |name: &str| handle.view(name).unwrap().tasks[0].notes.all();
    let is_told = |name: &str, subject: &str| {
        notes(name).get(subject).is_some_and(|note| note.contains("thalweg topics create"))
    };
    eventually("it is told", async || is_told("named", "topic late")).await;
    eventually("it is told", async || is_told("like", "a topic like la.e")).await;
    topic(&bench, "late", 1).await;
    append(&bench, "late", 0, &["a"]).await;
    eventually("both read it", async || values(&bench) == ["a", "a"]).await;
    for name in ["named", "like"] {
        assert!(notes(name).is_empty(), "{name}: {:?}", notes(name));
    }
    worker.stop().await;
}
