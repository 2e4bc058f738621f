//! Tests of tables. They unwrap: a failure is the test's answer.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;

use super::writer::open_topic;
use super::*;
use crate::error::LogError;
use crate::memory::MemoryLog;

type Numbers = Table<String, Json<Vec<i64>>>;

async fn open(log: &Arc<dyn Log>) -> Result<Numbers> {
    Table::open(log, "numbers").await
}

fn memory() -> Arc<dyn Log> {
    Arc::new(MemoryLog::new())
}

#[tokio::test]
async fn a_table_comes_back_as_it_was() {
    let log = memory();
    let table = open(&log).await.unwrap();
    assert!(table.is_empty());
    for n in 0..100 {
        table.put((n % 10).to_string(), Json(vec![n])).await.unwrap();
    }
    table.delete("3".to_owned()).await.unwrap();
    table
        .write(vec![
            ("4".to_owned(), None),
            ("a".to_owned(), Some(Json(vec![1]))),
            ("a".to_owned(), Some(Json(vec![2]))),
        ])
        .await
        .unwrap();
    assert_eq!(table.len(), 9);
    assert_eq!(table.get(&"a".to_owned()), Some(Json(vec![2])));
    assert_eq!(table.get(&"3".to_owned()), None);
    let again = open(&log).await.unwrap();
    assert_eq!(again.snapshot(), table.snapshot());
    assert_eq!(again.len(), 9);
    let config = &log.topic("numbers").unwrap().config;
    assert_eq!(config[0], ("cleanup.policy".to_owned(), "compact".to_owned()));
}

#[tokio::test]
async fn a_table_is_shown_in_the_order_of_its_writes() {
    let log = memory();
    let table = open(&log).await.unwrap();
    // Of a piece that is read at once, what is written over is not shown; several are read.
    let long = |n| Json(vec![n; 200_000]);
    table.put("z".to_owned(), Json(vec![0])).await.unwrap();
    for n in 0..8 {
        table.put((n % 3).to_string(), long(n)).await.unwrap();
    }
    table.delete("1".to_owned()).await.unwrap();
    table.put("a".to_owned(), Json(vec![1])).await.unwrap();
    let mut shown = Vec::new();
    let take = |key: String, value: Option<Json<Vec<i64>>>| {
        shown.push((key, value.map(|value| value.0[0])));
    };
    drop(TableWriter::open(&log, "numbers", take).await.unwrap());
    assert_eq!(open(&log).await.unwrap().snapshot(), table.snapshot());
    assert_eq!(shown[0], ("z".to_owned(), Some(0)));
    let values: Vec<i64> = shown[1..shown.len() - 2].iter().filter_map(|(_, n)| *n).collect();
    assert!(values.is_sorted() && values.len() > 3, "{values:?}");
    assert_eq!(shown[shown.len() - 2..], [("1".to_owned(), None), ("a".to_owned(), Some(1))]);
}

#[tokio::test]
async fn what_is_not_readable_counts_only_as_long_as_it_is_there() {
    let log = memory();
    drop(open(&log).await.unwrap());
    let raw = async || Table::<Bytes, String>::open(&log, "numbers").await.unwrap();
    let (key, broken) = (Bytes::from_static(b"k"), Bytes::from_static(b"\xff"));
    let first = raw().await;
    first.put(key.clone(), "no number".to_owned()).await.unwrap();
    first.put(broken.clone(), "[1]".to_owned()).await.unwrap();
    assert!(open(&log).await.err().unwrap().to_string().contains("value at offset 0"));
    raw().await.put(key, "[2]".to_owned()).await.unwrap();
    assert!(open(&log).await.err().unwrap().to_string().contains("key at offset 1"));
    raw().await.delete(broken).await.unwrap();
    let table = open(&log).await.unwrap();
    assert_eq!(table.snapshot(), [("k".to_owned(), Json(vec![2]))]);
}

#[tokio::test]
async fn the_former_holder_can_not_write() {
    let log = memory();
    let former = open(&log).await.unwrap();
    former.put("k".to_owned(), Json(vec![1])).await.unwrap();
    let holder = open(&log).await.unwrap();
    let error = former.put("k".to_owned(), Json(vec![2])).await.unwrap_err();
    assert!(matches!(error, LogError::Fenced(_)));
    assert_eq!(former.get(&"k".to_owned()), Some(Json(vec![1])));
    assert_eq!(holder.get(&"k".to_owned()), Some(Json(vec![1])));
}

#[tokio::test]
async fn a_change_rides_with_the_records_that_it_covers() {
    let log = memory();
    let table = open(&log).await.unwrap();
    let records = open_topic(&*log, "records").await.unwrap();
    let writer = log.open_writer("source").await.unwrap();
    let key = "position".to_owned();
    let (group, change) = table.change(vec![(key.clone(), Some(Json(vec![7])))]).unwrap();
    let data = Group { target: records.partition(0), batches: group.batches.clone() };
    let appended = writer.append(vec![data, group]).await.unwrap().await.unwrap();
    assert_eq!(table.get(&key), None);
    table.apply(change, appended[1].first);
    assert_eq!(table.get(&key), Some(Json(vec![7])));
    assert_eq!(open(&log).await.unwrap().get(&key), Some(Json(vec![7])));
}

#[tokio::test]
async fn late_news_of_an_older_change_does_not_undo_a_newer_one() {
    let log = memory();
    let table = open(&log).await.unwrap();
    let key = || "k".to_owned();
    let (_, older) = table.change(vec![(key(), Some(Json(vec![1])))]).unwrap();
    let (_, newer) = table.change(vec![(key(), None)]).unwrap();
    table.apply(newer, 6);
    table.apply(older, 5);
    assert_eq!(table.get(&key()), None);
    assert_eq!(table.len(), 0);
    assert!(table.read().entries.is_empty(), "deleted keys are forgotten");
}

#[tokio::test]
async fn a_foreign_value_is_named_by_offset_and_not_shown() {
    let log = memory();
    drop(open(&log).await.unwrap());
    let raw: Table<String, String> = Table::open(&log, "numbers").await.unwrap();
    raw.put("k".to_owned(), "\"secret\"".to_owned()).await.unwrap();
    let error = open(&log).await.err().unwrap().to_string();
    assert!(error.contains("offset 0 of topic numbers"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn catching_up_shows_what_another_holder_appended() {
    let log = memory();
    let former = open(&log).await.unwrap();
    former.put("a".to_owned(), Json(vec![1])).await.unwrap();
    let holder = open(&log).await.unwrap();
    let writer = log.open_writer("source").await.unwrap();
    let changes = vec![("a".to_owned(), None), ("b".to_owned(), Some(Json(vec![2])))];
    let (group, change) = former.change(changes).unwrap();
    writer.append(vec![group]).await.unwrap().await.unwrap();
    drop(change);
    assert_eq!(holder.get(&"a".to_owned()), Some(Json(vec![1])));
    holder.catch_up().await.unwrap();
    assert_eq!(holder.snapshot(), [("b".to_owned(), Json(vec![2]))]);
    holder.put("c".to_owned(), Json(vec![3])).await.unwrap();
    holder.catch_up().await.unwrap();
    assert_eq!(holder.snapshot(), open(&log).await.unwrap().snapshot());
}

#[tokio::test]
async fn a_table_goes_on_after_an_append_that_failed() {
    let log = memory();
    let table = open(&log).await.unwrap();
    let huge = vec![("k".to_owned(), Some(Json(vec![i64::MAX; 10_000_000])))];
    assert!(table.write(huge).await.is_err());
    table.put("k".to_owned(), Json(vec![1])).await.unwrap();
    assert_eq!(open(&log).await.unwrap().get(&"k".to_owned()), Some(Json(vec![1])));
}
