#![allow(clippy::unwrap_used, reason = "tests")]

use chrono_tz::Tz;
use thalweg_core::batch::{Batch, Layout};
use thalweg_core::schema::{SchemaBuilder, Value};

use super::*;

fn batch(rows: Vec<Value>) -> Batch {
    let inner = SchemaBuilder::structure()
        .field("city", SchemaBuilder::string().optional().build())
        .build();
    let schema = SchemaBuilder::structure()
        .field("id", SchemaBuilder::int64().build())
        .field("at", SchemaBuilder::int64().name("io.debezium.time.MicroTimestamp").build())
        .field("address", inner)
        .build();
    let mut batch = Batch::new("t".into(), None, Some(Layout::of(&schema)));
    for (number, row) in rows.iter().enumerate() {
        batch.value.as_mut().unwrap().push_value(row);
        batch.timestamps.push(1_700_000_000_000 + i64::try_from(number).unwrap());
        batch.rows += 1;
    }
    batch
}

fn row(id: i64, at: i64, city: Option<&str>) -> Value {
    let city = city.map_or(Value::Null, |city| Value::Text(city.to_owned()));
    Value::Struct(vec![Value::Int(id), Value::Int(at), Value::Struct(vec![city])])
}

fn path_of(partitioner: &Partitioner, batch: &Batch, number: usize) -> Result<String, String> {
    let mut places = partitioner.reader(batch, 7, 0);
    places.place(number)?;
    Ok(places.path().to_owned())
}

#[test]
fn the_default_is_the_partition() {
    assert_eq!(path_of(&Partitioner::Default, &batch(vec![]), 0).unwrap(), "partition=7");
}

#[test]
fn fields_become_folders_and_never_lead_out() {
    let names = ["id".to_owned(), "address.city".to_owned()];
    let partitioner = Partitioner::Field(FieldPaths::new(&names, "/"));
    let batch = batch(vec![row(1, 0, Some("Bern")), row(-2, 0, None), row(3, 0, Some("../a/b"))]);
    assert_eq!(path_of(&partitioner, &batch, 0).unwrap(), "id=1/address.city=Bern");
    assert_eq!(path_of(&partitioner, &batch, 1).unwrap(), "id=-2/address.city=null");
    assert_eq!(path_of(&partitioner, &batch, 2).unwrap(), "id=3/address.city=..%2Fa%2Fb");
    let missing = Partitioner::Field(FieldPaths::new(&["no".to_owned()], "/"));
    assert!(path_of(&missing, &batch, 0).unwrap_err().contains("not in its schema"));
}

fn time(pattern: &str, zone: &str, duration_ms: i64, extractor: Extractor) -> Partitioner {
    Partitioner::Time(TimePaths {
        format: PathFormat::parse(pattern).unwrap(),
        duration_ms,
        zone: zone.parse::<Tz>().unwrap(),
        extractor,
    })
}

#[test]
fn times_are_cut_in_local_time() {
    let hours = "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH";
    let of = |zone, extractor| time(hours, zone, 3_600_000, extractor);
    // 2023-11-14T22:13:20Z
    let batch = batch(vec![row(1, 1_704_067_199_999_999, None)]);
    assert_eq!(
        path_of(&of("UTC", Extractor::Record), &batch, 0).unwrap(),
        "year=2023/month=11/day=14/hour=22"
    );
    assert_eq!(
        path_of(&of("Asia/Tokyo", Extractor::Record), &batch, 0).unwrap(),
        "year=2023/month=11/day=15/hour=07"
    );
    assert_eq!(
        path_of(&of("UTC", Extractor::of_field("at")), &batch, 0).unwrap(),
        "year=2023/month=12/day=31/hour=23"
    );
    assert_eq!(
        path_of(&of("UTC", Extractor::Wallclock), &batch, 0).unwrap(),
        "year=1970/month=01/day=01/hour=00"
    );
    let quarter = time("HHmm", "UTC", 900_000, Extractor::Record);
    assert_eq!(path_of(&quarter, &batch, 0).unwrap(), "2200");
}

#[test]
fn patterns_are_jodas() {
    let batch = batch(vec![row(1, 1_704_412_805_678_000, None)]); // 2024-01-05T00:00:05.678Z
    let of = |pattern: &str| {
        path_of(&time(pattern, "Europe/Berlin", 1, Extractor::of_field("at")), &batch, 0).unwrap()
    };
    assert_eq!(of("yy-M-d D e EEE EEEE"), "24-1-5 5 5 Fri Friday");
    assert_eq!(of("MMM MMMM xxxx'W'ww"), "Jan January 2024W01");
    assert_eq!(of("h a K k S SSS Z ZZ ZZZ"), "1 AM 1 1 6 678 +0100 +01:00 Europe/Berlin");
    assert_eq!(of("'it''s' ''YYYY"), "it's '2024");
    assert!(PathFormat::parse("year=YYYY").unwrap_err().contains("Illegal pattern component"));
    assert!(PathFormat::parse("'year=YYYY").unwrap_err().contains("never closed"));
}
