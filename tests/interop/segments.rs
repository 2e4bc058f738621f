//! Segment files as Kafka's own tool reads them.

use std::path::Path;

use thalweg_harness::{Kafka, Postgres, Thalweg};

use crate::dump::{Dump, dump, dump_compacted};
use crate::run::{CODECS, Client, count, kcat};
use crate::setup::{eventually, options, post, source, wait_for_task};

/// Settings of a topic whose segments are rolled often.
const SMALL: &str = "segment.bytes=32768";

#[test]
#[ignore = "needs Java: make interop"]
fn what_kcat_wrote_in_each_codec() {
    let home = tempfile::tempdir().unwrap();
    let thalweg = Thalweg::start(&options(Some(home.path()))).unwrap();
    let servers = thalweg.kafka();
    // Random enough that no codec makes a segment of it all.
    let lines: String = (0..20_000_u64)
        .map(|n| {
            format!("key-{n}:{n}-{:x}\n", n.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29))
        })
        .collect();
    for codec in CODECS {
        let topic = format!("kcat-{codec}");
        Client::Python.must(servers, &[format!("create {topic} 2 {SMALL}")]);
        let batches = "batch.num.messages=100";
        kcat(servers, &["-P", "-t", &topic, "-K:", "-z", codec, "-X", batches], &lines);
        count("records written by kcat", 20_000);
    }
    assert!(thalweg.stop().unwrap().success());
    for codec in CODECS {
        let found = dump(home.path(), &format!("kcat-{codec}"), &["--print-data-log"]);
        assert_eq!(found.records, 20_000);
        assert_librdkafka(&found, codec);
        assert_rolled(&found);
        let last = found.lines.iter().find(|line| line.contains("key: key-19999 "));
        assert!(last.is_some_and(|line| line.contains("payload: 19999-")), "{last:?}");
    }
}

#[test]
#[ignore = "needs Java: make interop"]
fn what_idempotent_producers_wrote() {
    let home = tempfile::tempdir().unwrap();
    let thalweg = Thalweg::start(&options(Some(home.path()))).unwrap();
    let servers = thalweg.kafka();
    for (client, topic) in [(Client::Java, "java"), (Client::Python, "python")] {
        let create = format!("create {topic} 3 {SMALL} message.timestamp.type=LogAppendTime");
        client.must(servers, &[create]);
        for codec in CODECS {
            let acked = client.ask(servers, &format!("write {topic} {codec} 3000"));
            assert_eq!(acked.len(), 3000);
            count("records written by idempotent producers", 3000);
        }
    }
    assert!(thalweg.stop().unwrap().success());
    for topic in ["java", "python"] {
        let found = dump(home.path(), topic, &["--print-data-log"]);
        assert_eq!(found.records, 15_000);
        match topic {
            "java" => assert_eq!(found.codecs, ["gzip", "lz4", "none", "snappy", "zstd"]),
            _ => assert_eq!(found.codecs, ["gzip", "none", "snappy", "zstd"]),
        }
        assert_rolled(&found);
        assert!(found.lines.iter().all(|line| line.contains("LogAppendTime: ")));
        assert!(found.lines.iter().all(|line| !line.contains("sequence: -1 ")));
    }
}

#[test]
#[ignore = "needs Java: make interop"]
fn what_the_source_wrote_also_after_a_kill() {
    let postgres = Postgres::start().unwrap();
    postgres.sql("CREATE TABLE orders (id int PRIMARY KEY, name text, note text)").unwrap();
    postgres.sql(&insert(1, 20_000)).unwrap();
    let home = tempfile::tempdir().unwrap();
    let thalweg = Thalweg::start(&options(Some(home.path()))).unwrap();
    let servers = thalweg.kafka();
    let json = [
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("key.converter.schemas.enable", "false"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter.schemas.enable", "false"),
    ];
    for (name, more) in [("avro", &[][..]), ("json", &json[..])] {
        let create = format!("create {name}.public.orders 3 segment.bytes=262144");
        Client::Python.must(servers, &[create]);
        post(&thalweg, &source(&postgres, name, more));
        wait_for_task(&thalweg, name, "RUNNING");
        wait_for_records(&thalweg, &format!("{name}.public.orders"), 20_000);
    }
    postgres.sql(&insert(20_001, 25_000)).unwrap();
    // Let it fall in the middle of the stream.
    postgres.sql("UPDATE orders SET note = 'changed' WHERE id <= 5000").unwrap();
    thalweg.kill().unwrap();

    let thalweg = Thalweg::start(&options(Some(home.path()))).unwrap();
    postgres.sql("DELETE FROM orders WHERE id <= 1000").unwrap();
    // A delete writes a tombstone too.
    let total = 20_000 + 5000 + 5000 + 2 * 1000;
    for name in ["avro", "json"] {
        wait_for_records(&thalweg, &format!("{name}.public.orders"), total);
    }
    count("records written by the source", 2 * total);
    assert!(thalweg.stop().unwrap().success());

    let avro = dump(home.path(), "avro.public.orders", &[]);
    assert_eq!(avro.records, total);
    assert_rolled(&avro);
    let json = dump(home.path(), "json.public.orders", &["--print-data-log"]);
    assert_eq!(json.records, total);
    assert_rolled(&json);
    let of = |op: &str| json.lines.iter().filter(|line| line.contains(op)).count();
    let ops = [r#""op":"r""#, r#""op":"c""#, r#""op":"u""#, r#""op":"d""#].map(of);
    assert_eq!(ops, [20_000, 5000, 5000, 1000]);
    for topic in ["_schemas", "connect-configs", "connect-offsets", "connect-status"] {
        own_topic(home.path(), topic);
    }
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn segments_of_kafka_itself_pass_the_same_check() {
    let mut kafka = Kafka::start(&[]).unwrap();
    let servers = kafka.address();
    Client::Java.must(&servers, &["create t 1 segment.bytes=1048576 retention.ms=-1".to_owned()]);
    assert_eq!(Client::Java.ask(&servers, "write t none 60000").len(), 60_000);
    kafka.stop().unwrap();
    let found = dump(&kafka.data(), "t", &[]);
    assert_eq!(found.records, 60_000);
    assert!(found.segments > 2, "{} segments", found.segments);
}

/// Keys of [`what_compaction_left`].
const KEYS: usize = 3000;

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn what_compaction_left() {
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join("settings.toml");
    std::fs::write(&settings, "[log]\ncleaner.backoff.ms = 50").unwrap();
    let data = home.path().join("data");
    let mut started = options(Some(&data));
    started.arguments = vec!["--config".to_owned(), settings.display().to_string()];
    let thalweg = Thalweg::start(&started).unwrap();
    let servers = thalweg.kafka();
    let compact = "cleanup.policy=compact segment.bytes=8192 min.cleanable.dirty.ratio=0.01 \
                   delete.retention.ms=0";
    for codec in CODECS {
        Client::Java.must(servers, &[format!("create {codec} 1 {compact}")]);
        // Each third key gets no second value, each seventh of the others a tombstone.
        for round in 0..2 {
            let keys = (0..KEYS).filter(|key| round == 0 || key % 3 > 0);
            let lines: String = keys.map(|key| format!("{key}:{round} of {key}\n")).collect();
            let arguments = ["-P", "-t", codec, "-K:", "-z", codec, "-X", "batch.num.messages=20"];
            kcat(servers, &arguments, &lines);
        }
        let lines: String = deleted().map(|key| format!("{key}:\n")).collect();
        kcat(servers, &["-P", "-t", codec, "-K:", "-Z", "-z", codec], &lines);
        assert_eq!(Client::Java.ask(servers, &format!("write {codec} {codec} 3000")).len(), 3000);
        count(
            "records written to compacted topics",
            KEYS + KEYS * 2 / 3 + 3000 + deleted().count(),
        );
    }
    wait_until_compacted(&thalweg);
    assert!(thalweg.stop().unwrap().success());
    for codec in CODECS {
        let found = dump_compacted(&data, codec, &["--print-data-log"]);
        assert!(found.inner_gaps() > 100, "{codec}: {} gaps", found.inner_gaps());
        assert!(found.codecs.iter().any(|of| of == codec), "{codec}: {:?}", found.codecs);
        let of = |text: &str| found.lines.iter().filter(|line| line.contains(text)).count();
        for key in (0..KEYS).step_by(501) {
            let is_deleted = deleted().any(|deleted| deleted == key);
            assert_eq!(of(&format!(" payload: 0 of {key}")), usize::from(key % 3 == 0), "{key}");
            let has_second = key % 3 > 0 && !is_deleted;
            assert_eq!(of(&format!(" payload: 1 of {key}")), usize::from(has_second), "{key}");
        }
        assert_eq!(of(" key: key-2999 "), 1);
    }
}

fn deleted() -> impl Iterator<Item = usize> {
    (0..KEYS).filter(|key| key % 3 > 0 && key % 7 == 0)
}

/// Waits until no pass has done anything for some time.
fn wait_until_compacted(thalweg: &Thalweg) {
    let passes = || thalweg.log().matches(" compacted ").count();
    let (mut known, mut quiet) = (0, 0);
    eventually("compaction to end", thalweg, || {
        let now = passes();
        quiet = if now == known { quiet + 1 } else { 0 };
        known = now;
        // Looked at ten times a second; a checkpoint comes after two.
        (now > CODECS.len() && quiet > 50, now)
    });
}

/// A topic of the server's own, which others may read too.
fn own_topic(data: &Path, topic: &str) {
    let found = dump(data, topic, &[]);
    assert!(found.records > 0, "{topic}: {found:?}");
}

/// That the batches have this codec. librdkafka leaves batches as they are that
/// would grow, and all of them instead of lz4 where a broker does not answer
/// FindCoordinator: once ours does, this is to be changed.
fn assert_librdkafka(found: &Dump, codec: &str) {
    let is_kept = codec != "lz4";
    assert_eq!(found.codecs.iter().any(|of| of == codec), is_kept, "{codec}: {:?}", found.codecs);
    assert!(found.codecs.iter().all(|of| of == codec || of == "none"), "{:?}", found.codecs);
}

/// That there were several segments, each with entries in its indexes.
fn assert_rolled(found: &Dump) {
    assert_eq!(found.files, 3 * found.segments);
    assert!(found.segments > 5, "{} segments", found.segments);
    assert!(found.index_entries >= found.segments / 2, "{} entries", found.index_entries);
    assert!(found.time_entries >= found.segments / 2, "{} entries", found.time_entries);
}

fn insert(first: usize, last: usize) -> String {
    format!(
        "INSERT INTO orders SELECT n, 'order ' || n, md5(n::text) \
         FROM generate_series({first}, {last}) n"
    )
}

/// Waits until this many records are in a topic, all partitions together.
fn wait_for_records(thalweg: &Thalweg, topic: &str, total: usize) {
    let servers = thalweg.kafka();
    eventually(&format!("{total} records in {topic}"), thalweg, || {
        let ends = Client::Python.ask(servers, &format!("ends {topic}"));
        let next = |line: &String| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap_or(0);
        let found: usize = ends.iter().map(next).sum();
        (found == total, found)
    });
}
