#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;

use super::{
    DecimalFormat, Decoder, Encoder, JsonRef, Options, check, from_json, get, schema_json,
    split_envelope,
};
use crate::batch::{Cell, Columns, Layout};
use crate::codec::samples::Samples;
use crate::codec::{DecodeProblem, EncodeProblem};
use crate::schema::{Schema, SchemaBuilder, Value};

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn encode_with(schema: &Arc<Schema>, value: &Value, options: &Options) -> String {
    let mut rows = Columns::new(Layout::of(schema));
    rows.push_value(value);
    let mut out = Vec::new();
    Encoder::new(rows.layout(), options).unwrap().encode(&rows, 0, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn encode(schema: &Arc<Schema>, value: &Value) -> String {
    encode_with(schema, value, &Options::default())
}

fn decode(schema: &Arc<Schema>, json: &str) -> Result<Value, (String, DecodeProblem)> {
    let decoder = Decoder::new(schema, &Options::default()).unwrap();
    let mut rows = Columns::new(Arc::clone(decoder.layout()));
    let read = decoder.decode(json.as_bytes(), &mut rows);
    read.map_err(|error| (error.field, error.problem))?;
    Ok(rows.value(0))
}

#[test]
fn every_schema_and_value_comes_back() {
    for seed in 0..400 {
        let mut samples = Samples::new(seed);
        let schema = samples.row_schema();
        let form = schema_json(&schema, &Options::default()).unwrap();
        serde_json::from_str::<Json>(&form).unwrap();
        assert_eq!(from_json(&form).unwrap(), Some(schema.clone()), "seed {seed}: {form}");
        let options = Options {
            nulls_to_defaults: false,
            decimals: if seed % 2 == 0 { DecimalFormat::Base64 } else { DecimalFormat::Numeric },
            ..Options::default()
        };
        let decoder = Decoder::new(&schema, &options).unwrap();
        for _ in 0..5 {
            let value = samples.value(&schema);
            let json = encode_with(&schema, &value, &options);
            serde_json::from_str::<Json>(&json).unwrap();
            let mut rows = Columns::new(Arc::clone(decoder.layout()));
            decoder.decode(json.as_bytes(), &mut rows).unwrap();
            // A decimal comes back with its shortest bytes: compare the text.
            let again = encode_with(&schema, &rows.value(0), &options);
            assert_eq!(again, json, "seed {seed}");
            if !form.contains("Decimal") {
                assert_eq!(rows.value(0), value, "seed {seed}: {json}");
            }
        }
    }
}

#[test]
fn broken_json_is_an_error_and_leaves_no_row() {
    for seed in 0..60 {
        let mut samples = Samples::new(seed);
        let schema = samples.row_schema();
        let json = encode(&schema, &samples.value(&schema));
        let decoder = Decoder::new(&schema, &Options::default()).unwrap();
        let mut rows = Columns::new(Arc::clone(decoder.layout()));
        for cut in 0..json.len() {
            assert!(decoder.decode(&json.as_bytes()[..cut], &mut rows).is_err());
            assert!(check(&json.as_bytes()[..cut]).is_err());
        }
        for _ in 0..50 {
            let mut broken = json.clone().into_bytes();
            for _ in 0..samples.rng.usize(1..4) {
                let at = samples.rng.usize(0..broken.len());
                broken[at] = samples.rng.u8(..);
            }
            let before = rows.rows();
            let ok = decoder.decode(&broken, &mut rows).is_ok();
            assert_eq!(rows.rows(), before + usize::from(ok));
            let judged = check(&broken).is_ok();
            let theirs = serde_json::from_slice::<Json>(&broken);
            // serde_json refuses numbers beyond a double; they are JSON all the same.
            if !theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range")) {
                assert_eq!(judged, theirs.is_ok(), "{broken:?}");
            }
            assert!(judged || !ok);
        }
        decoder.decode(json.as_bytes(), &mut rows).unwrap();
        assert_eq!(encode(&schema, &rows.value(rows.rows() - 1)), json, "seed {seed}");
    }
    assert_eq!(check(&[b'['; 100_000]).unwrap_err().1, DecodeProblem::TooDeep);
}

/// A recorded Debezium schema with its references to others written out.
fn resolve(json: &Json, known: &HashMap<u64, Json>) -> Json {
    match json {
        Json::Object(object) => {
            let mut whole = serde_json::Map::new();
            for (key, value) in object {
                if key == "$schema" {
                    let of = &known[&value.as_u64().unwrap()];
                    whole.extend(of.as_object().unwrap().clone());
                } else {
                    whole.insert(key.clone(), resolve(value, known));
                }
            }
            Json::Object(whole)
        }
        Json::Array(items) => items.iter().map(|item| resolve(item, known)).collect(),
        other => other.clone(),
    }
}

/// Every schema and value that Debezium and Kafka's JsonConverter wrote comes
/// back the same, the order of its fields included.
#[test]
fn what_debezium_wrote_comes_back_the_same() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/debezium");
    let (mut schemas, mut values) = (0, 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let mut known: HashMap<u64, Json> = HashMap::new();
        let mut plans = HashMap::new();
        let mut options = Options::default();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line: Json = serde_json::from_str(line).unwrap();
            // The first line tells the case and its config.
            if line["config"]["value.converter.replace.null.with.default"] == "false" {
                options.nulls_to_defaults = false;
            }
            if let (Some(number), Some(is)) = (line["schema"].as_u64(), line.get("is")) {
                let whole = resolve(is, &known);
                let schema = from_json(&whole.to_string()).unwrap().unwrap();
                let again = schema_json(&schema, &Options::default()).unwrap();
                let again: Json = serde_json::from_str(&again).unwrap();
                assert_eq!(again.to_string(), whole.to_string(), "{}", path.display());
                plans.insert(number, schema);
                known.insert(number, whole);
                schemas += 1;
            }
            for (value, schema) in [("key", "key_schema"), ("value", "value_schema")] {
                let Some(schema) = line[schema].as_u64().and_then(|number| plans.get(&number))
                else {
                    continue;
                };
                let value = line[value].to_string();
                let decoder = Decoder::new(schema, &options).unwrap();
                let mut rows = Columns::new(Arc::clone(decoder.layout()));
                decoder.decode(value.as_bytes(), &mut rows).unwrap();
                let again = encode_with(schema, &rows.value(0), &options);
                let again: Json = serde_json::from_str(&again).unwrap();
                assert_eq!(again.to_string(), value, "{}", path.display());
                values += 1;
            }
        }
    }
    assert!(schemas > 100 && values > 100, "{schemas} schemas, {values} values");
}

#[test]
fn fields_in_any_order_unknown_missing_and_twice() {
    let schema = SchemaBuilder::structure()
        .field("a", SchemaBuilder::int32().build())
        .field("b", SchemaBuilder::string().optional().default_value(text("d")).build())
        .build();
    let of = |a, b| Value::Struct(vec![Value::Int(a), b]);
    let read = |json| decode(&schema, json);
    assert_eq!(
        read(r#" {"b" : "x", "z": [1, {"y": null}], "\u0061": 1.0e2} "#),
        Ok(of(100, text("x")))
    );
    assert_eq!(read(r#"{"a":1}"#), Ok(of(1, text("d"))));
    assert_eq!(read(r#"{"a":1,"b":null}"#), Ok(of(1, text("d"))));
    let fault = |field: &str, problem| Err((field.to_owned(), problem));
    assert_eq!(read(r#"{"b":"x"}"#), fault("a", DecodeProblem::Missing));
    assert_eq!(read(r#"{"a":1,"a":2}"#), fault("a", DecodeProblem::Twice));
    assert_eq!(read(r#"{"a":3000000000}"#), fault("a", DecodeProblem::OutOfRange));
    assert_eq!(read(r#"{"a":"1"}"#), fault("a", DecodeProblem::WrongType));
    assert_eq!(read(r#"{"a":1.5}"#), fault("a", DecodeProblem::WrongType));
    assert_eq!(read(r#"{"a":1} x"#), fault("", DecodeProblem::LeftOver));
    assert_eq!(read(r#"{"a":1,"b":"\ud83d\ude00\n"}"#), Ok(of(1, text("😀\n"))));
    assert_eq!(read(r#"{"a":1,"b":"\ud83d"}"#), fault("b", DecodeProblem::NotText));
}

#[test]
fn maps_lists_and_numbers_look_as_json_converter_writes_them() {
    let schema = SchemaBuilder::structure()
        .field(
            "named",
            SchemaBuilder::map(
                SchemaBuilder::string().build(),
                SchemaBuilder::int32().optional().build(),
            )
            .build(),
        )
        .field(
            "pairs",
            SchemaBuilder::map(SchemaBuilder::int32().build(), SchemaBuilder::float64().build())
                .build(),
        )
        .field("bytes", SchemaBuilder::bytes().build())
        .field("empty", SchemaBuilder::structure().build())
        .build();
    let value = Value::Struct(vec![
        Value::Map(vec![(text("k\""), Value::Int(1)), (text("n"), Value::Null)]),
        Value::Map(vec![(Value::Int(1), Value::Float(1e10))]),
        Value::Bytes(vec![0xff]),
        Value::Struct(vec![]),
    ]);
    let json = r#"{"named":{"k\"":1,"n":null},"pairs":[[1,1.0E10]],"bytes":"/w==","empty":{}}"#;
    assert_eq!(encode(&schema, &value), json);
    assert_eq!(decode(&schema, json), Ok(value));
}

#[test]
fn values_that_were_not_sent_and_nulls() {
    let schema = SchemaBuilder::structure()
        .field("t", SchemaBuilder::string().build())
        .field("b", SchemaBuilder::bytes().build())
        .field("i", SchemaBuilder::int32().optional().build())
        .field("must", SchemaBuilder::int32().build())
        .build();
    let gone = Value::Unavailable;
    let row = Value::Struct(vec![gone.clone(), gone.clone(), gone, Value::Int(1)]);
    assert_eq!(
        encode(&schema, &row),
        concat!(
            r#"{"t":"__debezium_unavailable_value","#,
            r#""b":"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==","i":null,"must":1}"#
        )
    );
    let mut rows = Columns::new(Layout::of(&schema));
    rows.set_present(Layout::ROOT);
    rows.set_bytes(1, b"");
    rows.set_bytes(2, b"");
    rows.set(4, Cell::Null);
    rows.end_row();
    let encoder = Encoder::new(rows.layout(), &Options::default()).unwrap();
    let error = encoder.encode(&rows, 0, &mut Vec::new()).unwrap_err();
    assert_eq!((error.field.as_str(), error.problem), ("must", EncodeProblem::Null));
}

#[test]
fn values_without_a_schema_are_kept_as_they_came() {
    let decoder = Decoder::schemaless();
    let mut rows = Columns::new(Arc::clone(decoder.layout()));
    let json = r#"{"a": [1, 2.50], "b":"x"}"#;
    decoder.decode(json.as_bytes(), &mut rows).unwrap();
    decoder.decode(b"null", &mut rows).unwrap();
    assert!(decoder.decode(b"{", &mut rows).is_err());
    assert_eq!(rows.bytes_at(Layout::ROOT, 0), Some(json.as_bytes()));
    assert!(!rows.has_row(1) && rows.rows() == 2);
    let mut out = Vec::new();
    let encoder = Encoder::new(rows.layout(), &Options::default()).unwrap();
    encoder.encode(&rows, 0, &mut out).unwrap();
    assert_eq!(out, json.as_bytes());
}

#[test]
fn fields_are_found_by_path() {
    let json = br#"{"a": {"b\u0063": [1], "d": "x\n", "e": 1.5, "f": 7, "g": null}, "h": true}"#;
    assert_eq!(get(json, &["a", "bc"]), Some(JsonRef::Nested("[1]")));
    assert_eq!(get(json, &["a", "d"]), Some(JsonRef::Text("x\n".into())));
    assert_eq!(get(json, &["a", "e"]), Some(JsonRef::Float(1.5)));
    assert_eq!(get(json, &["a", "f"]), Some(JsonRef::Int(7)));
    assert_eq!(get(json, &["a", "g"]), Some(JsonRef::Null));
    assert_eq!(get(json, &["h"]), Some(JsonRef::Bool(true)));
    assert_eq!(get(json, &["h", "x"]), None);
    assert_eq!(get(json, &["z"]), None);
}

#[test]
fn envelopes_are_taken_apart() {
    let envelope = br#" {"schema":{"type":"int32"}, "payload": 5 }"#;
    let parts = split_envelope(envelope).unwrap();
    assert_eq!((parts.schema, parts.payload), (&br#"{"type":"int32"}"#[..], &b"5"[..]));
    let schema = from_json(std::str::from_utf8(parts.schema).unwrap()).unwrap().unwrap();
    let decoder = Decoder::new(&schema, &Options::default()).unwrap();
    let mut rows = Columns::new(Arc::clone(decoder.layout()));
    decoder.decode_within(envelope, parts.payload_at, b"}", &mut rows).unwrap();
    assert_eq!(rows.cell(0, 0), Cell::Int(5));
    for bad in ["5", "{}", r#"{"schema":1}"#, r#"{"schema":1,"payload":2,"more":3}"#, "[1]", ""] {
        assert!(split_envelope(bad.as_bytes()).is_err(), "{bad}");
    }
}
