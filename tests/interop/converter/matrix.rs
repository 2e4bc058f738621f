//! The rows that both converters get: every event that Debezium was recorded to
//! write, and schemas made from a seed.

use serde_json::{Value, json};
use thalweg_harness::recorded;

/// A row and its Connect schema, in JsonConverter's form.
pub(super) struct Row {
    /// Where it comes from.
    pub(super) from: String,
    pub(super) schema: Value,
    pub(super) payload: Value,
}

/// Keys and values of the events in `tests/debezium`.
pub(super) fn recorded() -> Vec<Row> {
    recorded::cases().unwrap().keys().flat_map(|case| of_case(case)).collect()
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

fn of_case(case: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in recorded::lines(case).unwrap() {
        for part in ["key", "value"] {
            let schema = &line[format!("{part}_schema")];
            if schema.is_null() {
                continue;
            }
            let topic = line["topic"].as_str().unwrap();
            rows.push(Row {
                from: format!("{case} {topic} {part}"),
                schema: schema.clone(),
                payload: line[part].clone(),
            });
        }
    }
    rows
}
