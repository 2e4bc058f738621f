//! Topics as other registries leave them.

use super::*;

/// A log with these entries, in this order.
async fn topic(entries: &[(&str, Option<&str>)]) -> Arc<dyn Log> {
    let log = memory();
    let table: Table<String, String> = Table::open(&log, TOPIC).await.unwrap();
    for (key, value) in entries {
        let change = ((*key).to_owned(), value.map(str::to_owned));
        table.write(vec![change]).await.unwrap();
    }
    log
}

/// A topic as Confluent's registry left it.
#[tokio::test]
async fn a_dump_of_confluent_is_taken_over() {
    let entries = [
        (r#"{"keytype":"NOOP","magic":0}"#, "{}"),
        (
            r#"{"keytype":"SCHEMA","subject":"a","version":1,"magic":1}"#,
            r#"{"subject":"a","version":1,"id":40,"md5":"x","schema":"\"int\"","deleted":false}"#,
        ),
        (
            r#"{"keytype":"SCHEMA","subject":"j","version":1,"magic":1}"#,
            r#"{"subject":"j","version":1,"id":41,"schemaType":"JSON","schema":"{}","deleted":false}"#,
        ),
        (
            r#"{"keytype":"SCHEMA","subject":"d","version":1,"magic":1}"#,
            r#"{"subject":"d","version":1,"id":42,"schema":"\"long\"","deleted":false}"#,
        ),
        (
            r#"{"keytype":"DELETE_SUBJECT","subject":"d","magic":0}"#,
            r#"{"subject":"d","version":1}"#,
        ),
        (r#"{"keytype":"CONTEXT","tenant":"t","context":".","magic":0}"#, r#"{"tenant":"t"}"#),
        (r#"{"keytype":"MODE","subject":"r","magic":0}"#, r#"{"subject":"r","mode":"READONLY"}"#),
    ];
    let registry = open(&topic(&entries.map(|(key, value)| (key, Some(value)))).await).await;
    assert_eq!(registry.subjects("", Selected::Live), ["a".into(), "j".into()]);
    assert_eq!(registry.register("b", "\"int\"").await.unwrap(), 40);
    assert_eq!(registry.register("b", "\"long\"").await.unwrap(), 42);
    assert_eq!(registry.register("c", "\"double\"").await.unwrap(), 43);
    assert_eq!(registry.schema_by_id(41).unwrap_err().code(), 42201);
    assert_eq!(registry.register("r", "\"int\"").await.unwrap_err().code(), 42205);
}

/// A subject that was deleted by one entry, for good, and registered again with the same
/// numbers: what counts is the order of the topic.
#[tokio::test]
async fn entries_count_in_the_order_of_the_topic() {
    let key = |version: i32| {
        format!(r#"{{"keytype":"SCHEMA","subject":"s","version":{version},"magic":1}}"#)
    };
    let value = |version: i32, id: i32, schema: &str| {
        format!(
            r#"{{"subject":"s","version":{version},"id":{id},"schema":"{schema}","deleted":false}}"#
        )
    };
    let (one, two) = (key(1), key(2));
    let (first, second) = (value(1, 1, r#"\"int\""#), value(1, 2, r#"\"string\""#));
    let third = value(2, 3, r#"\"bytes\""#);
    let delete = r#"{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}"#;
    let clear = r#"{"keytype":"CLEAR_SUBJECT","magic":0}"#;
    let to_two = r#"{"subject":"s","version":2}"#;
    let entries = [
        (one.as_str(), Some(first.as_str())),
        (two.as_str(), Some(third.as_str())),
        (delete, Some(to_two)),
        (one.as_str(), None),
        (one.as_str(), Some(second.as_str())),
    ];
    let registry = open(&topic(&entries).await).await;
    assert_eq!(registry.versions("s", Selected::Live).unwrap(), [1]);
    assert_eq!(registry.versions("s", Selected::All).unwrap(), [1, 2]);
    assert_eq!(registry.lookup("s", "\"string\"").unwrap().at.version, 1);
    let cleared = [&entries[..], &[(clear, Some("{}"))]].concat();
    let registry = open(&topic(&cleared).await).await;
    assert_eq!(registry.versions("s", Selected::All).unwrap(), [1]);
    assert_eq!(registry.register("t", "\"long\"").await.unwrap(), 4);
}

/// Settings that are not acted on are kept and answered; a mode that is not known forbids.
#[tokio::test]
async fn what_other_registries_set_is_kept() {
    let entries = [
        (
            r#"{"keytype":"CONFIG","subject":"s","magic":0}"#,
            Some(r#"{"subject":"s","validateFields":true,"compatibilityLevel":"FULL"}"#),
        ),
        (r#"{"keytype":"CONFIG","subject":"t","magic":0}"#, Some(r#"{"subject":"t"}"#)),
        (
            r#"{"keytype":"MODE","subject":"f","magic":0}"#,
            Some(r#"{"subject":"f","mode":"FORWARD"}"#),
        ),
        (
            r#"{"keytype":"CONTEXT","tenant":"default","context":".eu","magic":0}"#,
            Some(r#"{"tenant":"default","context":".eu"}"#),
        ),
    ];
    let log = topic(&entries).await;
    let registry = open(&log).await;
    let config = registry.set_config(Some("s"), Level::None).await.unwrap();
    assert_eq!(config.rest["validateFields"], true);
    assert_eq!(config.level(), Level::None);
    assert_eq!(registry.config(Some("t")).unwrap().level(), Level::Backward);
    assert_eq!(registry.register("f", "\"int\"").await.unwrap_err().code(), 42205);
    assert_eq!(registry.contexts(), [".".into(), ".eu".into()]);
    drop(registry);
    let again = open(&log).await.config(Some("s")).unwrap();
    assert_eq!(again.rest["validateFields"], true);
}

#[tokio::test]
async fn a_soft_deleted_record_keeps_what_it_said() {
    let key =
        |version| format!(r#"{{"keytype":"SCHEMA","subject":"s","version":{version},"magic":1}}"#);
    let value = |version, id, text, more| {
        format!(
            r#"{{"subject":"s","version":{version},"id":{id},"schema":"\"{text}\"","deleted":false{more}}}"#
        )
    };
    let values = [
        value(1, 1, "int", ""),
        value(2, 2, "long", r#","guid":"7","schemaType":"AVRO""#),
        // Another schema with an id that is taken: what is answered is the first one.
        value(3, 1, "string", ""),
    ];
    let keys = [key(1), key(2), key(3)];
    let entries: Vec<_> =
        keys.iter().zip(&values).map(|(key, value)| (&**key, Some(&**value))).collect();
    let log = topic(&entries).await;
    let registry = open(&log).await;
    assert_eq!(registry.delete_subject("s", false).await.unwrap(), [1, 2, 3]);
    drop(registry);
    let table: Table<String, String> = Table::open(&log, TOPIC).await.unwrap();
    for (key, value) in keys.iter().zip(&values) {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let mut expected = json(value);
        expected["deleted"] = true.into();
        assert_eq!(json(&table.get(key).unwrap()), expected);
    }
}
