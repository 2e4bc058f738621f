//! The recorded events, and what was done for them.

use serde_json::{Map, Value};
use thalweg_harness::recorded;

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

/// All cases, by name.
pub(crate) fn cases() -> Vec<Case> {
    recorded::cases().unwrap().iter().map(|(name, spec)| case(name, spec)).collect()
}

fn case(name: &str, spec: &Value) -> Case {
    let sql = recorded::read(spec["sql"].as_str().unwrap()).unwrap();
    let (before, after) = sql.split_once("\n-- @stream\n").unwrap_or((&sql, ""));
    let steps = after.split("\n-- @wait\n").map(str::to_owned).collect();
    let mut events = Vec::new();
    let mut failed = false;
    for line in recorded::lines(name).unwrap() {
        if line.get("topic").is_some() {
            events.push(event(&line));
        } else {
            failed = line.get("failed").is_some();
        }
    }
    let config = spec["config"].as_object().cloned().unwrap_or_default();
    Case { name: name.to_owned(), config, before: before.to_owned(), steps, events, failed }
}

fn event(line: &Value) -> Event {
    let headers = line["headers"].as_array().into_iter().flatten();
    Event {
        topic: line["topic"].as_str().unwrap().to_owned(),
        key_schema: line["key_schema"].clone(),
        key: line["key"].clone(),
        value_schema: line["value_schema"].clone(),
        value: line["value"].clone(),
        headers: headers
            .map(|header| {
                let text = |at: usize| header[at].as_str().unwrap_or_default().to_owned();
                (text(0), text(1))
            })
            .collect(),
    }
}
