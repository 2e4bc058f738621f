//! The two ends of the pipeline in the hands of others: they read what the
//! Postgres source wrote, and what they write lands in the lake.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use thalweg_harness::{Postgres, Thalweg, read_lake};

use crate::run::{CODECS, Client, count, kcat, kcat_read, python};
use crate::setup::{eventually, lake, post, source, status, thalweg, wait_for_task};

const ROWS: usize = 5000;
const TOPIC: &str = "shop.public.orders";

/// A source whose topic has three partitions, after its snapshot and changes.
fn shop(thalweg: &Thalweg, postgres: &Postgres, more: &[(&str, &str)]) {
    let servers = thalweg.kafka();
    postgres
        .sql(&format!(
            "CREATE TABLE orders (id int PRIMARY KEY, name text, price numeric(10,2), at timestamptz); \
             INSERT INTO orders SELECT n, 'order ' || n, n / 4.0, now() \
             FROM generate_series(1, {ROWS}) n"
        ))
        .unwrap();
    Client::Java.must(servers, &[format!("create {TOPIC} 3 segment.bytes=100000")]);
    post(thalweg, &source(postgres, "shop", more));
    wait_for_task(thalweg, "shop", "RUNNING");
    wait_for(thalweg, ROWS);
    postgres
        .sql(
            "UPDATE orders SET name = 'changed' WHERE id <= 100; \
             DELETE FROM orders WHERE id > 4990; INSERT INTO orders VALUES (9999, 'late', 1, now())",
        )
        .unwrap();
    wait_for(thalweg, ROWS + 100 + 2 * 10 + 1);
}

fn wait_for(thalweg: &Thalweg, total: usize) {
    let servers = thalweg.kafka();
    eventually(&format!("{total} records"), thalweg, || {
        let ends = Client::Python.ask(servers, &format!("ends {TOPIC}"));
        let next = |line: &String| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap_or(0);
        let found: usize = ends.iter().map(next).sum();
        (found == total, (found, status(thalweg, "shop")))
    });
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn confluent_kafka_decodes_what_the_source_wrote() {
    let postgres = Postgres::start().unwrap();
    let thalweg = thalweg();
    let servers = thalweg.kafka();
    shop(&thalweg, &postgres, &[("decimal.handling.mode", "string")]);
    let registry = thalweg.registry();
    let read = |place: &[&str]| -> Vec<String> {
        let arguments = [&[servers, &registry, TOPIC][..], place].concat();
        python("read_avro.py", &arguments).lines().map(str::to_owned).collect()
    };
    let mut all = read(&[]);
    all.sort_by_key(|line| crate::run::place(line));

    // The last event of each key is the table.
    let mut table = BTreeMap::new();
    for line in &all {
        let event: Value = serde_json::from_str(line.splitn(4, '\t').nth(3).unwrap()).unwrap();
        let after = &event["value"]["after"];
        let id = event["key"]["id"].as_i64().unwrap();
        if after.is_null() {
            table.remove(&id);
        } else {
            assert_eq!(after["id"], id);
            table.insert(id, [after["name"].clone(), after["price"].clone()]);
        }
    }
    let rows = postgres.sql("SELECT id, name, price FROM orders ORDER BY id").unwrap();
    let rows: BTreeMap<i64, [Value; 2]> = rows
        .lines()
        .map(|row| {
            let words: Vec<&str> = row.split('|').collect();
            (words[0].parse().unwrap(), [json!(words[1]), json!(words[2])])
        })
        .collect();
    assert_eq!(table.len(), 4991);
    assert!(table == rows, "the table is not what its events say");

    let of_partition: Vec<&String> = all.iter().filter(|line| line.starts_with("2\t")).collect();
    for from in [0, 1, 777, of_partition.len() - 1] {
        let read = read(&["2", &from.to_string()]);
        assert_eq!(read.iter().collect::<Vec<_>>(), of_partition[from..], "from {from}");
    }
    let time = |line: &str| line.split('\t').nth(2).unwrap().parse::<i64>().unwrap();
    for from in [0, 500, of_partition.len() - 1] {
        let ms = time(of_partition[from]);
        let first = of_partition.iter().position(|line| time(line) >= ms).unwrap();
        let read = read(&["2", &format!("@{ms}")]);
        assert_eq!(read.iter().collect::<Vec<_>>(), of_partition[first..], "at {ms}");
    }
    count("change events decoded by confluent-kafka", all.len());
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn all_clients_read_the_same_of_what_the_source_wrote() {
    let postgres = Postgres::start().unwrap();
    let thalweg = thalweg();
    let servers = thalweg.kafka();
    let json = "org.apache.kafka.connect.json.JsonConverter";
    let plain = [
        ("key.converter", json),
        ("key.converter.schemas.enable", "false"),
        ("value.converter", json),
        ("value.converter.schemas.enable", "false"),
    ];
    shop(&thalweg, &postgres, &plain);
    let by_kcat = kcat_read(servers, TOPIC, &[]);
    assert_eq!(by_kcat.len(), ROWS + 121);
    let tombstones = by_kcat.iter().filter(|line| line.ends_with("\tNULL\t")).count();
    assert_eq!(tombstones, 10);
    for client in Client::ALL {
        let read = client.ask(servers, &format!("read {TOPIC}"));
        assert!(read == by_kcat, "{client:?} reads other records than kcat");
        let from = client.ask(servers, &format!("read {TOPIC} 1 1000"));
        let tail: Vec<String> = kcat_read(servers, TOPIC, &["-p", "1", "-o", "1000"]);
        assert!(from == tail && from.len() > 100, "{client:?} from 1000: {}", from.len());
    }
    count("change events read by three clients, equal", 3 * by_kcat.len());
}

#[test]
#[ignore = "needs PyPI: make interop"]
fn what_confluent_kafka_writes_lands_in_the_lake() {
    let thalweg = thalweg();
    let servers = thalweg.kafka();
    Client::Python.must(servers, &["create orders 3".to_owned()]);
    let folder = tempfile::tempdir().unwrap();
    let parquet = [
        ("topics", "orders"),
        ("format.class", "io.confluent.connect.s3.format.parquet.ParquetFormat"),
        ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
    ];
    post(&thalweg, &lake("orders-lake", folder.path(), &parquet));
    python("write_avro.py", &[servers, &thalweg.registry(), "orders", "3000"]);
    let query = "SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(price) AS total, \
                 count(name) AS named, count(*) FILTER (paid) AS paid, max(name) AS last \
                 FROM read_parquet('LAKE/**/*.parquet')";
    let expected = json!([{
        "n": 3000, "ids": 3000, "total": 1_125_375.0, "named": 2700, "paid": 1500,
        "last": "order 999 ü",
    }]);
    eventually("the orders in the lake", &thalweg, || {
        let rows = json!(read_lake(folder.path(), query).unwrap_or_default());
        (rows == expected, (rows, status(&thalweg, "orders-lake")))
    });
    count("records produced by confluent-kafka, read by DuckDB", 3000);
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn what_each_client_writes_in_each_codec_lands_in_the_lake() {
    let thalweg = thalweg();
    let servers = thalweg.kafka();
    let folder = tempfile::tempdir().unwrap();
    let strings = "org.apache.kafka.connect.storage.StringConverter";
    let text = [("topics", "words"), ("key.converter", strings), ("value.converter", strings)];
    Client::Java.must(servers, &["create words 2 retention.ms=-1".to_owned()]);
    post(&thalweg, &lake("words-lake", folder.path(), &text));
    for client in Client::ALL {
        let writes = CODECS.map(|codec| format!("write words {codec} 1000"));
        assert!(client.run(servers, &writes).iter().all(|acked| acked.len() == 1000));
    }
    let input: String =
        (0..1000).map(|n| format!("{n}:value-{n}-{}\n", "x".repeat(n % 50))).collect();
    for codec in CODECS {
        kcat(servers, &["-P", "-t", "words", "-K:", "-z", codec], &input);
    }
    // Each value once by each client in each codec.
    let query = "SELECT DISTINCT count(*) AS times, count(*) OVER () AS words FROM \
                 read_json('LAKE/**/*.json', format='newline_delimited', records=false, \
                 columns={json: 'VARCHAR'}) GROUP BY json";
    let expected = json!([{ "times": 15, "words": 1000 }]);
    eventually("the records in the lake", &thalweg, || {
        let rows =
            read_lake(folder.path(), query).map_or_else(|e| json!(e.to_string()), |r| json!(r));
        (rows == expected, (rows, status(&thalweg, "words-lake")))
    });
    count("records produced in each codec, read by DuckDB", 15_000);
}
