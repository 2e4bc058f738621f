//! One exchange for each API, byte by byte.

use thalweg_log::Log;

use crate::testing::{BATCH, Fixture};

/// A client named `c` sends request 1.
async fn exchange(fixture: &Fixture, head: &[u8], body: &[u8]) -> Vec<u8> {
    fixture.ask(&[head, b"\0\0\0\x01\0\x01c", body].concat()).await
}

#[tokio::test]
async fn api_versions_0() {
    let fixture = Fixture::new().await;
    let list = b"\0\0\0\x10\
        \0\0\0\0\0\x0b\0\x01\0\x04\0\x11\0\x02\0\x01\0\x0a\0\x03\0\0\0\x0d\0\x12\0\0\0\x04\
        \0\x13\0\x02\0\x07\0\x14\0\x01\0\x06\0\x15\0\0\0\x02\0\x16\0\0\0\x05\
        \0\x17\0\x02\0\x04\0\x20\0\x01\0\x04\0\x21\0\0\0\x02\0\x23\0\x01\0\x04\
        \0\x25\0\0\0\x03\0\x2c\0\0\0\x01\0\x3c\0\0\0\x02";
    let answer = exchange(&fixture, b"\0\x12\0\0", b"").await;
    assert_eq!(answer, [b"\0\0\0\x01\0\0", &list[..]].concat());
    // A version of the future: error 35 and the list, in version 0.
    let answer = exchange(&fixture, b"\0\x12\0\x63", b"\xff\xff\xff").await;
    assert_eq!(answer, [b"\0\0\0\x01\0\x23", &list[..]].concat());
}

#[tokio::test]
async fn metadata_1() {
    let fixture = Fixture::new().await;
    let answer = exchange(&fixture, b"\0\x03\0\x01", b"\0\0\0\x01\0\x03own").await;
    let expected = b"\0\0\0\x01\
        \0\0\0\x01\0\0\0\0\0\x09127.0.0.1\0\0\x23\x84\xff\xff\
        \0\0\0\0\
        \0\0\0\x01\0\0\0\x03own\x01\
        \0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0";
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn produce_9_and_fetch_12() {
    let fixture = Fixture::new().await;
    let body = [b"\0\0\xff\xff\0\0\x75\x30\x02\x02t\x02\0\0\0\x01\x47", BATCH, b"\0\0\0"].concat();
    let answer = exchange(&fixture, b"\0\0\0\x09", &body).await;
    let expected = b"\0\0\0\x01\0\x02\x02t\x02\0\0\0\x01\0\0\
        \0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0";
    assert_eq!(answer, expected);

    let body = b"\0\xff\xff\xff\xff\0\0\0\0\0\0\0\x01\0\x10\0\0\x01\0\0\0\0\xff\xff\xff\xff\
        \x02\x02t\x02\0\0\0\x01\xff\xff\xff\xff\0\0\0\0\0\0\0\0\xff\xff\xff\xff\
        \xff\xff\xff\xff\xff\xff\xff\xff\0\x10\0\0\0\0\x01\x01\0";
    let answer = exchange(&fixture, b"\0\x01\0\x0c", body).await;
    let head = b"\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x02\x02t\x02\0\0\0\x01\0\0\
        \0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\x01\xff\xff\xff\xff\x47";
    assert_eq!(answer, [head, BATCH, b"\0\0\0"].concat());
}

#[tokio::test]
async fn offset_for_leader_epoch_3() {
    let fixture = Fixture::new().await;
    fixture.produce().await;
    let body = b"\xff\xff\xff\xff\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0";
    let answer = exchange(&fixture, b"\0\x17\0\x03", body).await;
    let expected = b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\x01t\0\0\0\x01\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn describe_log_dirs_1() {
    let fixture = Fixture::new().await;
    fixture.produce().await;
    let body = b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0";
    let answer = exchange(&fixture, b"\0\x23\0\x01", body).await;
    let folder = fixture.folder.path().display().to_string();
    let len = u8::try_from(folder.len()).unwrap();
    let head = [b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0", &[len][..], folder.as_bytes()].concat();
    let size = u8::try_from(BATCH.len()).unwrap();
    let rest = [b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0", &[size][..]].concat();
    assert_eq!(answer, [head, rest, b"\0\0\0\0\0\0\0\0\0".to_vec()].concat());
}

#[tokio::test]
async fn list_offsets_1() {
    let fixture = Fixture::new().await;
    fixture.produce().await;
    let body =
        b"\xff\xff\xff\xff\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff";
    let answer = exchange(&fixture, b"\0\x02\0\x01", body).await;
    let expected = b"\0\0\0\x01\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\
        \xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\x01";
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn topics_are_made_and_deleted() {
    let fixture = Fixture::new().await;
    // CreateTopics 2.
    let body = b"\0\0\0\x01\0\x01n\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0\x75\x30\0";
    let answer = exchange(&fixture, b"\0\x13\0\x02", body).await;
    assert_eq!(answer, b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\x01n\0\0\xff\xff");
    // CreatePartitions 0: 2 in all.
    let body = b"\0\0\0\x01\0\x01n\0\0\0\x02\xff\xff\xff\xff\0\0\x75\x30\0";
    let answer = exchange(&fixture, b"\0\x25\0\0", body).await;
    assert_eq!(answer, b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\x01n\0\0\xff\xff");
    assert_eq!(fixture.server.log().topic("n").unwrap().partitions, 2);
    // DeleteTopics 1.
    let answer = exchange(&fixture, b"\0\x14\0\x01", b"\0\0\0\x01\0\x01n\0\0\x75\x30").await;
    assert_eq!(answer, b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\x01n\0\0");
    assert!(fixture.server.log().topic("n").is_none());
}

#[tokio::test]
async fn delete_records_0() {
    let fixture = Fixture::new().await;
    fixture.produce().await;
    let body = b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\x75\x30";
    let answer = exchange(&fixture, b"\0\x15\0\0", body).await;
    let expected = b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0";
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn init_producer_id_0() {
    let fixture = Fixture::new().await;
    let first = exchange(&fixture, b"\0\x16\0\0", b"\xff\xff\0\0\x75\x30").await;
    let second = exchange(&fixture, b"\0\x16\0\0", b"\xff\xff\0\0\x75\x30").await;
    assert_eq!(first[..10], *b"\0\0\0\x01\0\0\0\0\0\0");
    assert_eq!((first.len(), &first[18..]), (20, &b"\0\0"[..]));
    assert_ne!(first[10..18], second[10..18]);
}

#[tokio::test]
async fn settings_are_told_and_changed() {
    let fixture = Fixture::new().await;
    let resource = b"\0\0\0\x01\x02\0\x01t";
    // IncrementalAlterConfigs 0: set segment.ms to 9.
    let body = [resource, &b"\0\0\0\x01\0\x0asegment.ms\0\0\x019\0"[..]].concat();
    let changed = b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\xff\xff\x02\0\x01t";
    assert_eq!(exchange(&fixture, b"\0\x2c\0\0", &body).await, changed);
    // DescribeConfigs 1.
    let body = [resource, &b"\0\0\0\x01\0\x0asegment.ms\0"[..]].concat();
    let told = |value: &[u8]| {
        let head = b"\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\xff\xff\x02\0\x01t\0\0\0\x01\0\x0asegment.ms";
        [&head[..], b"\0\x01", value, b"\0\x01\0\0\0\0\0"].concat()
    };
    assert_eq!(exchange(&fixture, b"\0\x20\0\x01", &body).await, told(b"9"));
    // AlterConfigs 0: set it to 8.
    let replace = [resource, &b"\0\0\0\x01\0\x0asegment.ms\0\x018\0"[..]].concat();
    assert_eq!(exchange(&fixture, b"\0\x21\0\0", &replace).await, changed);
    assert_eq!(exchange(&fixture, b"\0\x20\0\x01", &body).await, told(b"8"));
}

#[tokio::test]
async fn describe_cluster_0() {
    let fixture = Fixture::new().await;
    let answer = exchange(&fixture, b"\0\x3c\0\0", b"\0\0\0").await;
    let expected = b"\0\0\0\x01\0\0\0\0\0\0\0\0\x08cluster\0\0\0\0\
        \x02\0\0\0\0\x0a127.0.0.1\0\0\x23\x84\0\0\x80\0\0\0\0";
    assert_eq!(answer, expected);
}
