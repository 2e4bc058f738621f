//! What is taken and refused, how it is printed, its canonical form and fingerprints.

use md5::Md5;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use thalweg_schema_registry::avro::{fingerprint64, parse};

use crate::schemas::{Flavour, Maker, one_in, spoiled};
use crate::{BATCH, assert_none, count, dice, others, setting};

/// Schema number `number`, one in ten of them spoiled.
pub(crate) fn text(number: u64) -> String {
    let rng = &mut dice(number);
    let schema = Maker::new(rng, Flavour::Full).schema().to_string();
    if one_in(rng, 10) { spoiled(rng, &schema) } else { schema }
}

/// Schemas that Java refuses and we take; the reasons are in decision 0020.
fn taken_by_us_alone(java: &str) -> Option<&'static str> {
    let defined_later = java.contains("not a {\"type\":\"record\",\"name\":\"UnresolvedSchema_");
    let is_recursive = java == "Schema fields not set yet";
    if defined_later {
        Some("a default of a type that is defined further on, taken by us alone")
    } else if is_recursive {
        Some("a default of a recursive type, taken by us alone")
    } else {
        None
    }
}

/// Schemas that Java takes and we refuse.
fn refused_by_us_alone(ours: &str) -> Option<&'static str> {
    ours.contains("is defined a second time, in another way")
        .then_some("a record that is defined again inside itself, refused by us alone")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn compare(schema: &str, java: &Json) -> Result<&'static str, String> {
    match (parse(schema), java["error"].as_str()) {
        (Err(_), Some(_)) => Ok("schemas refused by Java and by us"),
        (Ok(_), Some(reason)) => {
            taken_by_us_alone(reason).ok_or_else(|| format!("{schema}\n  java refuses: {reason}"))
        }
        (Err(error), None) => {
            let known = refused_by_us_alone(error.reason());
            known.ok_or_else(|| format!("{schema}\n  we refuse: {error}"))
        }
        (Ok(parsed), None) => {
            let canonical = parsed.canonical_form();
            let ours = json!({
                "text": parsed.text(),
                "fingerprint": format!("{:x}", fingerprint64(&parsed)),
                "sha256": hex(&Sha256::digest(&canonical)),
                "md5": hex(&<Md5 as md5::Digest>::digest(&canonical)),
                "canonical": canonical,
            });
            if ours == *java {
                Ok(
                    "schemas with Java's text, canonical form and fingerprints (Rabin, SHA-256, MD5)",
                )
            } else {
                Err(format!("{schema}\n  ours {ours}\n  java {java}"))
            }
        }
    }
}

#[test]
#[ignore = "needs Java: make interop"]
fn texts_forms_and_fingerprints_are_those_of_java() {
    let all = setting("THALWEG_ORACLE_PAIRS", 60_000);
    let (mut counts, mut wrong) = (std::collections::BTreeMap::new(), Vec::new());
    for first in (0..all).step_by(BATCH) {
        let texts: Vec<String> = (first..all.min(first + BATCH as u64)).map(text).collect();
        let questions: Vec<Json> = texts.iter().map(|text| json!({"schema": text})).collect();
        for (schema, java) in texts.iter().zip(others::java(&questions)) {
            match compare(schema, &java) {
                Ok(kind) => *counts.entry(kind).or_insert(0) += 1,
                Err(difference) => wrong.push(difference),
            }
        }
    }
    counts.into_iter().for_each(|(kind, number)| count(kind, number));
    assert_none(&wrong);
}
