//! Against a real S3 server.

use std::sync::OnceLock;

use thalweg_core::config::Declare;
use thalweg_core::connector::SinkConnector;
use thalweg_core::schema::{SchemaBuilder, Value};
use thalweg_core::{ConnectError, ErrorKind};
use thalweg_harness::S3Server;

use super::kills::{assert_each_once, json_ids, log};
use super::world::{KILLED, LogRow, World, row};
use crate::s3::S3Sink;

/// The server of all tests that leave it up. Not stopped: it ends with the tests.
fn server() -> &'static S3Server {
    static SERVER: OnceLock<S3Server> = OnceLock::new();
    SERVER.get_or_init(|| S3Server::start().unwrap())
}

fn world(server: &S3Server, bucket: &str, config: &[(&str, &str)]) -> World {
    server.make_bucket(bucket).unwrap();
    let mut world = World::new(config);
    world.lake = server.bucket(bucket);
    for (key, value) in [
        ("store.url", server.endpoint().as_str()),
        ("s3.bucket.name", bucket),
        ("aws.access.key.id", S3Server::ACCESS),
        ("aws.secret.access.key", S3Server::SECRET),
        ("s3.retry.backoff.ms", "10"),
    ] {
        world.config.insert(key.to_owned(), value.to_owned());
    }
    world
}

const JSON: [(&str, &str); 3] =
    [("format.class", "json"), ("flush.size", "5"), ("behavior.on.null.values", "ignore")];

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_there_once_wherever_it_is_killed() {
    let log = log();
    let mut whole = world(server(), "whole", &JSON);
    let steps = whole.run(&log, usize::MAX).await.steps;
    assert_each_once(&json_ids(&whole), &log, whole.committed.unwrap(), "not killed");
    for kill_at in 1..=steps {
        let mut world = world(server(), &format!("kill-{kill_at}"), &JSON);
        let killed = world.run(&log, kill_at).await;
        assert_eq!(killed.result.unwrap_err().to_string(), KILLED);
        world.rows_a_batch = 7;
        world.run(&log, usize::MAX).await.result.unwrap();
        let what = format!("killed at {kill_at}");
        assert_each_once(&json_ids(&world), &log, world.committed.unwrap(), &what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_again_and_foreign_objects_are_told_apart() {
    let config = [("format.class", "json"), ("flush.size", "2")];
    let log: Vec<_> = (0..4).map(|offset| row(offset, 1)).collect();
    let mut world = world(server(), "again", &config);
    world.run(&log, usize::MAX).await.result.unwrap();
    world.recreate_topic();
    world.run(&log, usize::MAX).await.result.unwrap();
    assert_eq!(world.files().len(), 4, "{:?}", world.files());
    // Another connector, which knows nothing of the former topics.
    let mut other = self::world(server(), "again", &config);
    let error = other.run(&log, usize::MAX).await.result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fatal);
    let told = error.to_string();
    assert!(told.contains("s3://again/topics/t/partition=3/t+3+0000000000.json"), "{told}");
    assert!(told.contains("was written for another topic of that name"), "{told}");
}

fn wide(offset: i64, bytes: usize) -> LogRow {
    let schema = SchemaBuilder::structure()
        .field("id", SchemaBuilder::int64().build())
        .field("text", SchemaBuilder::string().build())
        .build();
    let text = format!("{offset}").repeat(bytes);
    let value = Value::Struct(vec![Value::Int(offset), Value::Text(text)]);
    LogRow { offset, time: 1_700_000_000_000, value: Some((schema, value)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_go_up_in_parts_and_only_once() {
    let config = [("format.class", "json"), ("flush.size", "4"), ("s3.part.size", "5242880")];
    let log: Vec<_> = (0..4).map(|offset| wide(offset, 3_000_000)).collect();
    for kill_at in [4, 5, 6, 7, usize::MAX] {
        let mut world = world(server(), &format!("parts-{}", kill_at.min(9)), &config);
        let _ = world.run(&log, kill_at).await;
        world.run(&log, usize::MAX).await.result.unwrap();
        assert_eq!(world.files(), ["topics/t/partition=3/t+3+0000000000.json"]);
        assert_eq!(world.committed, Some(4));
        let ids = json_ids(&world);
        assert_eq!(ids.values().sum::<usize>(), 4, "{ids:?}");
    }
}

async fn failure(server: &S3Server, change: &[(&str, &str)]) -> ConnectError {
    let mut world = world(server, "errors", &JSON);
    for &(key, value) in change {
        world.config.insert(key.to_owned(), value.to_owned());
    }
    let log: Vec<_> = (0..6).map(|offset| row(offset, 1)).collect();
    let error = world.run(&log, usize::MAX).await.result.unwrap_err();
    assert!(!error.to_string().contains(S3Server::SECRET));
    let config = S3Sink.declare(&mut Declare::read(&world.config));
    let checked = S3Sink.check(&config).await;
    assert_eq!(checked.len(), 1, "{error} but {checked:?}");
    assert_eq!(checked[0].key, "s3.bucket.name");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_to_do() {
    let error = failure(server(), &[("aws.secret.access.key", "wrong")]).await;
    assert_eq!(error.kind(), ErrorKind::BadConfig, "{error}");
    assert!(error.to_string().contains("check aws.access.key.id"), "{error}");
    let error = failure(server(), &[("s3.bucket.name", "missing")]).await;
    assert_eq!(error.kind(), ErrorKind::BadConfig, "{error}");
    assert!(error.to_string().contains("make the bucket"), "{error}");
    let error = failure(server(), &[("store.url", "http://127.0.0.1:1")]).await;
    assert_eq!(error.kind(), ErrorKind::Retriable, "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    let world = world(server(), "fine", &JSON);
    let config = S3Sink.declare(&mut Declare::read(&world.config));
    assert_eq!(S3Sink.check(&config).await, []);
    assert!(world.files().is_empty(), "a check leaves nothing: {:?}", world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_back_gets_the_same_rows_once() {
    let mut own = S3Server::start().unwrap();
    let mut world = world(&own, "away", &JSON);
    let log: Vec<_> = (0..20).map(|offset| row(offset, 1)).collect();
    world.run(&log[..7], usize::MAX).await.result.unwrap();
    own.stop();
    let error = world.run(&log, usize::MAX).await.result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retriable, "{error}");
    own.resume().unwrap();
    world.run(&log, usize::MAX).await.result.unwrap();
    assert_eq!(world.committed, Some(20));
    assert_each_once(&json_ids(&world), &log, 20, "after the server was away");
}
