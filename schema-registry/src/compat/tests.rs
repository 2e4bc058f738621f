#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::avro::{Schema, parse};

/// Pairs of a reader and a writer with what PyPI's avro and Java's Avro say of them:
/// `[reader, writer, compatible, [[kind, path, message], ...]]`, each null where it gives
/// up. They are facts about Java's
/// library, recorded by the test `record` of `tests/oracle`.
const PAIRS: &str = include_str!("../../tests/recorded/pairs.jsonl");

fn schema(text: &str) -> Arc<Schema> {
    parse(text).unwrap()
}

fn ours(reader: &str, writer: &str) -> Vec<Incompatibility> {
    incompatibilities(&schema(reader), &schema(writer))
}

/// Kind, path and message of an incompatibility.
type Words = (String, String, String);

#[test]
fn every_finding_is_that_of_java() {
    let (mut compatible, mut incompatible, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    for line in PAIRS.lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        let (reader, writer) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        if parse(reader).and(parse(writer)).is_err() {
            // A record defined again inside itself, which Java takes.
            refused += 1;
            continue;
        }
        let found = ours(reader, writer);
        let Some(java) = pair[3].as_array() else {
            // A field's alias names another field, or the field itself: Java throws.
            continue;
        };
        let words = |item: &Value| item.as_str().unwrap().to_owned();
        let java: BTreeSet<Words> =
            java.iter().map(|one| (words(&one[0]), words(&one[1]), words(&one[2]))).collect();
        let ours: BTreeSet<Words> = found
            .into_iter()
            .map(|one| (one.problem.name().to_owned(), one.path, one.message))
            .collect();
        // What Java found while it tried the branches of a union has a path from there;
        // ours begins at the root.
        let same = |one: &Words, other: &Words| {
            (&one.0, &one.2) == (&other.0, &other.2) && one.1.ends_with(&*other.1)
        };
        if ours.len() == java.len() && ours.iter().all(|one| java.iter().any(|j| same(one, j))) {
            compatible += usize::from(java.is_empty());
            incompatible += usize::from(!java.is_empty());
        } else {
            wrong.push(format!("{reader}\n{writer}\n  ours {ours:?}\n  java {java:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused < 5, "{refused}");
    assert!(compatible >= 300 && incompatible >= 300, "{compatible}, {incompatible}");
}

#[test]
fn verdicts_are_those_of_pypi_where_java_agrees() {
    let (mut same, mut apart) = (0, 0);
    for line in PAIRS.lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        let (Some(python), Some(java)) = (pair[2].as_bool(), pair[3].as_array()) else {
            continue;
        };
        // PyPI's avro leaves the namespace out of aliases, and tells errors from records.
        if python != java.is_empty() {
            apart += 1;
            continue;
        }
        let found = ours(pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        assert_eq!(found.is_empty(), python, "{line}");
        same += 1;
    }
    assert!(same >= 600 && apart <= 20, "{same} same, {apart} apart");
}

const ORDER: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"string"},{"name":"amount","type":"double"}]}"#;

const WITH_NOTE: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"string"},{"name":"amount","type":"double"},
    {"name":"note","type":"string"}]}"#;

#[test]
fn a_field_without_default_breaks_backward_only() {
    let (old, new) = (schema(ORDER), schema(WITH_NOTE));
    for level in Level::ALL {
        let violations = level.violations(&new, [(3, &*old)]);
        let breaks = level.directions().contains(&Direction::Backward);
        assert_eq!(!violations.is_empty(), breaks, "{level:?}");
    }
    let violations = Level::Backward.violations(&new, [(3, &*old)]);
    assert_eq!(violations.len(), 1);
    assert_eq!(
        violations[0].detail(),
        "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'note' at path \
         '/fields/2' in the new schema has no default value and is missing in the old schema', \
         additionalInfo:'note'}"
    );
    assert!(violations[0].advice().contains("give field note (/fields/2) a default"));
    assert_eq!(violations[0].version, 3);
}

#[test]
fn a_field_that_is_gone_breaks_forward_only() {
    let (old, new) = (schema(WITH_NOTE), schema(ORDER));
    for level in Level::ALL {
        let violations = level.violations(&new, [(1, &*old)]);
        let breaks = level.directions().contains(&Direction::Forward);
        assert_eq!(!violations.is_empty(), breaks, "{level:?}");
    }
    let violation = &Level::Full.violations(&new, [(1, &*old)])[0];
    assert!(violation.detail().contains("in the old schema has no default value"));
    assert!(violation.advice().contains("keep field note"));
}

#[test]
fn transitive_levels_look_at_every_version() {
    let (first, second, new) = (schema("\"string\""), schema("\"int\""), schema("\"long\""));
    let earlier = [(2, &*second), (1, &*first)];
    assert!(Level::Backward.violations(&new, earlier).is_empty());
    let violations = Level::BackwardTransitive.violations(&new, earlier);
    assert_eq!(violations.len(), 1);
    assert_eq!((violations[0].version, &*violations[0].found.path), (1, "/"));
}

#[test]
fn every_incompatibility_is_reported() {
    let reader = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},
        {"name":"b","type":["null","int"]},{"name":"c","type":"int"}]}"#;
    let writer = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"},
        {"name":"b","type":["null","string"]}]}"#;
    let found = ours(reader, writer);
    let found: Vec<_> = found.iter().map(|one| (one.problem, one.path.as_str())).collect();
    assert_eq!(
        found,
        [
            (Problem::TypeMismatch, "/fields/0/type"),
            (Problem::MissingUnionBranch, "/fields/1/type/1"),
            (Problem::ReaderFieldMissingDefaultValue, "/fields/2"),
        ]
    );
    assert_eq!(ours(reader, writer)[1].writer, "\"string\"");
}

#[test]
fn logical_types_do_not_count() {
    let decimal = |precision: u32| {
        format!(r#"{{"type":"bytes","logicalType":"decimal","precision":{precision},"scale":2}}"#)
    };
    assert!(ours(&decimal(12), &decimal(10)).is_empty());
}

/// Reports and time stay bounded where the number of paths through a schema doubles with
/// each level.
#[test]
fn shared_types_are_compared_once() {
    let ladder = |leaf: &str| {
        let rungs = (1..150).map(|n| {
            let below = n - 1;
            format!(
                r#"{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":"R{below}"}},
                {{"name":"b","type":"R{below}"}}]}}"#
            )
        });
        let first =
            format!(r#"{{"type":"record","name":"R0","fields":[{{"name":"a","type":"{leaf}"}}]}}"#);
        let all: Vec<String> = std::iter::once(first).chain(rungs).collect();
        format!("[{}]", all.join(","))
    };
    let found = ours(&ladder("int"), &ladder("string"));
    assert_eq!(found.len(), 150);
}

/// A chain of records in which each one holds the one before.
fn chain(length: usize, leaf: &str) -> Vec<String> {
    let record = |n: usize, of: &str| {
        format!(r#"{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":"{of}"}}]}}"#)
    };
    let above = (1..length).map(|n| record(n, &format!("R{}", n - 1)));
    std::iter::once(record(0, leaf)).chain(above).collect()
}

#[test]
fn long_chains_are_compared_in_order() {
    let union = |leaf: &str| format!("[{}]", chain(220, leaf).join(","));
    assert!(ours(&union("int"), &union("int")).is_empty());
    assert_eq!(ours(&union("int"), &union("string")).len(), 200);
}

#[test]
fn what_is_too_deep_or_too_large_is_never_compatible() {
    // Neither has the other's list, so the chain is followed from its end.
    let top = |list: &str| {
        format!(
            r#"{{"type":"record","name":"Top","fields":[{{"name":"{list}","default":[],"type":
            {{"type":"array","items":[{}]}}}},{{"name":"a","type":"R1999"}}]}}"#,
            chain(2000, "int").join(",")
        )
    };
    let found = ours(&top("f"), &top("g"));
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("too large or too deep"));

    let wide = |leaf: &str| format!("[{}]", chain(700, leaf).join(","));
    let found = ours(&wide("int"), &wide("int"));
    assert!(found.iter().all(|one| one.problem == Problem::MissingUnionBranch));
    assert!(!found.is_empty());
}

#[test]
fn an_alias_for_two_fields_is_incompatible() {
    let reader = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":"int","aliases":["b"]}]}"#;
    let writer = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":"int"},{"name":"b","type":"int"}]}"#;
    assert_eq!(ours(reader, writer)[0].path, "/fields/0");
    let own = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":"int","aliases":["a"]}]}"#;
    assert!(ours(own, own).is_empty());
}
