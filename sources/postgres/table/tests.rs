//! Events of rows: keys, tombstones, old rows, what is skipped; and their cost.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail and tell")]

use std::sync::Arc;
use std::time::Instant;

use thalweg_core::schema::Value;

use super::{OldRow, SnapshotMarker, SourceInfo, TableSettings, TableWriter};
use crate::postgres::catalog::{ColumnInfo, ReplicaIdentity, TableInfo, TableKind, Types};
use crate::postgres::types::{Modes, TupleValue};
use crate::relational::{Selection, TopicNaming};

fn column(name: &str, type_oid: u32) -> ColumnInfo {
    ColumnInfo {
        name: name.to_owned(),
        type_oid,
        type_modifier: -1,
        not_null: name == "id",
        default_expr: None,
        generated: false,
        identity: false,
    }
}

fn table(columns: &[(&str, u32)]) -> TableInfo {
    TableInfo {
        oid: 1,
        schema: "public".to_owned(),
        name: "orders".to_owned(),
        columns: columns.iter().map(|(name, oid)| column(name, *oid)).collect(),
        primary_key: vec![0],
        unique_key: Vec::new(),
        replica_identity: ReplicaIdentity::Default,
        kind: TableKind::Ordinary,
    }
}

fn writer(table: &TableInfo, change: impl FnOnce(&mut Modes)) -> TableWriter {
    let mut modes = Modes::default();
    change(&mut modes);
    let settings = TableSettings {
        topics: TopicNaming::new("shop"),
        database: "db".to_owned(),
        modes,
        selection: Selection::default(),
    };
    TableWriter::new(table, &Arc::new(settings), &Types::default()).unwrap()
}

const SOURCE: SourceInfo<'static> = SourceInfo {
    snapshot: SnapshotMarker::No,
    lsn: 64_363_344,
    last_commit_lsn: Some(64_357_952),
    tx_id: Some(7),
    ts_us: 1_795_255_315_741_138,
    now_ns: 1_795_255_315_970_341_366,
    origin: None,
    transaction: None,
};

fn text(text: &str) -> TupleValue<'_> {
    TupleValue::Text(text.as_bytes())
}

#[test]
fn a_changed_key_is_a_delete_a_tombstone_and_a_create() {
    let table = table(&[("id", 23), ("v", 25)]);
    let mut writer = writer(&table, |_| {});
    let mut ordinal = 5;
    let old = [text("1"), TupleValue::Null];
    let new = [text("2"), TupleValue::Unchanged];
    writer.update(OldRow::Key(&old), &new, &SOURCE, &mut ordinal).unwrap();
    assert_eq!(ordinal, 8);
    let batch = writer.take().unwrap();
    assert_eq!((batch.rows, batch.ordinals.clone()), (3, vec![5, 6, 7]));
    let keys = batch.key.as_ref().unwrap();
    let ids: Vec<Value> = (0..3).map(|row| keys.value(row)).collect();
    let id = |id: i64| Value::Struct(vec![Value::Int(id)]);
    assert_eq!(ids, [id(1), id(1), id(2)]);
    let values = batch.value.as_ref().unwrap();
    assert!(values.has_row(0) && !values.has_row(1) && values.has_row(2));
    let headers: Vec<_> = batch.headers.iter().map(|h| (h.row, &*h.key, h.value.clone())).collect();
    assert_eq!(
        headers,
        [
            (0, "__debezium.newkey", id(2)),
            (1, "__debezium.newkey", id(2)),
            (2, "__debezium.oldkey", id(1))
        ]
    );
    assert!(writer.take().is_none());
}

#[test]
fn an_unchanged_value_comes_from_a_full_old_row() {
    let table = table(&[("id", 23), ("v", 25)]);
    let mut writer = writer(&table, |_| {});
    let old = [text("1"), text("long")];
    let new = [text("1"), TupleValue::Unchanged];
    writer.update(OldRow::Full(&old), &new, &SOURCE, &mut 0).unwrap();
    writer.update(OldRow::None, &new, &SOURCE, &mut 1).unwrap();
    let batch = writer.take().unwrap();
    let values = batch.value.unwrap();
    let after = values.layout().find(&["after", "v"]).unwrap();
    assert_eq!(values.bytes_at(after, 0), Some(&b"long"[..]));
    assert_eq!(values.bytes_at(after, 1), Some(&b"__debezium_unavailable_value"[..]));
}

#[test]
fn what_the_config_skips_gives_nothing() {
    let table = table(&[("id", 23)]);
    let mut writer = writer(&table, |modes| {
        modes.skipped.delete = true;
        modes.skip_unchanged = true;
    });
    let row = [text("1")];
    let mut ordinal = 0;
    writer.delete(OldRow::Key(&row), &SOURCE, &mut ordinal).unwrap();
    writer.truncate(&SOURCE, &mut ordinal).unwrap();
    writer.update(OldRow::Full(&row), &row, &SOURCE, &mut ordinal).unwrap();
    assert_eq!((ordinal, writer.rows()), (0, 0));
}

#[test]
fn a_value_that_cannot_be_read_names_its_column_and_leaves_no_row() {
    let table = table(&[("id", 23), ("n", 23)]);
    let mut writer = writer(&table, |_| {});
    let mut ordinal = 0;
    let error = writer.insert(&[text("1"), text("secret")], &SOURCE, &mut ordinal).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("column n") && told.contains("public.orders at LSN 0/3D61B50"), "{told}");
    assert!(!told.contains("secret"));
    writer.insert(&[text("2"), text("3")], &SOURCE, &mut ordinal).unwrap();
    let batch = writer.take().unwrap();
    assert_eq!(batch.rows, 1);
    let (key, value) = (batch.key.unwrap(), batch.value.unwrap());
    assert_eq!(key.value(0), Value::Struct(vec![Value::Int(2)]));
    let n = value.layout().find(&["after", "n"]).unwrap();
    assert_eq!(value.value_of(n, 0), Value::Int(3));
}

/// `cargo test --release -p thalweg-sources --lib cost -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn cost_of_a_row_of_ten_columns() {
    let columns = [
        ("id", 20),
        ("a", 23),
        ("b", 23),
        ("c", 20),
        ("d", 25),
        ("e", 25),
        ("f", 701),
        ("g", 1114),
        ("h", 16),
        ("i", 2950),
    ];
    let mut writer = writer(&table(&columns), |_| {});
    let eight = 1234567i64.to_be_bytes();
    let four = 1234i32.to_be_bytes();
    let sixty = [b'x'; 60];
    let binary: Vec<TupleValue<'_>> = vec![
        TupleValue::Binary(&eight),
        TupleValue::Binary(&four),
        TupleValue::Binary(&four),
        TupleValue::Binary(&eight),
        TupleValue::Binary(b"name 12345"),
        TupleValue::Binary(&sixty),
        TupleValue::Binary(&eight),
        TupleValue::Binary(&eight),
        TupleValue::Binary(&[1]),
        TupleValue::Binary(&sixty[..16]),
    ];
    let texts = [
        "1",
        "12",
        "123",
        "1234567",
        "name 12345",
        "x",
        "1.5",
        "2024-02-29 12:34:56.5",
        "t",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ];
    let texts: Vec<TupleValue<'_>> = texts.into_iter().map(text).collect();
    for (form, row) in [("binary", binary), ("text", texts)] {
        let (mut ordinal, mut took) = (0, f64::MAX);
        for _ in 0..20 {
            let begun = Instant::now();
            for _ in 0..20_000 {
                writer.insert(&row, &SOURCE, &mut ordinal).unwrap();
            }
            took = took.min(begun.elapsed().as_secs_f64());
            let _ = writer.take();
        }
        println!("{form}: {:.0} ns a row", took / 20_000.0 * 1e9);
    }
}
