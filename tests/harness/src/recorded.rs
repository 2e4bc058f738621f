//! The events that Debezium was recorded to write: `tests/debezium/README.md` tells their
//! format.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

/// The folder that holds them.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../debezium")
}

/// All cases by name: which SQL was run, under which config.
pub fn cases() -> Result<Map<String, Value>> {
    Ok(serde_json::from_str(&read("cases.json")?)?)
}

/// A file of the folder.
pub fn read(name: &str) -> Result<String> {
    let path = folder().join(name);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// The lines of a case but for those of schemas, each with its schemas in place of their
/// numbers.
pub fn lines(case: &str) -> Result<Vec<Value>> {
    let mut schemas: BTreeMap<u64, Value> = BTreeMap::new();
    let mut lines = Vec::new();
    for line in read(&format!("{case}.jsonl"))?.lines() {
        let mut line: Value = serde_json::from_str(line)?;
        if let Some(is) = line.get("is") {
            let number = line["schema"].as_u64().context("a schema without a number")?;
            schemas.insert(number, whole(is, &schemas)?);
            continue;
        }
        for part in ["key_schema", "value_schema"] {
            if let Some(number) = line[part].as_u64() {
                line[part] = known(number, &schemas)?.clone();
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

fn known(number: u64, schemas: &BTreeMap<u64, Value>) -> Result<&Value> {
    schemas.get(&number).with_context(|| format!("schema {number} is not told"))
}

/// A schema with what it refers to in place.
fn whole(schema: &Value, schemas: &BTreeMap<u64, Value>) -> Result<Value> {
    Ok(match schema {
        Value::Object(object) => {
            if let Some(number) = object.get("$schema").and_then(Value::as_u64) {
                let mut whole = known(number, schemas)?.clone();
                if let Some(field) = object.get("field") {
                    whole["field"] = field.clone();
                }
                return Ok(whole);
            }
            let members = object.iter().map(|(name, of)| Ok((name.clone(), whole(of, schemas)?)));
            Value::Object(members.collect::<Result<_>>()?)
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| whole(item, schemas)).collect::<Result<_>>()?)
        }
        other => other.clone(),
    })
}
