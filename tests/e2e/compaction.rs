//! The lake of a compacted topic whose records go between the plan of a file and
//! the file.

use std::fmt::Write as _;
use std::path::Path;

use thalweg_harness::{Thalweg, ThalwegOptions, kcat};

use crate::setup::{eventually, lake, options, post, status, wait_for_task};

const TOPIC: &str = "prices";
const KEYS: usize = 120;
/// Keys that get a second value.
const CHANGED: usize = 60;
/// Offsets of the first file, and its records that compaction keeps.
const PLANNED: usize = 100;
const PLANNED_KEPT: usize = PLANNED - CHANGED;
/// Most of a record.
const FILLER_BYTES: usize = 400;

/// A server that compacts whenever there is something to compact.
fn compacting(home: &Path) -> ThalwegOptions {
    let settings = home.join("settings.toml");
    std::fs::write(&settings, "[log]\ncleaner.backoff.ms = 50").unwrap();
    let mut options = options(Some(&home.join("data")));
    options.arguments = vec!["--config".to_owned(), settings.display().to_string()];
    options
}

fn create_topic(thalweg: &Thalweg) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_thalweg"))
        .args(["topics", "create", TOPIC, "--kafka", thalweg.kafka()])
        .args(["--config", "cleanup.policy=compact", "--config", "segment.bytes=20000"])
        .args(["--config", "min.cleanable.dirty.ratio=0.01"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Writes each key once, in batches of one record; the values say which round it is.
fn produce(thalweg: &Thalweg, round: usize, keys: std::ops::Range<usize>) {
    let lines = keys.fold(String::new(), |mut lines, key| {
        let filler = "x".repeat(FILLER_BYTES);
        writeln!(lines, "{key}:{{\"key\":{key},\"round\":{round},\"filler\":\"{filler}\"}}")
            .unwrap();
        lines
    });
    let arguments = ["-P", "-t", TOPIC, "-K:", "-X", "acks=all", "-X", "batch.num.messages=1"];
    kcat(thalweg.kafka(), &arguments, lines.as_bytes()).unwrap();
}

/// What compaction freed, as the log of a server says.
fn freed_bytes(log: &str) -> usize {
    let words = log.split_whitespace().filter_map(|word| word.strip_prefix("freed_bytes="));
    words.map(|bytes| bytes.parse::<usize>().unwrap()).sum()
}

fn key_and_round(json: &str) -> (u64, u64) {
    let row: serde_json::Value = serde_json::from_str(json).unwrap();
    (row["key"].as_u64().unwrap(), row["round"].as_u64().unwrap())
}

/// The rows of the lake, in order.
fn rows(folder: &Path) -> Vec<(u64, u64)> {
    let files = std::fs::read_dir(folder.join("topics").join(TOPIC).join("partition=0"));
    let mut paths: Vec<_> = files.into_iter().flatten().map(|file| file.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap());
    texts.flat_map(|text| text.lines().map(key_and_round).collect::<Vec<_>>()).collect()
}

#[test]
fn what_compaction_takes_between_a_plan_and_its_file_is_not_in_the_lake_and_the_rest_is_once() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("lake");
    std::fs::create_dir(&folder).unwrap();
    // Where the folder of the files would be: they are planned, and can't be put.
    let in_the_way = folder.join("topics");
    std::fs::write(&in_the_way, "").unwrap();
    let first = Thalweg::start(&compacting(home.path())).unwrap();
    create_topic(&first);
    produce(&first, 0, 0..KEYS);
    let keys = [
        ("topics", TOPIC),
        ("flush.size", &PLANNED.to_string()),
        ("rotate.schedule.interval.ms", "-"),
        ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
        ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
        ("value.converter.schemas.enable", "false"),
    ];
    post(&first, &lake("prices", &folder, &keys));
    let planned = || {
        let text = kcat(
            first.kafka(),
            &["-C", "-q", "-e", "-t", "connect-sink-state", "-o", "beginning"],
            b"",
        );
        let text = text.unwrap_or_default();
        (text.contains(&format!("\"count\":{PLANNED},")), text)
    };
    eventually("a plan", &first, planned);
    first.kill().unwrap();

    // Some of the keys get a later value, and the planned ones of these go.
    let second = Thalweg::start(&compacting(home.path())).unwrap();
    assert_eq!(rows(&folder), []);
    produce(&second, 1, 0..CHANGED);
    // What is still written to is not compacted: something else behind them.
    produce(&second, 1, 1000..1000 + KEYS);
    // Readers get from memory what is no longer in the files.
    eventually("compaction", &second, || {
        let freed = freed_bytes(&second.log());
        (freed > CHANGED * FILLER_BYTES, freed)
    });
    second.kill().unwrap();

    std::fs::remove_file(&in_the_way).unwrap();
    let third = Thalweg::start(&compacting(home.path())).unwrap();
    produce(&third, 2, 0..KEYS);
    let rows = eventually("the lake", &third, || {
        let rows = rows(&folder);
        (rows.iter().any(|(_, round)| *round == 2), rows)
    });
    wait_for_task(&third, "prices", "RUNNING");
    let mut once = rows.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), rows.len(), "a row is there twice: {rows:?}");
    // Of the planned file what was left, and then all that came later.
    let first: Vec<_> = (CHANGED..PLANNED).map(|key| (key as u64, 0)).collect();
    assert_eq!(rows[..PLANNED_KEPT], first);
    for (key, round) in (0..KEYS).map(|key| (key as u64, u64::from(key < CHANGED))) {
        assert!(rows.contains(&(key, round)), "{key} of round {round}: {rows:?}");
    }
    assert!(third.log().contains("were removed from the log"), "{}", third.log());
    let status = status(&third, "prices");
    let told = format!("{CHANGED} row(s) of offsets 0 to {} were removed", PLANNED - 1);
    assert!(status["tasks"][0].to_string().contains(&told), "{status}");
}
