#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use std::sync::Arc;

use super::Decoder;
use crate::batch::Columns;
use crate::codec::DecodeProblem;
use crate::schema::Value;

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

fn read(writer: &str, reader: &str, datum: &[u8]) -> Result<Value, DecodeProblem> {
    let decoder = Decoder::resolving(writer, reader).unwrap();
    let mut rows = Columns::new(Arc::clone(decoder.layout()));
    decoder.decode(datum, &mut rows).map_err(|error| error.problem)?;
    Ok(rows.value(0))
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn refusal(writer: &str, reader: &str) -> String {
    Decoder::resolving(writer, reader).unwrap_err().to_string()
}

#[test]
fn fields_are_found_by_name_and_alias_and_others_are_skipped_or_given_defaults() {
    let writer = record(
        r#"{"name":"gone","type":{"type":"map","values":["null",{"type":"array","items":"string"}]}},
           {"name":"b","type":"string"},{"name":"a","type":"int"},
           {"name":"more","type":{"type":"record","name":"M","fields":[
               {"name":"f","type":{"type":"fixed","name":"F","size":3}},
               {"name":"d","type":"double"},{"name":"e","type":"boolean"}]}}"#,
    );
    let reader = record(
        r#"{"name":"a","type":"long"},{"name":"beta","type":"string","aliases":["x","b"]},
           {"name":"new","type":["null","int"],"default":null},
           {"name":"list","type":{"type":"array","items":"int"},"default":[1,2]},
           {"name":"inner","type":{"type":"record","name":"I","fields":[
               {"name":"x","type":"string"},{"name":"y","type":"int","default":9}]},
            "default":{"x":"here"}}"#,
    );
    let mut datum = vec![2, 2, b'k', 2, 4, 2, b'p', 2, b'q', 0, 0];
    datum.extend([4, b'h', b'i', 14, 1, 2, 3]);
    datum.extend(1.5_f64.to_le_bytes());
    datum.push(1);
    let expected = Value::Struct(vec![
        Value::Int(7),
        text("hi"),
        Value::Null,
        Value::List(vec![Value::Int(1), Value::Int(2)]),
        Value::Struct(vec![text("here"), Value::Int(9)]),
    ]);
    assert_eq!(read(&writer, &reader, &datum), Ok(expected));
    // A datum that ends within what is skipped.
    for end in 0..datum.len() {
        assert!(read(&writer, &reader, &datum[..end]).is_err(), "{end}");
    }
}

#[test]
fn numbers_and_texts_are_promoted() {
    for (writer, reader, datum, value) in [
        (r#""int""#, r#""double""#, &[14][..], Value::Float(7.0)),
        (r#""long""#, r#""float""#, &[0x82, 0x80, 0x80, 0x10], Value::Float(16_777_216.0)),
        (r#""float""#, r#""double""#, &[0, 0, 0x20, 0x40], Value::Float(2.5)),
        (r#""string""#, r#""bytes""#, &[2, b'a'], Value::Bytes(vec![b'a'])),
        (r#""bytes""#, r#""string""#, &[2, b'a'], text("a")),
    ] {
        assert_eq!(read(writer, reader, datum), Ok(value), "{writer} {reader}");
    }
    assert_eq!(read(r#""bytes""#, r#""string""#, &[2, 0xff]), Err(DecodeProblem::NotText));
    let beyond = [0xfe, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(read(r#""int""#, r#""float""#, &beyond), Err(DecodeProblem::OutOfRange));
    assert!(refusal(r#""long""#, r#""int""#).contains("has int where the writer's has long"));
}

#[test]
fn unions_are_taken_apart() {
    // A branch that the reader does not have is an error of the datum that has it.
    let writer = r#"["null","int","string"]"#;
    assert_eq!(read(writer, r#""long""#, &[2, 14]), Ok(Value::Int(7)));
    assert_eq!(read(writer, r#""long""#, &[4, 2, b'a']), Err(DecodeProblem::WrongType));
    assert_eq!(read(writer, r#""long""#, &[0]), Err(DecodeProblem::Missing));
    assert_eq!(read(writer, r#""long""#, &[6]), Err(DecodeProblem::NoSuchBranch));
    let reader = r#"["string","double","null"]"#;
    let of = |string, double| Value::Struct(vec![string, double]);
    assert_eq!(read(writer, reader, &[2, 14]), Ok(of(Value::Null, Value::Float(7.0))));
    assert_eq!(read(writer, reader, &[4, 2, b'a']), Ok(of(text("a"), Value::Null)));
    assert_eq!(read(writer, reader, &[0]), Ok(Value::Null));
    assert_eq!(read(r#""int""#, r#"["null","long"]"#, &[14]), Ok(Value::Int(7)));
    assert!(refusal(r#""boolean""#, reader).contains("no branch"));
}

#[test]
fn enums_know_symbols_by_name() {
    let symbols = |list: &str, more: &str| {
        format!(r#"{{"type":"enum","name":"E","symbols":[{list}]{more}}}"#)
    };
    let writer = symbols(r#""A","B","C""#, "");
    let reader = symbols(r#""C","A""#, "");
    assert_eq!(read(&writer, &reader, &[4]), Ok(text("C")));
    assert_eq!(read(&writer, &reader, &[2]), Err(DecodeProblem::WrongType));
    let lenient = symbols(r#""C","A""#, r#","default":"A""#);
    assert_eq!(read(&writer, &lenient, &[2]), Ok(text("A")));
    assert!(refusal(&writer, &writer.replace("\"E\"", "\"X\"")).contains("has X where"));
}

#[test]
fn a_field_without_default_is_named() {
    let writer = record(r#"{"name":"a","type":"int"}"#);
    let reader = record(r#"{"name":"b","type":"int"}"#);
    let error = refusal(&writer, &reader);
    assert!(error.starts_with("b: ") && error.contains("no default"), "{error}");
}

#[test]
fn defaults_of_many_elements_are_bounded() {
    let item = |fields: &str| {
        format!(r#"{{"type":"array","items":{{"type":"record","name":"I","fields":[{fields}]}}}}"#)
    };
    let writer = item(r#"{"name":"a","type":"boolean"}"#);
    let long = "x".repeat(1 << 16);
    let reader = item(&format!(r#"{{"name":"b","type":"string","default":"{long}"}}"#));
    let mut datum = vec![0xa0, 0x1f];
    datum.extend([1; 2000]);
    datum.push(0);
    assert_eq!(read(&writer, &reader, &datum), Err(DecodeProblem::Full));
}
