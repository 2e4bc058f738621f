#![allow(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use super::*;
use thalweg_core::schema::{SchemaBuilder, Value};

#[tokio::test]
async fn text_comes_back_and_structs_print_as_java_does() {
    let schema = SchemaBuilder::structure()
        .field("id", SchemaBuilder::int32().build())
        .field("gone", SchemaBuilder::string().optional().build())
        .field("tags", SchemaBuilder::array(SchemaBuilder::string().build()).build())
        .build();
    let layout = Layout::of(&schema);
    let mut columns = Columns::new(Arc::clone(&layout));
    let text = |text: &str| Value::Text(text.into());
    columns.push_value(&Value::Struct(vec![
        Value::Int(1),
        Value::Null,
        Value::List(vec![text("a"), text("b")]),
    ]));
    columns.absent_row();
    let plan = StringConverter.encoder("t", &layout).await.unwrap();
    let mut out = Vec::new();
    assert!(plan.encode(&columns, 0, &mut out).unwrap());
    assert_eq!(out, b"Struct{id=1,tags=[a, b]}");
    assert!(!plan.encode(&columns, 1, &mut out).unwrap());

    let mut decoder = StringConverter.decoder("t");
    let tag = decoder.tag(&out).unwrap().unwrap();
    let mut rows = Columns::new(decoder.layout(tag));
    decoder.decode(tag, &out, &mut rows).unwrap();
    assert_eq!(rows.bytes_at(Layout::ROOT, 0), Some(&out[..]));
    assert!(decoder.decode(tag, b"\xff", &mut rows).is_err());
    assert_eq!(rows.rows(), 1);
}

#[tokio::test]
async fn bytes_pass_through_and_other_kinds_are_refused() {
    let layout = Layout::of(&SchemaBuilder::bytes().build());
    let mut columns = Columns::new(Arc::clone(&layout));
    columns.set_bytes(Layout::ROOT, b"\x00\xff");
    columns.end_row();
    let plan = ByteArrayConverter.encoder("t", &layout).await.unwrap();
    let mut out = Vec::new();
    assert!(plan.encode(&columns, 0, &mut out).unwrap());
    assert_eq!(out, b"\x00\xff");
    let layout = Layout::of(&SchemaBuilder::int32().build());
    let refused = ByteArrayConverter.encoder("orders", &layout).await.err().unwrap();
    assert!(refused.to_string().contains("orders"));
}

mod registered {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use thalweg_core::ErrorKind;
    use thalweg_core::batch::{Cell, Column};
    use thalweg_core::config::{ConfigMap, Declare, Declared};

    use super::super::avro::{AvroConverter, AvroSettings, SchemaStore, StoreError};
    use super::super::json::{JsonConverter, JsonSettings};
    use super::super::{Converters, NumberConverter, Purpose};
    use super::*;
    use thalweg_core::schema::{Kind, Schema};

    /// A registry in memory that counts what it is asked.
    #[derive(Default)]
    struct Store {
        schemas: Mutex<Vec<String>>,
        subjects: Mutex<HashMap<String, u32>>,
        refuse: Option<StoreError>,
        asked: std::sync::atomic::AtomicU32,
    }

    impl SchemaStore for Store {
        fn register<'a>(
            &'a self,
            subject: &'a str,
            schema: &'a str,
        ) -> BoxFuture<'a, Result<u32, StoreError>> {
            Box::pin(async move {
                self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if let Some(error) = &self.refuse {
                    return Err(error.clone());
                }
                let mut schemas = self.schemas.lock().unwrap();
                let at = schemas.iter().position(|known| known == schema).unwrap_or_else(|| {
                    schemas.push(schema.to_owned());
                    schemas.len() - 1
                });
                let id = u32::try_from(at).unwrap() + 1;
                self.subjects.lock().unwrap().insert(subject.to_owned(), id);
                Ok(id)
            })
        }

        fn look_up<'a>(
            &'a self,
            subject: &'a str,
            _schema: &'a str,
        ) -> BoxFuture<'a, Result<u32, StoreError>> {
            Box::pin(async move { Err(StoreError::NotFound(format!("no subject {subject}"))) })
        }

        fn schema(&self, id: u32) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
            Box::pin(async move {
                self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let schemas = self.schemas.lock().unwrap();
                Ok(schemas.get(id as usize - 1).cloned())
            })
        }
    }

    fn schema(version: i32) -> Arc<Schema> {
        SchemaBuilder::structure()
            .name("shop.Order")
            .version(version)
            .field("id", SchemaBuilder::int32().build())
            .field("note", SchemaBuilder::string().optional().build())
            .build()
    }

    fn rows(schema: &Arc<Schema>) -> Columns {
        let mut rows = Columns::new(Layout::of(schema));
        rows.push_value(&Value::Struct(vec![Value::Int(7), Value::Text("é\"".into())]));
        rows.absent_row();
        rows.push_value(&Value::Struct(vec![Value::Int(-1), Value::Null]));
        rows
    }

    async fn back(decoder: &mut Box<dyn RowDecoder>, bytes: &[u8]) -> Value {
        let tag = match decoder.tag(bytes).unwrap() {
            Some(tag) => tag,
            None => decoder.learn(bytes).await.unwrap(),
        };
        assert_eq!(decoder.tag(bytes).unwrap(), Some(tag));
        let mut into = Columns::new(decoder.layout(tag));
        decoder.decode(tag, bytes, &mut into).unwrap();
        assert!(matches!(into.column(0), Column::Presence(_) | Column::Cells(_)));
        into.value(0)
    }

    #[tokio::test]
    async fn avro_goes_through_the_registry_and_asks_it_once() {
        let store = Arc::new(Store::default());
        let converter = AvroConverter::new(Side::Value, store.clone(), AvroSettings::default());
        let mut decoder = converter.decoder("orders");
        for version in [1, 2] {
            let rows = rows(&schema(version));
            for _ in 0..2 {
                let plan = converter.encoder("orders", rows.layout()).await.unwrap();
                for row in [0, 2] {
                    let mut out = vec![];
                    assert!(plan.encode(&rows, row, &mut out).unwrap());
                    assert_eq!(out[..5], [0, 0, 0, 0, u8::try_from(version).unwrap()]);
                    assert_eq!(back(&mut decoder, &out).await, rows.value(row));
                }
                let mut out = vec![1];
                assert!(!plan.encode(&rows, 1, &mut out).unwrap());
                assert_eq!(out, [1]);
            }
        }
        assert_eq!(store.asked.load(std::sync::atomic::Ordering::Relaxed), 4);
        assert_eq!(store.subjects.lock().unwrap().get("orders-value"), Some(&2));
    }

    #[tokio::test]
    async fn what_the_registry_says_becomes_an_error_that_says_what_to_do() {
        let rows = rows(&schema(1));
        for (refuse, kind, words) in [
            (
                StoreError::Incompatible {
                    version: Some(3),
                    reason: "/fields/0: int is no string".into(),
                },
                ErrorKind::Fatal,
                ["orders-key", "version 3", "int is no string", "/config/orders-key"],
            ),
            (
                StoreError::Unreachable("busy".into()),
                ErrorKind::Retriable,
                ["orders-key", "busy", "orders", "registry"],
            ),
        ] {
            let store = Arc::new(Store { refuse: Some(refuse), ..Store::default() });
            let converter = AvroConverter::new(Side::Key, store, AvroSettings::default());
            let error = converter.encoder("orders", rows.layout()).await.err().unwrap();
            assert_eq!(error.kind(), kind);
            let text = error.to_string();
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
        let settings = AvroSettings { register: false, ..AvroSettings::default() };
        let converter = AvroConverter::new(Side::Key, Arc::new(Store::default()), settings);
        let error = converter.encoder("orders", rows.layout()).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::BadConfig);
        assert!(error.to_string().contains("auto.register.schemas=true"));
    }

    #[tokio::test]
    async fn bytes_that_are_no_avro_are_bad_records() {
        let store = Arc::new(Store::default());
        store.register("s", r#""string""#).await.unwrap();
        let converter = AvroConverter::new(Side::Value, store, AvroSettings::default());
        let mut decoder = converter.decoder("t");
        for bytes in [&b"{\"id\":1}"[..], b"", b"\0\0\0"] {
            let error = decoder.tag(bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadRecord, "{error}");
        }
        let unknown = b"\0\0\0\0\x09x";
        assert_eq!(decoder.tag(unknown).unwrap(), None);
        let error = decoder.learn(unknown).await.unwrap_err();
        assert!(error.kind() == ErrorKind::BadRecord && error.to_string().contains("id 9"));
        let known = b"\0\0\0\0\x01\x08ab";
        let tag = decoder.learn(known).await.unwrap();
        let mut into = Columns::new(decoder.layout(tag));
        let error = decoder.decode(tag, known, &mut into).unwrap_err();
        assert!(error.kind() == ErrorKind::BadRecord && into.rows() == 0);
    }

    #[tokio::test]
    async fn json_comes_back_with_and_without_schemas() {
        let with = JsonConverter::default();
        let mut decoder = with.decoder("t");
        // Schemas that take turns, then one in a run.
        for version in [1, 2, 1, 1, 1] {
            let rows = rows(&schema(version));
            let plan = with.encoder("t", rows.layout()).await.unwrap();
            for row in [0, 2] {
                let mut out = Vec::new();
                assert!(plan.encode(&rows, row, &mut out).unwrap());
                assert!(out.starts_with(b"{\"schema\":{\"type\":\"struct\",\"fields\":[{"));
                assert_eq!(back(&mut decoder, &out).await, rows.value(row));
            }
            assert!(!plan.encode(&rows, 1, &mut Vec::new()).unwrap());
        }
        let swapped = br#"{"payload": 5 , "schema": {"type":"int32"}}"#;
        assert_eq!(back(&mut decoder, swapped).await, Value::Int(5));
        let none = br#"{"schema":null,"payload":{"a":1}}"#;
        assert_eq!(back(&mut decoder, none).await, Value::Text("{\"a\":1}".into()));
        for bad in [&b"{\"a\":1}"[..], b"5", b"", b"{\"schema\":{\"type\":\"x\"},\"payload\":1}"] {
            let error = decoder.tag(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BadRecord, "{error}");
        }

        let without = JsonConverter::new(JsonSettings { schemas: false, ..Default::default() });
        let rows = rows(&schema(1));
        let plan = without.encoder("t", rows.layout()).await.unwrap();
        let mut out = Vec::new();
        assert!(plan.encode(&rows, 0, &mut out).unwrap());
        assert_eq!(out, "{\"id\":7,\"note\":\"é\\\"\"}".as_bytes());
        let mut decoder = without.decoder("t");
        assert_eq!(
            back(&mut decoder, &out).await,
            Value::Text(String::from_utf8(out.clone()).unwrap())
        );
        let tag = decoder.tag(b"{").unwrap().unwrap();
        let mut into = Columns::new(decoder.layout(tag));
        assert!(decoder.decode(tag, b"{", &mut into).is_err());
    }

    #[tokio::test]
    async fn numbers_are_big_endian() {
        let converter = NumberConverter::new(Kind::Int64);
        let mut rows = Columns::new(Layout::of(&SchemaBuilder::int64().build()));
        rows.set(Layout::ROOT, Cell::Int(258));
        rows.end_row();
        let plan = converter.encoder("t", rows.layout()).await.unwrap();
        let mut out = Vec::new();
        assert!(plan.encode(&rows, 0, &mut out).unwrap());
        assert_eq!(out, [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(back(&mut converter.decoder("t"), &out).await, Value::Int(258));
    }

    fn declare(posted: &[(&str, &str)]) -> Declared {
        let posted: ConfigMap =
            posted.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        let converters =
            Converters::new(Arc::new(Store::default()), |url| url == "http://localhost:8081");
        let mut keys = Declare::read(&posted);
        converters.declare(Side::Key, Purpose::Write(IncompatibleAction::Pause), &mut keys);
        converters.declare(Side::Value, Purpose::Write(IncompatibleAction::Pause), &mut keys);
        keys.finish()
    }

    #[test]
    fn configs_as_people_post_them() {
        for posted in [
            &[][..],
            &[
                ("value.converter", "io.confluent.connect.avro.AvroConverter"),
                ("value.converter.schema.registry.url", "http://localhost:8081"),
                ("key.converter", "org.apache.kafka.connect.storage.StringConverter"),
            ],
            &[
                ("value.converter", "JsonConverter"),
                ("value.converter.schemas.enable", "false"),
                ("value.converter.decimal.format", "numeric"),
                ("key.converter", "long"),
            ],
        ] {
            let declared = declare(posted);
            assert_eq!(declared.problems, [], "{posted:?}");
            assert_eq!(declared.warnings, [], "{posted:?}");
        }
        for (key, value, words) in [
            ("value.converter", "com.acme.Converter", "no such converter"),
            ("value.converter.schema.registry.url", "http://other:8081", "registry.aliases"),
            ("value.converter.use.latest.version", "true", "not supported yet"),
            ("value.converter.auto.register.schemas", "yes", "true or false"),
        ] {
            let declared = declare(&[(key, value)]);
            assert_eq!(declared.problems.len(), 1, "{declared:?}");
            assert_eq!(declared.problems[0].key, key);
            assert!(declared.problems[0].message.contains(words), "{declared:?}");
        }
    }
}

/// What goes to the registry for Debezium's own schemas.
mod written {
    use std::collections::HashMap;

    use serde_json::Value as Json;
    use thalweg_core::{avro, json};

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

    /// The registry takes the Avro schema of every schema that Debezium wrote, prints the
    /// very same text, and the schema comes back from it.
    #[test]
    fn the_registry_takes_every_schema_of_debezium_as_it_is() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/debezium");
        let mut count = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            let mut known: HashMap<u64, Json> = HashMap::new();
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let line: Json = serde_json::from_str(line).unwrap();
                let (Some(number), Some(is)) = (line["schema"].as_u64(), line.get("is")) else {
                    continue;
                };
                let whole = resolve(is, &known);
                let schema = json::from_json(&whole.to_string()).unwrap().unwrap();
                known.insert(number, whole);
                let text = avro::schema_json(&schema, &avro::Options::default()).unwrap();
                let parsed = thalweg_schema_registry::avro::parse(&text)
                    .unwrap_or_else(|error| panic!("{}: {error}\n{text}", path.display()));
                assert_eq!(parsed.text(), text);
                let adjusted = avro::adjusted(&schema, avro::Names::Adjusted).unwrap();
                assert_eq!(avro::from_json(&text).unwrap(), adjusted, "{text}");
                count += 1;
            }
        }
        assert!(count > 100, "{count} schemas");
    }
}
