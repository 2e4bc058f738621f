//! Records of several versions of a schema, read with one: `schema.compatibility` of the lake's
//! sink, `use.latest.version` of the converter, `thalweg read --schema`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use thalweg_harness::{Thalweg, connector, curl, kcat};

use crate::cli::command;
use crate::lake;
use crate::setup::{eventually, options, post, status, thalweg, wait_for_task};

const ID: &str = r#"{"name":"id","type":"int"}"#;
const NOTE: &str = r#"{"name":"note","type":"string","default":"none"}"#;
const SIZE: &str = r#"{"name":"size","type":["int","null"],"default":7}"#;
const COLOR: &str = r#"{"name":"color","type":"string","default":"red"}"#;

fn record(fields: &[&str]) -> String {
    let fields = fields.join(",");
    format!(r#"{{"type":"record","name":"Order","namespace":"shop","fields":[{fields}]}}"#)
}

fn set_level(thalweg: &Thalweg, level: &str) {
    let body = json!({ "compatibility": level }).to_string();
    let url = format!("{}/config", thalweg.registry());
    assert_eq!(curl("PUT", &url, Some(&body)).unwrap().status, 200);
}

/// Registers the next version of `orders-value`; its id.
fn register(thalweg: &Thalweg, schema: &str) -> u8 {
    let url = format!("{}/subjects/orders-value/versions", thalweg.registry());
    let answer = curl("POST", &url, Some(&json!({ "schema": schema }).to_string())).unwrap();
    let id = answer.json()["id"].as_u64().unwrap_or_else(|| panic!("{}", answer.text));
    u8::try_from(id).unwrap()
}

/// A record of `{id, note}`.
fn first(schema: u8, id: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, schema, id * 2, 2, b'a' + id]
}

/// A record of `{id, size}`, with the size ten times the id.
fn second(schema: u8, id: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, schema, id * 2, 0, id * 20]
}

fn produce(thalweg: &Thalweg, records: &[Vec<u8>]) {
    const END: &[u8] = b"<END>";
    let arguments = ["-P", "-t", "orders", "-p", "0", "-D", "<END>", "-X", "acks=all"];
    kcat(thalweg.kafka(), &arguments, &records.join(END)).unwrap();
}

/// A sink of the topic that closes its files after five rows, or for a new schema.
fn sink(thalweg: &Thalweg, name: &str, home: &Path, more: &[(&str, &str)]) {
    let config = json!({
        "connector.class": "io.confluent.connect.s3.S3SinkConnector",
        "store.url": format!("file://{}", home.join(name).display()),
        "topics": "orders",
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "io.confluent.connect.avro.AvroConverter",
        "flush.size": "5",
    });
    post(thalweg, &connector(name, config, more));
}

/// The files of a sink: the first offset of each, and its rows.
fn files(home: &Path, name: &str) -> BTreeMap<u64, Vec<Value>> {
    let lines = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let found = lake::files(&home.join(name)).into_iter();
    found.map(|file| (file.first, lines(&file.path))).collect()
}

fn noted(ids: impl Iterator<Item = u8>, own: &[u8]) -> Vec<Value> {
    let note = |id: u8| {
        if own.contains(&id) { String::from(char::from(b'a' + id)) } else { "none".into() }
    };
    ids.map(|id| json!({ "id": id, "note": note(id) })).collect()
}

fn sized(ids: impl Iterator<Item = u8>, own: &[u8]) -> Vec<Value> {
    let size = |id: u8| if own.contains(&id) { id * 10 } else { 7 };
    ids.map(|id| json!({ "id": id, "size": size(id) })).collect()
}

fn await_files(thalweg: &Thalweg, home: &Path, name: &str, wanted: &[(u64, Vec<Value>)]) {
    let wanted: BTreeMap<u64, Vec<Value>> = wanted.iter().cloned().collect();
    eventually(name, thalweg, || {
        let files = files(home, name);
        (files == wanted, (files, status(thalweg, name)))
    });
}

#[test]
fn a_sink_reads_all_rows_with_one_version_also_after_it_was_killed() {
    let home = tempfile::tempdir().unwrap();
    let (data, home) = (home.path().join("data"), home.path());
    let thalweg = Thalweg::start(&options(Some(&data))).unwrap();
    let (old, new) =
        (register(&thalweg, &record(&[ID, NOTE])), register(&thalweg, &record(&[ID, SIZE])));
    let (f, s) = (|id| first(old, id), |id| second(new, id));
    produce(&thalweg, &[f(0), s(1), f(2), f(3), s(4), f(5)]);
    for (name, value) in [("backward", "BACKWARD"), ("full", "FULL"), ("forward", "FORWARD")] {
        sink(&thalweg, name, home, &[("schema.compatibility", value)]);
    }
    sink(&thalweg, "latest", home, &[("value.converter.use.latest.version", "true")]);
    let backward = vec![(0, noted(0..1, &[0])), (1, sized(1..6, &[1, 4]))];
    let forward = vec![(0, noted(0..5, &[0, 2, 3]))];
    let latest = vec![(0, sized(0..5, &[1, 4]))];
    let check = |thalweg: &Thalweg, [backward, forward, latest]: [&[(u64, Vec<Value>)]; 3]| {
        await_files(thalweg, home, "backward", backward);
        await_files(thalweg, home, "full", backward);
        await_files(thalweg, home, "forward", forward);
        await_files(thalweg, home, "latest", latest);
    };
    check(&thalweg, [&backward, &forward, &latest]);
    thalweg.kill().unwrap();

    // What a version was found to be is known after a restart: only the old one follows.
    let thalweg = Thalweg::start(&options(Some(&data))).unwrap();
    produce(&thalweg, &(6..11).map(f).collect::<Vec<_>>());
    let backward = [backward, vec![(6, sized(6..11, &[]))]].concat();
    let forward = [forward, vec![(5, noted(5..10, &[5, 6, 7, 8, 9]))]].concat();
    let latest = [latest, vec![(5, sized(5..10, &[]))]].concat();
    check(&thalweg, [&backward, &forward, &latest]);
    let is_read = |thalweg: &Thalweg, offset: u64| {
        let reading = thalweg.call("GET", "/connectors/latest/status", None).unwrap();
        eventually(&format!("offset {offset}"), thalweg, || {
            let group = thalweg.call("GET", "/connectors/latest/offsets", None).unwrap().json();
            let at = group["offsets"][0]["offset"]["kafka_offset"].as_u64();
            (at >= Some(offset), (group, reading.text.clone()))
        });
    };
    is_read(&thalweg, 10);

    // A version that is registered later does not count for a row that the killed process
    // had read with the one before: that may be in a file.
    register(&thalweg, &record(&[ID, SIZE, COLOR]));
    thalweg.kill().unwrap();
    let thalweg = Thalweg::start(&options(Some(&data))).unwrap();
    wait_for_task(&thalweg, "latest", "RUNNING");
    std::thread::sleep(Duration::from_millis(200));
    produce(&thalweg, &(11..16).map(f).collect::<Vec<_>>());
    let colored: Vec<Value> =
        (11..16).map(|id| json!({ "id": id, "size": 7, "color": "red" })).collect();
    let latest = [latest, vec![(10, sized(10..11, &[])), (11, colored)]].concat();
    await_files(&thalweg, home, "latest", &latest);
    assert!(thalweg.stop().unwrap().success());
}

/// `thalweg read orders` with more arguments: the values, or what was said.
fn read(thalweg: &Thalweg, more: &[&str]) -> Result<Vec<Value>, String> {
    let out = command(thalweg, &[&["read", "orders"], more].concat()).output().unwrap();
    if !out.status.success() {
        return Err(String::from_utf8(out.stderr).unwrap());
    }
    let lines = String::from_utf8(out.stdout).unwrap();
    let line = |line| serde_json::from_str::<Value>(line).unwrap()["value"].clone();
    Ok(lines.lines().map(line).collect())
}

#[test]
fn the_command_line_reads_values_with_any_version_or_a_file() {
    let home = tempfile::tempdir().unwrap();
    let thalweg = thalweg();
    let old = register(&thalweg, &record(&[ID, NOTE]));
    let new = register(&thalweg, &record(&[ID, SIZE]));
    produce(&thalweg, &[first(old, 0), second(new, 1), b"text".to_vec()]);
    let text = json!("text");
    let written = [json!({"id": 0, "note": "a"}), json!({"id": 1, "size": 10}), text.clone()];
    let noted = [json!({"id": 0, "note": "a"}), json!({"id": 1, "note": "none"}), text.clone()];
    let sized = [json!({"id": 0, "size": 7}), json!({"id": 1, "size": 10}), text.clone()];
    assert_eq!(read(&thalweg, &[]).unwrap(), written);
    assert_eq!(read(&thalweg, &["--schema", "1"]).unwrap(), noted);
    for newest in ["2", "latest"] {
        assert_eq!(read(&thalweg, &["--schema", newest]).unwrap(), sized);
    }
    let file = home.path().join("ours.avsc");
    let path = file.to_str().unwrap();
    std::fs::write(&file, record(&[r#"{"name":"id","type":"double"}"#, COLOR])).unwrap();
    let colored = [json!({"id": 0.0, "color": "red"}), json!({"id": 1.0, "color": "red"}), text];
    assert_eq!(read(&thalweg, &["--schema", path]).unwrap(), colored);

    std::fs::write(&file, record(&[ID, r#"{"name":"note","type":"string"}"#])).unwrap();
    let told = read(&thalweg, &["--schema", path]).unwrap_err();
    for part in ["orders-0 offset 1", "schema 2", "note", "default"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    for (schema, part) in
        [("3", "version 3"), ("nowhere.avsc", "nowhere.avsc: No such file"), ("0", "version")]
    {
        let told = read(&thalweg, &["--schema", schema]).unwrap_err();
        assert!(told.contains(part), "{told}");
    }
    let told = read(&thalweg, &["--schema", "1", "--format", "hex"]).unwrap_err();
    assert!(told.contains("--format json"), "{told}");
}

#[test]
fn a_version_that_does_not_take_a_row_stops_the_sink_with_its_place() {
    let home = tempfile::tempdir().unwrap();
    let thalweg = thalweg();
    set_level(&thalweg, "NONE");
    let old = register(&thalweg, &record(&[ID, NOTE]));
    let new = register(&thalweg, &record(&[ID, r#"{"name":"note","type":"int"}"#]));
    produce(&thalweg, &[vec![0, 0, 0, 0, new, 2, 2], first(old, 2)]);
    sink(&thalweg, "backward", home.path(), &[("schema.compatibility", "BACKWARD")]);
    let status = wait_for_task(&thalweg, "backward", "FAILED");
    let trace = status["tasks"][0]["trace"].as_str().unwrap();
    for part in ["orders-0 at offset 1", "note", "schema.compatibility=NONE"] {
        assert!(trace.contains(part), "{part}: {trace}");
    }
    let json = ("value.converter", "org.apache.kafka.connect.json.JsonConverter");
    sink(&thalweg, "json", home.path(), &[("schema.compatibility", "FULL"), json]);
    let status = thalweg.call("GET", "/connectors/json/status", None).unwrap();
    assert!(
        status.text.contains("value.converter: its schemas are no versions"),
        "{}",
        status.text
    );
}
