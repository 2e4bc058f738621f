//! Where the stream is, after a restart in the middle of a transaction.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::postgres::table::TableSettings;
use crate::postgres::types::Modes;
use crate::relational::{Selection, TopicNaming};

fn changes(place: StreamPlace) -> Changes {
    let settings = TableSettings {
        topics: TopicNaming::new("shop"),
        database: "db".to_owned(),
        modes: Modes::default(),
        selection: Selection::default(),
    };
    let tables = TableStore::new(Arc::new(settings), Types::default(), HashMap::new());
    Changes::new(tables, SnapshotState::default(), true, Resume { place, shown: Shown::default() })
}

fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [b"d", &length.to_be_bytes()[..], body].concat()
}

fn keep_alive(end: u64) -> Vec<u8> {
    frame(&[b"k", &end.to_be_bytes()[..], &[0; 9]].concat())
}

fn data(message: &[u8]) -> Vec<u8> {
    frame(&[b"w", &[0; 24][..], message].concat())
}

fn begin(commit: u64) -> Vec<u8> {
    data(&[b"B", &commit.to_be_bytes()[..], &[0; 8], &7_u32.to_be_bytes()].concat())
}

fn commit(commit: u64, end: u64) -> Vec<u8> {
    let (commit, end) = (commit.to_be_bytes(), end.to_be_bytes());
    data(&[b"C\0", &commit[..], &end, &[0; 8]].concat())
}

fn read(changes: &mut Changes, bytes: &[u8]) -> StreamPlace {
    assert_eq!(changes.read(&mut WalFrames::new(bytes)).unwrap(), Pause::Drained);
    changes.place()
}

#[test]
fn keepalives_before_a_transaction_that_is_done_in_part_do_not_forget_its_ordinal() {
    let half = StreamPlace { flush_lsn: Lsn(100), commit_lsn: Lsn(500), ordinal: 2 };
    let mut changes = changes(half);
    // The server reads the transaction's own changes, which lie before its
    // commit, and tells how far it is.
    for end in [90, 300, 500] {
        assert_eq!(read(&mut changes, &keep_alive(end)), half);
        assert!(!changes.has_moved());
    }
    assert_eq!(read(&mut changes, &begin(500)), half);
    assert_eq!(read(&mut changes, &[data(b"M"), data(b"M")].concat()), half, "done before");
    assert_eq!(read(&mut changes, &data(b"M")), StreamPlace { ordinal: 3, ..half });
    let done = StreamPlace { flush_lsn: Lsn(600), ..StreamPlace::default() };
    assert_eq!(read(&mut changes, &commit(500, 600)), done);
    let idle = StreamPlace { flush_lsn: Lsn(700), ..StreamPlace::default() };
    assert_eq!(read(&mut changes, &keep_alive(700)), idle);
}
