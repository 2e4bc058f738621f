//! Damaged schemas.

use fastrand::Rng;
use thalweg_core::avro::{Decoder, from_json};
use thalweg_schema_registry::avro::{fingerprint64, parse};
use thalweg_schema_registry::compat::{Level, explain, incompatibilities};

use crate::Reader;
use crate::schemas::{Flavour, Maker, pick};

/// Words that schemas are made of, and some that break them.
const PIECES: [&str; 40] = [
    "\"type\":",
    "\"name\":",
    "\"fields\":[",
    "\"items\":",
    "\"values\":",
    "\"symbols\":[",
    "\"size\":",
    "\"default\":",
    "\"aliases\":[",
    "\"namespace\":",
    "\"order\":",
    "\"doc\":",
    "\"record\"",
    "\"error\"",
    "\"enum\"",
    "\"fixed\"",
    "\"array\"",
    "\"map\"",
    "\"null\"",
    "\"int\"",
    "\"long\"",
    "\"string\"",
    "\"A\"",
    "\"n.s.B\"",
    "\"\"",
    "null",
    "true",
    "-1",
    "1e400",
    "99999999999999999999",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\u0000",
    "\\ud800",
    "\u{e9}\u{1F600}",
    "\"",
];

const SAMPLES: u64 = 300;

fn samples(flavour: Flavour) -> Vec<String> {
    let made = (0..SAMPLES).map(|seed| Maker::new(&mut Rng::with_seed(seed), flavour).schema());
    made.map(|schema| schema.to_string()).collect()
}

/// A sample with a few places damaged.
fn damaged(rng: &mut Rng, samples: &[String]) -> String {
    let mut text = pick(rng, samples);
    for _ in 0..rng.u8(..4) {
        let at = boundary(rng, &text);
        match rng.u8(..6) {
            0 => {
                let end = boundary(rng, &text);
                let (from, to) = (at.min(end), at.max(end).min(at.min(end) + 40));
                let to = (to..=text.len()).find(|to| text.is_char_boundary(*to)).unwrap();
                text.replace_range(from..to, "");
            }
            1 | 2 => text.insert_str(at, pick(rng, &PIECES)),
            3 => text.truncate(at),
            4 => {
                // A part of another one, which may fit.
                let other = pick(rng, samples);
                let from = boundary(rng, &other);
                text.insert_str(at, &other[from..]);
            }
            _ => {
                let (from, to) = (pick(rng, &PIECES), pick(rng, &PIECES));
                text = text.replacen(from, to, 1);
            }
        }
    }
    text
}

fn boundary(rng: &mut Rng, text: &str) -> usize {
    let at = rng.usize(..=text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap()
}

pub(crate) fn parser() -> Reader {
    let samples = samples(Flavour::Full);
    Box::new(move |rng| {
        let text = damaged(rng, &samples);
        match parse(&text) {
            Ok(schema) => {
                let printed = schema.text();
                assert!(
                    !schema.canonical_form().is_empty() && !schema.standalone_text().is_empty()
                );
                let _ = fingerprint64(&schema);
                if let Ok(again) = parse(&printed) {
                    assert_eq!(again.text(), printed, "{text}");
                }
            }
            Err(error) => assert!(!error.path().is_empty() && !error.reason().is_empty()),
        }
    })
}

pub(crate) fn checker() -> Reader {
    let samples = samples(Flavour::Bare);
    Box::new(move |rng| {
        let (one, other) = (damaged(rng, &samples), damaged(rng, &samples));
        if let (Ok(one), Ok(other)) = (parse(&one), parse(&other)) {
            let forth = incompatibilities(&one, &other);
            let back = incompatibilities(&other, &one);
            assert!(forth.len() + back.len() <= 400);
            assert!(incompatibilities(&one, &one).len() < 200);
        }
    })
}

pub(crate) fn fixer() -> Reader {
    let samples = samples(Flavour::Bare);
    Box::new(move |rng| {
        let (one, other) = (damaged(rng, &samples), damaged(rng, &samples));
        let level = pick(rng, &Level::ALL);
        if let (Ok(new), Ok(old)) = (parse(&one), parse(&other)) {
            let explanation = explain(level, &new, &[], &[(1, old.clone())]);
            for fix in explanation.violations.iter().flat_map(|(_, fixes)| fixes) {
                let fixed = parse(&fix.schema).unwrap();
                assert!(level.violations(&fixed, [(1, &*old)]).is_empty());
            }
        }
    })
}

pub(crate) fn plans() -> Reader {
    let samples = samples(Flavour::Data);
    Box::new(move |rng| {
        let (writer, reader) = (damaged(rng, &samples), damaged(rng, &samples));
        drop(from_json(&writer));
        drop(Decoder::new(&writer));
        drop(Decoder::resolving(&writer, &reader));
    })
}
