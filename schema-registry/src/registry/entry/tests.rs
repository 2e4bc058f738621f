//! The bytes of the topic.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use thalweg_log::table::TableItem;

use super::{Key, Value};

#[test]
fn entries_are_those_of_confluent() {
    let cases = [
        r#"{"keytype":"SCHEMA","subject":"orders-value","version":1,"magic":1}"#,
        r#"{"keytype":"CONFIG","subject":null,"magic":0}"#,
        r#"{"keytype":"CONFIG","subject":"orders-value","magic":0}"#,
        r#"{"keytype":"MODE","subject":null,"magic":0}"#,
        r#"{"keytype":"DELETE_SUBJECT","subject":"orders-value","magic":0}"#,
        r#"{"keytype":"NOOP","magic":0}"#,
        r#"{"keytype":"CONTEXT","tenant":"default","context":".eu","magic":0}"#,
        r#"{"keytype":"CONTEXT","tenant":"other","context":".eu","magic":0}"#,
        r#"{"keytype":"CLEAR_SUBJECT","subject":"orders-value","magic":0}"#,
        r#"{"keytype":"CLEAR_SUBJECT","magic":0}"#,
        r#"{"keytype":"ASSOC","tenant":"default","magic":0}"#,
    ];
    for bytes in cases {
        let mut out = Vec::new();
        Key::decode(bytes.as_bytes()).unwrap().encode(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), bytes);
    }
    let values = [
        r#"{"subject":"s","version":1,"id":7,"schema":"\"string\"","deleted":false}"#,
        r#"{"subject":"s","version":2,"id":8,"schemaType":"JSON","references":[{"name":"n","subject":"t","version":1}],"schema":"{}","deleted":true,"ts":12,"offset":3}"#,
        r#"{"subject":"s","compatibilityLevel":"FULL"}"#,
        r#"{"compatibilityLevel":"NONE","compatibilityGroup":"v"}"#,
        r#"{"mode":"READONLY"}"#,
        r#"{"subject":"s","version":3}"#,
        r#"{"subject":"s"}"#,
        r#"{"tenant":"default","context":".eu"}"#,
        r#"{"subject":"s","alias":"t","normalize":true,"defaultMetadata":{"properties":{"a":"b"}},"validateFields":true}"#,
        r#"{"subject":"s","version":1,"id":7,"metadata":{"tags":{"a":["PII"]},"properties":{"k":"v"}},"ruleSet":{"domainRules":[{"name":"r","kind":"CONDITION","mode":"WRITE","type":"CEL","expr":"true","disabled":false}]},"schema":"\"string\"","deleted":false}"#,
    ];
    for bytes in values {
        let mut out = Vec::new();
        Value::decode(bytes.as_bytes()).unwrap().encode(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), bytes);
    }
}
