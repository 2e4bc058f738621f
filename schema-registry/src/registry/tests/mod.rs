#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use thalweg_log::{MemoryLog, Table};

use super::*;
use crate::avro::Kind;
use crate::compat::Level;

mod dumps;

fn memory() -> Arc<dyn Log> {
    Arc::new(MemoryLog::new())
}

async fn open(log: &Arc<dyn Log>) -> Registry {
    Registry::open(Arc::clone(log)).await.unwrap()
}

const ORDER: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"string"}]}"#;

const WITH_NOTE: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"string"},{"name":"note","type":"string"}]}"#;

const WITH_OPTIONAL_NOTE: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"id","type":"string"},
    {"name":"note","type":["null","string"],"default":null}]}"#;

#[tokio::test]
async fn a_schema_has_one_id_in_all_subjects() {
    let registry = open(&memory()).await;
    assert_eq!(registry.register("a", ORDER).await.unwrap(), 1);
    assert_eq!(registry.register("b", "\"string\"").await.unwrap(), 2);
    assert_eq!(registry.register("c", r#"{"type":"string"}"#).await.unwrap(), 2);
    // Registered again, with other white space: nothing new.
    assert_eq!(registry.register("a", &ORDER.replace('\n', " ")).await.unwrap(), 1);
    assert_eq!(registry.versions("a", Selected::Live).unwrap(), [1]);
    let uses: Vec<_> = registry.uses(2, "", Selected::Live).unwrap();
    let uses: Vec<_> = uses.iter().map(|at| (&*at.subject, at.version)).collect();
    assert_eq!(uses, [("b", 1), ("c", 1)]);
    assert_eq!(registry.schema_by_id(1).unwrap().root().kind(), Kind::Record);
    let again = registry.schema_by_id(1).unwrap();
    assert!(Arc::ptr_eq(&again, &registry.schema_by_id(1).unwrap()));
    assert_eq!(registry.schema_by_id(9).unwrap_err().code(), 40403);
}

#[tokio::test]
async fn attributes_make_another_schema() {
    let registry = open(&memory()).await;
    let plain = registry.register("a", "\"int\"").await.unwrap();
    let date = r#"{"type":"int","connect.name":"io.debezium.time.Date"}"#;
    let named = registry.register("a", date).await.unwrap();
    assert_ne!(plain, named);
    assert_eq!(&*registry.stored(named).unwrap().text, date);
    assert_eq!(registry.lookup("a", date).unwrap().at.version, 2);
}

#[tokio::test]
async fn ids_versions_and_levels_survive_a_restart() {
    let log = memory();
    let first = open(&log).await;
    first.set_config(None, Level::None).await.unwrap();
    first.set_config(Some("s1"), Level::FullTransitive).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..20 {
        let schema = format!(r#"{{"type":"fixed","name":"F{n}","size":{n}}}"#);
        let subject = format!("s{}", if n == 1 { 1 } else { 0 });
        ids.push((subject.clone(), first.register(&subject, &schema).await.unwrap(), schema));
    }
    drop(first);
    let second = open(&log).await;
    for (subject, id, schema) in &ids {
        assert_eq!(second.lookup(subject, schema).unwrap().schema.id, *id);
        assert_eq!(second.register(subject, schema).await.unwrap(), *id);
    }
    assert_eq!(second.versions("s0", Selected::Live).unwrap().len(), 19);
    assert_eq!(second.config(None).unwrap().level(), Level::None);
    assert_eq!(second.config(Some("s1")).unwrap().level(), Level::FullTransitive);
    assert_eq!(second.register("new", "\"long\"").await.unwrap(), 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_registration_gives_one_id_and_one_version() {
    let registry = Arc::new(open(&memory()).await);
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let registry = Arc::clone(&registry);
            tokio::spawn(async move {
                let subject = format!("s{}", n % 4);
                let schema = format!(r#"{{"type":"enum","name":"E","symbols":["A{}"]}}"#, n % 2);
                let id = registry.register(&format!("{subject}-{}", n % 2), &schema).await;
                (n % 2, id.unwrap())
            })
        })
        .collect();
    let mut found = BTreeSet::new();
    for task in tasks {
        found.insert(task.await.unwrap());
    }
    let ids: BTreeSet<i32> = found.iter().map(|(_, id)| *id).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(ids, BTreeSet::from([1, 2]));
    for subject in registry.subjects("", Selected::Live) {
        assert_eq!(registry.versions(&subject, Selected::Live).unwrap(), [1]);
    }
}

/// A client that goes away in the middle of a registration leaves nothing half done: the
/// next one does not get the same id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_leaves_no_gap() {
    let log = memory();
    let registry = Arc::new(open(&log).await);
    for n in 0..50 {
        let schema = format!(r#"{{"type":"fixed","name":"F{n}","size":1}}"#);
        let subject = format!("s{n}");
        let one = Arc::clone(&registry);
        let task = tokio::spawn(async move { one.register(&subject, &schema).await });
        tokio::task::yield_now().await;
        task.abort();
        let _ = task.await;
    }
    registry.close().await;
    let again = open(&log).await;
    let ids = |registry: &Registry| -> Vec<(Arc<str>, i32)> {
        let subjects = registry.subjects("", Selected::Live);
        let id = |s: &Arc<str>| {
            registry.version(s, VersionId::Latest, Selected::Live).unwrap().schema.id
        };
        subjects.iter().map(|subject| (subject.clone(), id(subject))).collect()
    };
    assert_eq!(ids(&registry), ids(&again));
    let distinct: BTreeSet<i32> = ids(&again).into_iter().map(|(_, id)| id).collect();
    assert_eq!(distinct.len(), ids(&again).len());
}

#[tokio::test]
async fn an_incompatible_schema_is_refused_and_explained() {
    let registry = open(&memory()).await;
    registry.register("orders-value", ORDER).await.unwrap();
    let error = registry.register("orders-value", WITH_NOTE).await.unwrap_err();
    assert_eq!((error.code(), error.status()), (409, 409));
    let text = error.to_string();
    for part in [
        "incompatible with an earlier schema for subject \"orders-value\", details: [",
        "READER_FIELD_MISSING_DEFAULT_VALUE",
        "/fields/1",
        "{oldSchemaVersion: 1}",
        "compatibility: 'BACKWARD'}",
        "what to do: give field note (/fields/1) a default",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let RegistryError::Incompatible(clash) = error else { panic!("{error:?}") };
    assert_eq!(clash.version(), Some(1));
    assert_eq!(registry.register("orders-value", WITH_OPTIONAL_NOTE).await.unwrap(), 2);
    registry.set_config(Some("orders-value"), Level::None).await.unwrap();
    assert_eq!(registry.register("orders-value", WITH_NOTE).await.unwrap(), 3);
    assert_eq!(registry.versions("orders-value", Selected::Live).unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn checks_look_at_the_versions_that_the_level_says() {
    let registry = open(&memory()).await;
    registry.set_config(Some("s"), Level::None).await.unwrap();
    registry.register("s", "\"string\"").await.unwrap();
    registry.register("s", "\"int\"").await.unwrap();
    let long = NewSchema::avro("\"long\"");
    registry.set_config(Some("s"), Level::Backward).await.unwrap();
    assert!(registry.check("s", None, &long, false).unwrap().is_none());
    registry.set_config(Some("s"), Level::BackwardTransitive).await.unwrap();
    let clash = registry.check("s", None, &long, false).unwrap().unwrap();
    assert_eq!(clash.version(), Some(1));
    assert!(registry.check("s", Some(VersionId::Latest), &long, false).unwrap().is_none());
    assert!(registry.check("s", Some(VersionId::Number(1)), &long, false).unwrap().is_some());
    let missing = registry.check("s", Some(VersionId::Number(7)), &long, false).unwrap_err();
    assert_eq!(missing.code(), 40402);
    assert!(registry.check("nobody", None, &long, false).unwrap().is_none());
    assert!(registry.check("nobody", Some(VersionId::Latest), &long, false).unwrap().is_none());
}

#[tokio::test]
async fn references_are_part_of_the_identity() {
    let registry = open(&memory()).await;
    let address = r#"{"type":"record","name":"shop.Address","fields":[]}"#;
    registry.register("address", address).await.unwrap();
    let customer = NewSchema {
        text: r#"{"type":"record","name":"shop.Customer","fields":[
            {"name":"home","type":"Address"}]}"#
            .to_owned(),
        references: vec![Reference {
            name: "shop.Address".to_owned(),
            subject: "address".into(),
            version: 1,
        }],
        ..NewSchema::default()
    };
    let registered =
        registry.register_schema("customer", &customer, Registration::default()).await.unwrap();
    let parsed = registry.schema_by_id(registered.id).unwrap();
    assert_eq!(parsed.root().field("home").unwrap().schema().kind(), Kind::Record);
    assert_eq!(registry.referenced_by("address", 1, Selected::Live), [registered.id]);
    let used = registry.delete_subject("address", false).await.unwrap_err();
    assert_eq!(used.code(), 42206);
    let mut other = customer.clone();
    other.references[0].version = 4;
    let missing =
        registry.register_schema("customer", &other, Registration::default()).await.unwrap_err();
    assert_eq!(missing.code(), 42201);
}

#[tokio::test]
async fn deletion_is_soft_first_and_ids_are_never_given_again() {
    let log = memory();
    let registry = open(&log).await;
    registry.register("a", "\"int\"").await.unwrap();
    registry.register("b", "\"string\"").await.unwrap();
    assert_eq!(registry.delete_subject("b", true).await.unwrap_err().code(), 40405);
    assert_eq!(registry.delete_subject("b", false).await.unwrap(), [1]);
    assert_eq!(registry.delete_subject("b", false).await.unwrap_err().code(), 40404);
    assert_eq!(registry.versions("b", Selected::Live).unwrap_err().code(), 40401);
    assert_eq!(registry.versions("b", Selected::All).unwrap(), [1]);
    assert_eq!(registry.subjects("", Selected::Deleted), ["b".into()]);
    // Its id still reads the data that was written with it.
    assert!(registry.schema_by_id(2).is_ok());
    // Registered again it is a new version with the old id.
    assert_eq!(registry.register("b", "\"string\"").await.unwrap(), 2);
    assert_eq!(registry.versions("b", Selected::Live).unwrap(), [2]);
    registry.delete_subject("b", false).await.unwrap();
    assert_eq!(registry.delete_subject("b", true).await.unwrap(), [2]);
    assert!(registry.schema_by_id(2).is_err());
    drop(registry);
    let again = open(&log).await;
    assert_eq!(again.register("c", "\"long\"").await.unwrap(), 3);
    assert_eq!(again.subjects("", Selected::All), ["a".into(), "c".into()]);
}

#[tokio::test]
async fn what_is_wrong_has_its_code() {
    let registry = open(&memory()).await;
    let long = "x".repeat(5000);
    let cases = [
        ("", "\"int\"", 42208),
        ("a\u{7}b", "\"int\"", 42208),
        ("__GLOBAL", "\"int\"", 42208),
        (long.as_str(), "\"int\"", 42208),
        ("s", "nonsense", 42201),
        ("s", r#"{"type":"record","name":"R"}"#, 42201),
    ];
    for (subject, schema, code) in cases {
        assert_eq!(registry.register(subject, schema).await.unwrap_err().code(), code);
    }
    assert!(registry.subjects("", Selected::All).is_empty());
    assert_eq!(registry.lookup("s", "\"int\"").unwrap_err().code(), 40401);
    registry.register("s", "\"int\"").await.unwrap();
    assert_eq!(registry.lookup("s", "\"long\"").unwrap_err().code(), 40403);
    assert_eq!(registry.config(Some("s")).unwrap_err().code(), 40408);
    assert_eq!(registry.delete_config(Some("s")).await.unwrap_err().code(), 40401);
    for version in ["0", "-2", "2147483648", "x", ""] {
        let error = version.parse::<VersionId>().unwrap_err();
        assert_eq!(error.code(), 42202, "{version}");
    }
    assert_eq!("-1".parse::<VersionId>().unwrap(), VersionId::Latest);
}

#[tokio::test]
async fn a_schema_can_be_registered_against_its_level() {
    let log = memory();
    let registry = open(&log).await;
    let mut changes = registry.changes();
    registry.register("s", ORDER).await.unwrap();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(registry.register("s", WITH_NOTE).await.unwrap_err().code(), 409);
    assert!(!changes.has_changed().unwrap());
    assert_eq!(registry.register_anyway("s", WITH_NOTE, "for a test").await.unwrap(), 2);
    assert_eq!(registry.register_anyway("s", WITH_NOTE, "again").await.unwrap(), 2);
    drop(registry);
    let registry = open(&log).await;
    assert_eq!(registry.versions("s", Selected::Live).unwrap(), [1, 2]);
    let value = registry.state().record("s", 2).unwrap();
    let why = &value.rest.as_ref().unwrap()["override"];
    assert_eq!((&why["compatibility"], &why["reason"]), (&"BACKWARD".into(), &"for a test".into()));
}
