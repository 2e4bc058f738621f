//! Tests of the record format. They unwrap: a failure is the test's answer.
#![allow(clippy::unwrap_used)]

use super::*;

type OwnedRecord = (i64, i64, Option<Vec<u8>>, Option<Vec<u8>>, usize);

const CODECS: [Compression; 4] =
    [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn sample(compression: Compression, count: i64) -> bytes::Bytes {
    let mut builder = BatchBuilder::new(compression);
    for n in 0..count {
        let value = format!("value-{n}").repeat(20);
        let header = [("trace", Some(&b"abc"[..])), ("none", None)];
        let headers: &[_] = if n % 3 == 0 { &header } else { &[] };
        let key = (n % 5 != 0).then(|| n.to_string());
        builder
            .append(
                1_700_000_000_000 + n * 7,
                key.as_ref().map(String::as_bytes),
                (n % 4 != 0).then_some(value.as_bytes()),
                headers,
            )
            .unwrap();
    }
    assert_eq!(i64::from(builder.records()), count);
    let batch = builder.finish().unwrap();
    assert!(builder.is_empty());
    batch
}

fn read_all(bytes: &[u8]) -> Vec<OwnedRecord> {
    let mut out = Vec::new();
    let mut decoder = BatchDecoder::new(1 << 24);
    for batch in Batches::new(bytes) {
        let batch = batch.unwrap();
        batch.header.check(batch.bytes).unwrap();
        for record in decoder.decode(&batch).unwrap() {
            let record = record.unwrap();
            for header in record.headers {
                let (name, value) = header.unwrap();
                assert_eq!(value.is_some(), name == "trace");
            }
            out.push((
                record.offset,
                record.timestamp,
                record.key.map(<[u8]>::to_vec),
                record.value.map(<[u8]>::to_vec),
                record.headers.len(),
            ));
        }
    }
    out
}

#[test]
fn records_come_back_from_every_codec() {
    let plain = read_all(&sample(Compression::None, 1000));
    assert_eq!(plain.len(), 1000);
    assert_eq!(plain[999].0, 999);
    assert_eq!(plain[999].1, 1_700_000_000_000 + 999 * 7);
    assert_eq!(plain[0].2, None);
    assert_eq!(plain[0].3, None);
    assert_eq!(plain[0].4, 2);
    assert_eq!(plain[7].2.as_deref(), Some(&b"7"[..]));
    for compression in CODECS {
        let batch = sample(compression, 1000);
        assert!(batch.len() < sample(Compression::None, 1000).len());
        assert_eq!(read_all(&batch), plain, "{compression:?}");
    }
}

#[test]
fn one_record_has_the_bytes_that_kafka_writes() {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.append(1000, Some(b"k"), Some(b"v"), &[]).unwrap();
    let batch = builder.finish().unwrap();
    // length, attributes, timestamp delta, offset delta, key, value, headers
    assert_eq!(&batch[HEADER_LEN..], &[16, 0, 0, 0, 2, b'k', 2, b'v', 0][..]);
    assert_eq!(batch[16], 2);
    assert_eq!(&batch[8..12], &(58i32).to_be_bytes());
}

#[test]
fn base_offset_is_outside_the_crc() {
    let mut bytes = sample(Compression::Lz4, 3).to_vec();
    set_base_offset(&mut bytes, 41);
    let header = BatchHeader::decode(&bytes).unwrap();
    header.check(&bytes).unwrap();
    assert_eq!(header.base_offset, 41);
    assert_eq!(header.last_offset(), 43);
}

#[test]
fn every_flipped_bit_after_the_crc_is_found() {
    let batch = sample(Compression::None, 3);
    for at in 16..batch.len() {
        let mut bytes = batch.to_vec();
        bytes[at] ^= 0x10;
        assert!(check_batches(&bytes, 1 << 20, "max.message.bytes").is_err(), "byte {at}");
    }
}

#[test]
fn cut_and_foreign_bytes_are_refused() {
    let batch = sample(Compression::None, 3);
    for len in 0..batch.len() {
        assert!(check_batches(&batch[..len], 1 << 20, "max.message.bytes").is_err());
    }
    let mut seed = fastrand::Rng::with_seed(1);
    let mut decoder = BatchDecoder::new(1 << 20);
    for _ in 0..20_000 {
        let mut bytes = batch.to_vec();
        for _ in 0..seed.usize(1..6) {
            let at = seed.usize(..bytes.len());
            bytes[at] = seed.u8(..);
        }
        for batch in Batches::new(&bytes).flatten() {
            if let Ok(records) = decoder.decode(&batch) {
                for record in records.flatten() {
                    record.headers.for_each(drop);
                }
            }
        }
    }
}

#[test]
fn a_batch_over_the_limit_is_refused_by_name() {
    let error = check_batches(&sample(Compression::None, 9), 100, "max.message.bytes");
    let text = error.unwrap_err().to_string();
    assert!(text.contains("max.message.bytes"), "{text}");
}

#[test]
fn a_bomb_is_capped() {
    for compression in CODECS {
        let mut builder = BatchBuilder::new(compression);
        builder.append(0, None, Some(&vec![0; 4 << 20]), &[]).unwrap();
        let bytes = builder.finish().unwrap();
        let batch = Batches::new(&bytes).next().unwrap().unwrap();
        let mut decoder = BatchDecoder::new(1 << 20);
        let text = decoder.decode(&batch).unwrap_err().to_string();
        assert!(text.contains("longer than 1048576"), "{text}");
    }
}

#[test]
fn a_zstd_frame_may_not_ask_for_any_window() {
    // Window descriptors up to exponent 31: 2^41 bytes.
    for descriptor in 0..=255 {
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, descriptor, 1, 0, 0];
        let mut out = Vec::new();
        let opened = Compression::Zstd.decompress(&frame, &mut out, 1 << 20);
        assert!(descriptor < 13 * 8 + 1 || opened.is_err(), "{descriptor}");
    }
    let mut out = Vec::new();
    let mut two = Vec::new();
    for part in [&b"one"[..], b"two"] {
        Compression::Zstd.compress(part, &mut two).unwrap();
    }
    Compression::Zstd.decompress(&two, &mut out, 100).unwrap();
    assert_eq!(out, b"onetwo");
    for len in 1..two.len() {
        drop(Compression::Zstd.decompress(&two[..len], &mut out, 100));
    }
}

#[test]
fn records_without_a_key_are_named() {
    for compression in CODECS {
        let batch = sample(compression, 9);
        let text = check_keys(&batch, 1 << 20, "users").unwrap_err().to_string();
        assert!(text.contains("topic users") && text.contains("record 0"), "{text}");
        let mut builder = BatchBuilder::new(compression);
        builder.append(0, Some(b""), None, &[]).unwrap();
        check_keys(&builder.finish().unwrap(), 1 << 20, "users").unwrap();
    }
}

#[test]
fn varints_have_their_length() {
    for value in [0, -1, 1, 63, 64, -64, -65, 8191, 8192, i64::MAX, i64::MIN] {
        let mut out = [0; varint::LEN_MAX];
        let len = varint::put(&mut out, 0, value);
        assert_eq!(len, varint::len(value), "{value}");
        let mut input = &out[..len];
        assert_eq!(varint::take(&mut input), Some(value));
        assert!(input.is_empty());
        let mut cut = &out[..len - 1];
        assert_eq!(varint::take(&mut cut), None);
    }
    assert_eq!(varint::take(&mut &[0xff; 11][..]), None);
}

#[test]
fn partitions_are_those_of_kafka() {
    // Hashes of Kafka's own unit test of murmur2, as positive numbers modulo.
    let cases: [(&[u8], i32); 6] = [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        (b"abc", 479_470_107),
    ];
    for (key, hash) in cases {
        let expected = (hash.cast_unsigned() & 0x7fff_ffff) % 97;
        assert_eq!(partition_of(key, 97), expected);
    }
}
