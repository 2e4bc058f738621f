//! Tests of group offsets. They unwrap: a failure is the test's answer.
#![allow(clippy::unwrap_used)]

use uuid::Uuid;

use super::format::{Key, Value};
use super::*;
use crate::memory::MemoryLog;
use crate::table::TableItem;
use crate::{Log, OffsetAt};

#[test]
fn bytes_are_those_of_kafka() {
    let key = Key::Offset { group: "connect-a".into(), topic: "t".into(), partition: 2 };
    let mut bytes = Vec::new();
    key.encode(&mut bytes).unwrap();
    assert_eq!(bytes, b"\x00\x01\x00\x09connect-a\x00\x01t\x00\x00\x00\x02");
    assert_eq!(Key::decode(&bytes).unwrap(), key);
    let value = Value::Offset { offset: 258, leader_epoch: -1, metadata: "m".into(), commit_ms: 5 };
    let mut bytes = Vec::new();
    value.encode(&mut bytes).unwrap();
    assert_eq!(bytes, b"\x00\x03\0\0\0\0\0\0\x01\x02\xff\xff\xff\xff\x00\x01m\0\0\0\0\0\0\0\x05");
    assert_eq!(Value::decode(&bytes).unwrap(), value);
    // The members of a group have keys of version 2: not ours, and kept.
    let members = b"\x00\x02\x00\x01g";
    assert_eq!(Key::decode(members).unwrap(), Key::Other(members.to_vec()));
    assert!(Key::decode(b"\x00\x01\x00\x09short").is_err());
}

#[tokio::test]
async fn commits_survive_and_are_apart_by_group() {
    let log: Arc<dyn Log> = Arc::new(MemoryLog::new());
    let groups = TableGroupOffsets::open(&log).await.unwrap();
    let id = Uuid::from_u128(7);
    let at = |offset| GroupOffset { topic: "t".into(), topic_id: Some(id), partition: 0, offset };
    groups.commit("a", vec![at(3)]).await.unwrap();
    groups.commit("a", vec![at(9)]).await.unwrap();
    groups.commit("b", vec![at(1)]).await.unwrap();
    let again = TableGroupOffsets::open(&log).await.unwrap();
    assert_eq!(again.committed("a").await.unwrap(), [at(9)]);
    assert_eq!(again.committed("b").await.unwrap(), [at(1)]);
    again.forget("a", vec![("t".into(), 0)]).await.unwrap();
    assert_eq!(again.committed("a").await.unwrap(), []);
    let topic = log.topic("__consumer_offsets").unwrap();
    assert_eq!(log.offset(topic.partition(0), OffsetAt::End).await.unwrap(), 4);
    assert!(groups.commit("a", vec![at(10)]).await.is_err(), "the former holder is fenced");
}
