#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;

use super::*;

/// What Java's Avro library prints for each schema, or why it refuses it; recorded by
/// the test `record` of `tests/oracle`.
const CANONICAL: &str = include_str!("../../tests/recorded/canonical.jsonl");

fn text(schema: &str) -> String {
    parse(schema).unwrap().text()
}

fn refused(schema: &str) -> (String, String) {
    let error = parse(schema).unwrap_err();
    (error.path().to_owned(), error.reason().to_owned())
}

/// Schemas that Java refuses and we take, each with its reason.
fn taken_by_us_alone(java: &str) -> bool {
    // The default of a type that is defined further on: Java compares it with a stand-in.
    java.contains("not a {\"type\":\"record\",\"name\":\"UnresolvedSchema_")
        // The default of a recursive type: Java's check runs before the fields are set.
        || java == "Schema fields not set yet"
        // An attribute with an integer beyond 64 bits: Java trips over its own value.
        || java.contains("\"datum\" is null")
}

/// Schemas that Java takes and we refuse, each with its reason.
fn refused_by_us_alone(ours: &str) -> bool {
    // A record defined again inside itself: Java keeps one of the two without a word.
    ours.starts_with("R is defined a second time, in another way")
        // Digits of other scripts in names.
        || ours.starts_with("name \"R\u{663}\" holds")
}

#[test]
fn texts_forms_and_fingerprints_are_those_of_java() {
    let (mut same, mut refused, mut wrong) = (0, 0, Vec::new());
    for line in CANONICAL.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let schema = case["schema"].as_str().unwrap();
        match (parse(schema), case["error"].as_str()) {
            (Err(_), Some(_)) => refused += 1,
            (Ok(_), Some(java)) if taken_by_us_alone(java) => {}
            (Err(ours), None) if refused_by_us_alone(ours.reason()) => {}
            (Ok(parsed), None) => {
                let ours = (
                    parsed.text(),
                    parsed.canonical_form(),
                    format!("{:x}", fingerprint64(&parsed)),
                );
                let java = |key: &str| case[key].as_str().unwrap().to_owned();
                let java = (java("text"), java("canonical"), java("fingerprint"));
                if ours == java {
                    same += 1;
                } else {
                    wrong.push(format!("{schema}\n  ours {ours:?}\n  java {java:?}"));
                }
            }
            (Ok(_), Some(java)) => wrong.push(format!("{schema}\n  java refuses: {java}")),
            (Err(ours), None) => wrong.push(format!("{schema}\n  we refuse: {ours}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same >= 500 && refused >= 100, "{same} same, {refused} refused by both");
}

#[test]
fn a_text_is_printed_to_itself() {
    for line in CANONICAL.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        // Java cannot read back all that it prints: a name in no namespace inside one
        // that has the same name.
        if let Some(printed) = case["text"].as_str()
            && let Ok(again) = parse(printed)
        {
            assert_eq!(again.text(), printed);
        }
    }
}

#[test]
fn attributes_are_kept_everywhere() {
    let schema = parse(
        r#"{"type":"record","name":"shop.Order","connect.name":"shop.Order","fields":[
            {"name":"day","doc":"when","x":[1],"default":7,"aliases":["date"],"type":
                {"type":"int","connect.version":1,"connect.name":"io.debezium.time.Date"}},
            {"name":"lines","type":{"type":"array","connect.name":"L","items":
                ["null",{"type":"string","connect.parameters":{"length":"10"}}]}}]}"#,
    )
    .unwrap();
    let root = schema.root();
    assert_eq!(root.kind(), Kind::Record);
    assert_eq!(root.name().unwrap().full(), "shop.Order");
    assert_eq!(root.name().unwrap().namespace(), Some("shop"));
    assert_eq!(root.prop_str("connect.name"), Some("shop.Order"));
    let day = root.field("day").unwrap();
    assert_eq!((day.doc(), day.place()), (Some("when"), 0));
    assert_eq!(day.default().unwrap().as_i64(), Some(7));
    assert_eq!(day.aliases().len(), 1);
    assert_eq!(day.prop("x").unwrap().to_string(), "[1]");
    assert_eq!(day.schema().kind(), Kind::Int);
    assert_eq!(day.schema().prop("connect.version").unwrap().as_i64(), Some(1));
    let lines = root.field("lines").unwrap().schema();
    assert_eq!(lines.prop_str("connect.name"), Some("L"));
    let item = lines.items().unwrap();
    let branches: Vec<_> = item.branches().map(Node::branch_name).collect();
    assert_eq!(branches, ["null", "string"]);
    let parameters = item.branches().nth(1).unwrap().prop("connect.parameters");
    let length = parameters.unwrap().get("length").unwrap();
    assert_eq!(length.as_str(), Some("10"));
}

#[test]
fn a_recursive_type_is_one_node() {
    let schema = parse(
        r#"{"type":"record","name":"Tree","fields":[
            {"name":"left","type":["null","Tree"],"default":null}]}"#,
    )
    .unwrap();
    let inner = schema.root().field("left").unwrap().schema().branches().nth(1);
    assert_eq!(inner.unwrap().id(), schema.root().id());
}

#[test]
fn errors_name_the_path() {
    let record = |field: &str| format!(r#"{{"type":"record","name":"R","fields":[{field}]}}"#);
    let cases = [
        (record(r#"{"name":"a"}"#), "/fields/0", "\"type\""),
        (record(r#"{"name":"a-b","type":"int"}"#), "/fields/0/name", "'-'"),
        (record(r#"{"name":"a","type":"inte"}"#), "/fields/0/type", "\"inte\" is not defined"),
        (record(r#"{"name":"a","type":"int","default":"1"}"#), "/fields/0/default", "whole number"),
        (
            record(r#"{"name":"a","type":{"type":"array","items":["int",["null"]]}}"#),
            "/fields/0/type/items/1",
            "union",
        ),
        (
            record(r#"{"name":"a","type":["null",{"type":"map","values":["int","int"]}]}"#),
            "/fields/0/type/1/values/1",
            "int twice",
        ),
        (record(r#"{"name":"a","type":"int"},{"name":"a","type":"int"}"#), "/fields/1", "twice"),
        (r#"{"type":["null","int"]}"#.to_owned(), "/", "union"),
        ("{\"type\":\n \"int\"".to_owned(), "line 2, column 7", "end of the text"),
        (String::new(), "/", "empty"),
    ];
    for (schema, path, reason) in cases {
        let (ours, why) = refused(&schema);
        assert_eq!(ours, path, "{schema}: {why}");
        assert!(why.contains(reason), "{schema}: {why}");
    }
}

#[test]
fn nesting_is_bounded() {
    let arrays = |depth: usize| {
        let open = r#"{"type":"array","items":"#.repeat(depth);
        format!("{open}\"int\"{}", "}".repeat(depth))
    };
    assert!(parse(&arrays(DEPTH_MAX - 1)).is_ok());
    assert!(refused(&arrays(DEPTH_MAX)).1.contains("levels deep"));
    assert!(refused(&arrays(100_000)).1.contains("levels deep"));
    assert!(refused(&"[".repeat(1_000_000)).1.contains("levels deep"));
    let records = |depth: usize| {
        let open: String = (0..depth)
            .map(|n| format!(r#"{{"type":"record","name":"R{n}","fields":[{{"name":"f","type":"#))
            .collect();
        format!("{open}\"int\"{}", "}]}".repeat(depth))
    };
    assert!(parse(&records(DEPTH_MAX - 1)).is_ok());
    // Each type uses the next one before it is defined: printed, they are nested.
    let chain: Vec<String> = (0..1000)
        .map(|n| {
            let next = if n == 999 { "int".to_owned() } else { format!("R{}", n + 1) };
            format!(
                r#"{{"type":"record","name":"R{n}","fields":[{{"name":"f","type":"{next}"}}]}}"#
            )
        })
        .collect();
    assert!(refused(&format!("[{}]", chain.join(","))).1.contains("levels deep"));
    let backwards: Vec<String> = chain.into_iter().rev().collect();
    assert!(parse(&format!("[{}]", backwards.join(","))).is_ok());
}

#[test]
fn sizes_are_bounded() {
    let long = format!("\"{}\"", "x".repeat(TEXT_BYTES_MAX));
    assert!(refused(&long).1.contains("at most"));
    // A record whose default leaves out a field of the same record never ends.
    let endless = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"R","default":{}}]}"#;
    assert!(refused(endless).1.contains("never ends"));
}

#[test]
fn references_are_printed_by_name() {
    let address = r#"{"type":"record","name":"shop.Address","fields":[]}"#;
    let schema = parse_with(
        r#"{"type":"record","name":"Order","namespace":"shop","fields":[
            {"name":"to","type":"Address"},{"name":"from","type":"shop.Address"}]}"#,
        &[address],
    )
    .unwrap();
    assert_eq!(
        schema.text(),
        r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"to","type":"Address"},{"name":"from","type":"Address"}]}"#
    );
    assert_eq!(schema.root().field("to").unwrap().schema().kind(), Kind::Record);
    assert_eq!(
        schema.standalone_text(),
        r#"{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"to","type":{"type":"record","name":"Address","fields":[]}},{"name":"from","type":"Address"}]}"#
    );
}

#[test]
fn the_fingerprint_is_that_of_the_specification() {
    assert_eq!(crc64_avro(b""), 0xc15d_213a_a4d7_a795);
    assert_eq!(fingerprint64(&parse("\"int\"").unwrap()), 0x7275_d51a_3f39_5c8f);
    assert_eq!(text(r#"{"type":"string"}"#), r#""string""#);
}

/// Texts with a few bytes changed are refused or taken, never a panic; what is taken can
/// be printed, and compared with what it came from.
#[test]
fn mutated_texts_do_no_harm() {
    let cases: Vec<Value> =
        CANONICAL.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Knuth's generator: the same bytes on every run.
    let mut seed = 7_u64;
    let mut dice = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    const PIECES: &[u8] = b"\"\\{}[],:0-1e.ntf \x00\xff\xc3nullinttype";
    let (mut taken, mut refused) = (0, 0);
    for round in 0..20_000 {
        let original = cases[round % cases.len()]["schema"].as_str().unwrap();
        let mut bytes = original.as_bytes().to_vec();
        for _ in 0..=dice(3) {
            let at = dice(bytes.len().max(1));
            match dice(4) {
                0 if at < bytes.len() => {
                    bytes.remove(at);
                }
                1 => bytes.truncate(at),
                2 if at < bytes.len() => bytes[at] = PIECES[dice(PIECES.len())],
                _ => bytes.insert(at.min(bytes.len()), PIECES[dice(PIECES.len())]),
            }
        }
        let Ok(schema) = parse(&String::from_utf8_lossy(&bytes)) else {
            refused += 1;
            continue;
        };
        taken += 1;
        assert!(!schema.text().is_empty() && !schema.canonical_form().is_empty());
        if let Ok(original) = parse(original) {
            let _ = crate::compat::incompatibilities(&schema, &original);
        }
    }
    assert!(taken > 500 && refused > 5000, "{taken} taken, {refused} refused");
}
