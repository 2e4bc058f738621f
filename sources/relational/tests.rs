//! Lists, names and topics, as Debezium reads and writes them.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use thalweg_core::config::{ConfigMap, Declare};

use super::{KeyColumns, NameAdjustment, Patterns, Selection, TopicNaming};

fn selection(posted: &[(&str, &str)]) -> (Selection, Vec<String>) {
    let posted: ConfigMap =
        posted.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let mut keys = Declare::read(&posted);
    let selection = Selection::declare(&mut keys);
    (selection, keys.finish().problems.iter().map(ToString::to_string).collect())
}

#[test]
fn expressions_match_whole_names_in_any_case() {
    let list = Patterns::parse(r"public\.orders, shop\..*,a\,b").unwrap();
    assert!(list.matches("public.orders") && list.matches("PUBLIC.Orders"));
    assert!(!list.matches("public.orders_archive") && !list.matches("my.public.orders"));
    assert!(list.matches("shop.any.thing") && list.matches("a,b"));
}

#[test]
fn an_expression_that_is_none_is_a_problem_of_its_key() {
    let (_, problems) = selection(&[("table.include.list", "a.b,(")]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("table.include.list: "), "{}", problems[0]);
    let (_, problems) = selection(&[("schema.include.list", "a"), ("schema.exclude.list", "b")]);
    assert_eq!(problems.len(), 1);
}

#[test]
fn tables_and_columns_are_chosen_by_both_lists() {
    let (selection, problems) = selection(&[
        ("schema.exclude.list", "hidden"),
        ("table.include.list", "shop\\..*"),
        ("column.exclude.list", ".*\\.secret"),
    ]);
    assert!(problems.is_empty());
    assert!(selection.has_table("shop", "orders") && !selection.has_table("hidden", "orders"));
    assert!(!selection.has_table("public", "orders"));
    assert!(selection.has_column("shop", "orders", "id"));
    assert!(!selection.has_column("shop", "orders", "Secret"));
}

#[test]
fn key_columns_are_by_table() {
    let keys = KeyColumns::parse("public.a:x,y; (.*).b:z").unwrap();
    assert_eq!(keys.of("public.a"), Some(vec!["x", "y"]));
    assert_eq!(keys.of("any.b"), Some(vec!["z"]));
    assert_eq!(keys.of("public.c"), None);
    assert!(KeyColumns::parse("nonsense").is_err());
}

#[test]
fn names_are_made_fit_for_avro() {
    assert_eq!(NameAdjustment::Avro.field("1st a.b"), "_1st_a_b");
    assert_eq!(NameAdjustment::Avro.schema("dbz.a-b.Value"), "dbz.a_b.Value");
    assert_eq!(NameAdjustment::AvroUnicode.field("_u Ünï"), "_u005fu_u0020_u00dcn_u00ef");
    assert_eq!(NameAdjustment::AvroUnicode.field("1st"), "_u0031st");
    assert_eq!(NameAdjustment::None.field("a b"), "a b");
}

#[test]
fn topics_have_only_what_kafka_accepts() {
    let naming = TopicNaming::new("dbz");
    assert_eq!(naming.table("Odd Schema", "ü😀$"), "dbz.Odd_Schema.____");
    assert_eq!(naming.heartbeat(), "__debezium-heartbeat.dbz");
    assert_eq!(naming.transaction(), "dbz.transaction");
}
