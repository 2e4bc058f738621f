//! Writes what the tests of the crate compare with, without Java.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::{data, others, pairs, texts};

/// Schemas written by hand, for what the makers do not come to.
const CASES: &str = include_str!("cases.jsonl");

fn save(name: &str, lines: &str) {
    let path = format!("{}/tests/recorded/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::write(path, lines).unwrap();
}

#[test]
#[ignore = "writes tests/recorded: run it when the makers or Java's library have changed"]
fn record() {
    let cases = CASES.lines().map(|line| serde_json::from_str::<String>(line).unwrap());
    // Numbers that no other test begins with, and short ones.
    let made = (900_000..).map(texts::text).filter(|text| text.len() < 600).take(500);
    let schemas: Vec<Json> = cases.chain(made).map(|text| json!({"schema": text})).collect();
    let mut lines = String::new();
    for (mut question, answer) in schemas.iter().cloned().zip(others::java(&schemas)) {
        question.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        question.as_object_mut().unwrap().shift_remove("sha256");
        question.as_object_mut().unwrap().shift_remove("md5");
        writeln!(lines, "{question}").unwrap();
    }
    save("canonical.jsonl", &lines);

    let made = (900_000..).map(pairs::pair);
    let made = made.map(|(reader, writer)| (reader.to_string(), writer.to_string()));
    let questions: Vec<Json> = made
        .filter(|(reader, writer)| (100..500).contains(&(reader.len() + writer.len())))
        .map(|(reader, writer)| json!({"reader": reader, "writer": writer}))
        .take(800)
        .collect();
    let mut lines = String::new();
    let answers = others::java(&questions).into_iter().zip(others::python(&questions));
    for (question, (java, python)) in questions.iter().zip(answers) {
        let error = java["error"].as_str().unwrap_or("matches multiple fields");
        if error.contains("matches multiple fields") {
            let line =
                json!([question["reader"], question["writer"], python["python"], java["java"]]);
            writeln!(lines, "{line}").unwrap();
        }
    }
    save("pairs.jsonl", &lines);
    datums();
}

fn datums() {
    let questions: Vec<Json> = (900_000_u64..)
        .filter_map(|number| {
            let (writer, reader) = data::pair(number)?;
            let is_short = writer.len() + reader.len() < 800;
            is_short.then(|| json!({"reader": reader, "writer": writer, "seed": number}))
        })
        .take(400)
        .collect();
    let mut lines = String::new();
    for (question, java) in questions.iter().zip(others::java(&questions)) {
        let line = json!([
            question["writer"],
            question["reader"],
            java["datum"],
            java["value"],
            java["resolved"]
        ]);
        writeln!(lines, "{line}").unwrap();
    }
    save("datums.jsonl", &lines);
}
