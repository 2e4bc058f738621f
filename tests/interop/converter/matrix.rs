//! The rows that both converters get: every event that Debezium was recorded to
//! write, and schemas made from a seed.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

/// A row and its Connect schema, in JsonConverter's form.
pub(super) struct Row {
    /// Where it comes from.
    pub(super) from: String,
    pub(super) schema: Value,
    pub(super) payload: Value,
}

/// Keys and values of the events in `tests/debezium`, whose README tells the
/// format.
pub(super) fn recorded() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/debezium");
    let text = std::fs::read_to_string(folder.join("cases.json")).unwrap();
    let cases: Map<String, Value> = serde_json::from_str(&text).unwrap();
    cases.keys().flat_map(|case| of_case(case, &folder.join(format!("{case}.jsonl")))).collect()
}

/// A default that Java's converter writes in a way that no registry takes.
pub(super) fn nan() -> Row {
    let field = json!({"field": "f", "type": "double", "optional": true, "default": "NaN"});
    Row {
        from: "nan".to_owned(),
        schema: json!({"type": "struct", "name": "Nan", "fields": [field], "optional": false}),
        payload: json!({"f": null}),
    }
}

fn of_case(case: &str, file: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut schemas: BTreeMap<u64, Value> = BTreeMap::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(is) = line.get("is") {
            schemas.insert(line["schema"].as_u64().unwrap(), whole(is, &schemas));
        }
        for part in ["key", "value"] {
            let Some(schema) = line[format!("{part}_schema")].as_u64() else { continue };
            let topic = line["topic"].as_str().unwrap();
            rows.push(Row {
                from: format!("{case} {topic} {part}"),
                schema: schemas[&schema].clone(),
                payload: line[part].clone(),
            });
        }
    }
    rows
}

/// A schema with what it refers to in place.
fn whole(schema: &Value, known: &BTreeMap<u64, Value>) -> Value {
    match schema {
        Value::Object(object) => {
            if let Some(number) = object.get("$schema").and_then(Value::as_u64) {
                let mut whole = known[&number].clone();
                if let Some(field) = object.get("field") {
                    whole["field"] = field.clone();
                }
                return whole;
            }
            object.iter().map(|(name, value)| (name.clone(), whole(value, known))).collect()
        }
        Value::Array(items) => items.iter().map(|item| whole(item, known)).collect(),
        other => other.clone(),
    }
}
