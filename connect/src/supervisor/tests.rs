//! What the runtime promises, checked with small real connectors over a log.
#![allow(clippy::unwrap_used)] // a failure is the test's answer

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use thalweg_log::{Log, Options, SegmentLog};

use super::{Posted, Refusal};
use crate::store::TargetState;
use crate::testing::{Bench, config, create, eventually, numbers, task_of};

const COUNT: (&str, &str) = ("connector.class", "counting");
const COLLECT: (&str, &str) = ("connector.class", "collecting");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_arrives_once_over_restarts() {
    let bench = Bench::new();
    for stop_after in [1, 40, 300, 777] {
        let worker = bench.worker().await;
        let handle = worker.handle();
        let keys = [COUNT, ("count", "1000"), ("pause.ms", "1")];
        if handle.view("c").is_err() {
            create(&handle, "c", &keys).await.unwrap();
        }
        eventually("some rows", async || bench.values("numbers").await.len() >= stop_after).await;
        worker.stop().await;
    }
    let worker = bench.worker().await;
    eventually("all rows", async || bench.values("numbers").await.len() >= 1000).await;
    worker.stop().await;
    assert_eq!(bench.values("numbers").await, numbers(1000));
    let told = bench.source.told.lock().unwrap().clone();
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(told.last(), Some(&1000));
}

/// The same on disk, and at the other end: the log is closed and opened again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_gets_through_once_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new();
    for wanted in [200, 900, 2000] {
        let log = Arc::new(SegmentLog::open(folder.path(), Options::default()).unwrap());
        bench.log = Some(Arc::clone(&log) as Arc<dyn Log>);
        let worker = bench.worker().await;
        let handle = worker.handle();
        if handle.view("c").is_err() {
            let keys = [COUNT, ("count", "2000"), ("pause.ms", "1"), ("batch", "13")];
            create(&handle, "c", &keys).await.unwrap();
            create(&handle, "s", &[COLLECT, ("topics", "numbers")]).await.unwrap();
        }
        eventually("rows arrive", async || bench.sink.rows.lock().unwrap().len() >= wanted).await;
        worker.stop().await;
        log.close().await.unwrap();
    }
    let rows = bench.sink.rows.lock().unwrap();
    let values: Vec<String> = rows.iter().filter_map(|row| row.value.clone()).collect();
    assert!(values == numbers(2000), "rows are missing or twice: {} of 2000", values.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_several_tables_keep_their_order_in_one_topic() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    // Two batches a poll, both to one topic: even and odd numbers.
    let keys = [COUNT, ("count", "500"), ("to.topics", "one,one"), ("batch", "100")];
    create(&worker.handle(), "c", &keys).await.unwrap();
    eventually("all rows", async || bench.values("one").await.len() == 500).await;
    assert_eq!(bench.values("one").await, numbers(500));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_choose_partitions_as_kafka_does() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let keys = [
        COUNT,
        ("count", "400"),
        ("topic.creation.default.partitions", "3"),
        ("topic.creation.default.replication.factor", "3"),
    ];
    create(&worker.handle(), "c", &keys).await.unwrap();
    eventually("all rows", async || bench.records("numbers").await.len() == 400).await;
    let records = bench.records("numbers").await;
    for (partition, key, _) in &records {
        let key = key.as_ref().unwrap();
        assert_eq!(*partition, thalweg_log::record::partition_of(key.as_bytes(), 3), "{key}");
    }
    let warnings = worker.handle().view("c").unwrap().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].to_string().contains("taken as 1"), "{warnings:?}");
    let made = bench.log().topic("numbers").unwrap().config;
    assert!(made.contains(&("max.message.bytes".into(), (128 << 20).to_string())), "{made:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_worker_is_fenced_and_writes_nothing_twice() {
    let bench = Bench::new();
    let former = bench.worker().await;
    let keys = [COUNT, ("count", "2000"), ("pause.ms", "1")];
    create(&former.handle(), "c", &keys).await.unwrap();
    eventually("some rows", async || bench.values("numbers").await.len() >= 50).await;
    let worker = bench.worker().await;
    eventually("all rows", async || bench.values("numbers").await.len() >= 2000).await;
    assert!(bench.values("numbers").await == numbers(2000), "rows are missing or twice");
    let handle = former.handle();
    eventually("the former fails", async || task_of(&handle, "c").0 == "FAILED").await;
    assert!(task_of(&handle, "c").1.contains("fenced"), "{:?}", task_of(&handle, "c"));
    former.stop().await;
    worker.stop().await;
}

/// A connector takes so many orders at a time; what comes then is refused before
/// anything of it is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_changes_nothing() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let handle = worker.handle();
    bench.sink.is_stuck.store(true, Ordering::SeqCst);
    create(&handle, "c", &[COUNT, ("count", "1")]).await.unwrap();
    create(&handle, "s", &[COLLECT, ("topics", "numbers")]).await.unwrap();
    eventually("it runs", async || task_of(&handle, "s").0 == "RUNNING").await;
    eventually("a write waits", async || bench.sink.waits.load(Ordering::SeqCst)).await;
    // The task is stuck in a write: its end is waited for, orders pile up.
    let mut refused = None;
    for _ in 0..50 {
        let kept = bench.records("connect-configs").await.len();
        if let Err(refusal) = handle.target("s", TargetState::Paused).await {
            refused = Some((refusal, kept));
            break;
        }
    }
    let (refusal, kept) = refused.expect("the queue is bounded");
    assert!(
        matches!(&refusal, Refusal::Conflict(why) if why.contains("nothing was changed")),
        "{refusal:?}"
    );
    assert!(handle.target("s", TargetState::Stopped).await.is_err());
    assert!(handle.delete("s").await.is_err());
    let mut other = config(&[COLLECT, ("topics", "other")]);
    other.insert("name".into(), "s".into());
    assert!(handle.configure(Posted { name: "s".into(), config: other }).await.is_err());
    assert!(handle.restart("s", true, vec![0]).await.is_err());
    assert_eq!(bench.records("connect-configs").await.len(), kept);
    let view = handle.view("s").unwrap();
    assert_eq!((view.target, &*view.config["topics"]), (TargetState::Paused, "numbers"));
    bench.sink.is_stuck.store(false, Ordering::SeqCst);
    eventually("it takes orders again", async || {
        handle.target("s", TargetState::Started).await.is_ok()
    })
    .await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_may_pass_are_tried_again() {
    let bench = Bench::new();
    bench.source.failures.store(4, Ordering::SeqCst);
    let worker = bench.worker().await;
    let handle = worker.handle();
    let keys = [COUNT, ("count", "100"), ("fail.at", "50"), ("fail.kind", "retriable")];
    create(&handle, "c", &keys).await.unwrap();
    eventually("RESTARTING is shown", async || {
        task_of(&handle, "c") == ("RESTARTING", "upstream is away".into())
    })
    .await;
    eventually("all rows", async || bench.values("numbers").await.len() >= 100).await;
    assert_eq!(bench.values("numbers").await, numbers(100));
    assert_eq!(task_of(&handle, "c"), ("RUNNING", String::new()));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_touches_no_other_connector() {
    for (kind, trace) in [
        ("panic", "the counter broke"),
        ("fatal", "the counter can not go on: reset it"),
        ("record", "a number is odd (record: public.t at row"),
    ] {
        let bench = Bench::new();
        bench.source.failures.store(1, Ordering::SeqCst);
        let worker = bench.worker().await;
        let handle = worker.handle();
        let bad = [COUNT, ("count", "100"), ("fail.at", "50"), ("fail.kind", kind)];
        create(&handle, "bad", &bad).await.unwrap();
        eventually("it fails", async || task_of(&handle, "bad").0 == "FAILED").await;
        assert!(task_of(&handle, "bad").1.contains(trace), "{:?}", task_of(&handle, "bad"));
        let good = [COUNT, ("count", "500"), ("to.topics", "good")];
        create(&handle, "good", &good).await.unwrap();
        eventually("the other goes on", async || bench.values("good").await.len() == 500).await;
        assert_eq!(task_of(&handle, "good").0, "RUNNING");
        // Restarted by hand it goes on where it was.
        handle.restart("bad", false, vec![0]).await.unwrap();
        eventually("all rows", async || bench.values("numbers").await.len() == 100).await;
        assert_eq!(bench.values("numbers").await, numbers(100));
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_resume_stop_delete() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let handle = worker.handle();
    let keys = [COUNT, ("count", "3000"), ("pause.ms", "2")];
    create(&handle, "c", &keys).await.unwrap();
    eventually("some rows", async || bench.values("numbers").await.len() > 50).await;
    handle.target("c", TargetState::Paused).await.unwrap();
    eventually("it is paused", async || task_of(&handle, "c").0 == "PAUSED").await;
    let rows = bench.values("numbers").await.len();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(bench.values("numbers").await.len(), rows);
    handle.target("c", TargetState::Started).await.unwrap();
    eventually("it goes on", async || bench.values("numbers").await.len() > rows).await;
    handle.target("c", TargetState::Stopped).await.unwrap();
    eventually("it is stopped", async || handle.view("c").unwrap().state == "STOPPED").await;
    assert_eq!(task_of(&handle, "c").0, "none");
    // What a connector is to do survives a restart of the process.
    worker.stop().await;
    let worker = bench.worker().await;
    let handle = worker.handle();
    eventually("it is stopped", async || handle.view("c").unwrap().state == "STOPPED").await;
    handle.delete("c").await.unwrap();
    assert_eq!(handle.delete("c").await, Err(Refusal::unknown("c")));
    // A new one of the same name goes on where the former was, as in Connect.
    create(&handle, "c", &[COUNT, ("count", "1000")]).await.unwrap();
    eventually("all rows", async || bench.values("numbers").await.len() >= 1000).await;
    assert_eq!(bench.values("numbers").await, numbers(1000));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_config_restarts_that_connector_only() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let handle = worker.handle();
    create(&handle, "a", &[COUNT, ("count", "10"), ("to.topics", "a")]).await.unwrap();
    create(&handle, "b", &[COLLECT, ("topics", "a")]).await.unwrap();
    eventually("rows arrive", async || bench.sink.rows.lock().unwrap().len() == 10).await;
    let opened = bench.sink.opened.lock().unwrap().len();
    let mut changed = config(&[COUNT, ("count", "20"), ("to.topics", "a")]);
    changed.insert("name".into(), "a".into());
    let is_new = handle.configure(Posted { name: "a".into(), config: changed }).await.unwrap();
    assert!(!is_new);
    eventually("more rows arrive", async || bench.sink.rows.lock().unwrap().len() == 20).await;
    assert_eq!(bench.sink.opened.lock().unwrap().len(), opened);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_topics_of_the_server_are_no_ones() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let handle = worker.handle();
    let keys = [COUNT, ("count", "5"), ("to.topics", "connect-configs")];
    create(&handle, "c", &keys).await.unwrap();
    eventually("it fails", async || task_of(&handle, "c").0 == "FAILED").await;
    assert!(task_of(&handle, "c").1.contains("topic connect-configs is this server's own"));
    let kept = bench.records("connect-configs").await;
    assert!(kept.iter().all(|(_, key, _)| key.as_deref().is_some_and(|key| key.ends_with("-c"))));
    let keys = [COLLECT, ("topics", "a,__consumer_offsets")];
    let Err(Refusal::Invalid(text)) = create(&handle, "s", &keys).await else { panic!() };
    assert!(text.contains("__consumer_offsets is this server's own"), "{text}");
    create(&handle, "s", &[COLLECT, ("topics.regex", ".*")]).await.unwrap();
    eventually("it runs", async || task_of(&handle, "s").0 == "RUNNING").await;
    assert_eq!(bench.sink.opened.lock().unwrap()[0], []);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_that_can_not_work_is_refused_with_every_reason() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let handle = worker.handle();
    let keys = [
        ("connector.class", "counting"),
        ("tasks.max", "none"),
        ("transforms", "unwrap"),
        ("errors.tolerance", "all"),
        ("errors.deadletterqueue.topic.name", "dlq"),
        ("topic.creation.default.retention.ms", "soon"),
        ("producer.override.linger.ms", "5"),
    ];
    let Err(Refusal::Invalid(text)) = create(&handle, "c", &keys).await else { panic!() };
    let head = "Connector configuration is invalid and contains the following 6 error(s):\n";
    assert!(text.starts_with(head), "{text}");
    for key in ["tasks.max", "transforms", "errors.tolerance", "retention.ms = soon", "count"] {
        assert!(text.contains(key), "{key} in {text}");
    }
    let Err(Refusal::Invalid(text)) = create(&handle, "c", &[COUNT, ("count", "13")]).await else {
        panic!()
    };
    assert!(text.contains("\ncount: Unlucky: choose another\n"), "{text}");
    let Err(Refusal::Invalid(text)) = create(&handle, "c", &[("connector.class", "x.Y")]).await
    else {
        panic!()
    };
    assert!(text.contains("org.example.CountingSourceConnector"), "{text}");
    assert!(handle.board().names().is_empty());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_connector_has_is_refused_to_others() {
    let bench = Bench::new();
    let worker = bench.worker().await;
    let handle = worker.handle();
    let keys = [COUNT, ("count", "1"), ("counter", "x")];
    create(&handle, "a", &keys).await.unwrap();
    let refused = create(&handle, "b", &keys).await;
    let Err(Refusal::Invalid(text)) = refused else { panic!("{refused:?}") };
    assert!(text.contains("counter x is connector a's: choose another"), "{text}");
    let mut other = config(&keys);
    other.insert("name".into(), "b".into());
    let plugin = handle.reader().plugin(&other).unwrap().clone();
    let answer = handle.validate(&plugin, &other).await;
    assert_eq!(answer["error_count"], 1, "{answer}");
    // To itself it is not, nor what is another, nor what one had that is stopped.
    other.insert("name".into(), "a".into());
    handle.configure(Posted { name: "a".into(), config: other }).await.unwrap();
    create(&handle, "c", &[COUNT, ("count", "1"), ("counter", "y")]).await.unwrap();
    handle.target("a", TargetState::Stopped).await.unwrap();
    create(&handle, "b", &keys).await.unwrap();
    worker.stop().await;
}
