#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use std::sync::Arc;

use super::{Decoder, Encoder, Names, Options, adjusted, from_json, schema_json};
use crate::batch::{Cell, Columns, Layout};
use crate::codec::samples::Samples;
use crate::codec::{DecodeProblem, EncodeProblem};
use crate::schema::{Schema, SchemaBuilder, Value};

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn rows(schema: &Arc<Schema>, values: &[Value]) -> Columns {
    let mut rows = Columns::new(Layout::of(schema));
    values.iter().for_each(|value| rows.push_value(value));
    rows
}

fn encode(schema: &Arc<Schema>, value: &Value) -> Vec<u8> {
    let rows = rows(schema, std::slice::from_ref(value));
    let mut datum = Vec::new();
    Encoder::new(rows.layout(), &Options::default()).unwrap().encode(&rows, 0, &mut datum).unwrap();
    datum
}

fn json(schema: &Arc<Schema>) -> String {
    schema_json(schema, &Options::default()).unwrap()
}

fn decode(avro: &str, datum: &[u8]) -> Result<Value, DecodeProblem> {
    let decoder = Decoder::new(avro).unwrap();
    let mut rows = Columns::new(Arc::clone(decoder.layout()));
    decoder.decode(datum, &mut rows).map_err(|error| error.problem)?;
    Ok(rows.value(0))
}

fn row_schema(name: &str) -> SchemaBuilder {
    SchemaBuilder::structure()
        .name(name)
        .field("id", SchemaBuilder::int32().default_value(Value::Int(0)).build())
        .field("small", SchemaBuilder::int16().optional().build())
        .field(
            "price",
            SchemaBuilder::bytes()
                .name("org.apache.kafka.connect.data.Decimal")
                .version(1)
                .parameter("scale", "2")
                .parameter("connect.decimal.precision", "10")
                .optional()
                .build(),
        )
        .field(
            "state",
            SchemaBuilder::string()
                .name("io.debezium.data.Enum")
                .version(1)
                .parameter("allowed", "new,paid")
                .default_value(text("new"))
                .optional()
                .build(),
        )
}

/// As a registry behind Debezium and Confluent's converter has it.
#[test]
fn an_envelope_is_written_as_avro_data_writes_it() {
    let row = row_schema("shop.public.orders.Value").optional().build();
    let envelope = SchemaBuilder::structure()
        .name("shop.public.orders.Envelope")
        .version(2)
        .field("before", row.clone())
        .field("after", row)
        .field("op", SchemaBuilder::string().build())
        .field("ts_ms", SchemaBuilder::int64().optional().build())
        .build();
    let expected = concat!(
        r#"{"type":"record","name":"Envelope","namespace":"shop.public.orders","fields":["#,
        r#"{"name":"before","type":["null",{"type":"record","name":"Value","fields":["#,
        r#"{"name":"id","type":{"type":"int","connect.default":0},"default":0},"#,
        r#"{"name":"small","type":["null",{"type":"int","connect.type":"int16"}],"#,
        r#""default":null},"#,
        r#"{"name":"price","type":["null",{"type":"bytes","scale":2,"precision":10,"#,
        r#""connect.version":1,"connect.parameters":{"scale":"2","#,
        r#""connect.decimal.precision":"10"},"#,
        r#""connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}],"#,
        r#""default":null},"#,
        r#"{"name":"state","type":[{"type":"string","connect.version":1,"#,
        r#""connect.parameters":{"allowed":"new,paid"},"connect.default":"new","#,
        r#""connect.name":"io.debezium.data.Enum"},"null"],"default":"new"}],"#,
        r#""connect.name":"shop.public.orders.Value"}],"default":null},"#,
        r#"{"name":"after","type":["null","Value"],"default":null},"#,
        r#"{"name":"op","type":"string"},"#,
        r#"{"name":"ts_ms","type":["null","long"],"default":null}],"#,
        r#""connect.version":2,"connect.name":"shop.public.orders.Envelope"}"#,
    );
    assert_eq!(json(&envelope), expected);
    assert_eq!(from_json(expected).unwrap(), envelope);
}

/// apache-avro does not take text as the default of a decimal.
fn without_defaults(avro: &str) -> String {
    fn strip(json: &mut serde_json::Value) {
        if let Some(object) = json.as_object_mut() {
            object.shift_remove("default");
            object.values_mut().for_each(strip);
        }
        json.as_array_mut().into_iter().flatten().for_each(strip);
    }
    let mut json = serde_json::from_str(avro).unwrap();
    strip(&mut json);
    json.to_string()
}

#[test]
fn every_schema_and_value_comes_back_and_apache_avro_agrees() {
    for seed in 0..400 {
        let mut samples = Samples::new(seed);
        samples.map_entries_max = 1;
        let schema = samples.row_schema();
        let avro = json(&schema);
        let back = from_json(&avro).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{avro}"));
        assert_eq!(back, schema, "seed {seed}: {avro}");
        let theirs = apache_avro::Schema::parse_str(&without_defaults(&avro)).unwrap();

        let values: Vec<Value> = (0..5).map(|_| samples.value(&schema)).collect();
        let written = rows(&schema, &values);
        let options = Options { keep_nulls: true, ..Options::default() };
        let encoder = Encoder::new(written.layout(), &options).unwrap();
        let decoder = Decoder::new(&avro).unwrap();
        let mut read = Columns::new(Arc::clone(decoder.layout()));
        for (row, value) in values.iter().enumerate() {
            let mut datum = Vec::new();
            encoder.encode(&written, row, &mut datum).unwrap();
            decoder.decode(&datum, &mut read).unwrap();
            assert_eq!(&read.value(row), value, "seed {seed}");
            let seen = apache_avro::from_avro_datum(&theirs, &mut datum.as_slice(), None).unwrap();
            let again = apache_avro::to_avro_datum(&theirs, seen).unwrap();
            // apache-avro writes numbers of logical type Decimal in its own width.
            if !avro.contains("decimal") {
                assert_eq!(again, datum, "seed {seed}: {avro}");
            }
            let mut theirs_read = Columns::new(Arc::clone(decoder.layout()));
            decoder.decode(&again, &mut theirs_read).unwrap();
        }
    }
}

#[test]
fn broken_datums_are_errors_and_leave_no_row() {
    for seed in 0..200 {
        let mut samples = Samples::new(seed);
        let schema = samples.row_schema();
        let value = samples.value(&schema);
        let datum = encode(&schema, &value);
        let decoder = Decoder::new(&json(&schema)).unwrap();
        let mut read = Columns::new(Arc::clone(decoder.layout()));
        for cut in 0..datum.len() {
            assert!(decoder.decode(&datum[..cut], &mut read).is_err(), "seed {seed} cut {cut}");
        }
        for _ in 0..50 {
            let mut broken = datum.clone();
            for _ in 0..samples.rng.usize(1..4) {
                let at = samples.rng.usize(0..broken.len());
                broken[at] = samples.rng.u8(..);
            }
            let before = read.rows();
            let ok = decoder.decode(&broken, &mut read).is_ok();
            assert_eq!(read.rows(), before + usize::from(ok));
        }
        let mut longer = datum.clone();
        longer.push(0);
        assert!(decoder.decode(&longer, &mut read).is_err());
        // The columns are still in step after all these.
        decoder.decode(&datum, &mut read).unwrap();
        let read = read.value(read.rows() - 1);
        assert_eq!(encode(&schema, &read), datum, "seed {seed}");
    }
}

#[test]
fn lengths_are_checked_before_anything_is_allocated() {
    let array = r#"{"type":"record","name":"R","fields":[
        {"name":"a","type":{"type":"array","items":"long"}}]}"#;
    assert_eq!(decode(array, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0x0f]), Err(DecodeProblem::BadLength));
    let empty = r#"{"type":"array","items":{"type":"record","name":"E","fields":[]}}"#;
    assert_eq!(decode(empty, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0x0f]), Err(DecodeProblem::BadLength));
    assert_eq!(decode(r#""string""#, &[0x01]), Err(DecodeProblem::BadLength));
    assert_eq!(decode(r#""string""#, &[0x7e, b'a']), Err(DecodeProblem::Truncated));
    assert_eq!(decode(r#""string""#, &[0x02, 0xff]), Err(DecodeProblem::NotText));
}

#[test]
fn blocks_with_sizes_are_read() {
    let array = r#"{"type":"array","items":"int"}"#;
    // -2 elements in 2 bytes, then 1 element, then the end.
    let datum = [3, 4, 2, 4, 2, 6, 0];
    let read = decode(array, &datum).unwrap();
    assert_eq!(read, Value::List(vec![Value::Int(1), Value::Int(2), Value::Int(3)]));
}

#[test]
fn foreign_schemas_become_connects() {
    let avro = r#"{"type":"record","name":"Foreign","namespace":"a.b","doc":"d","fields":[
        {"name":"u","type":["null","string","int",{"type":"enum","name":"E","symbols":["X","Y"]}]},
        {"name":"e","type":"E"},
        {"name":"f","type":{"type":"fixed","name":"F","size":2}},
        {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"o","type":["int","null"],"default":5},
        {"name":"m","type":{"type":"map","values":["null","E"]}}]}"#;
    let schema = from_json(avro).unwrap();
    assert_eq!(schema.name(), Some("a.b.Foreign"));
    let union = &schema.field("u").unwrap().schema;
    assert_eq!(union.name(), Some("io.confluent.connect.avro.Union"));
    let names: Vec<&str> = union.fields().iter().map(|field| &*field.name).collect();
    assert_eq!(names, ["string", "int", "E"]);
    let symbols = &schema.field("e").unwrap().schema;
    assert_eq!(symbols.parameter("io.confluent.connect.avro.Enum"), Some("a.b.E"));
    assert_eq!(symbols.parameter("io.confluent.connect.avro.Enum.Y"), Some("Y"));
    assert_eq!(schema.field("o").unwrap().schema.default_value(), Some(&Value::Int(5)));

    let datum = [6, 2, 0, 1, 2, 200, 1, 0, 8, 2, 2, b'k', 2, 2, 0];
    let read = decode(avro, &datum).unwrap();
    let expected = Value::Struct(vec![
        Value::Struct(vec![Value::Null, Value::Null, text("Y")]),
        text("X"),
        Value::Bytes(vec![1, 2]),
        Value::Int(100),
        Value::Int(4),
        Value::Map(vec![(text("k"), text("Y"))]),
    ]);
    assert_eq!(read, expected);
    let null = [0, 0, 1, 2, 200, 1, 2, 0];
    assert!(decode(avro, &null).is_ok());
    assert_eq!(decode(avro, &[8]), Err(DecodeProblem::NoSuchBranch));
}

#[test]
fn unions_and_fixed_are_written_as_they_were_read() {
    let avro = r#"{"type":"record","name":"R","fields":[
        {"name":"u","type":["string","long",{"type":"array","items":"int"}]},
        {"name":"n","type":["null","string","long"]},
        {"name":"f","type":{"type":"fixed","name":"F","size":2}}]}"#;
    for datum in [&[0, 2, b'a', 0, 1, 2][..], &[2, 8, 4, 6, 1, 2], &[4, 2, 8, 0, 2, 0, 1, 2]] {
        let decoder = Decoder::new(avro).unwrap();
        let mut read = Columns::new(Arc::clone(decoder.layout()));
        decoder.decode(datum, &mut read).unwrap();
        let mut again = Vec::new();
        let encoder = Encoder::new(read.layout(), &Options::default()).unwrap();
        encoder.encode(&read, 0, &mut again).unwrap();
        assert_eq!(again, datum);
    }
}

#[test]
fn the_default_of_a_union_is_written_as_it_was_read() {
    let avro = concat!(
        r#"{"type":"record","name":"R","fields":[{"name":"u","type":["string","long"],"#,
        r#""default":"x"}],"connect.name":"R"}"#
    );
    assert_eq!(json(&from_json(avro).unwrap()), avro);
}

#[test]
fn recursion_and_huge_trees_are_refused() {
    let recursive = r#"{"type":"record","name":"Tree","fields":[
        {"name":"left","type":["null","Tree"]}]}"#;
    let error = from_json(recursive).unwrap_err().to_string();
    assert!(error.contains("left: ") && error.contains("contains itself"), "{error}");

    let mut huge =
        r#"{"type":"record","name":"R0","fields":[{"name":"x","type":"int"}]}"#.to_owned();
    for level in 1..18 {
        huge = format!(
            r#"{{"type":"record","name":"R{level}","fields":[{{"name":"a","type":{huge}}},
            {{"name":"b","type":"R{}"}}]}}"#,
            level - 1
        );
    }
    assert!(from_json(&huge).unwrap_err().to_string().contains("nodes"));
    for bad in ["", "{}", "[", r#"{"type":"record"}"#, r#"{"type":"nope"}"#, r#"{"type":"fixed"}"#]
    {
        assert!(from_json(bad).is_err(), "{bad}");
    }
}

#[test]
fn null_unavailable_and_wrong_cells() {
    let schema = SchemaBuilder::structure()
        .field("must", SchemaBuilder::int32().build())
        .field("text", SchemaBuilder::string().default_value(text("d")).optional().build())
        .field("list", SchemaBuilder::array(SchemaBuilder::int32().build()).optional().build())
        .build();
    let of = |must, text, list| Value::Struct(vec![must, text, list]);
    let back = |value: &Value| decode(&json(&schema), &encode(&schema, value)).unwrap();
    // A null with a default is written as the default, as AvroConverter does.
    let null = of(Value::Int(1), Value::Null, Value::Null);
    assert_eq!(back(&null), of(Value::Int(1), text("d"), Value::Null));
    let gone = of(Value::Int(1), Value::Unavailable, Value::Unavailable);
    let letters = "__debezium_unavailable_value".bytes().map(|b| Value::Int(b.into())).collect();
    let expected = of(Value::Int(1), text("__debezium_unavailable_value"), Value::List(letters));
    assert_eq!(back(&gone), expected);

    let mut rows = Columns::new(Layout::of(&schema));
    for cell in [Cell::Null, Cell::Unavailable, Cell::Bool(true), Cell::Int(1 << 40)] {
        rows.set_present(Layout::ROOT);
        rows.set(1, cell);
        rows.end_row();
    }
    let encoder = Encoder::new(rows.layout(), &Options::default()).unwrap();
    let problems = [
        EncodeProblem::Null,
        EncodeProblem::Unavailable,
        EncodeProblem::WrongType,
        EncodeProblem::OutOfRange,
    ];
    for (row, problem) in problems.into_iter().enumerate() {
        let mut out = vec![9];
        let error = encoder.encode(&rows, row, &mut out).unwrap_err();
        assert_eq!((error.field.as_str(), error.problem), ("must", problem));
        assert_eq!(out, [9]);
    }
}

#[test]
fn forbidden_names_are_adjusted_and_clashes_refused() {
    let schema = SchemaBuilder::structure()
        .name("my-shop.1st.Order")
        .field("order-id", SchemaBuilder::int32().build())
        .field("2nd", SchemaBuilder::int32().build())
        .build();
    let avro = json(&schema);
    assert!(avro.contains(r#""name":"Order","namespace":"my_shop._1st""#), "{avro}");
    assert!(avro.contains(r#""name":"order_id""#) && avro.contains(r#""name":"_2nd""#), "{avro}");
    assert_eq!(encode(&schema, &Value::Struct(vec![Value::Int(1), Value::Int(2)])), [2, 4]);
    let scrub = Options { names: Names::Scrubbed, ..Options::default() };
    let avro = schema_json(&schema, &scrub).unwrap();
    assert!(avro.contains(r#""name":"Order","namespace":"my_shop.x1st""#), "{avro}");
    assert!(avro.contains(r#""name":"order_id""#) && avro.contains(r#""name":"x2nd""#), "{avro}");
    assert!(avro.contains(r#""connect.name":"my-shop.1st.Order""#), "{avro}");
    assert_eq!(adjusted(&schema, Names::Scrubbed).unwrap().name(), Some("my_shop.x1st.Order"));
    // As java.net.URLEncoder has it, and then `_` for what is no letter or digit.
    for (name, scrubbed) in [
        ("a b.c*d", "a_b_c_d"),
        ("größe", "gr_C3_B6_C3_9Fe"),
        ("表", "_E8_A1_A8"),
        ("a~%", "a_7E_25"),
    ] {
        let field = SchemaBuilder::structure().field(name, SchemaBuilder::int32().build()).build();
        let avro = schema_json(&field, &scrub).unwrap();
        assert!(avro.contains(&format!(r#""name":"{scrubbed}""#)), "{avro}");
    }
    let clash = SchemaBuilder::structure()
        .field("a-b", SchemaBuilder::int32().build())
        .field("a_b", SchemaBuilder::int32().build())
        .build();
    let error = schema_json(&clash, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("a_b"), "{error}");
    let twice = |other| {
        let inner = |kind| SchemaBuilder::structure().name("N").field("x", kind).build();
        SchemaBuilder::structure()
            .name("R")
            .field("a", inner(SchemaBuilder::int32().build()))
            .field("b", inner(other))
            .build()
    };
    assert!(schema_json(&twice(SchemaBuilder::int32().build()), &Options::default()).is_ok());
    let error = schema_json(&twice(SchemaBuilder::int64().build()), &Options::default());
    assert!(error.unwrap_err().to_string().contains("named N"));
}

#[test]
fn docs_and_defaults_of_fields_are_not_those_of_their_types() {
    let avro = concat!(
        r#"{"type":"record","name":"R","doc":"of the record","fields":["#,
        r#"{"name":"i","type":"int","doc":"of the field","default":5},"#,
        r#"{"name":"s","type":{"type":"string","connect.doc":"of the type"}}],"#,
        r#""connect.name":"R"}"#
    );
    let read = from_json(avro).unwrap();
    assert_eq!(read.field("i").unwrap().schema.doc(), None);
    assert_eq!(read.field("s").unwrap().schema.doc(), Some("of the type"));
    let again: serde_json::Value = serde_json::from_str(&json(&read)).unwrap();
    let expected: serde_json::Value = serde_json::from_str(avro).unwrap();
    for part in ["doc", "name"] {
        assert_eq!(again[part], expected[part]);
    }
    let fields = [&again["fields"][0], &expected["fields"][0]];
    assert_eq!(fields[0]["doc"], fields[1]["doc"]);
    assert_eq!(fields[0]["default"], fields[1]["default"]);
    assert_eq!(fields[0]["type"].get("connect.default"), None);
}

#[test]
fn nan_is_the_default_of_a_field_that_is_no_union() {
    let of = |optional| {
        let float =
            SchemaBuilder::float64().default_value(Value::Float(f64::NAN)).optional_if(optional);
        let schema = SchemaBuilder::structure().name("R").field("f", float.build()).build();
        let json: serde_json::Value = serde_json::from_str(&json(&schema)).unwrap();
        json["fields"][0]["default"].clone()
    };
    assert_eq!(of(false), "NaN");
    assert!(of(true).is_null());
}

#[test]
fn null_elements_stay_null_though_there_is_a_default() {
    let element = SchemaBuilder::int32().default_value(Value::Int(7)).optional().build();
    let schema = SchemaBuilder::array(element).build();
    let list = Value::List(vec![Value::Null, Value::Int(1)]);
    assert_eq!(decode(&json(&schema), &encode(&schema, &list)).unwrap(), list);
}

#[test]
fn entries_of_a_default_are_pairs_and_older_objects_are_read() {
    let entries = Value::Map(vec![(Value::Int(1), text("a"))]);
    let map = SchemaBuilder::map(SchemaBuilder::int32().build(), SchemaBuilder::string().build())
        .default_value(entries.clone())
        .build();
    let schema = SchemaBuilder::structure().name("R").field("m", map).build();
    let avro = json(&schema);
    assert!(avro.contains(r#""connect.default":[[1,"a"]]"#) && !avro.contains(r#","default":"#));
    let older = avro.replace(r#"[[1,"a"]]"#, r#"[{"key":1,"value":"a"}]"#);
    for avro in [avro, older] {
        let read = from_json(&avro).unwrap();
        assert_eq!(read.field("m").unwrap().schema.default_value(), Some(&entries));
    }
}
