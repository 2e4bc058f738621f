//! Field by field: ours against Debezium's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::differences::{Differences, Place};
use crate::fixtures::Event;

/// What came of comparing.
#[derive(Default)]
pub(crate) struct Report {
    /// By case, phase, table and field: equal, or with differences.
    columns: BTreeMap<String, bool>,
    /// Comparisons of single values and schemas.
    pub(crate) compared: usize,
    pub(crate) listed: usize,
    /// What differs and is not listed.
    pub(crate) faults: Vec<String>,
}

impl Report {
    /// Column cases (the columns of rows, not those of the envelope): all, and
    /// those without any difference.
    pub(crate) fn column_cases(&self) -> (usize, usize) {
        let rows = self.columns.iter().filter(|(id, _)| id.contains(" after."));
        let equal = rows.clone().filter(|(_, equal)| **equal).count();
        (rows.count(), equal)
    }

    fn check(&mut self, place: &Place<'_>, ours: &Value, theirs: &Value, known: &Differences) {
        self.compared += 1;
        let id = format!("{} {} {} {}", place.case, place.phase, place.table, place.field);
        let column = self.columns.entry(id).or_insert(true);
        if equal(ours, theirs) {
            return;
        }
        *column = false;
        if known.cover(place) {
            self.listed += 1;
        } else {
            let show = |value: &Value| value.to_string().chars().take(300).collect::<String>();
            self.faults.push(format!(
                "{} {} {} {} {}\n    ours   {}\n    theirs {}",
                place.case,
                place.phase,
                place.table,
                place.field,
                place.what,
                show(ours),
                show(theirs)
            ));
        }
    }
}

/// Numbers are equal if they are the same number; all else must be the same.
fn equal(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64(), b.as_f64());
            // A float of 32 bits is printed with other digits by Java.
            #[allow(clippy::cast_possible_truncation, reason = "that is the comparison")]
            let narrow = |number: Option<f64>| number.map(|number| number as f32);
            a == b || (narrow(a) == narrow(b) && narrow(a).is_some_and(|n| n.abs() < 1e-40))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Compares the events of one phase (`snapshot` or `stream`) of a case.
pub(crate) fn events(
    report: &mut Report,
    known: &Differences,
    case: &str,
    phase: &str,
    ours: &[Event],
    theirs: &[Event],
) {
    let topics: BTreeSet<&str> =
        ours.iter().chain(theirs).map(|event| event.topic.as_str()).collect();
    for topic in topics {
        let of = |events: &[Event]| -> Vec<Event> {
            let mut of: Vec<Event> =
                events.iter().filter(|event| event.topic == topic).cloned().collect();
            if phase == "snapshot" {
                // The order of a snapshot's rows is nobody's promise.
                of.sort_by_key(|event| sort_key(&event.key, &event.value["after"]));
            }
            of
        };
        let (ours, theirs) = (of(ours), of(theirs));
        let table = topic.rsplit('.').next().unwrap_or(topic);
        let place = |field, what| Place { case, phase, table, field, what };
        let (a, b) = (Value::from(ours.len()), Value::from(theirs.len()));
        report.check(&place("*", "count"), &a, &b, known);
        if ours.len() != theirs.len() {
            continue;
        }
        for (ours, theirs) in ours.iter().zip(&theirs) {
            event(report, known, &place("*", ""), ours, theirs);
        }
    }
}

fn sort_key(key: &Value, after: &Value) -> (Option<i64>, String) {
    let id = key.get("id").and_then(Value::as_i64);
    (id, if key.is_null() { after.to_string() } else { key.to_string() })
}

fn event(report: &mut Report, known: &Differences, at: &Place<'_>, ours: &Event, theirs: &Event) {
    structs(
        report,
        known,
        at,
        "key",
        (&ours.key_schema, &ours.key),
        (&theirs.key_schema, &theirs.key),
    );
    let headers = |event: &Event| -> Value {
        event.headers.iter().map(|(name, value)| Value::from(format!("{name}={value}"))).collect()
    };
    report.check(&at.field("headers", "value"), &headers(ours), &headers(theirs), known);
    let presence = |event: &Event| Value::from(!event.value.is_null());
    report.check(&at.field("value", "presence"), &presence(ours), &presence(theirs), known);
    if ours.value.is_null() || theirs.value.is_null() {
        return;
    }
    let names = |schema: &Value| -> Value {
        let fields = schema["fields"].as_array().into_iter().flatten();
        fields.map(|field| field["field"].clone()).collect()
    };
    let (a, b) = (&ours.value_schema, &theirs.value_schema);
    report.check(&at.field("value", "fields"), &names(a), &names(b), known);
    for part in ["name", "version", "optional", "type"] {
        report.check(&at.field("value", part), &a[part], &b[part], known);
    }
    for part in ["before", "after", "message"] {
        structs(
            report,
            known,
            at,
            part,
            (&field_of(a, part), &ours.value[part]),
            (&field_of(b, part), &theirs.value[part]),
        );
    }
    for part in ["source", "transaction", "op", "ts_ms", "ts_us", "ts_ns"] {
        report.check(&at.field(part, "schema"), &field_of(a, part), &field_of(b, part), known);
        let (ours, theirs) = (normal(part, &ours.value[part]), normal(part, &theirs.value[part]));
        match (&ours, &theirs) {
            (Value::Object(a), Value::Object(b)) => {
                for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                    let field = format!("{part}.{name}");
                    report.check(&at.field(&field, "value"), &ours[name], &theirs[name], known);
                }
            }
            _ => report.check(&at.field(part, "value"), &ours, &theirs, known),
        }
    }
}

fn field_of(schema: &Value, name: &str) -> Value {
    let fields = schema["fields"].as_array().into_iter().flatten();
    fields.into_iter().find(|field| field["field"] == name).cloned().unwrap_or_default()
}

/// A struct's fields, one by one.
fn structs(
    report: &mut Report,
    known: &Differences,
    at: &Place<'_>,
    part: &str,
    (our_schema, ours): (&Value, &Value),
    (their_schema, theirs): (&Value, &Value),
) {
    let presence = |value: &Value| Value::from(!value.is_null());
    report.check(&at.field(part, "presence"), &presence(ours), &presence(theirs), known);
    for what in ["name", "version", "optional", "type"] {
        report.check(&at.field(part, what), &our_schema[what], &their_schema[what], known);
    }
    let names = |schema: &Value| -> Vec<String> {
        let fields = schema["fields"].as_array().into_iter().flatten();
        fields.filter_map(|field| field["field"].as_str().map(str::to_owned)).collect()
    };
    let (our_names, their_names) = (names(our_schema), names(their_schema));
    let order = |names: &[String], other: &[String]| -> Value {
        names.iter().filter(|name| other.contains(name)).cloned().map(Value::from).collect()
    };
    let (a, b) = (order(&our_names, &their_names), order(&their_names, &our_names));
    report.check(&at.field(part, "order"), &a, &b, known);
    for name in our_names.iter().chain(their_names.iter().filter(|n| !our_names.contains(n))) {
        let field = format!("{part}.{name}");
        let schemas = (field_of(our_schema, name), field_of(their_schema, name));
        report.check(&at.field(&field, "schema"), &schemas.0, &schemas.1, known);
        if !schemas.0.is_null() && !schemas.1.is_null() {
            report.check(&at.field(&field, "value"), &ours[name], &theirs[name], known);
        }
    }
}

/// What differs in every run is reduced to whether it is there.
fn normal(part: &str, value: &Value) -> Value {
    let mut value = value.clone();
    if part.starts_with("ts_") {
        return Value::from(value.is_i64());
    }
    let Value::Object(members) = &mut value else { return value };
    for (name, member) in members {
        match name.as_str() {
            "sequence" => {
                let parts: Value = member
                    .as_str()
                    .and_then(|text| serde_json::from_str(text).ok())
                    .unwrap_or_default();
                let parts = parts.as_array().into_iter().flatten();
                *member = parts.map(|part| Value::from(part.is_string())).collect();
            }
            "version" | "lsn" | "txId" | "id" => *member = Value::from(!member.is_null()),
            name if name.starts_with("ts_") => *member = Value::from(member.is_i64()),
            _ => {}
        }
    }
    value
}
