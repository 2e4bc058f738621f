#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Decimal256Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use thalweg_core::batch::{Columns, Layout};
use thalweg_core::schema::{Schema, SchemaBuilder, Value};

use super::*;

fn options(format: Format, codec: Codec) -> FileOptions {
    FileOptions {
        format,
        codec,
        level: None,
        decimals: thalweg_core::json::DecimalFormat::Base64,
        connect_metadata: true,
    }
}

/// Writes rows in batches of `step` and reads the file's bytes.
fn written(options: &FileOptions, rows: &[Columns], step: usize) -> (Vec<u8>, Vec<Unfit>) {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(options.clone(), SpoolFolder::open(folder.path()));
    let mut file = files.open(rows[0].layout(), [7; 16]).unwrap();
    let mut unfit = Vec::new();
    for columns in rows {
        let all: Vec<u32> = (0..u32::try_from(columns.rows()).unwrap()).collect();
        for part in all.chunks(step) {
            file.append(columns, part, &mut unfit).unwrap();
        }
    }
    let spooled = file.finish().unwrap();
    let bytes = match &spooled.body {
        Body::Memory(bytes) => bytes.to_vec(),
        Body::Disk(file) => std::fs::read(file.path()).unwrap(),
    };
    assert_eq!(spooled.bytes, bytes.len() as u64);
    assert_eq!(spooled.crc, crc32c::crc32c(&bytes));
    (bytes, unfit)
}

fn columns(schema: &Arc<Schema>, rows: &[Value]) -> Columns {
    let mut columns = Columns::new(Layout::of(schema));
    rows.iter().for_each(|row| columns.push_value(row));
    columns
}

fn record_batches(bytes: Vec<u8>) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes)).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn logical(builder: SchemaBuilder, name: &str) -> SchemaBuilder {
    builder.name(format!("org.apache.kafka.connect.data.{name}")).version(1)
}

fn decimal(precision: Option<&str>) -> SchemaBuilder {
    let schema = logical(SchemaBuilder::bytes(), "Decimal").parameter("scale", "2");
    match precision {
        Some(precision) => schema.parameter("connect.decimal.precision", precision),
        None => schema,
    }
}

fn all_types() -> (Arc<Schema>, Vec<Value>) {
    let point = SchemaBuilder::structure()
        .field("x", SchemaBuilder::float64().build())
        .field("label", SchemaBuilder::string().optional().build())
        .optional()
        .build();
    let tags = SchemaBuilder::array(SchemaBuilder::string().optional().build()).optional().build();
    let map = SchemaBuilder::map(SchemaBuilder::string().build(), SchemaBuilder::int64().build());
    let schema = SchemaBuilder::structure()
        .name("shop.all.Value")
        .field("id", SchemaBuilder::int32().build())
        .field("small", SchemaBuilder::int16().optional().build())
        .field("day", logical(SchemaBuilder::int32(), "Date").optional().build())
        .field("at", logical(SchemaBuilder::int64(), "Timestamp").optional().build())
        .field("clock", logical(SchemaBuilder::int32(), "Time").optional().build())
        .field("price", decimal(Some("10")).optional().build())
        .field("huge", decimal(None).optional().build())
        .field("micro", SchemaBuilder::int64().name("io.debezium.time.MicroTimestamp").build())
        .field("blob", SchemaBuilder::bytes().optional().build())
        .field("yes", SchemaBuilder::boolean().optional().build())
        .field("point", point)
        .field("tags", tags)
        .field("map", map.optional().build())
        .build();
    let full = Value::Struct(vec![
        Value::Int(1),
        Value::Int(-2),
        Value::Int(19_000),
        Value::Int(1_700_000_000_123),
        Value::Int(1_000),
        Value::Bytes(vec![0xff, 0x38]), // -2.00
        Value::Bytes(vec![0x00, 0xc8]), // 2.00
        Value::Int(5),
        Value::Bytes(vec![0, 1]),
        Value::Bool(true),
        Value::Struct(vec![Value::Float(1.5), Value::Null]),
        Value::List(vec![text("a"), Value::Null, text("")]),
        Value::Map(vec![(text("k"), Value::Int(9))]),
    ]);
    let mut nulls = vec![Value::Int(2)];
    nulls.resize(13, Value::Null);
    nulls[7] = Value::Int(6);
    (schema, vec![full, Value::Struct(nulls)])
}

#[test]
fn parquet_holds_every_type() {
    let (schema, rows) = all_types();
    let (bytes, unfit) =
        written(&options(Format::Parquet, Codec::Snappy), &[columns(&schema, &rows)], 9);
    assert!(unfit.is_empty(), "{unfit:?}");
    let batch = record_batches(bytes).remove(0);
    let column = |name: &str| batch.column_by_name(name).unwrap();
    assert_eq!(column("id").as_primitive::<Int32Type>().values().to_vec(), [1, 2]);
    assert!(!batch.schema().field(0).is_nullable());
    assert_eq!(column("day").as_primitive::<Date32Type>().value(0), 19_000);
    assert_eq!(column("price").as_primitive::<Decimal128Type>().value_as_string(0), "-2.00");
    assert_eq!(column("huge").as_primitive::<Decimal256Type>().value_as_string(0), "2.00");
    assert_eq!(column("micro").as_primitive::<Int64Type>().values().to_vec(), [5, 6]);
    let tags = column("tags").as_list::<i32>().value(0);
    let tags: Vec<Option<&str>> = tags.as_string::<i32>().iter().collect();
    assert_eq!(tags, [Some("a"), None, Some("")]);
    let point = column("point").as_struct();
    assert!(point.is_valid(0) && point.is_null(1) && column("tags").is_null(1));
    assert_eq!(column("map").as_map().value(0).len(), 1);
    let described = format!("{:?}", batch.schema());
    assert!(described.contains("Timestamp(Millisecond, Some(\"UTC\"))"), "{described}");
}

#[test]
fn rows_that_parquet_cant_hold_are_left_out_alone() {
    let schema = SchemaBuilder::structure()
        .field("id", SchemaBuilder::int32().build())
        .field("price", decimal(Some("3")).optional().build())
        .field("tags", SchemaBuilder::array(SchemaBuilder::string().build()).optional().build())
        .build();
    let row = |id, price: Value, tags: Value| Value::Struct(vec![id, price, tags]);
    let rows = [
        row(Value::Int(1), Value::Null, Value::Null),
        row(Value::Null, Value::Null, Value::Null),
        row(Value::Int(1 << 40), Value::Null, Value::Null),
        row(Value::Int(4), Value::Bytes(vec![0x03, 0xe8]), Value::Null),
        row(Value::Int(5), Value::Bytes(vec![0x03, 0xe7]), Value::List(vec![text("a")])),
        row(Value::Int(6), Value::Null, Value::List(vec![text("a"), Value::Null])),
    ];
    let (bytes, unfit) =
        written(&options(Format::Parquet, Codec::None), &[columns(&schema, &rows)], 100);
    let told: Vec<(u32, &str)> = unfit.iter().map(|u| (u.row, u.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, "field id: it is null, and its schema is not optional"),
            (2, "field id: its value is out of the range of its type"),
            (3, "field price: its value is out of the range of its type"),
            (5, "field tags: it is null, and its schema is not optional"),
        ]
    );
    let batch = record_batches(bytes).remove(0);
    assert_eq!(batch.column(0).as_primitive::<Int32Type>().values().to_vec(), [1, 5]);
}

/// Rows of a Debezium envelope: constants, absent structs, text.
fn envelopes(rows: i64) -> Columns {
    let row = SchemaBuilder::structure()
        .field("id", SchemaBuilder::int64().build())
        .field("name", SchemaBuilder::string().optional().build())
        .optional()
        .build();
    let source = SchemaBuilder::structure().field("db", SchemaBuilder::string().build()).build();
    let schema = SchemaBuilder::structure()
        .name("shop.Envelope")
        .field("before", SchemaBuilder::from_schema(&row).name("shop.Value").build())
        .field("after", SchemaBuilder::from_schema(&row).name("shop.Value").build())
        .field("source", source)
        .field("op", SchemaBuilder::string().optional().build())
        .build();
    let layout = Layout::of(&schema);
    let find = |path: &[&str]| layout.find(path).unwrap();
    let mut columns = Columns::new(Arc::clone(&layout));
    let (db, op) = (columns.intern(b"shop").unwrap(), columns.intern(b"c").unwrap());
    columns.set_constant(find(&["source", "db"]), db);
    columns.set_constant(find(&["op"]), op);
    columns.set_all_present(Layout::ROOT);
    columns.set_all_present(find(&["source"]));
    for id in 0..rows {
        columns.set_present(find(&["after"]));
        columns.set(find(&["after", "id"]), thalweg_core::batch::Cell::Int(id));
        columns.set_bytes(find(&["after", "name"]), format!("name {}", id % 17).as_bytes());
        columns.end_row();
    }
    columns
}

#[test]
fn a_file_is_the_same_bytes_however_its_rows_came() {
    let rows = [envelopes(10_000), envelopes(3_000)];
    for (format, codecs) in [
        (Format::Json, &[Codec::None, Codec::Gzip][..]),
        (Format::Avro, &[Codec::None, Codec::Deflate, Codec::Snappy]),
        (Format::Parquet, &[Codec::None, Codec::Gzip, Codec::Snappy]),
    ] {
        for &codec in codecs {
            let options = options(format, codec);
            let (bytes, unfit) = written(&options, &rows, usize::MAX);
            assert!(unfit.is_empty());
            for step in [1, 7, 4095, 4097] {
                let (again, _) = written(&options, &rows, step);
                assert!(bytes == again, "{format:?} {codec:?} in batches of {step}");
            }
        }
    }
}

#[test]
fn envelopes_read_back_from_parquet() {
    let (bytes, _) = written(&options(Format::Parquet, Codec::Snappy), &[envelopes(9_000)], 1000);
    let batches = record_batches(bytes);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 9_000);
    let first = &batches[0];
    assert_eq!(first.column_by_name("before").unwrap().null_count(), first.num_rows());
    let source = first.column_by_name("source").unwrap().as_struct();
    assert_eq!(source.column(0).as_string::<i32>().value(5), "shop");
    let after = first.column_by_name("after").unwrap().as_struct();
    assert_eq!(after.column(1).as_string::<i32>().value(18), "name 1");
}

#[test]
fn avro_files_read_back_with_every_codec() {
    let (schema, rows) = all_types();
    let all = columns(&schema, &rows);
    for codec in [Codec::None, Codec::Deflate, Codec::Snappy] {
        let (bytes, unfit) = written(&options(Format::Avro, codec), std::slice::from_ref(&all), 1);
        assert!(unfit.is_empty());
        let reader = apache_avro::Reader::new(&bytes[..]).unwrap();
        let read: Vec<_> = reader.map(Result::unwrap).collect();
        assert_eq!(read.len(), 2);
        let apache_avro::types::Value::Record(fields) = &read[0] else { panic!("{read:?}") };
        assert_eq!(fields[0], ("id".to_owned(), apache_avro::types::Value::Int(1)));
    }
    let (bytes, _) = written(&options(Format::Avro, Codec::Snappy), &[envelopes(9_000)], 1000);
    assert_eq!(apache_avro::Reader::new(&bytes[..]).unwrap().count(), 9_000);
}

#[test]
fn parquet_refuses_what_is_no_struct() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(Format::Parquet, Codec::Snappy);
    let files = Files::new(options, SpoolFolder::open(folder.path()));
    let layout = Layout::of(&SchemaBuilder::json().build());
    let error = files.open(&layout, [0; 16]).err().unwrap().to_string();
    assert!(error.contains("JsonFormat"), "{error}");
}

/// Rows a second of each format: `cargo test --release -p thalweg-sinks speed -- --ignored
/// --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let rows = envelopes(100_000);
    for (format, codec) in [
        (Format::Json, Codec::None),
        (Format::Json, Codec::Gzip),
        (Format::Avro, Codec::Snappy),
        (Format::Parquet, Codec::Snappy),
    ] {
        let parts: Vec<Columns> = (0..10).map(|_| rows.clone()).collect();
        let start = std::time::Instant::now();
        let (bytes, _) = written(&options(format, codec), &parts, 5000);
        let rate = 1e6 / start.elapsed().as_secs_f64();
        println!("{format:?} {codec:?}: {rate:.0} rows/s, {} bytes", bytes.len());
    }
}
