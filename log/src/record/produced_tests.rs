//! What clients may send, and what the log writes into it. The tests unwrap: a
//! failure is the test's answer.
#![allow(clippy::unwrap_used)]

use bytes::BytesMut;

use super::*;
use crate::Refusal;
use crate::api::Result;

const NOW: i64 = 1_700_000_000_000;

fn batch(compression: Compression, times: &[i64]) -> BytesMut {
    let mut builder = BatchBuilder::new(compression);
    for time in times {
        builder.append(*time, Some(b"k"), Some(b"a value"), &[("name", Some(b"x"))]).unwrap();
    }
    BytesMut::from(&builder.finish().unwrap()[..])
}

/// Changes the header of a batch, or its bytes, and makes its CRC right again.
fn changed(
    batch: &[u8],
    header: impl FnOnce(&mut BatchHeader),
    bytes: impl FnOnce(&mut BytesMut),
) -> BytesMut {
    let mut out = BytesMut::from(batch);
    bytes(&mut out);
    let mut decoded = BatchHeader::decode(&out).unwrap();
    header(&mut decoded);
    decoded.encode_into(&mut out).unwrap();
    out
}

fn check(bytes: &[u8]) -> Result<i64> {
    check_batches(bytes, 1 << 20, "max.message.bytes")?;
    let bounds = Bounds { earliest: NOW - 1000, latest: NOW + 1000 };
    check_produced(bytes, Some(bounds))
}

fn refusal(bytes: &[u8]) -> Refusal {
    match check(bytes) {
        Err(LogError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_clients_send_is_taken() {
    for compression in [Compression::None, Compression::Gzip, Compression::Lz4] {
        assert_eq!(check(&batch(compression, &[NOW, NOW + 5, NOW + 2])).unwrap(), NOW + 5);
    }
    // Records without a timestamp.
    assert_eq!(check(&batch(Compression::None, &[-1, -1])).unwrap(), -1);
}

#[test]
fn bits_that_only_the_log_sets_are_refused() {
    let good = batch(Compression::None, &[NOW]);
    for bit in [0x08, 0x20, 0x40] {
        let bad = changed(&good, |header| header.attributes |= bit, |_| ());
        assert!(matches!(refusal(&bad), Refusal::Record(_)), "{bit:#x}");
    }
    let bad = changed(&good, |h| (h.attributes, h.producer_id) = (0x10, 4), |_| ());
    let bad = changed(&bad, |h| (h.producer_epoch, h.base_sequence) = (0, 0), |_| ());
    assert_eq!(refusal(&bad), Refusal::NoTransaction { producer: 4 });
    for (epoch, sequence) in [(-1, 0), (0, -1)] {
        let bad = changed(&good, |h| h.producer_id = 4, |_| ());
        let bad =
            changed(&bad, |h| (h.producer_epoch, h.base_sequence) = (epoch, sequence), |_| ());
        assert!(refusal(&bad).to_string().contains("producer 4 has epoch"));
    }
    let two = [&good[..], &good[..]].concat();
    assert!(refusal(&two).to_string().contains("one batch"));
}

#[test]
fn records_that_are_not_whole_or_not_in_order_are_refused() {
    let good = batch(Compression::None, &[NOW, NOW + 1]);
    assert!(check(&good).is_ok());
    // The offset delta of the second record.
    let record_len = (good.len() - HEADER_LEN) / 2;
    let second = HEADER_LEN + record_len;
    let bad = changed(&good, |_| (), |bytes| bytes[second + 3] = 8);
    assert!(refusal(&bad).to_string().contains("record 1 has not the next offset"));
    let bad = changed(&good, |_| (), |bytes| bytes.extend_from_slice(&[0]));
    assert!(refusal(&bad).to_string().contains("bytes follow"));
    let bad = changed(&good, |h| (h.records, h.last_offset_delta) = (3, 2), |_| ());
    assert!(matches!(check(&bad), Err(LogError::InvalidBatch(_))));
    // Whatever lengths it says, nothing is read behind its end.
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let at = rng.usize(HEADER_LEN..good.len());
        let bad = changed(&good, |_| (), |bytes| bytes[at] = rng.u8(..));
        drop(check(&bad));
    }
}

#[test]
fn timestamps_far_from_the_clock_are_refused_by_the_setting() {
    for compression in [Compression::None, Compression::Lz4] {
        for (times, setting) in [
            ([NOW, NOW + 1001], "message.timestamp.after.max.ms"),
            ([NOW - 1001, NOW], "message.timestamp.before.max.ms"),
        ] {
            let refused = refusal(&batch(compression, &times));
            assert!(refused.to_string().contains(setting), "{refused}");
        }
        assert!(check_produced(&batch(compression, &[0, NOW * 2]), None).is_ok());
    }
    let refused = refusal(&batch(Compression::None, &[NOW, NOW - 1001, NOW]));
    assert!(matches!(refused, Refusal::Timestamp { timestamp, .. } if timestamp == NOW - 1001));
}

#[test]
fn a_stamp_is_the_time_of_all_records_and_the_crc_is_right() {
    for compression in [Compression::None, Compression::Snappy, Compression::Lz4] {
        let mut rng = fastrand::Rng::with_seed(3);
        for count in [1, 2, 50, 3000] {
            let times: Vec<i64> = (0..count).map(|_| rng.i64(..)).collect();
            let one = batch(compression, &times);
            let mut two = BytesMut::from(&[&one[..], &one[..]].concat()[..]);
            let mut summaries = check_batches(&two, 1 << 20, "").unwrap();
            let before = summaries[0];
            stamp(&mut two, &mut summaries[1], NOW + 9);
            assert_eq!(summaries[1].max_timestamp, NOW + 9);
            assert_eq!(summaries[0], before);
            let checked = check_batches(&two, 1 << 20, "").unwrap();
            assert_eq!(checked, summaries);
            let stamped = Batches::new(&two).nth(1).unwrap().unwrap();
            assert_eq!(stamped.header.base_timestamp, times[0]);
            let mut decoder = BatchDecoder::new(1 << 20);
            let mut seen = 0;
            for record in decoder.decode(&stamped).unwrap() {
                assert_eq!(record.unwrap().timestamp, NOW + 9);
                seen += 1;
            }
            assert_eq!(seen, count);
        }
    }
}

#[test]
fn a_wrong_largest_timestamp_is_put_right() {
    let good = batch(Compression::None, &[NOW, NOW + 7, NOW + 3]);
    let mut bad = changed(&good, |header| header.max_timestamp = NOW, |_| ());
    assert_eq!(check(&bad).unwrap(), NOW + 7);
    let mut summaries = check_batches(&bad, 1 << 20, "").unwrap();
    set_max_timestamp(&mut bad, &mut summaries[0], NOW + 7);
    assert_eq!(bad, good);
}
