//! What one client writes, every client reads: from the beginning, from any
//! offset, from any time.

use crate::run::{BASE_MS, CODECS, Client, count, kcat, kcat_read};
use crate::setup::thalweg;

/// Records of each topic here, and its partitions.
const RECORDS: i64 = 1000;
const PARTITIONS: i64 = 3;
/// Its records have old timestamps.
const KEPT: &str = "retention.ms=-1";

/// The lines that `read` prints of what `write` wrote.
fn written() -> Vec<String> {
    let mut lines = Vec::new();
    for partition in 0..PARTITIONS {
        let numbers = (partition..RECORDS).step_by(usize::try_from(PARTITIONS).unwrap());
        for (offset, number) in numbers.enumerate() {
            let value =
                format!("value-{number}-{}", "x".repeat(usize::try_from(number % 50).unwrap()));
            let ms = BASE_MS + number * 1000;
            lines.push(format!(
                "{partition}\t{offset}\t{ms}\tkey-{number}\t{value}\tnumber={number}"
            ));
        }
    }
    lines
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn each_client_reads_what_each_wrote_in_each_codec() {
    let thalweg = thalweg();
    let servers = thalweg.kafka();
    let expected = written();
    for writer in Client::ALL {
        let topics = CODECS.map(|codec| format!("{writer:?}-{codec}"));
        let creates = topics.clone().map(|topic| format!("create {topic} {PARTITIONS} {KEPT}"));
        writer.must(servers, &creates);
        let writes = CODECS.map(|codec| format!("write {writer:?}-{codec} {codec} {RECORDS}"));
        for acked in writer.run(servers, &writes) {
            let places = (0..RECORDS).map(|n| format!("{} {}", n % PARTITIONS, n / PARTITIONS));
            assert_eq!(acked, places.collect::<Vec<_>>());
        }
        for reader in Client::ALL {
            let reads = topics.clone().map(|topic| format!("read {topic}"));
            for (topic, read) in topics.iter().zip(reader.run(servers, &reads)) {
                assert_same(&format!("{reader:?} of {topic}"), &read, &expected);
            }
        }
        for topic in &topics {
            assert_same(&format!("kcat of {topic}"), &kcat_read(servers, topic, &[]), &expected);
        }
    }
    count("records read by three clients, equal", expected.len() * CODECS.len() * 6);
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn each_client_reads_what_kcat_wrote() {
    let thalweg = thalweg();
    let servers = thalweg.kafka();
    let input: String = (0..RECORDS).map(|n| format!("key-{n}:value {n}\n")).collect();
    for codec in CODECS {
        let topic = format!("kcat-{codec}");
        Client::Python.must(servers, &[format!("create {topic} 1")]);
        let produce = ["-P", "-t", &topic, "-K:", "-z", codec, "-H", "from=kcat"];
        kcat(servers, &[&produce[..], &["-X", "enable.idempotence=true"]].concat(), &input);
        let by_kcat = kcat_read(servers, &topic, &[]);
        for (n, line) in by_kcat.iter().enumerate() {
            let words: Vec<&str> = line.split('\t').collect();
            assert_eq!(words[..2], ["0", &n.to_string()]);
            assert_eq!(words[3..], [&format!("key-{n}"), &format!("value {n}"), "from=kcat"]);
        }
        assert_eq!(by_kcat.len(), 1000);
        for reader in Client::ALL {
            let read = reader.ask(servers, &format!("read {topic}"));
            assert_same(&format!("{reader:?} of {topic}"), &read, &by_kcat);
        }
        count("records read by three clients, equal", 3000);
    }
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn any_offset_and_any_time_is_found() {
    let thalweg = thalweg();
    let servers = thalweg.kafka();
    Client::Python.must(servers, &[format!("create t {PARTITIONS} segment.bytes=4096 {KEPT}")]);
    Client::Python.ask(servers, &format!("write t lz4 {RECORDS}"));
    let expected = written();
    // Of partition 1: numbers 1, 4, 7, ... a record every 3 s.
    let of_partition: Vec<&String> =
        expected.iter().filter(|line| line.starts_with("1\t")).collect();
    let end = of_partition.len();
    for client in Client::ALL {
        let offsets = [0, 1, 99, 250, end - 1, end];
        let reads = offsets.map(|offset| format!("read t 1 {offset}"));
        for (offset, read) in offsets.iter().zip(client.run(servers, &reads)) {
            assert_eq!(read.iter().collect::<Vec<_>>(), of_partition[*offset..], "{client:?}");
            let kcat = kcat_read(servers, "t", &["-p", "1", "-o", &offset.to_string()]);
            assert_eq!(kcat.iter().collect::<Vec<_>>(), of_partition[*offset..], "kcat");
        }
        // Before all, on a record, between two, on the last, after it.
        let last = 1000 * (1 + 3 * (i64::try_from(end).unwrap() - 1));
        let times =
            [(0, 0), (1000, 0), (4000, 1), (4001, 2), (300_000, 100), (last, 332), (last + 1, -1)];
        let asks = times.map(|(ms, _)| format!("time t 1 {}", BASE_MS + ms));
        for ((ms, offset), answer) in times.iter().zip(client.run(servers, &asks)) {
            assert_eq!(answer, [offset.to_string()], "{client:?} at {ms}");
        }
        assert_eq!(client.ask(servers, "ends t"), ["0 0 334", "1 0 333", "2 0 333"]);
        count("offsets and times looked up", offsets.len() + times.len());
    }
    // kcat's own query for a time, and reading from a time on.
    let at = (BASE_MS + 300_000).to_string();
    assert_eq!(kcat(servers, &["-Q", "-t", &format!("t:1:{at}")], ""), "t [1] offset 100\n");
    let read = kcat_read(servers, "t", &["-p", "1", "-o", &format!("s@{at}")]);
    assert_eq!(read.iter().collect::<Vec<_>>(), of_partition[100..]);
    count("offsets and times looked up", 2);
}

fn assert_same(what: &str, read: &[String], expected: &[String]) {
    let different = read.iter().zip(expected).find(|(read, expected)| read != expected);
    assert!(different.is_none(), "{what}: {different:?}");
    assert_eq!(read.len(), expected.len(), "{what}");
}
