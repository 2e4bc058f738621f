//! Datums of others under our plans, and ours under theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use thalweg_core::avro::{Decoder, Encoder, Options, from_json};
use thalweg_core::batch::Columns;
use thalweg_core::schema::{Kind, Schema, Value};
use thalweg_schema_registry::avro::parse;
use thalweg_schema_registry::compat::incompatibilities;

use crate::changes::changed;
use crate::schemas::{Flavour, Maker, pick};
use crate::{assert_none, count, dice, others, setting};

/// A writer's and a reader's schema that our plans take. Connect has no null outside of
/// unions, no recursion, and wants the default of a union's first branch.
pub(crate) fn pair(number: u64) -> Option<(String, String)> {
    let rng = &mut dice(number);
    let writer = Maker::new(rng, Flavour::Data).schema();
    let mut reader = writer.clone();
    for _ in 0..pick(rng, &[0, 1, 1, 2, 3, 4]) {
        reader = changed(rng, &reader, Flavour::Data);
    }
    let (writer, reader) = (writer.to_string(), reader.to_string());
    let taken = |text: &String| parse(text).is_ok() && from_json(text).is_ok();
    (taken(&writer) && taken(&reader)).then_some((writer, reader))
}

/// A value in words that do not hang on a library, as `Oracle.java` and `oracle.py` have
/// them.
fn plain(schema: &Schema, value: &Value) -> Json {
    match value {
        Value::Null | Value::Unavailable => Json::Null,
        Value::Bool(bool) => json!(bool),
        Value::Int(int) => json!(int),
        Value::Float(float) => json!(format!("f{:x}", float.to_bits())),
        Value::Text(text) => json!(format!("t{text}")),
        Value::Bytes(bytes) => json!(format!("x{}", hex(bytes))),
        Value::List(items) => match schema.kind() {
            Kind::Array(element) => items.iter().map(|item| plain(element, item)).collect(),
            _ => panic!("a list of a type that is none"),
        },
        Value::Map(entries) => {
            let Kind::Map(_, of) = schema.kind() else { panic!("a map of a type that is none") };
            let entry = |(key, value): &(Value, Value)| match key {
                Value::Text(key) => (key.clone(), plain(of, value)),
                other => panic!("a key that is no text: {other:?}"),
            };
            Json::Object(entries.iter().map(entry).collect())
        }
        Value::Struct(values) => {
            let fields = schema.fields().iter().zip(values);
            if schema.name() == Some("io.confluent.connect.avro.Union") {
                let mut there = fields.filter(|(_, value)| **value != Value::Null);
                let one = there.next().map(|(field, value)| plain(&field.schema, value));
                return one.unwrap_or_default();
            }
            let named =
                fields.map(|(field, value)| (field.name.to_string(), plain(&field.schema, value)));
            Json::Object(named.collect::<Map<_, _>>())
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Json) -> Vec<u8> {
    let digits = text.as_str().unwrap();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn decoded(decoder: &Decoder, datum: &[u8]) -> Result<(Columns, Json), String> {
    let mut rows = Columns::new(Arc::clone(decoder.layout()));
    decoder.decode(datum, &mut rows).map_err(|error| error.to_string())?;
    let value = plain(decoder.schema(), &rows.value(0));
    Ok((rows, value))
}

/// Our datum of rows that were read, and its schema. None where one Avro type has become
/// two in Connect: with a default in one field and without in another.
fn encoded(rows: &Columns) -> Option<Json> {
    let options = Options { keep_nulls: true, ..Options::default() };
    let encoder = match Encoder::new(rows.layout(), &options) {
        Ok(encoder) => encoder,
        Err(error) => {
            assert!(error.reason.contains("two different types are named"), "{error}");
            return None;
        }
    };
    let mut datum = Vec::new();
    encoder.encode(rows, 0, &mut datum).unwrap();
    Some(json!({"writer": encoder.schema(), "datum": hex(&datum)}))
}

/// Counts of what agrees, and what differs.
#[derive(Default)]
struct Findings {
    counts: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Findings {
    fn judge(&mut self, what: &'static str, is_same: bool, words: impl FnOnce() -> String) {
        if is_same {
            *self.counts.entry(what).or_insert(0) += 1;
        } else {
            self.wrong.push(format!("{what}:\n  {}", words()));
        }
    }

    fn end(self) {
        self.counts.into_iter().for_each(|(what, number)| count(what, number));
        assert_none(&self.wrong);
    }
}

fn is_error(answer: &Json, words: &str) -> bool {
    answer["error"].as_str().is_some_and(|error| error.starts_with(words))
}

/// The reader's view of a datum: ours is Java's, or neither has one.
fn resolve(question: &Json, answer: &Json, findings: &mut Findings) {
    let side = |name: &str| question[name].as_str().unwrap();
    let datum = unhex(&answer["datum"]);
    let ours =
        Decoder::resolving(side("writer"), side("reader")).map_err(|error| error.to_string());
    let ours = ours.and_then(|decoder| Ok(decoded(&decoder, &datum)?.1));
    let schemas = (parse(side("reader")).unwrap(), parse(side("writer")).unwrap());
    let is_compatible = incompatibilities(&schemas.0, &schemas.1).is_empty();
    let has_aliases = side("reader").contains("aliases");
    let words = || format!("{question}\n  ours {ours:?}\n  java {answer}");
    match (&ours, answer.get("resolved")) {
        (Ok(ours), Some(java)) => {
            findings.judge("datums of Java resolved to the same values", ours == java, words);
        }
        (Err(_), None) => {
            let is_meant = !is_compatible || has_aliases;
            findings.judge("datums that neither Java nor we can resolve", is_meant, words);
        }
        // Java gives the writer's types and fields the names that the reader has aliases for,
        // also where they have a place of their own.
        (Ok(_), None) if has_aliases => {
            findings.judge("datums resolved by us, where Java trips over aliases", true, words);
        }
        (Err(_), Some(_)) if !is_compatible => findings.judge(
            "datums of incompatible schemas, refused by Java only where a datum shows it",
            true,
            words,
        ),
        _ => findings.judge("datums that one of the two resolves", false, words),
    }
}

#[test]
#[ignore = "needs Java and PyPI: make interop"]
fn datums_of_java_are_read_and_resolved_and_ours_are_read_by_others() {
    let all = setting("THALWEG_ORACLE_DATUMS", 10_000);
    let questions = (0..all).filter_map(|number| {
        let (writer, reader) = pair(number)?;
        Some(json!({"reader": reader, "writer": writer, "seed": number}))
    });
    let questions: Vec<Json> = questions.collect();
    let mut findings = Findings::default();
    let (mut ours, mut values) = (Vec::new(), Vec::new());
    for (question, answer) in questions.iter().zip(others::java(&questions)) {
        let words = || format!("{question}\n  java {answer}");
        if answer.get("value").is_none() {
            findings.judge("a datum of Java", false, words);
            continue;
        }
        let decoder = Decoder::new(question["writer"].as_str().unwrap()).unwrap();
        match decoded(&decoder, &unhex(&answer["datum"])) {
            Ok((rows, value)) => {
                findings.judge("datums of Java read", value == answer["value"], words);
                if let Some(question) = encoded(&rows) {
                    ours.push(question);
                    values.push(value);
                }
            }
            Err(error) => {
                findings.judge("datums of Java read", false, || format!("{error} {}", words()))
            }
        }
        resolve(question, &answer, &mut findings);
    }
    let answers = others::java(&ours).into_iter().zip(others::python(&ours));
    for ((question, value), (java, python)) in ours.iter().zip(&values).zip(answers) {
        let words = || format!("{question}\n  value {value}\n  java {java}\n  fastavro {python}");
        // Connect makes texts of enums, and can make a second one in a union.
        if is_error(&java, "Duplicate in union:string") {
            findings.judge("our schemas with two texts in a union", true, words);
            continue;
        }
        // The order of a map's entries is lost in Java.
        let has_maps = question["writer"].as_str().unwrap().contains("\"map\"");
        let again = java["datum"] == question["datum"] || has_maps;
        findings.judge(
            "our datums read and written again by Java",
            java["value"] == *value && again,
            words,
        );
        let unknown = is_error(&python, "UnknownType: ");
        let what = match unknown {
            // It looks for a name without namespace in the one in force alone.
            true => "our schemas with names that fastavro does not find",
            false => "our datums read by fastavro",
        };
        findings.judge(what, unknown || python["value"] == *value, words);
    }
    findings.end();
}

/// What Java made of datums, recorded by the test `record`: `[writer, reader, datum, value,
/// resolved]`, the last null where Java gave up.
const DATUMS: &str = include_str!("../recorded/datums.jsonl");

#[test]
fn recorded_datums_are_read_and_resolved_as_by_java() {
    let (mut resolved, mut refused) = (0, 0);
    for line in DATUMS.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let (writer, reader) = (case[0].as_str().unwrap(), case[1].as_str().unwrap());
        let datum = unhex(&case[2]);
        let value = decoded(&Decoder::new(writer).unwrap(), &datum).unwrap().1;
        assert_eq!(value, case[3], "{line}");
        let ours = Decoder::resolving(writer, reader).map_err(|error| error.to_string());
        match ours.and_then(|decoder| decoded(&decoder, &datum)) {
            Ok((_, ours)) => {
                assert!(
                    ours == case[4] || (case[4].is_null() && reader.contains("aliases")),
                    "{line}"
                );
                resolved += 1;
            }
            Err(error) => {
                let (reader, writer) = (parse(reader).unwrap(), parse(writer).unwrap());
                let is_compatible = incompatibilities(&reader, &writer).is_empty();
                assert!(case[4].is_null() || !is_compatible, "{error}: {line}");
                refused += 1;
            }
        }
    }
    assert!(resolved > 200 && refused > 10, "{resolved}, {refused}");
}

#[test]
#[ignore = "needs PyPI: make interop"]
fn datums_of_fastavro_are_read() {
    let all = setting("THALWEG_ORACLE_DATUMS", 10_000);
    let numbered = (0..all).filter_map(|number| Some((number, pair(number + all)?.0)));
    let questions: Vec<Json> =
        numbered.map(|(number, writer)| json!({"writer": writer, "seed": number})).collect();
    let mut findings = Findings::default();
    for (question, answer) in questions.iter().zip(others::python(&questions)) {
        let words = || format!("{question}\n  fastavro {answer}");
        if answer.get("value").is_none() {
            findings.judge("schemas that fastavro can't take", true, words);
            continue;
        }
        let decoder = Decoder::new(question["writer"].as_str().unwrap()).unwrap();
        let ours = decoded(&decoder, &unhex(&answer["datum"]));
        let is_same = ours.as_ref().is_ok_and(|(_, value)| *value == answer["value"]);
        findings.judge("datums of fastavro read", is_same, words);
    }
    findings.end();
}
