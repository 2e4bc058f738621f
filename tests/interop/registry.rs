//! The schema registry in the hands of others: the clients and serializers of
//! `confluent-kafka`, `python-schema-registry-client` and Rust's
//! `schema_registry_converter`, and Apicurio's serde of Java.

use std::process::Command;

use thalweg_harness::cache_dir;

use crate::converter::theirs::compiled;
use crate::run::{count, folder, output, python};
use crate::setup::thalweg;

/// Records of each serializer.
const RECORDS: usize = 500;

#[test]
#[ignore = "needs PyPI: make interop"]
fn clients_of_confluents_registry_find_what_they_expect() {
    let thalweg = thalweg();
    let printed = python("registry_clients.py", &[&thalweg.registry()]);
    let checked: usize = printed.trim().parse().unwrap();
    assert!(checked > 40, "{checked}");
    count("answers of the registry checked by Python's clients", checked);
}

/// `schema_registry_converter` is in a package of its own, whose Cargo.toml says why.
#[test]
#[ignore = "needs crates.io: make interop"]
fn a_client_of_rust_finds_what_it_expects() {
    let thalweg = thalweg();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--locked", "--manifest-path"]);
    cargo.arg(folder().join("rust/Cargo.toml")).arg("--").arg(thalweg.registry());
    cargo.env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/rust-clients"));
    let checked: usize = output(cargo, b"").trim().parse().unwrap();
    assert!(checked > 30, "{checked}");
    count("answers of the registry checked by Rust's schema_registry_converter", checked);
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn serdes_of_java_and_python_read_each_other() {
    let (thalweg, class_path) = (thalweg(), compiled());
    let registry = thalweg.registry();
    let ask = |with_java: bool, what: &[&str], input: &str| {
        let mut command = if with_java {
            let mut java = Command::new("java");
            java.args(["-Xmx512m", "-XX:+UseSerialGC", "-cp", &class_path, "Serde"]);
            java
        } else {
            let mut python = Command::new(cache_dir().join("venv/bin/python"));
            python.arg(folder().join("python/serde.py"));
            python
        };
        command.args([&registry, "serde"]).args(what);
        output(command, input.as_bytes())
    };
    let orders: String = (0..RECORDS)
        .map(|n| match n % 3 {
            0 => format!("{n} null\n"),
            _ => format!("{n} order {n}\n"),
        })
        .collect();
    let count_text = RECORDS.to_string();
    let by_java = ask(true, &["write", &count_text], "");
    let by_python = ask(false, &["write", &count_text], "");
    // One schema has one id, whoever registers it, and whatever the subject.
    assert!(by_java == by_python && by_java.starts_with("00000000"), "{by_java:.200}");
    assert_eq!(ask(false, &["read"], &by_java), orders);
    assert_eq!(ask(true, &["read"], &by_python), orders);
    count("records of serdes of Java and Python, read by the other", 2 * RECORDS);
}
