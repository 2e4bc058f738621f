//! Apicurio's AvroConverter of Java, which is Confluent's in another package.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};
use thalweg_harness::{cache_dir, curl};

use super::Answer;
use super::matrix::Row;
use crate::run::{folder, output};

/// Its jars.
pub(crate) fn jars() -> String {
    let folders = std::fs::read_dir(cache_dir()).unwrap().map(|entry| entry.unwrap().path());
    let is_its =
        |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with("apicurio-connect-");
    let folder = folders.filter(|path| is_its(path)).max();
    format!("{}/*", folder.expect("scripts/setup interop installs Apicurio's jars").display())
}

/// The class path of the programs for it.
pub(crate) fn compiled() -> String {
    static CLASSES: OnceLock<PathBuf> = OnceLock::new();
    let classes = CLASSES.get_or_init(|| {
        let classes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serde-classes");
        std::fs::create_dir_all(&classes).unwrap();
        let mut javac = Command::new("javac");
        javac.args(["-cp", &jars(), "-d"]).arg(&classes);
        javac.args(["Serde.java", "Converter.java"].map(|name| folder().join("java").join(name)));
        output(javac, b"");
        classes
    });
    format!("{}:{}", jars(), classes.display())
}

/// What Java's converter makes of rows through a registry.
pub(super) fn answers(
    registry: &str,
    rows: &[Row],
    settings: &[&str],
) -> Vec<Result<Answer, String>> {
    let level = json!({"compatibility": "NONE"}).to_string();
    curl("PUT", &format!("{registry}/config"), Some(&level)).unwrap();
    let mut java = Command::new("java");
    java.args(["-Xmx512m", "-XX:+UseSerialGC", "-cp", &compiled(), "Converter", registry]);
    java.args(settings);
    let lines: String = rows
        .iter()
        .map(|row| format!("{}\n", json!({"schema": row.schema, "payload": row.payload})))
        .collect();
    let mut texts = HashMap::new();
    let printed = output(java, lines.as_bytes());
    let answers: Vec<_> = printed.lines().map(|line| answer(registry, line, &mut texts)).collect();
    assert_eq!(answers.len(), rows.len());
    answers
}

fn answer(registry: &str, line: &str, texts: &mut HashMap<u32, String>) -> Result<Answer, String> {
    let line: Value = serde_json::from_str(line).unwrap();
    if let Some(error) = line["error"].as_str() {
        return Err(error.to_owned());
    }
    let record = from_hex(line["hex"].as_str().unwrap());
    let id = u32::from_be_bytes(record[1..5].try_into().unwrap());
    let text = texts.entry(id).or_insert_with(|| {
        let answer = curl("GET", &format!("{registry}/schemas/ids/{id}"), None).unwrap().json();
        answer["schema"].as_str().unwrap().to_owned()
    });
    Ok(Answer { schema: text.clone(), datum: record[5..].to_vec(), back: line["back"].clone() })
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
