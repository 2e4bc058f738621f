//! Programs of others that are asked in bulk: a line of JSON in, a line of JSON out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value as Json;
use thalweg_harness::cache_dir;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle"))
}

/// Java's Avro library and what it needs, as a class path.
fn jars() -> String {
    let folder = std::fs::read_dir(cache_dir())
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"avro-"))
        })
        .max()
        .expect("Java's Avro library (scripts/setup interop installs it)");
    format!("{}/*", folder.display())
}

/// The compiled `Oracle.java`.
fn classes() -> &'static Path {
    static CLASSES: OnceLock<PathBuf> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let classes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle-classes");
        std::fs::create_dir_all(&classes).unwrap();
        let mut javac = Command::new("javac");
        javac.args(["-cp", &jars(), "-d"]).arg(&classes).arg(folder().join("Oracle.java"));
        assert!(javac.status().expect("javac").success(), "Oracle.java does not compile");
        classes
    })
}

/// Asks Java's Avro library.
pub(crate) fn java(questions: &[Json]) -> Vec<Json> {
    let mut command = Command::new("java");
    command.args(["-Xmx512m", "-Xss8m", "-XX:+UseSerialGC", "-cp"]);
    command.arg(format!("{}:{}", jars(), classes().display())).arg("Oracle");
    ask(command, questions)
}

/// Asks PyPI's `avro` and `fastavro`.
pub(crate) fn python(questions: &[Json]) -> Vec<Json> {
    let mut command = Command::new(cache_dir().join("venv/bin/python"));
    command.arg(folder().join("oracle.py"));
    ask(command, questions)
}

fn ask(mut command: Command, questions: &[Json]) -> Vec<Json> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("scripts/setup interop installs it");
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let answers: Vec<Json> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(answers.len(), questions.len(), "not all was answered");
    answers
}
