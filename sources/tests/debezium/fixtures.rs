//! The recorded events: `tests/debezium/README.md` tells their format.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// One recorded case.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) config: Map<String, Value>,
    /// What stands before the stream starts.
    pub(crate) before: String,
    /// What is streamed, step by step.
    pub(crate) steps: Vec<String>,
    pub(crate) events: Vec<Event>,
    pub(crate) failed: bool,
}

/// One record, Debezium's or ours.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) topic: String,
    pub(crate) key_schema: Value,
    pub(crate) key: Value,
    pub(crate) value_schema: Value,
    pub(crate) value: Value,
    /// Name and JSON text.
    pub(crate) headers: Vec<(String, String)>,
}

impl Case {
    /// Whether the converter shows a null as its field's default.
    pub(crate) fn nulls_to_defaults(&self) -> bool {
        self.config.get("value.converter.replace.null.with.default").is_none_or(|v| v != "false")
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/debezium")
}

/// All cases, by name.
pub(crate) fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join("cases.json")).unwrap();
    let cases: Map<String, Value> = serde_json::from_str(&text).unwrap();
    cases.iter().map(|(name, spec)| case(name, spec)).collect()
}

fn case(name: &str, spec: &Value) -> Case {
    let sql = std::fs::read_to_string(folder().join(spec["sql"].as_str().unwrap())).unwrap();
    let (before, after) = sql.split_once("\n-- @stream\n").unwrap_or((&sql, ""));
    let steps = after.split("\n-- @wait\n").map(str::to_owned).collect();
    let text = std::fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap();
    let mut schemas: BTreeMap<u64, Value> = BTreeMap::new();
    let mut events = Vec::new();
    let mut failed = false;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(is) = line.get("is") {
            let whole = expand(is, &schemas);
            schemas.insert(line["schema"].as_u64().unwrap(), whole);
        } else if line.get("topic").is_some() {
            events.push(event(&line, &schemas));
        } else {
            failed = line.get("failed").is_some();
        }
    }
    let config = spec["config"].as_object().cloned().unwrap_or_default();
    Case { name: name.to_owned(), config, before: before.to_owned(), steps, events, failed }
}

/// A schema with what it refers to in place.
fn expand(schema: &Value, known: &BTreeMap<u64, Value>) -> Value {
    match schema {
        Value::Object(object) => {
            if let Some(number) = object.get("$schema").and_then(Value::as_u64) {
                let mut whole = known[&number].clone();
                if let Some(field) = object.get("field") {
                    whole["field"] = field.clone();
                }
                return whole;
            }
            let members = object.iter().map(|(name, value)| (name.clone(), expand(value, known)));
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(|item| expand(item, known)).collect(),
        other => other.clone(),
    }
}

fn event(line: &Value, schemas: &BTreeMap<u64, Value>) -> Event {
    let schema =
        |name: &str| line[name].as_u64().map_or(Value::Null, |number| schemas[&number].clone());
    let headers = line["headers"].as_array().into_iter().flatten();
    Event {
        topic: line["topic"].as_str().unwrap().to_owned(),
        key_schema: schema("key_schema"),
        key: line["key"].clone(),
        value_schema: schema("value_schema"),
        value: line["value"].clone(),
        headers: headers
            .map(|header| {
                let text = |at: usize| header[at].as_str().unwrap_or_default().to_owned();
                (text(0), text(1))
            })
            .collect(),
    }
}
