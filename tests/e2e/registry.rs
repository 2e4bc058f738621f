//! What a registry knows, out of one server and into another: `thalweg registry`.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use thalweg_harness::Thalweg;

use crate::setup::thalweg;

const BINARY: &str = env!("CARGO_BIN_EXE_thalweg");

/// `thalweg registry ARGUMENTS`, for this server.
fn registry(thalweg: &Thalweg, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(BINARY)
        .arg("registry")
        .args(arguments)
        .env("THALWEG_KAFKA", thalweg.kafka())
        .env("THALWEG_REGISTRY", thalweg.registry())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // One that fails does not read to the end.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn done(output: Output) -> String {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn ask(thalweg: &Thalweg, method: &str, path: &str, body: Option<&Value>) -> Value {
    let url = format!("{}{path}", thalweg.registry());
    let body = body.map(Value::to_string);
    thalweg_harness::curl(method, &url, body.as_deref()).unwrap().json()
}

/// A registry with all that a dump can hold.
fn fill(thalweg: &Thalweg) {
    let post = |subject: &str, body: Value| {
        let answer = ask(thalweg, "POST", &format!("/subjects/{subject}/versions"), Some(&body));
        assert!(answer["id"].is_number(), "{subject}: {answer}");
    };
    let put = |path: &str, body: Value| {
        let answer = ask(thalweg, "PUT", path, Some(&body));
        assert!(answer.get("error_code").is_none(), "{path}: {answer}");
    };
    let schema = |schema: &str| json!({ "schema": schema });
    post("gone", schema("\"boolean\""));
    post("a", schema("\"int\""));
    post("a", schema("\"long\""));
    post("a%2Fb%20c", schema("\"int\""));
    post("address", schema(r#"{"type":"fixed","name":"Address","size":4}"#));
    post(
        "a-customer",
        json!({
            "schema": r#"{"type":"record","name":"C","fields":[{"name":"a","type":"Address"}]}"#,
            "references": [{ "name": "Address", "subject": "address", "version": -1 }],
            "metadata": { "properties": { "owner": "me" } },
            "ruleSet": { "domainRules": [{ "name": "r", "type": "CEL", "expr": "true" }] },
        }),
    );
    post(":.eu:a", schema("\"string\""));
    post("soft", schema("\"bytes\""));
    post("soft", schema("\"string\""));
    ask(thalweg, "DELETE", "/subjects/soft", None);
    ask(thalweg, "DELETE", "/subjects/a/versions/1", None);
    ask(thalweg, "DELETE", "/subjects/gone", None);
    ask(thalweg, "DELETE", "/subjects/gone?permanent=true", None);
    put("/config", json!({ "compatibility": "FULL" }));
    put("/config/a", json!({ "compatibility": "NONE", "compatibilityGroup": "g", "alias": "b" }));
    put("/config/:.eu:", json!({ "normalize": true }));
    put("/mode/address", json!({ "mode": "READONLY" }));
    put("/mode/:.us:", json!({ "mode": "READONLY" }));
}

/// All that a registry answers about what it knows.
fn everything(thalweg: &Thalweg) -> Vec<(String, Value)> {
    let mut paths: Vec<String> = [
        "/subjects",
        "/subjects?deletedOnly=true",
        "/schemas?subjectPrefix=:*:",
        "/schemas?subjectPrefix=:*:&deleted=true",
        "/contexts",
        "/config",
        "/config/a",
        "/config/:.eu:",
        "/config/:.eu:a?defaultToGlobal=true",
        "/mode",
        "/mode/address",
        "/mode/:.eu:",
        "/mode/:.us:",
        "/subjects/soft/versions",
        "/subjects/soft/versions?deleted=true",
        "/subjects/address/versions/1/referencedby",
        "/schemas/ids/1?subject=:.eu:",
    ]
    .map(str::to_owned)
    .to_vec();
    for id in 1..=8 {
        for below in ["", "/subjects", "/versions?deleted=true", "?format=resolved"] {
            paths.push(format!("/schemas/ids/{id}{below}"));
        }
    }
    let answers = paths.into_iter().map(|path| {
        let answer = ask(thalweg, "GET", &path, None);
        (path, answer)
    });
    answers.collect()
}

#[test]
fn a_dump_gives_the_same_answers_in_another_registry() {
    let first = thalweg();
    fill(&first);
    let dump = done(registry(&first, &["export"], ""));
    assert!(dump.lines().count() > 10, "{dump}");
    let before = everything(&first);
    for format in ["json", "console"] {
        let dump = done(registry(&first, &["export", "--format", format], ""));
        let second = thalweg();
        let summary = done(registry(&second, &["import"], &dump));
        let summary: Value = serde_json::from_str(&summary).unwrap();
        assert_eq!(summary, json!({ "schemas": 8, "deleted": 3, "settings": 3, "modes": 2 }));
        for (before, after) in before.iter().zip(everything(&second)) {
            assert_eq!(*before, after, "{format}");
        }
        // It is no empty registry any more: a second time it has to be forced.
        let again = registry(&second, &["import"], &dump);
        let stderr = String::from_utf8(again.stderr).unwrap();
        assert_eq!(again.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("Cannot import since found existing subjects"), "{stderr}");
        assert!(stderr.contains("--force"), "{stderr}");
        assert_eq!(everything(&second), before);
    }
}

#[test]
fn what_is_no_dump_is_refused_with_its_line() {
    let server = thalweg();
    let json_schema = json!({
        "key": { "keytype": "SCHEMA", "subject": "j", "version": 1, "magic": 1 },
        "value": {
            "subject": "j", "version": 1, "id": 1, "schemaType": "JSON", "schema": "{}",
            "deleted": false,
        },
    });
    let cases = [
        ("nothing\n".to_owned(), "line 1 is not a record of a registry"),
        ("\n{\"key\":{},\"value\":{}}\n".to_owned(), "line 2"),
        (json_schema.to_string(), "subject j, version 1 is of type JSON"),
    ];
    for (dump, part) in cases {
        let output = registry(&server, &["import"], &dump);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(part), "{part}: {stderr}");
        assert_eq!(ask(&server, "GET", "/mode", None), json!({ "mode": "READWRITE" }));
    }
    let skipped = registry(&server, &["import", "--skip-other-types"], &json_schema.to_string());
    assert!(skipped.status.success());
    assert_eq!(ask(&server, "GET", "/subjects", None), json!([]));
}
