//! Verdicts, and every incompatibility with its kind, path and message.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use thalweg_schema_registry::avro::parse;
use thalweg_schema_registry::compat::incompatibilities;

use crate::changes::changed;
use crate::schemas::{Flavour, Maker, pick};
use crate::{BATCH, assert_none, count, dice, others, setting};

/// A reader and a writer, one made from the other by some changes.
pub(crate) fn pair(number: u64) -> (Json, Json) {
    let rng = &mut dice(number);
    let one = Maker::new(rng, Flavour::Bare).schema();
    let mut other = one.clone();
    for _ in 0..pick(rng, &[1, 1, 1, 2, 3]) {
        other = changed(rng, &other, Flavour::Bare);
    }
    if rng.bool() { (one, other) } else { (other, one) }
}

/// Kind, path and message.
type Words = (String, String, String);

fn words(java: &Json) -> BTreeSet<Words> {
    let text = |item: &Json| item.as_str().unwrap().to_owned();
    java.as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one[0]), text(&one[1]), text(&one[2])))
        .collect()
}

fn ours(reader: &str, writer: &str) -> Result<BTreeSet<Words>, String> {
    let reader = parse(reader).map_err(|error| error.to_string())?;
    let writer = parse(writer).map_err(|error| error.to_string())?;
    let found = incompatibilities(&reader, &writer).into_iter();
    Ok(found.map(|one| (one.problem.name().to_owned(), one.path, one.message)).collect())
}

/// What Java found while it tried the branches of a union has a path from there; ours begins at
/// the root.
fn same_but_for_roots(ours: &BTreeSet<Words>, java: &BTreeSet<Words>) -> bool {
    let same = |one: &Words, other: &Words| {
        (&one.0, &one.2) == (&other.0, &other.2) && one.1.ends_with(&*other.1)
    };
    ours.len() == java.len()
        && ours.iter().all(|one| java.iter().any(|other| same(one, other)))
        && java.iter().all(|other| ours.iter().any(|one| same(one, other)))
}

fn compare(reader: &str, writer: &str, java: &Json) -> Result<&'static str, String> {
    let ours = ours(reader, writer);
    let differ =
        |why: &str| Err(format!("{reader}\n{writer}\n  {why}\n  ours {ours:?}\n  java {java}"));
    let error = java["error"].as_str();
    match (&ours, error) {
        (Err(_), Some(_)) => Ok("pairs with a schema that both refuse"),
        (Err(refused), None) if refused.contains("is defined a second time, in another way") => {
            Ok("pairs with a record that is defined again inside itself, refused by us alone")
        }
        (Err(_), None) => differ("we refuse a schema"),
        (Ok(found), Some(error)) if error.contains("matches multiple fields") => {
            // Two names of one field may be the same one.
            let is_meant =
                found.iter().any(|(.., message)| message.contains("stands for two fields"));
            let own = |schema: &str| schema.contains("aliases");
            if is_meant || own(reader) {
                Ok("pairs with a field whose aliases are ambiguous, where Java throws")
            } else {
                differ("Java throws")
            }
        }
        (Ok(_), Some(error))
            if error.contains("UnresolvedSchema_") || error == "Schema fields not set yet" =>
        {
            Ok("pairs with a default of a type defined later or recursive, taken by us alone")
        }
        (Ok(_), Some(_)) => differ("Java gives up"),
        (Ok(found), None) => {
            let java = words(&java["java"]);
            if *found == java {
                Ok(if java.is_empty() {
                    "pairs found compatible by Java and by us"
                } else {
                    "pairs found incompatible, with Java's kinds, paths and messages"
                })
            } else if same_but_for_roots(found, &java) {
                Ok("pairs found incompatible, where Java's paths begin at a union's branch")
            } else {
                differ("other findings")
            }
        }
    }
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn every_finding_is_that_of_java_and_every_verdict_that_of_pypi() {
    let all = setting("THALWEG_ORACLE_PAIRS", 60_000);
    let (mut counts, mut wrong) = (BTreeMap::new(), Vec::new());
    for first in (0..all).step_by(BATCH) {
        let pairs = (first..all.min(first + BATCH as u64)).map(pair);
        let questions: Vec<Json> = pairs
            .map(|(reader, writer)| json!({"reader": reader.to_string(), "writer": writer.to_string()}))
            .collect();
        let (java, python) = std::thread::scope(|scope| {
            let python = scope.spawn(|| others::python(&questions));
            (others::java(&questions), python.join().unwrap())
        });
        for (question, (java, python)) in questions.iter().zip(java.iter().zip(&python)) {
            let reader = question["reader"].as_str().unwrap();
            let writer = question["writer"].as_str().unwrap();
            match compare(reader, writer, java) {
                Ok(kind) => *counts.entry(kind).or_insert(0) += 1,
                Err(difference) => wrong.push(difference),
            }
            match compare_verdicts(question, java, python) {
                Ok(kind) => *counts.entry(kind).or_insert(0) += 1,
                Err(difference) => wrong.push(format!("{reader}\n{writer}\n  {difference}")),
            }
        }
    }
    counts.into_iter().for_each(|(kind, number)| count(kind, number));
    assert_none(&wrong);
}

/// Java is right where the two disagree, for reasons that are known.
fn compare_verdicts(pair: &Json, java: &Json, python: &Json) -> Result<&'static str, String> {
    let (Some(java), Some(python)) = (java["java"].as_array(), python["python"].as_bool()) else {
        return Ok("pairs that Java or PyPI's avro can't take");
    };
    let holds = |side: &str, words: &str| pair[side].as_str().unwrap().contains(words);
    if java.is_empty() == python {
        Ok("pairs with the same verdict of PyPI's avro")
    } else if holds("reader", "aliases") {
        Ok("pairs where PyPI's avro leaves the namespace out of aliases")
    } else if holds("reader", "\"error\"") || holds("writer", "\"error\"") {
        Ok("pairs where a record and an error are different types for PyPI's avro")
    } else {
        Err(format!("java {java:?}\n  python {python}"))
    }
}
