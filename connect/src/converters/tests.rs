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
