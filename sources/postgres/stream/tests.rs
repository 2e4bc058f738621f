//! The stream without a server: what is passed over, what positions say.

use std::collections::HashMap;
use std::sync::Arc;

use thalweg_core::config::Declare;

use super::changes::Pause;
use super::{Changes, Resume, TableStore};
use crate::postgres::catalog::{
    ColumnInfo, ReplicaIdentity, TableInfo, TableKind, TypeInfo, TypeKind, Types,
};
use crate::postgres::position::{Lsn, Shown, StreamPlace};
use crate::postgres::snapshot::SnapshotState;
use crate::postgres::table::TableSettings;
use crate::postgres::transport::WalFrames;
use crate::postgres::types::modes;
use crate::relational::{Selection, TopicNaming};

fn data(lsn: u64, message: &[u8]) -> Vec<u8> {
    let head = [&b"w"[..], &lsn.to_be_bytes(), &[0; 16]].concat();
    let length = u32::try_from(head.len() + message.len() + 4).unwrap();
    [&b"d"[..], &length.to_be_bytes(), &head, message].concat()
}

fn begin(commit: u64) -> Vec<u8> {
    data(commit, &[&b"B"[..], &commit.to_be_bytes(), &[0; 8], &9_u32.to_be_bytes()].concat())
}

fn commit(commit: u64, end: u64) -> Vec<u8> {
    let lsns = [commit.to_be_bytes(), end.to_be_bytes()].concat();
    data(end, &[&b"C\0"[..], &lsns, &[0; 8]].concat())
}

fn relation() -> Vec<u8> {
    data(1, b"R\0\0\0\x07s\0t\0d\0\x01\x01id\0\0\0\0\x17\xff\xff\xff\xff")
}

fn insert(id: u8) -> Vec<u8> {
    data(2, &[b"I\0\0\0\x07N\0\x01t\0\0\0\x01", &[b'0' + id][..]].concat())
}

fn keep_alive(end: u64) -> Vec<u8> {
    [&b"d\0\0\0\x16k"[..], &end.to_be_bytes(), &[0; 9]].concat()
}

fn table() -> TableInfo {
    TableInfo {
        oid: 7,
        schema: "s".into(),
        name: "t".into(),
        columns: vec![ColumnInfo {
            name: "id".into(),
            type_oid: 23,
            type_modifier: -1,
            not_null: true,
            default_expr: None,
            generated: false,
            identity: false,
        }],
        primary_key: vec![0],
        unique_key: Vec::new(),
        replica_identity: ReplicaIdentity::Default,
        kind: TableKind::Ordinary,
    }
}

fn changes(place: StreamPlace, stored: Option<TableInfo>) -> Changes {
    let settings = Arc::new(TableSettings {
        topics: TopicNaming::new("p"),
        database: "d".into(),
        modes: modes::declare(&mut Declare::describe()),
        selection: Selection::default(),
    });
    let stored: HashMap<u32, TableInfo> = stored.into_iter().map(|it| (it.oid, it)).collect();
    let tables = TableStore::new(settings, types(), stored);
    let resume = Resume { place, shown: Shown::default() };
    Changes::new(tables, SnapshotState::default(), false, resume)
}

fn types() -> Types {
    let int4 = TypeInfo { name: "int4".into(), kind: TypeKind::Base, delimiter: b',' };
    Types::of([(23, int4)])
}

fn read(changes: &mut Changes, bytes: &[u8]) -> Pause {
    let mut frames = WalFrames::new(bytes);
    let pause = changes.read(&mut frames).unwrap();
    assert_eq!(frames.taken().bytes == bytes.len(), pause == Pause::Drained);
    pause
}

/// Two transactions of three rows each.
fn two() -> Vec<u8> {
    [
        begin(100),
        relation(),
        insert(1),
        insert(2),
        insert(3),
        commit(100, 110),
        begin(200),
        insert(4),
        insert(5),
        insert(6),
        commit(200, 210),
    ]
    .concat()
}

#[test]
fn what_is_done_is_passed_over_up_to_the_ordinal() {
    for (flush, commit_lsn, ordinal, rows) in
        [(0, 0, 0, 6), (50, 100, 2, 4), (110, 0, 0, 3), (110, 200, 1, 2), (110, 200, 3, 0)]
    {
        let place = StreamPlace { flush_lsn: Lsn(flush), commit_lsn: Lsn(commit_lsn), ordinal };
        let mut changes = changes(place, Some(table()));
        assert_eq!(read(&mut changes, &two()), Pause::Drained);
        assert_eq!(changes.take().rows(), rows, "from {place:?}");
        let end = StreamPlace { flush_lsn: Lsn(210), ..StreamPlace::default() };
        assert_eq!(changes.place(), end);
    }
}

#[test]
fn a_position_is_within_its_transaction_until_the_commit() {
    let mut changes = changes(StreamPlace::default(), Some(table()));
    let bytes = [begin(100), relation(), insert(1), insert(2)].concat();
    read(&mut changes, &bytes);
    let within = StreamPlace { flush_lsn: Lsn(0), commit_lsn: Lsn(100), ordinal: 2 };
    assert_eq!(changes.place(), within);
    // A keepalive inside of a transaction says nothing of its end.
    read(&mut changes, &keep_alive(500));
    assert_eq!(changes.place(), within);
    read(&mut changes, &commit(100, 110));
    assert_eq!(changes.place().flush_lsn, Lsn(110));
    read(&mut changes, &keep_alive(500));
    assert_eq!(changes.place().flush_lsn, Lsn(500));
    read(&mut changes, &keep_alive(400));
    assert_eq!(changes.place().flush_lsn, Lsn(500), "a place never goes back");
}

#[test]
fn an_unknown_table_waits_for_the_catalog_and_is_kept_with_its_first_rows() {
    let mut changes = changes(StreamPlace::default(), None);
    let bytes = two();
    let mut frames = WalFrames::new(&bytes);
    assert_eq!(changes.read(&mut frames).unwrap(), Pause::AskCatalog(7));
    let taken = frames.taken().bytes;
    // The catalog is ahead: the column is another one there by now.
    let mut later = table();
    later.columns[0].type_oid = 25;
    changes.resolve(7, Some(&later), types());
    assert_eq!(read(&mut changes, &bytes[taken..]), Pause::Drained);
    let batch = changes.take();
    assert_eq!(batch.rows(), 6);
    assert_eq!(batch.state.len(), 1);
    let kept = &batch.state[0].value.as_ref().unwrap()["table"]["columns"][0];
    assert_eq!((&batch.state[0].key[..], &kept["type_oid"]), ("table/7", &23.into()));
}

#[test]
fn rows_out_of_place_are_errors() {
    let outside = [relation(), insert(1)].concat();
    let undescribed = [begin(100), insert(1)].concat();
    for bytes in [outside, undescribed] {
        let mut changes = changes(StreamPlace::default(), Some(table()));
        assert!(changes.read(&mut WalFrames::new(&bytes)).is_err());
    }
}
