//! `thalweg schema check` and `?explain=true`: why a schema is refused, and what to do.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use thalweg_harness::{Thalweg, curl};

use crate::setup::thalweg;

const SUBJECT: &str = "orders/a b-value";

fn order(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"Order","namespace":"shop","fields":[{fields}]}}"#)
}

fn ask(thalweg: &Thalweg, method: &str, path: &str, body: &Value) -> Value {
    let url = format!("{}{path}", thalweg.registry());
    let answer = curl(method, &url, Some(&body.to_string())).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// `thalweg schema check` with a schema on standard input.
fn check(thalweg: &Thalweg, schema: &str, more: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_thalweg"))
        .args(["schema", "check", "--subject", SUBJECT])
        .args(["--registry", &thalweg.registry()])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(schema.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_refused_schema_is_explained_and_its_fixes_are_taken() {
    let thalweg = thalweg();
    let first = order(r#"{"name":"id","type":"long"},{"name":"total","type":"double"}"#);
    let path = "/subjects/orders%2Fa%20b-value/versions";
    ask(&thalweg, "POST", path, &json!({ "schema": first }));
    let next = order(r#"{"name":"id","type":"int"},{"name":"amount","type":"double"}"#);

    let refused = check(&thalweg, &next, &[]);
    let (answer, words) = (
        serde_json::from_slice::<Value>(&refused.stdout).unwrap(),
        String::from_utf8(refused.stderr).unwrap(),
    );
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(words.contains("TYPE_MISMATCH at /fields/0/type"), "{words}");
    assert!(words.contains("- widen field id to long"), "{words}");
    assert!(words.contains("- add the alias total to field amount"), "{words}");

    // Each fix that was offered is taken.
    let explanation = &answer["explanation"];
    let mut taken = 0;
    for one in explanation["incompatibilities"].as_array().unwrap() {
        for fix in one["fixes"].as_array().unwrap() {
            let fixed = fix["schema"].as_str().unwrap();
            let checked = check(&thalweg, fixed, &["-"]);
            let said = String::from_utf8(checked.stderr).unwrap();
            assert!(checked.status.success() && said.is_empty(), "{fix}: {said}");
            taken += 1;
        }
    }
    assert!(taken >= 6, "{taken}: {explanation}");
    let fixed = explanation["fixed"]["schema"].as_str().unwrap();
    let version = ask(&thalweg, "POST", path, &json!({ "schema": fixed }));
    assert!(version["id"].is_number(), "{version}");

    let verbose = ask(
        &thalweg,
        "POST",
        "/compatibility/subjects/orders%2Fa%20b-value/versions/latest?explain=true&verbose=true",
        &json!({ "schema": fixed }),
    );
    assert_eq!(verbose, json!({ "is_compatible": true, "messages": [] }));

    let no_schema = check(&thalweg, "{", &[]);
    assert_eq!(no_schema.status.code(), Some(1));
    let said = String::from_utf8(no_schema.stderr).unwrap();
    assert!(said.contains("42201"), "{said}");
}
