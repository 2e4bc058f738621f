#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::avro::parse;

const PAIRS: &str = include_str!("../../../tests/recorded/pairs.jsonl");

fn explained(level: Level, new: &str, earlier: &[&str]) -> Explanation {
    let versions = (1..).zip(earlier).map(|(version, text)| (version, parse(text).unwrap()));
    let mut versions: Vec<(i32, Arc<Schema>)> = versions.collect();
    versions.reverse();
    explain(level, &parse(new).unwrap(), &[], &versions)
}

fn order(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"Order","namespace":"shop","fields":[{fields}]}}"#)
}

/// The first words of the fixes of the first violation.
fn fixes(level: Level, new: &str, old: &str) -> Vec<String> {
    let explanation = explained(level, new, &[old]);
    let mut fixes = Vec::new();
    for fix in &explanation.violations[0].1 {
        let fixed = parse(&fix.schema).unwrap();
        assert!(level.violations(&fixed, [(1, &*parse(old).unwrap())]).is_empty());
        fixes.push(fix.steps[0].clone());
    }
    fixes
}

#[test]
fn a_new_field_gets_a_default_or_an_alias() {
    let old = order(r#"{"name":"total","type":"double"}"#);
    let new = order(r#"{"name":"amount","type":"double"}"#);
    assert_eq!(
        fixes(Level::Backward, &new, &old),
        [
            "make field amount a union of null and double with the default null",
            "give field amount the default 0.0",
            "add the alias total to field amount, if it is total under a new name",
            "leave field amount out",
        ]
    );
    let fixed = explained(Level::Backward, &new, &[&old]).fixed.unwrap();
    assert_eq!(fixed.schema, order(r#"{"name":"amount","type":["null","double"],"default":null}"#));
}

#[test]
fn a_field_that_readers_need_is_kept() {
    let old = order(r#"{"name":"id","type":"long"},{"name":"total","type":"double"}"#);
    let new = order(r#"{"name":"id","type":"long"}"#);
    assert_eq!(fixes(Level::Forward, &new, &old), ["keep field total"]);
    let renamed = order(
        r#"{"name":"id","type":"long"},{"name":"amount","type":"double","aliases":["total"]}"#,
    );
    let offered = fixes(Level::Full, &renamed, &old);
    assert_eq!(offered, ["name field amount total again", "keep field total"]);
}

#[test]
fn types_are_widened_kept_joined_or_moved() {
    let (int, long) = (r#"{"name":"a","type":"int"}"#, r#"{"name":"a","type":"long"}"#);
    assert_eq!(
        fixes(Level::Backward, &order(int), &order(long)),
        [
            "widen field a to long",
            "make field a a union of int and long",
            "keep field a as it was, and add the new one as a_2 with the default null",
        ]
    );
    let text = r#"{"name":"a","type":"string"}"#;
    assert_eq!(fixes(Level::Full, &order(text), &order(int))[0], "keep the type of field a: int");
    let nullable = r#"{"name":"a","type":["null","int"],"default":null}"#;
    assert_eq!(
        fixes(Level::Backward, &order(long), &order(nullable))[0],
        "make field a a union of null and long"
    );
    assert_eq!(
        fixes(Level::Forward, &order(nullable), &order(int))[0],
        "keep the type of field a: int"
    );
}

#[test]
fn names_sizes_symbols_and_branches() {
    let named = |name: &str| format!(r#"{{"type":"record","name":"{name}","fields":[]}}"#);
    assert_eq!(
        fixes(Level::Backward, &named("m.B"), &named("n.A")),
        ["add the alias n.A to record m.B", "name record m.B n.A again"]
    );
    let fixed = |size: u32| format!(r#"{{"type":"fixed","name":"F","size":{size}}}"#);
    assert_eq!(fixes(Level::Full, &fixed(4), &fixed(8)), ["keep the size of fixed F: 8 bytes"]);
    let symbols = |list: &str| format!(r#"{{"type":"enum","name":"E","symbols":[{list}]}}"#);
    assert_eq!(
        fixes(Level::Backward, &symbols(r#""A""#), &symbols(r#""A","B""#)),
        [
            "keep the symbols B of enum E",
            "give enum E the default A, for symbols that it does not know"
        ]
    );
    assert_eq!(
        fixes(Level::Forward, &symbols(r#""A","B""#), &symbols(r#""A""#)),
        ["leave the symbols B of enum E out"]
    );
    let union = |list: &str| order(&format!(r#"{{"name":"u","type":[{list}]}}"#));
    let offered = fixes(Level::Backward, &union(r#""int""#), &union(r#""int","string""#));
    assert_eq!(offered[0], "add string to the union");
}

/// Each fix goes with others where several things are wrong, also over several versions.
#[test]
fn all_together_are_compatible_with_all_versions() {
    let first = order(r#"{"name":"id","type":"long"},{"name":"who","type":"string"}"#);
    let second =
        order(r#"{"name":"id","type":"long"},{"name":"paid","type":"boolean","default":false}"#);
    let new = order(r#"{"name":"id","type":"int"},{"name":"amount","type":"double"}"#);
    let explanation = explained(Level::BackwardTransitive, &new, &[&first, &second]);
    assert_eq!(explanation.violations.len(), 4);
    let fixed = explanation.fixed.unwrap();
    assert_eq!(fixed.steps.len(), 2, "{:?}", fixed.steps);
    let (first, second) = (parse(&first).unwrap(), parse(&second).unwrap());
    for (_, fixes) in &explanation.violations {
        assert!(!fixes.is_empty());
        for fix in fixes {
            let fixed = parse(&fix.schema).unwrap();
            let earlier = [(2, &*second), (1, &*first)];
            assert!(Level::BackwardTransitive.violations(&fixed, earlier).is_empty());
        }
    }
}

#[test]
fn what_other_schemas_define_is_not_changed() {
    let before = r#"{"type":"enum","name":"shop.State","symbols":["NEW","PAID"]}"#;
    let now = r#"{"type":"enum","name":"shop.State","symbols":["NEW"]}"#;
    let text = order(r#"{"name":"state","type":"State"}"#);
    let new = parse_with(&text, &[now]).unwrap();
    let old = parse_with(&text, &[before]).unwrap();
    let explanation = explain(Level::Backward, &new, &[now], &[(1, old)]);
    let offered: Vec<&str> =
        explanation.violations[0].1.iter().map(|fix| fix.steps[0].as_str()).collect();
    assert!(offered.iter().all(|words| !words.contains("symbols")), "{offered:?}");
}

/// On all recorded pairs, at each level: what is offered is compatible, and nearly always
/// something is.
#[test]
fn what_is_offered_is_compatible() {
    let (mut violated, mut helped, mut offered) = (0, 0, 0);
    for line in PAIRS.lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        let side = |place: usize| parse(pair[place].as_str().unwrap());
        let (Ok(new), Ok(old)) = (side(0), side(1)) else { continue };
        for level in [Level::Backward, Level::Forward, Level::Full] {
            let explanation = explain(level, &new, &[], &[(1, Arc::clone(&old))]);
            if explanation.violations.is_empty() {
                assert!(explanation.fixed.is_none());
                continue;
            }
            violated += 1;
            helped += usize::from(explanation.fixed.is_some());
            let fixes = explanation.violations.iter().flat_map(|(_, fixes)| fixes);
            for fix in fixes.chain(&explanation.fixed) {
                let fixed = parse(&fix.schema).unwrap();
                assert!(level.violations(&fixed, [(1, &*old)]).is_empty(), "{line}\n{fix:?}");
                offered += 1;
            }
        }
    }
    assert!(violated > 500 && offered > 2 * violated, "{violated}, {offered}");
    assert!(helped * 10 > violated * 7, "{helped} of {violated} have a fix");
}

/// The envelope of a change event: both rows are unions of null and one record.
fn envelope(fields: &str) -> String {
    let row = format!(r#"{{"type":"record","name":"Value","fields":[{fields}]}}"#);
    format!(
        r#"{{"type":"record","name":"Envelope","namespace":"shop.orders","fields":[{{"name":"before","type":["null",{row}],"default":null}},{{"name":"after","type":["null","Value"],"default":null}}]}}"#
    )
}

#[test]
fn what_is_wrong_within_a_branch_of_a_union_is_told_and_mended_there() {
    let id = r#"{"name":"id","type":"int"}"#;
    let old = envelope(&format!(r#"{id},{{"name":"size","type":["null","int"],"default":null}}"#));
    let new = envelope(&format!(
        r#"{id},{{"name":"size","type":["null","string"],"default":null}},{{"name":"n","type":"int"}}"#
    ));
    let (reader, writer) = (parse(&new).unwrap(), parse(&old).unwrap());
    let as_java = Level::Backward.violations_of(&reader, 1, &writer);
    let kinds: Vec<&str> = as_java.iter().map(|one| one.found.problem.name()).collect();
    assert_eq!(kinds, ["MISSING_UNION_BRANCH"; 2], "before and after lack their record");
    let explanation = explained(Level::Backward, &new, &[&old]);
    let told: Vec<(&str, &str)> = explanation
        .violations
        .iter()
        .map(|(one, _)| (one.found.problem.name(), one.found.message.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("MISSING_UNION_BRANCH", "reader union lacking writer type: INT"),
            ("READER_FIELD_MISSING_DEFAULT_VALUE", "n"),
        ],
        "each cause once"
    );
    assert!(explanation.violations.iter().all(|(_, fixes)| !fixes.is_empty()));
    let fixed = parse(&explanation.fixed.unwrap().schema).unwrap();
    assert!(Level::Backward.violations_of(&fixed, 1, &writer).is_empty());
}
