//! Tests of what is left of single batches. They unwrap: a failure is the test's
//! answer.
#![allow(clippy::unwrap_used)]

use super::batch::Kept;
use super::*;
use crate::record::{BatchBuilder, Compression, HEADER_LEN};

const NOW: i64 = 1_700_000_000_000;
const DAY: i64 = 86_400_000;
const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

/// Offset, timestamp, key, value and number of headers of a record.
type Owned = (i64, i64, Option<Vec<u8>>, Option<Vec<u8>>, usize);

/// A batch of these keys and values at offset 100, as an idempotent producer's.
fn batch(compression: Compression, records: &[(Option<&str>, Option<&str>)]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(compression);
    for (time, (key, value)) in (NOW..).step_by(10).zip(records) {
        let headers = [("h", Some(&b"1"[..])), ("none", None)];
        let (key, value) = (key.map(str::as_bytes), value.map(str::as_bytes));
        builder.append(time, key, value, &headers).unwrap();
    }
    let mut bytes = builder.finish().unwrap().to_vec();
    change(&mut bytes, |header| {
        header.base_offset = 100;
        header.leader_epoch = 3;
        header.producer_id = 77;
        header.producer_epoch = 2;
        header.base_sequence = 41;
    });
    bytes
}

fn change(bytes: &mut [u8], how: impl FnOnce(&mut BatchHeader)) {
    let mut header = BatchHeader::decode(bytes).unwrap();
    how(&mut header);
    header.encode_into(bytes).unwrap();
}

fn read(bytes: &[u8]) -> Vec<Owned> {
    let mut decoder = BatchDecoder::new(1 << 20);
    let batch = Batches::new(bytes).next().unwrap().unwrap();
    batch.header.check(bytes).unwrap();
    let records = decoder.decode(&batch).unwrap().map(Result::unwrap);
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    records
        .map(|r| (r.offset, r.timestamp, owned(r.key), owned(r.value), r.headers.len()))
        .collect()
}

/// A cleaner at this time that knows these keys' last offsets.
fn cleaner(now_ms: i64, last: &[(&str, i64)]) -> BatchCleaner {
    let mut map = KeyMap::new(100, 1 << 16, (1, 2));
    for (key, offset) in last {
        assert!(map.put(key.as_bytes(), *offset));
    }
    let settings = PassSettings {
        now_ms,
        delete_retention_ms: DAY,
        segment_bytes: 1 << 20,
        map_bytes_max: 1 << 16,
        secret: (1, 2),
    };
    BatchCleaner::new(map, 1000, &settings)
}

fn clean(cleaner: &mut BatchCleaner, bytes: &[u8]) -> Kept {
    cleaner.clean(&Batches::new(bytes).next().unwrap().unwrap())
}

fn written(kept: Kept) -> Vec<u8> {
    match kept {
        Kept::Written(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn replaced_records_go_and_the_others_stay_as_they_are() {
    let long = "v".repeat(500);
    let records = [
        (Some("a"), Some(long.as_str())),
        (Some("b"), Some("old")),
        (Some("c"), Some("")),
        (Some("a"), Some("newer")),
        (Some("d"), Some("old, and the newest time")),
    ];
    for compression in CODECS {
        let bytes = batch(compression, &records);
        let mut cleaner = cleaner(NOW, &[("a", 103), ("b", 500), ("c", 102), ("d", 104 + 1)]);
        let out = written(clean(&mut cleaner, &bytes));
        let all = read(&bytes);
        assert_eq!(read(&out), [all[2].clone(), all[3].clone()], "{compression:?}");
        let (before, after) =
            (BatchHeader::decode(&bytes).unwrap(), BatchHeader::decode(&out).unwrap());
        assert_eq!(after.last_offset(), 104);
        assert_eq!(after.max_timestamp, NOW + 30);
        let expected = BatchHeader {
            len: after.len,
            crc: after.crc,
            max_timestamp: after.max_timestamp,
            records: 2,
            ..before
        };
        assert_eq!(after, expected, "{compression:?}");
    }
}

#[test]
fn what_nothing_goes_of_is_not_touched() {
    let records = [(Some("a"), Some("1")), (Some("b"), Some("2"))];
    for compression in CODECS {
        let bytes = batch(compression, &records);
        assert_eq!(clean(&mut cleaner(NOW, &[("a", 100)]), &bytes), Kept::Whole);
        assert_eq!(clean(&mut cleaner(NOW, &[("a", 900), ("b", 900)]), &bytes), Kept::Nothing);
    }
    // Beyond what the map knows.
    let mut bytes = batch(Compression::None, &records);
    change(&mut bytes, |header| header.base_offset = 1000);
    assert_eq!(clean(&mut cleaner(NOW, &[("a", 2000)]), &bytes), Kept::Whole);
    change(&mut bytes, |header| header.base_offset = 999);
    let out = written(clean(&mut cleaner(NOW, &[("a", 2000), ("b", 2000)]), &bytes));
    assert_eq!(read(&out).len(), 1);
}

#[test]
fn tombstones_go_when_their_horizon_is_past() {
    for compression in CODECS {
        let bytes = batch(compression, &[(Some("a"), None), (Some("b"), Some("2"))]);
        let mut first = cleaner(NOW, &[("a", 100), ("b", 101)]);
        let out = written(clean(&mut first, &bytes));
        assert_eq!(first.next_horizon_ms, Some(NOW + DAY));
        let header = BatchHeader::decode(&out).unwrap();
        // As Kafka has it: bit 6, and the time in the place of the base timestamp.
        assert_eq!(header.attributes & 0x40, 0x40);
        assert_eq!(header.base_timestamp, NOW + DAY);
        assert_eq!(header.delete_horizon(), Some(NOW + DAY));
        assert_eq!(header.max_timestamp, NOW + 10);
        assert_eq!(read(&out), read(&bytes));
        let mut second = cleaner(NOW + DAY - 1, &[]);
        assert_eq!(clean(&mut second, &out), Kept::Whole);
        assert_eq!(second.next_horizon_ms, Some(NOW + DAY));
        let mut third = cleaner(NOW + DAY, &[]);
        let left = written(clean(&mut third, &out));
        assert_eq!(third.next_horizon_ms, None);
        assert_eq!(read(&left), read(&bytes)[1..]);
    }
}

#[test]
fn a_tombstone_stays_behind_what_can_not_be_looked_into() {
    let bytes = batch(Compression::None, &[(Some("a"), None)]);
    let tombstone = written(clean(&mut cleaner(NOW, &[("a", 100)]), &bytes));
    assert_eq!(clean(&mut cleaner(NOW + DAY, &[]), &tombstone), Kept::Nothing);
    let mut closed = batch(Compression::Gzip, &[(Some("a"), Some("old"))]);
    closed[HEADER_LEN] ^= 0xff;
    change(&mut closed, |_| {});
    let mut transactional = batch(Compression::None, &[(Some("a"), Some("old"))]);
    change(&mut transactional, |header| header.attributes |= 0x10);
    for before in [closed, transactional] {
        let mut cleaner = cleaner(NOW + DAY, &[("a", 500)]);
        assert_eq!(clean(&mut cleaner, &before), Kept::Whole);
        let mut later = tombstone.clone();
        change(&mut later, |header| header.base_offset = 500);
        assert_eq!(clean(&mut cleaner, &later), Kept::Whole);
        // It would be due in every pass otherwise.
        assert_eq!(cleaner.next_horizon_ms, None);
    }
}

#[test]
fn markers_and_records_without_a_key_stay() {
    let mut marker = batch(Compression::None, &[(Some("\0\0\0\u{1}"), Some("x"))]);
    change(&mut marker, |header| header.attributes |= 0x30);
    assert_eq!(clean(&mut cleaner(NOW, &[("\0\0\0\u{1}", 900)]), &marker), Kept::Whole);
    let bytes = batch(Compression::Lz4, &[(None, Some("1")), (Some("a"), Some("2"))]);
    let out = written(clean(&mut cleaner(NOW, &[("a", 900)]), &bytes));
    assert_eq!(read(&out), read(&bytes)[..1]);
}

#[test]
fn the_time_of_an_append_stays() {
    let mut bytes = batch(Compression::None, &[(Some("a"), None), (Some("b"), Some("2"))]);
    change(&mut bytes, |header| {
        header.attributes |= 0x08;
        header.max_timestamp = NOW + 5000;
    });
    let out = written(clean(&mut cleaner(NOW, &[("a", 100), ("b", 900)]), &bytes));
    let records = read(&out);
    assert_eq!((records.len(), records[0].1), (1, NOW + 5000));
}

#[test]
fn malformed_records_are_in_no_map() {
    let mut bytes = batch(Compression::None, &[(Some("a"), Some("1")), (Some("b"), Some("2"))]);
    change(&mut bytes, |header| header.records = 3);
    let batch = Batches::new(&bytes).next().unwrap().unwrap();
    let mut map = KeyMap::new(10, 1 << 16, (1, 2));
    assert_eq!(put_keys(&mut map, &mut BatchDecoder::new(1000), &batch, 0), None);
    assert_eq!(map.get(b"a"), None);
    assert_eq!(clean(&mut cleaner(NOW, &[("a", 900)]), &bytes), Kept::Whole);
}
