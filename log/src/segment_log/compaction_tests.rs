//! Compaction of the embedded log on the real file system, behind appends and
//! reads that go on. The tests unwrap: a failure is the test's answer.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::*;
use crate::conformance::{append, within};
use crate::record::{BatchBuilder, BatchDecoder, Batches, Compression};
use crate::table::{Json, Table};

fn options() -> Options {
    Options { compaction_check: Duration::from_millis(20), tail_bytes_max: 0, ..Options::default() }
}

fn spec(more: &[(&str, &str)]) -> TopicSpec {
    let all = [("cleanup.policy", "compact"), ("segment.bytes", "8000")];
    let all = all.iter().chain(more);
    let config = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    TopicSpec { name: "t".to_owned(), partitions: 1, config: config.collect() }
}

/// A record at time 1000 + `n` with this key.
fn record(target: TopicPartition, key: &str, n: i64) -> Group {
    let codecs = [Compression::None, Compression::Gzip, Compression::Lz4, Compression::Zstd];
    let mut builder = BatchBuilder::new(codecs[usize::try_from(n % 4).unwrap()]);
    let value = format!("{n}: {}", "x".repeat(100));
    builder.append(1000 + n, Some(key.as_bytes()), Some(value.as_bytes()), &[]).unwrap();
    Group { target, batches: builder.finish().unwrap() }
}

/// Offsets and keys of all records from `from` on.
async fn read(log: &SegmentLog, at: TopicPartition, from: i64) -> Vec<(i64, String)> {
    let mut decoder = BatchDecoder::new(1 << 20);
    let mut found = Vec::new();
    let mut next = from;
    loop {
        let fetched = within(log.read(at, next, 5000)).await.unwrap();
        if fetched.batches.is_empty() {
            assert_eq!(next, fetched.end);
            return found;
        }
        for batch in Batches::new(&fetched.batches) {
            let batch = batch.unwrap();
            assert!(batch.header.last_offset() >= next);
            for record in decoder.decode(&batch).unwrap().map(Result::unwrap) {
                assert_eq!(record.timestamp, 1000 + record.offset);
                let value = std::str::from_utf8(record.value.unwrap()).unwrap();
                assert!(value.starts_with(&format!("{}: ", record.offset)));
                if record.offset >= next {
                    found.push((
                        record.offset,
                        String::from_utf8(record.key.unwrap().to_vec()).unwrap(),
                    ));
                }
            }
            next = batch.header.last_offset() + 1;
        }
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..150 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it does not come: {what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_and_writers_go_on_while_it_compacts() {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(SegmentLog::open(folder.path(), options()).unwrap());
    let at = log.create_topic(spec(&[])).await.unwrap().partition(0);
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|number| {
            let (log, is_over) = (Arc::clone(&log), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut rounds = 0;
                while !is_over.load(Ordering::Relaxed) {
                    let from = number * 137 % (rounds + 1);
                    read(&log, at, from.min(log.offset(at, OffsetAt::End).await.unwrap())).await;
                    rounds += 1;
                }
            })
        })
        .collect();
    let writer = log.open_writer("w").await.unwrap();
    for n in 0..1200 {
        append(&*writer, vec![record(at, &format!("k{}", n % 9), n)]).await;
    }
    until("few records are left", async || read(&log, at, 0).await.len() < 400).await;
    is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    let left = read(&log, at, 0).await;
    // The last of each key is there, and can be sought.
    for offset in 1191..1200 {
        assert!(left.contains(&(offset, format!("k{}", offset % 9))));
    }
    for offset in (0..1200).step_by(31) {
        let next = left.iter().find(|(at, _)| *at >= offset).unwrap().0;
        assert_eq!(read(&log, at, offset).await[0].0, next);
        assert_eq!(log.offset(at, OffsetAt::Time(1000 + offset)).await.unwrap(), next);
    }
    log.close().await.unwrap();
    let log = SegmentLog::open(folder.path(), options()).unwrap();
    assert_eq!(read(&log, at, 0).await.last().unwrap().0, 1199);
    log.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_index_of_a_compacted_segment_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let log = SegmentLog::open(folder.path(), options()).unwrap();
    let at = log.create_topic(spec(&[("segment.bytes", "100000")])).await.unwrap().partition(0);
    let writer = log.open_writer("w").await.unwrap();
    for n in 0..1500 {
        // Each second one is replaced further on.
        let key = if n % 2 == 0 || n > 1000 { "same".to_owned() } else { n.to_string() };
        append(&*writer, vec![record(at, &key, n)]).await;
    }
    until("half of it goes", async || read(&log, at, 0).await.len() < 1200).await;
    log.close().await.unwrap();
    let left = {
        let log = SegmentLog::open(folder.path(), options()).unwrap();
        let left = read(&log, at, 0).await;
        log.close().await.unwrap();
        left
    };
    let path = folder.path().join("t-0/00000000000000000000.index");
    let good = std::fs::read(&path).unwrap();
    assert!(good.len() > 16, "{}", good.len());
    // Positions that are behind, and in the middle of batches.
    for shift in [1i32, 400, 5000] {
        let mut bad = good.clone();
        for entry in bad.chunks_exact_mut(8) {
            let position = i32::from_be_bytes(entry[4..].try_into().unwrap());
            entry[4..].copy_from_slice(&(position + shift).to_be_bytes());
        }
        std::fs::write(&path, bad).unwrap();
        let log = SegmentLog::open(folder.path(), options()).unwrap();
        for offset in (0..700).step_by(17) {
            let next = left.iter().find(|(at, _)| *at >= offset).unwrap().0;
            assert_eq!(read(&log, at, offset).await[0].0, next, "shift {shift}");
        }
        drop(log);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_the_same_after_compaction_and_stays_small() {
    type Numbers = Table<String, Json<Vec<i64>>>;
    let folder = tempfile::tempdir().unwrap();
    let open = async || {
        let log = SegmentLog::open(folder.path(), options()).unwrap();
        // A table of before, whose segments are as large as any topic's.
        if log.topic("numbers").is_none() {
            let config = vec![("cleanup.policy".to_owned(), "compact".to_owned())];
            let name = "numbers".to_owned();
            log.create_topic(TopicSpec { name, partitions: 1, config }).await.unwrap();
        }
        let shared: Arc<SegmentLog> = Arc::new(log);
        let log: Arc<dyn Log> = Arc::clone(&shared) as Arc<dyn Log>;
        let table: Numbers = Table::open(&log, "numbers").await.unwrap();
        (shared, table)
    };
    let (log, table) = open().await;
    let config = log.topic("numbers").unwrap().config;
    assert_eq!(config.len(), crate::table::SETTINGS.len());
    let small = config.into_iter().map(|(name, value)| match name.as_str() {
        "segment.bytes" => (name, "10000".to_owned()),
        _ => (name, value),
    });
    log.configure_topic(log.topic("numbers").unwrap().id, small.collect()).await.unwrap();
    for n in 0..2000 {
        table.put(format!("k{}", n % 20), Json(vec![n; 5])).await.unwrap();
        if n % 100 == 7 {
            table.delete(format!("k{}", n % 20)).await.unwrap();
        }
    }
    table.delete("k3".to_owned()).await.unwrap();
    let bytes = || -> u64 {
        let files = std::fs::read_dir(folder.path().join("numbers-0")).unwrap().flatten();
        files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
    };
    until("it is small", async || bytes() < 60_000).await;
    let kept = table.snapshot();
    assert_eq!(kept.len(), 19);
    table.catch_up().await.unwrap();
    assert_eq!(table.snapshot(), kept);
    log.close().await.unwrap();
    drop((log, table));
    let (log, table) = open().await;
    assert_eq!(table.snapshot(), kept);
    log.close().await.unwrap();
}
