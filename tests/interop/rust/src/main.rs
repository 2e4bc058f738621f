//! `schema_registry_converter` against a registry, which must answer what that crate expects of
//! Confluent's; prints how many answers were checked.
//!
//!     interop-clients REGISTRY

use std::cell::Cell;
use std::fmt::Debug;

use apache_avro::types::Value;
use schema_registry_converter::async_impl::avro::{AvroDecoder, AvroEncoder};
use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_all_subjects, get_all_versions, get_schema_by_id,
    get_schema_by_subject_and_version, is_compatible_schema, post_schema,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{
    SchemaType, SubjectNameStrategy as Strategy, SuppliedReference, SuppliedSchema,
};
use serde::Serialize;

const FIRST: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"id","type":"long"}]}"#;
const SECOND: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"id","type":"long"},{"name":"name","type":["null","string"],"default":null}]}"#;
const BAD: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
    {"name":"id","type":"long"},{"name":"x","type":"int"}]}"#;
const MONEY: &str = r#"{"type":"record","name":"Money","namespace":"shop","fields":[
    {"name":"amount","type":"double"},{"name":"currency","type":"string"}]}"#;
// That client finds a type of the same namespace by its short name alone.
const SALE: &str = r#"{"type":"record","name":"Sale","namespace":"shop","fields":[
    {"name":"id","type":"long"},{"name":"price","type":"Money"}]}"#;

#[derive(Serialize)]
struct Order {
    id: i64,
    name: Option<String>,
}

struct Checks {
    settings: SrSettings,
    url: String,
    done: Cell<usize>,
}

impl Checks {
    #[track_caller]
    fn same<T: PartialEq + Debug>(&self, found: T, expected: T) {
        assert_eq!(found, expected);
        self.done.set(self.done.get() + 1);
    }

    /// The error names this.
    #[track_caller]
    fn refused<T: Debug>(&self, found: Result<T, SRCError>, expected: &str) {
        let error = found.expect_err("it was not refused");
        let text = format!("{error} {:?}", error.cause);
        assert!(text.contains(expected), "{text}");
        self.same(error.retriable, false);
    }

    fn encoder(&self) -> AvroEncoder {
        AvroEncoder::new(self.settings.clone())
    }

    fn decoder(&self) -> AvroDecoder {
        AvroDecoder::new(self.settings.clone())
    }

    async fn decode(&self, record: &[u8]) -> Value {
        self.decoder().decode(Some(record)).await.unwrap().value
    }

    async fn delete(&self, subject: &str) {
        let url = format!("{}/subjects/{subject}", self.url);
        let answer = reqwest::Client::new().delete(url).send().await.unwrap();
        self.same(answer.status().as_u16(), 200);
    }
}

fn schema(text: &str) -> SuppliedSchema {
    SuppliedSchema::new(Some("shop.Order".into()), SchemaType::Avro, text.into())
}

fn with_schema(topic: &str, text: &str) -> Strategy {
    Strategy::TopicNameStrategyWithSchema(topic.into(), false, schema(text))
}

fn latest(topic: &str) -> Strategy {
    Strategy::TopicNameStrategy(topic.into(), false)
}

fn record(id: i64, name: Value) -> Value {
    Value::Record(vec![("id".into(), Value::Long(id)), ("name".into(), name)])
}

fn some(text: &str) -> Value {
    Value::Union(1, Box::new(Value::String(text.into())))
}

fn id_of(record: &[u8]) -> u32 {
    u32::from_be_bytes(record[1..5].try_into().unwrap())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).expect("the registry's address");
    let settings = SrSettings::new_builder(url.clone()).no_proxy().build().unwrap();
    let checks = Checks { settings, url, done: Cell::new(0) };
    values_go_out_and_come_back(&checks).await;
    schemas_evolve_or_are_refused(&checks).await;
    schemas_are_cached(&checks).await;
    references_are_registered_and_followed(&checks).await;
    println!("{}", checks.done.get());
}

async fn values_go_out_and_come_back(checks: &Checks) {
    let encoder = checks.encoder();
    let values = |id| vec![("id", Value::Long(id)), ("name", some("é"))];
    let first = encoder.encode(values(1), with_schema("rust", SECOND)).await.unwrap();
    checks.same(&first[5..], &[2, 2, 4, 0xc3, 0xa9][..]);
    checks.same(checks.decode(&first).await, record(1, some("é")));

    // The newest schema of the subject, by other ways and another encoder.
    let order = Order { id: 2, name: None };
    let second = checks.encoder().encode_struct(order, &latest("rust")).await.unwrap();
    checks.same((id_of(&second), &second[5..]), (id_of(&first), &[4, 0][..]));
    let value = record(3, Value::Union(0, Box::new(Value::Null)));
    let third = encoder.encode_value(value.clone(), &latest("rust")).await.unwrap();
    checks.same(checks.decode(&third).await, value);

    // One schema has one id, whatever the subject.
    let by_record = Strategy::RecordNameStrategyWithSchema(schema(SECOND));
    let by_both = Strategy::TopicRecordNameStrategyWithSchema("rust".into(), schema(SECOND));
    for strategy in [by_record, by_both] {
        let record = checks.encoder().encode(values(4), strategy).await.unwrap();
        checks.same(id_of(&record), id_of(&first));
    }
    let subjects = get_all_subjects(&checks.settings).await.unwrap();
    for subject in ["rust-value", "shop.Order", "rust-shop.Order"] {
        checks.same(subjects.iter().any(|known| known == subject), true);
        let versions = get_all_versions(&checks.settings, subject.into()).await.unwrap();
        checks.same(versions, vec![1]);
    }
    checks.same(checks.decoder().decode(None).await.unwrap().value, Value::Null);
    checks.refused(checks.decoder().decode(Some(&[0, 0x7f, 0, 0, 0, 2])).await, "40403");
    checks.refused(checks.encoder().encode(values(5), latest("nothing")).await, "40401");
}

async fn schemas_evolve_or_are_refused(checks: &Checks) {
    let subject = || "evolving-value".to_owned();
    let (encoder, values) = (checks.encoder(), vec![("id", Value::Long(7))]);
    let old = encoder.encode(values, with_schema("evolving", FIRST)).await.unwrap();
    for (text, expected) in [(SECOND, true), (BAD, false)] {
        let found = is_compatible_schema(&checks.settings, subject(), schema(text)).await;
        checks.same(found.unwrap(), expected);
    }
    let bad = vec![("id", Value::Long(1)), ("x", Value::Int(2))];
    checks.refused(checks.encoder().encode(bad, with_schema("evolving", BAD)).await, "409");
    checks.refused(post_schema(&checks.settings, subject(), schema(BAD)).await, "409");
    checks.refused(
        post_schema(&checks.settings, subject(), schema(r#"{"type":"recor"}"#)).await,
        "42201",
    );

    let new = post_schema(&checks.settings, subject(), schema(SECOND)).await.unwrap();
    checks.same(new.id != id_of(&old), true);
    let known =
        get_schema_by_subject_and_version(&checks.settings, &subject(), Some(2)).await.unwrap();
    checks.same(known.id, new.id);
    let unknown = get_schema_by_subject_and_version(&checks.settings, &subject(), Some(9)).await;
    checks.refused(unknown, "40402");
    let read = checks.decoder().decode_with_schema(Some(&old)).await.unwrap().unwrap();
    checks.same(read.schema.id, id_of(&old));
    checks.same(read.value, Value::Record(vec![("id".into(), Value::Long(7))]));
}

/// Encoders and decoders that know a schema ask no more; new ones are told what is so now.
async fn schemas_are_cached(checks: &Checks) {
    let (encoder, decoder) = (checks.encoder(), checks.decoder());
    let encode = |id| encoder.encode(vec![("id", Value::Long(id))], with_schema("cached", FIRST));
    let first = encode(1).await.unwrap();
    decoder.decode(Some(&first)).await.unwrap();
    checks.delete("cached-value").await;
    let second = encode(2).await.unwrap();
    checks.same(id_of(&second), id_of(&first));
    let expected = Value::Record(vec![("id".into(), Value::Long(2))]);
    checks.same(decoder.decode(Some(&second)).await.unwrap().value, expected.clone());
    let subjects = get_all_subjects(&checks.settings).await.unwrap();
    checks.same(subjects.iter().any(|known| known == "cached-value"), false);
    let gone = checks.encoder().encode(vec![("id", Value::Long(3))], latest("cached")).await;
    checks.refused(gone, "40401");
    // Records outlive the subject that their schema came by.
    checks.same(checks.decode(&second).await, expected);
}

async fn references_are_registered_and_followed(checks: &Checks) {
    let money = SuppliedReference::new("shop.Money".into(), "money".into(), MONEY.into());
    let sale = SuppliedSchema::new(Some("shop.Sale".into()), SchemaType::Avro, SALE.into())
        .with_references(vec![money]);
    let compatible = || is_compatible_schema(&checks.settings, "sales-value".into(), sale.clone());
    // What it refers to is not there yet.
    checks.refused(compatible().await, "40401");
    let price = Value::Record(vec![
        ("amount".into(), Value::Double(1.5)),
        ("currency".into(), Value::String("EUR".into())),
    ]);
    let values = vec![("id", Value::Long(1)), ("price", price.clone())];
    let strategy = Strategy::TopicNameStrategyWithSchema("sales".into(), false, sale.clone());
    let written = checks.encoder().encode(values, strategy).await.unwrap();
    let expected = Value::Record(vec![("id".into(), Value::Long(1)), ("price".into(), price)]);
    checks.same(checks.decode(&written).await, expected.clone());
    let known = get_schema_by_id(id_of(&written), &checks.settings).await.unwrap();
    checks.same(known.references.len(), 1);
    let reference = &known.references[0];
    checks.same(
        (&*reference.name, &*reference.subject, reference.version),
        ("shop.Money", "money", 1),
    );
    let again = checks.encoder().encode_value(expected.clone(), &latest("sales")).await.unwrap();
    checks.same(again, written);
    checks.same(compatible().await.unwrap(), true);
}
