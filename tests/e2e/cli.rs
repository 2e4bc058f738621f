//! The commands that talk to a running server: topics, read and write.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thalweg_harness::{Postgres, Thalweg, free_port};

use crate::setup::{PATIENCE, eventually, post, source, thalweg};

const BINARY: &str = env!("CARGO_BIN_EXE_thalweg");

/// The address of a listener, out of the ready line.
fn address(thalweg: &Thalweg, name: &str) -> String {
    let found = thalweg.ready.split(' ').find_map(|word| word.strip_prefix(name));
    found.and_then(|rest| rest.strip_prefix('=')).unwrap().to_owned()
}

/// `thalweg ARGUMENTS`, for this server.
pub(crate) fn command(thalweg: &Thalweg, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .env("THALWEG_KAFKA", address(thalweg, "kafka"))
        .env("THALWEG_REGISTRY", address(thalweg, "registry"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end, with this standard input.
fn run_with(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // One that fails does not read to the end.
    let writer = std::thread::spawn(move || stdin.write_all(&input).ok());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What a command that must do well prints; it has nothing else to say.
fn done(thalweg: &Thalweg, arguments: &[&str], input: &str) -> String {
    let output = run_with(command(thalweg, arguments), input.as_bytes());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && stderr.is_empty(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The JSON lines of a command that must do well.
fn lines(thalweg: &Thalweg, arguments: &[&str], input: &str) -> Vec<Value> {
    let text = done(thalweg, arguments, input);
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// What a command that must fail says, and its exit code.
fn refused(thalweg: &Thalweg, arguments: &[&str], input: &str) -> (i32, String) {
    let output = run_with(command(thalweg, arguments), input.as_bytes());
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// One field of each line.
fn field<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    lines.iter().map(|line| &line[name]).collect()
}

#[test]
fn topics_are_made_listed_described_and_deleted() {
    let thalweg = thalweg();
    let create = ["topics", "create", "orders", "--partitions", "3"];
    let made = lines(
        &thalweg,
        &[&create[..], &["--config", "retention.ms=86400000", "--config", "segment.ms=1000000"]]
            .concat(),
        "",
    );
    assert_eq!((&made[0]["topic"], &made[0]["partitions"]), (&json!("orders"), &json!(3)));
    assert_eq!(lines(&thalweg, &["topics", "create", "plain"], "")[0]["partitions"], 1);

    let listed = lines(&thalweg, &["topics", "list"], "");
    assert!(listed.contains(&json!({"topic": "orders", "partitions": 3, "internal": false})));
    let schemas = listed.iter().find(|line| line["topic"] == "_schemas").unwrap();
    assert_eq!(schemas["internal"], true);
    assert!(field(&listed, "topic").is_sorted_by_key(|name| name.as_str()));

    done(&thalweg, &["write", "orders", "--partition", "2"], "a:1\nb:2\n");
    let described = &lines(&thalweg, &["topics", "describe", "orders"], "")[0];
    assert_eq!(described["id"], made[0]["id"]);
    assert_eq!(described["partitions"][0], json!({"partition": 0, "start": 0, "end": 0}));
    assert_eq!(described["partitions"][2], json!({"partition": 2, "start": 0, "end": 2}));
    assert_eq!(described["config"], json!({"retention.ms": "86400000", "segment.ms": "1000000"}));
    assert_eq!(described["defaults"]["cleanup.policy"], "delete");

    let (code, text) = refused(&thalweg, &create, "");
    assert!(code == 1 && text.contains("orders") && text.contains("exist"), "{text}");
    let bad = ["topics", "create", "x", "--config", "retention.ms=long"];
    let (code, text) = refused(&thalweg, &bad, "");
    assert!(code == 1 && text.contains("retention.ms"), "{text}");

    assert_eq!(lines(&thalweg, &["topics", "delete", "orders"], "")[0]["deleted"], true);
    assert!(!done(&thalweg, &["topics", "list"], "").contains("orders"));
    let (code, text) = refused(&thalweg, &["topics", "delete", "_schemas"], "");
    assert!(code == 1 && text.contains("_schemas"), "{text}");
}

#[test]
fn lines_are_written_and_read_back() {
    let thalweg = thalweg();
    done(&thalweg, &["topics", "create", "notes"], "");
    let input = "a:text: \"x\"\nb:{\"n\": 1.50,  \"l\": [1, 2]}\na:12\n:\n";
    let written = lines(&thalweg, &["write", "notes"], input);
    assert_eq!(written, [json!({"topic": "notes", "written": 4})]);
    let read = |more: &[&str]| lines(&thalweg, &[&["read", "notes"], more].concat(), "");

    let all = read(&[]);
    assert_eq!(field(&all, "offset"), [0, 1, 2, 3]);
    assert_eq!(field(&all, "key"), ["a", "b", "a", ""]);
    assert_eq!(
        field(&all, "value")[..],
        [&json!("text: \"x\""), &json!({"n": 1.5, "l": [1, 2]}), &json!("12"), &json!("")]
    );
    let keys: Vec<&String> = all[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["topic", "partition", "offset", "timestamp", "key", "value", "headers"]);
    // JSON is kept to the letter, but for the space between its parts.
    assert!(done(&thalweg, &["read", "notes"], "").contains(r#""value":{"n":1.50,"l":[1,2]}"#));
    assert_eq!(
        done(&thalweg, &["read", "notes", "--format", "raw"], ""),
        "text: \"x\"\n{\"n\": 1.50,  \"l\": [1, 2]}\n12\n\n"
    );
    let hex = read(&["--format", "hex"]);
    assert_eq!((&hex[2]["key"], &hex[2]["value"]), (&json!("61"), &json!("3132")));

    // A later record, so that there is a time between them.
    std::thread::sleep(Duration::from_millis(20));
    let bytes = command(&thalweg, &["write", "notes", "--no-key"]);
    assert!(run_with(bytes, b"\xff\x01\n").status.success());
    let late = read(&["--from", "4"]);
    assert_eq!(late.len(), 1);
    assert_eq!(late[0]["key"], Value::Null);
    assert_eq!(late[0]["value"], json!({"$base64": "/wE="}));
    let ms = late[0]["timestamp"].as_i64().unwrap();
    let before = chrono::DateTime::from_timestamp_millis(ms - 5).unwrap();
    for from in [(ms - 5).to_string(), before.to_rfc3339()] {
        assert_eq!(read(&["--from", &from]), late, "{from}");
    }
    assert_eq!(read(&["--from", &(ms + 60_000).to_string()]), [Value::Null; 0]);
    assert_eq!(read(&["--from", "end"]), [Value::Null; 0]);
    assert_eq!(read(&["--from", "beginning", "--max", "2"]), all[..2]);
    assert_eq!(read(&["--from", "1", "--max", "1"]), all[1..2]);
}

#[test]
fn keys_belong_to_partitions_and_offsets_too() {
    let thalweg = thalweg();
    done(&thalweg, &["topics", "create", "parts", "--partitions", "3"], "");
    let many: String = (0..300).map(|n| format!("key-{}=>{n}\n", n % 30)).collect();
    done(&thalweg, &["write", "parts", "--key-separator", "=>"], &many);
    let all = lines(&thalweg, &["read", "parts"], "");
    assert_eq!(all.len(), 300);
    let mut sum = 0;
    for partition in ["0", "1", "2"] {
        let one = lines(&thalweg, &["read", "parts", "--partition", partition], "");
        assert!(!one.is_empty() && one.len() < 300, "30 keys are in {} parts", one.len());
        // Each key in one partition, its values in order.
        for line in &one {
            let of_key = |line: &&Value| line["key"] == one[0]["key"];
            let values: Vec<u32> = one.iter().filter(of_key).map(number).collect();
            assert!(values.is_sorted() && values.len() == 10, "{line}");
        }
        sum += one.len();
    }
    assert_eq!(sum, 300);
    // The partition of Kafka's own clients: murmur2("key-1") & 0x7fffffff, modulo 3.
    let partition =
        |key: &str| all.iter().find(|line| line["key"] == key).unwrap()["partition"].as_u64();
    assert_eq!(partition("key-1"), Some(u64::from(thalweg_log::record::partition_of(b"key-1", 3))));

    done(&thalweg, &["write", "parts", "--partition", "1"], "only:here\n");
    let one = lines(&thalweg, &["read", "parts", "--partition", "1"], "");
    assert_eq!(one.last().unwrap()["key"], "only");
    let (code, text) = refused(&thalweg, &["read", "parts", "--from", "5"], "");
    assert!(code == 2 && text.contains("--partition"), "{text}");
    let (code, text) = refused(&thalweg, &["read", "parts", "--partition", "3"], "");
    assert!(code == 1 && text.contains("no partition 3"), "{text}");
    let (code, text) =
        refused(&thalweg, &["read", "parts", "--partition", "0", "--from", "5000"], "");
    assert!(code == 1 && text.contains("--from end"), "{text}");
}

fn number(line: &Value) -> u32 {
    line["value"].as_str().unwrap().parse().unwrap()
}

#[test]
fn new_records_are_followed_and_a_reader_may_go() {
    let thalweg = thalweg();
    done(&thalweg, &["topics", "create", "live"], "");
    done(&thalweg, &["write", "live", "--no-key"], "old\n");
    let mut following = command(&thalweg, &["read", "live", "--follow", "--from", "end"]);
    let mut following = following.spawn().unwrap();
    let mut read = BufReader::new(following.stdout.take().unwrap());

    // A writer that is not done yet is read all the same: nothing waits for the
    // end of its input.
    let mut writing = command(&thalweg, &["write", "live", "--no-key"]).spawn().unwrap();
    let mut input = writing.stdin.take().unwrap();
    let mut seen = Vec::new();
    // The reader may have started after the first ones: one of them comes.
    let end = Instant::now() + PATIENCE;
    let (send, lines) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut line = String::new();
        while read.read_line(&mut line).unwrap() > 0 {
            if send.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    for n in 0.. {
        assert!(Instant::now() < end, "nothing is followed");
        input.write_all(format!("new {n}\n").as_bytes()).unwrap();
        if let Ok(line) = lines.recv_timeout(Duration::from_millis(300)) {
            seen.push(line);
            break;
        }
    }
    let line: Value = serde_json::from_str(&seen[0]).unwrap();
    assert!(line["value"].as_str().unwrap().starts_with("new "), "{line}");
    drop(input);
    assert!(writing.wait().unwrap().success());

    // Now nothing is written, and the reader goes: the command ends by itself,
    // with no word about it.
    drop(lines);
    done(&thalweg, &["write", "live", "--no-key"], "last\n");
    reader.join().unwrap();
    let output = ended(following);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// Waits for the end of a command, which must come by itself.
fn ended(mut child: std::process::Child) -> Output {
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("it does not end: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn a_pipe_that_closes_early_is_no_error() {
    let thalweg = thalweg();
    done(&thalweg, &["topics", "create", "long"], "");
    let many: String = (0..20_000).map(|n| format!("{n}:{n}\n")).collect();
    done(&thalweg, &["write", "long"], &many);
    for arguments in ["read long", "read long --follow", "read long --follow --format raw"] {
        let script = format!("'{BINARY}' {arguments} | head -n 1");
        let output = Command::new("timeout")
            .args(["60", "bash", "-o", "pipefail", "-c", &script])
            .env("THALWEG_KAFKA", address(&thalweg, "kafka"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && stderr.is_empty(), "{arguments}: {stderr}");
        assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
    // All of it, more than one answer of the server holds pieces of.
    let all = done(&thalweg, &["read", "long", "--format", "raw"], "");
    let expected: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    assert!(all == expected);
}

#[test]
fn what_the_postgres_source_wrote_is_decoded() {
    let postgres = Postgres::start().unwrap();
    postgres
        .sql(
            "CREATE TABLE orders (id int PRIMARY KEY, name text, price numeric(10,2)); \
             INSERT INTO orders SELECT n, 'order ' || n, n / 4.0 FROM generate_series(1, 5) n",
        )
        .unwrap();
    let thalweg = thalweg();
    post(&thalweg, &source(&postgres, "shop", &[]));
    let read =
        |more: &[&str]| lines(&thalweg, &[&["read", "shop.public.orders"], more].concat(), "");
    let end = || {
        let listed = done(&thalweg, &["topics", "list"], "");
        if !listed.contains("shop.public.orders") {
            return 0;
        }
        let described = &lines(&thalweg, &["topics", "describe", "shop.public.orders"], "")[0];
        described["partitions"][0]["end"].as_i64().unwrap()
    };
    eventually("the snapshot", &thalweg, || (end() == 5, end()));
    postgres
        .sql("UPDATE orders SET name = 'x' WHERE id = 2; DELETE FROM orders WHERE id = 3")
        .unwrap();
    eventually("the changes", &thalweg, || (end() == 8, end()));

    let all = read(&[]);
    assert_eq!(all[0]["key"], json!({"id": 1}));
    assert_eq!(all[0]["value"]["op"], "r");
    assert_eq!(all[0]["value"]["before"], Value::Null);
    assert_eq!(all[0]["value"]["after"], json!({"id": 1, "name": "order 1", "price": 0.25}));
    assert_eq!(all[0]["value"]["source"]["table"], "orders");
    assert_eq!(
        (&all[5]["value"]["op"], &all[5]["value"]["after"]["name"]),
        (&json!("u"), &json!("x"))
    );
    assert_eq!(all[6]["value"]["before"]["id"], 3);
    // The tombstone that follows a delete.
    assert_eq!((&all[7]["key"], &all[7]["value"]), (&json!({"id": 3}), &Value::Null));
    // Its bytes as they are: the mark, and the schema's id.
    let hex = read(&["--format", "hex", "--from", "7"]);
    assert!(hex[0]["key"].as_str().unwrap().starts_with("00000000"), "{hex:?}");
    assert_eq!(hex[0]["value"], Value::Null);

    // Without a registry that answers: said, and what to do.
    let registry = format!("127.0.0.1:{}", free_port().unwrap());
    let arguments = ["read", "shop.public.orders", "--registry", &registry];
    let (code, text) = refused(&thalweg, &arguments, "");
    assert!(code == 1 && text.contains(&registry) && text.contains("--registry"), "{text}");
    assert!(text.contains("shop.public.orders-0 offset 0"), "{text}");
}

#[test]
fn what_only_looks_like_avro_is_shown_as_bytes_with_a_note() {
    let thalweg = thalweg();
    done(&thalweg, &["topics", "create", "odd"], "");
    let bytes = command(&thalweg, &["write", "odd", "--no-key"]);
    assert!(run_with(bytes, b"\0\0\0\x03\xe7abc\n\0\0\0\x03\xe7\n\0\n").status.success());
    let output = run_with(command(&thalweg, &["read", "odd"]), b"");
    assert!(output.status.success());
    let stdout = String::from_utf8(output.stdout).unwrap();
    let values: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["value"].take())
        .collect();
    assert_eq!(
        values,
        [json!({"$base64": "AAAAA+dhYmM="}), json!({"$base64": "AAAAA+c="}), json!("\0")]
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.matches("note: ").count(), 1, "{stderr}");
    assert!(stderr.contains("odd-0 offset 0") && stderr.contains("999"), "{stderr}");
}

#[test]
fn mistakes_are_answered_with_what_to_do() {
    let thalweg = thalweg();
    for name in ["orders", "shop.public.customers"] {
        done(&thalweg, &["topics", "create", name], "");
    }
    for (arguments, parts) in [
        (&["read", "ordres"][..], &["no topic ordres", "did you mean orders?"][..]),
        (&["read", "customers"], &["did you mean shop.public.customers?"]),
        (&["write", "nothing-like-it"], &["thalweg topics list", "topics create nothing-like-it"]),
        (&["topics", "describe", "order"], &["did you mean orders?"]),
        (&["topics", "delete", "odrers"], &["did you mean orders?"]),
        (&["topics", "create", "no/slash"], &["no/slash"]),
        (&["write", "orders", "--partition", "4"], &["no partition 4"]),
    ] {
        let (code, text) = refused(&thalweg, arguments, "a:b\n");
        assert_eq!(code, 1, "{arguments:?}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
    }
    // Nobody made a topic by asking for it.
    assert!(!done(&thalweg, &["topics", "list"], "").contains("nothing-like-it"));

    let (code, text) = refused(&thalweg, &["write", "orders"], "a:1\nb:2\nno separator\nc:3\n");
    assert!(code == 1 && text.contains("line 3") && text.contains("2 line(s)"), "{text}");
    assert_eq!(lines(&thalweg, &["read", "orders"], "").len(), 2);
    let small = ["topics", "create", "small", "--config", "max.message.bytes=65536"];
    done(&thalweg, &small, "");
    let fit: String = (0..9).map(|n| format!("{n}:{}\n", noise(30 << 10))).collect();
    assert_eq!(lines(&thalweg, &["write", "small"], &fit)[0]["written"], 9);
    let too_long = format!("k:{}\n", noise(200 << 10));
    let (code, text) = refused(&thalweg, &["write", "small"], &too_long);
    assert!(code == 1 && text.contains("max.message.bytes"), "{text}");

    for arguments in [
        &["read"][..],
        &["read", "orders", "--from", "yesterday"],
        &["read", "orders", "--format", "xml"],
        &["topics", "create", "x", "--partitions", "0"],
        &["topics", "create", "x", "--config", "retention"],
        &["write", "orders", "--no-key", "--key-separator", ";"],
        &["write", "orders", "--key-separator", ""],
    ] {
        let (code, text) = refused(&thalweg, arguments, "");
        assert!(code == 2 && !text.is_empty(), "{arguments:?}: {text}");
    }
}

/// Text that does not get shorter by compression.
fn noise(len: usize) -> String {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + u8::try_from((state >> 33) % 26).unwrap())
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn a_server_that_is_not_there_or_another_one_is_told() {
    let thalweg = thalweg();
    let free = format!("127.0.0.1:{}", free_port().unwrap());
    let rest = address(&thalweg, "rest");
    for (kafka, parts) in [
        (&*free, &[&*free, "thalweg serve", "--kafka"][..]),
        (&*rest, &[&*rest, "does not speak Kafka's protocol", "--kafka"]),
        ("here", &["--kafka", "127.0.0.1:9092"]),
        ("nowhere.invalid:9092", &["nowhere.invalid:9092", "thalweg serve"]),
    ] {
        for arguments in [&["topics", "list"][..], &["read", "t"], &["write", "t"]] {
            let arguments = [arguments, &["--kafka", kafka]].concat();
            let (code, text) = refused(&thalweg, &arguments, "a:b\n");
            assert_eq!(code, 1, "{arguments:?}: {text}");
            for part in parts {
                assert!(text.contains(part), "{part:?} is not in: {text}");
            }
        }
    }
}
