//! The same datums with the libraries of others, in the same run.

use std::hint::black_box;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// apache-avro, and fastavro where it is installed.
pub(super) fn measure(schema: &str, bytes: &[u8], ends: &[usize]) {
    apache_avro(schema, bytes, ends);
    fastavro(schema, bytes, ends);
}

/// It does not take text as the default of a decimal.
fn without_defaults(mut json: Value) -> Value {
    if let Some(object) = json.as_object_mut() {
        object.shift_remove("default");
    }
    match json {
        Value::Object(object) => {
            object.into_iter().map(|(key, value)| (key, without_defaults(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_defaults).collect(),
        other => other,
    }
}

fn apache_avro(schema: &str, bytes: &[u8], ends: &[usize]) {
    let schema = without_defaults(serde_json::from_str(schema).unwrap()).to_string();
    let schema = apache_avro::Schema::parse_str(&schema).unwrap();
    let read = |range: &[usize]| {
        let mut datum = black_box(&bytes[range[0]..range[1]]);
        apache_avro::from_avro_datum(&schema, &mut datum, None).unwrap()
    };
    let values: Vec<_> = ends.windows(2).map(read).collect();
    super::measure("apache-avro encode", bytes.len(), || {
        for value in black_box(&values) {
            black_box(apache_avro::to_avro_datum(&schema, value.clone()).unwrap());
        }
    });
    super::measure("apache-avro decode", bytes.len(), || {
        for range in ends.windows(2) {
            black_box(read(range));
        }
    });
}

fn fastavro(schema: &str, bytes: &[u8], ends: &[usize]) {
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let cache = std::env::var_os("THALWEG_TEST_CACHE").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| home.join(".cache/thalweg-test"));
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/codecs/python_codec.py");
    let python =
        Command::new(cache.join("venv/bin/python")).arg(program).stdin(Stdio::piped()).spawn();
    let Ok(mut python) = python else {
        return println!("fastavro: not here (scripts/setup interop installs it)");
    };
    let hex = |range: &[usize]| -> String {
        bytes[range[0]..range[1]].iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let datums: Vec<String> = ends.windows(2).map(hex).collect();
    let input = json!({"schema": schema, "datums": datums}).to_string();
    // One that stops early says why itself.
    python.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    if !python.wait().unwrap().success() {
        println!("fastavro could not be measured");
    }
}
