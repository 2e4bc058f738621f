//! Byte literals as a server sends them.

use super::*;
use crate::postgres::position::Lsn;
use crate::postgres::types::TupleValue;

fn parse(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    Message::parse(bytes, &mut Tuples::default())
}

#[test]
fn begin() {
    let bytes = b"B\0\0\0\0\x01\x6b\x37\x48\0\0\0\0\0\x0f\x42\x40\0\0\x02\xda";
    let begin =
        Begin { commit_lsn: Lsn(0x16B_3748), commit_us: 946_684_800_000_000 + 1_000_000, xid: 730 };
    assert_eq!(parse(bytes), Ok(Message::Begin(begin)));
}

#[test]
fn commit() {
    let bytes = b"C\0\0\0\0\x01\0\0\0\x10\0\0\0\x01\0\0\0\x40\0\0\0\0\0\0\0\x01";
    let commit = Commit {
        commit_lsn: Lsn((1 << 32) + 16),
        end_lsn: Lsn((1 << 32) + 64),
        commit_us: 946_684_800_000_001,
    };
    assert_eq!(parse(bytes), Ok(Message::Commit(commit)));
}

#[test]
fn origin() {
    let bytes = b"O\0\0\0\0\0\0\0\x07north\0";
    assert_eq!(parse(bytes), Ok(Message::Origin(OriginName { lsn: Lsn(7), name: "north" })));
}

#[test]
fn relation() {
    let bytes = b"R\0\0\x40\x01public\0t\0d\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\
        \0note\0\0\0\0\x19\0\0\0\x05";
    let column = |is_key, name, type_oid, type_modifier| RelationColumn {
        is_key,
        name,
        type_oid,
        type_modifier,
    };
    let relation = Relation {
        oid: 16385,
        schema: "public",
        name: "t",
        identity: Identity::Default,
        columns: vec![column(true, "id", 23, -1), column(false, "note", 25, 5)],
    };
    assert_eq!(parse(bytes), Ok(Message::Relation(relation)));
}

#[test]
fn relation_of_the_catalog_has_no_schema() {
    let bytes = b"R\0\0\0\x01\0t\0f\0\0";
    let Ok(Message::Relation(relation)) = parse(bytes) else { panic!("not a relation") };
    assert_eq!((relation.schema, relation.identity), ("pg_catalog", Identity::Full));
}

#[test]
fn type_name() {
    let bytes = b"Y\0\0\x40\x02public\0mood\0";
    let name = TypeName { oid: 16386, schema: "public", name: "mood" };
    assert_eq!(parse(bytes), Ok(Message::Type(name)));
}

#[test]
fn insert() {
    let bytes = b"I\0\0\x40\x01N\0\x04t\0\0\0\x0242nub\0\0\0\x01\x07";
    let mut tuples = Tuples::default();
    let message = Message::parse(bytes, &mut tuples);
    assert_eq!(message, Ok(Message::Insert(Insert { relation: 16385 })));
    let row = [
        TupleValue::Text(b"42"),
        TupleValue::Null,
        TupleValue::Unchanged,
        TupleValue::Binary(&[7]),
    ];
    assert_eq!(tuples.new, row);
}

#[test]
fn update_without_key_and_full() {
    let mut tuples = Tuples::default();
    for (bytes, old, before) in [
        (&b"U\0\0\0\x01N\0\x01t\0\0\0\x01b"[..], OldKind::None, None),
        (b"U\0\0\0\x01K\0\x01t\0\0\0\x01aN\0\x01t\0\0\0\x01b", OldKind::Key, Some(b"a")),
        (b"U\0\0\0\x01O\0\x01t\0\0\0\x01cN\0\x01t\0\0\0\x01b", OldKind::Full, Some(b"c")),
    ] {
        let message = Message::parse(bytes, &mut tuples);
        assert_eq!(message, Ok(Message::Update(Update { relation: 1, old })));
        assert_eq!(tuples.new, [TupleValue::Text(b"b")]);
        if let Some(before) = before {
            assert_eq!(tuples.old, [TupleValue::Text(before)]);
        }
    }
}

#[test]
fn delete_by_key_and_full() {
    for (bytes, old) in [
        (&b"D\0\0\0\x01K\0\x01t\0\0\0\x01a"[..], OldKind::Key),
        (b"D\0\0\0\x01O\0\x01t\0\0\0\x01a", OldKind::Full),
    ] {
        let mut tuples = Tuples::default();
        let message = Message::parse(bytes, &mut tuples);
        assert_eq!(message, Ok(Message::Delete(Delete { relation: 1, old })));
        assert_eq!(tuples.old, [TupleValue::Text(b"a")]);
    }
}

#[test]
fn truncate() {
    let bytes = b"T\0\0\0\x02\x03\0\0\0\x01\0\0\0\x02";
    assert_eq!(parse(bytes), Ok(Message::Truncate(Truncate { relations: vec![1, 2] })));
}

#[test]
fn logical() {
    let bytes = b"M\x01\0\0\0\0\0\0\0\x09app\0\0\0\0\x02hi";
    let message = Logical { transactional: true, lsn: Lsn(9), prefix: "app", content: b"hi" };
    assert_eq!(parse(bytes), Ok(Message::Logical(message)));
}

#[test]
fn what_is_cut_or_too_long_is_an_error() {
    let whole: [&[u8]; 5] = [
        b"B\0\0\0\0\x01\x6b\x37\x48\0\0\0\0\0\x0f\x42\x40\0\0\x02\xda",
        b"R\0\0\x40\x01public\0t\0d\0\x01\x01id\0\0\0\0\x17\xff\xff\xff\xff",
        b"I\0\0\x40\x01N\0\x02t\0\0\0\x0242n",
        b"U\0\0\0\x01K\0\x01t\0\0\0\x01aN\0\x01t\0\0\0\x01b",
        b"T\0\0\0\x02\x03\0\0\0\x01\0\0\0\x02",
    ];
    for message in whole {
        assert!(parse(message).is_ok());
        for end in 0..message.len() {
            assert!(parse(&message[..end]).is_err(), "{message:?} cut at {end}");
        }
        assert!(parse(&[message, b"x"].concat()).is_err());
    }
    assert!(parse(b"Z").is_err());
    assert!(parse(b"I\0\0\0\x01N\0\x01t\xff\xff\xff\xffx").is_err());
}
