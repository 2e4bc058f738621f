//! The log as kcat sees it.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use thalweg_harness::{Postgres, Thalweg, kcat};

use crate::setup::{eventually, options, post, source, thalweg, wait_for_task};

fn produce(thalweg: &Thalweg, topic: &str, lines: &str, more: &[&str]) {
    let arguments = [&["-P", "-t", topic, "-K:", "-X", "acks=all"], more].concat();
    kcat(thalweg.kafka(), &arguments, lines.as_bytes()).unwrap();
}

fn consume(thalweg: &Thalweg, topic: &str, from: &str, format: &str) -> Vec<String> {
    let arguments = ["-C", "-q", "-e", "-t", topic, "-o", from, "-f", format];
    let output = kcat(thalweg.kafka(), &arguments, b"").unwrap();
    output.lines().map(str::to_owned).collect()
}

fn lines(prefix: &str, count: usize) -> String {
    (0..count).fold(String::new(), |mut all, n| {
        writeln!(all, "{prefix}{n}:value {n}").unwrap();
        all
    })
}

#[test]
fn what_kcat_produces_it_consumes_with_each_codec_across_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let first = Thalweg::start(&options(Some(&data))).unwrap();
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    for codec in codecs {
        produce(&first, codec, &lines("key ", 500), &["-z", codec]);
    }
    let expected: Vec<String> = (0..500).map(|n| format!("{n} key {n} value {n}")).collect();
    let is_whole = |thalweg: &Thalweg| {
        for codec in codecs {
            assert_eq!(consume(thalweg, codec, "beginning", "%o %k %s\n"), expected, "{codec}");
        }
    };
    is_whole(&first);
    first.kill().unwrap();
    let second = Thalweg::start(&options(Some(&data))).unwrap();
    is_whole(&second);
    assert!(second.stop().unwrap().success());
}

#[test]
fn kcat_reads_from_offsets_and_times_and_lists_topics() {
    let thalweg = thalweg();
    produce(&thalweg, "notes", &lines("a", 10), &[]);
    std::thread::sleep(Duration::from_millis(20));
    let middle = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    std::thread::sleep(Duration::from_millis(20));
    produce(&thalweg, "notes", &lines("b", 5), &["-z", "lz4"]);
    assert_eq!(consume(&thalweg, "notes", "13", "%o %k\n"), ["13 b3", "14 b4"]);
    assert_eq!(consume(&thalweg, "notes", "-1", "%o %k\n"), ["14 b4"]);
    let later = consume(&thalweg, "notes", &format!("s@{middle}"), "%o %k\n");
    assert_eq!(later, ["10 b0", "11 b1", "12 b2", "13 b3", "14 b4"]);
    let query = format!("notes:0:{middle}");
    let found = kcat(thalweg.kafka(), &["-Q", "-t", &query], b"").unwrap();
    assert_eq!(found.trim(), "notes [0] offset 10");

    let list = kcat(thalweg.kafka(), &["-L"], b"").unwrap();
    assert!(list.contains("topic \"notes\" with 1 partitions"), "{list}");
    assert!(list.contains(&format!("broker 0 at {} (controller)", thalweg.kafka())), "{list}");
}

#[test]
fn kcat_can_not_write_what_is_the_servers_own() {
    let thalweg = thalweg();
    let arguments = ["-P", "-t", "connect-configs", "-X", "message.timeout.ms=5000"];
    let error = kcat(thalweg.kafka(), &arguments, b"x\n").unwrap_err().to_string();
    assert!(error.contains("Invalid topic"), "{error}");
    let kept = consume(&thalweg, "connect-configs", "beginning", "%k\n");
    assert!(kept.is_empty(), "{kept:?}");
}

#[test]
fn kcat_reads_what_the_postgres_source_wrote() {
    let postgres = Postgres::start().unwrap();
    postgres
        .sql(
            "CREATE TABLE orders (id int PRIMARY KEY, name text); \
             INSERT INTO orders SELECT n, 'order ' || n FROM generate_series(1, 300) n",
        )
        .unwrap();
    let thalweg = thalweg();
    let more = [
        ("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("key.converter.schemas.enable", "false"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter.schemas.enable", "false"),
    ];
    post(&thalweg, &source(&postgres, "shop", &more));
    wait_for_task(&thalweg, "shop", "RUNNING");
    postgres.sql("UPDATE orders SET name = 'changed' WHERE id = 7").unwrap();
    let topic = "shop.public.orders";
    let read = |from: &str| {
        let arguments = ["-C", "-q", "-e", "-t", topic, "-o", from, "-f", "%o|%k|%s\n"];
        kcat(thalweg.kafka(), &arguments, b"").unwrap_or_default()
    };
    let all = eventually("301 events", &thalweg, || {
        let all: Vec<String> = read("beginning").lines().map(str::to_owned).collect();
        (all.len() == 301, all)
    });
    for (number, line) in all.iter().enumerate() {
        let [offset, key, value] = line.splitn(3, '|').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        let (op, id) = if number < 300 { ("r", number + 1) } else { ("u", 7) };
        assert_eq!(offset, number.to_string());
        assert_eq!(key, format!("{{\"id\":{id}}}"));
        assert_eq!((value["op"].as_str(), &value["after"]["id"]), (Some(op), &id.into()));
    }
    assert_eq!(read("300").lines().count(), 1);
}
