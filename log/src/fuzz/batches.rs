//! Record batches, of clients and of segments: headers, records, headers of
//! records, all codecs.

use super::Target;
use crate::record::{
    BatchBuilder, BatchDecoder, BatchHeader, Batches, Compression, HEADER_LEN, check_batches,
    first_at,
};

pub(super) const TARGET: Target = Target { name: "batches", samples, mend, read };

const CODECS: [Compression; 4] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4];
/// Most bytes that a batch is opened to.
const OPENED_MAX: usize = 1 << 20;

pub(super) fn batch(compression: Compression, records: usize) -> Vec<u8> {
    let mut builder = BatchBuilder::new(compression);
    for (time, record) in (1_700_000_000_000..).zip(0..records) {
        let value = vec![b'v'; record * 37 % 300];
        let key = record.to_string();
        let key = (record % 5 > 0).then_some(key.as_bytes());
        let headers = [("trace", Some(&b"x"[..])), ("none", None)];
        let headers = &headers[..record % 3];
        builder.append(time, key, (record % 7 > 0).then_some(&value), headers).unwrap();
    }
    builder.finish().unwrap().to_vec()
}

fn samples() -> Vec<Vec<u8>> {
    let mut samples = Vec::new();
    for compression in CODECS {
        for records in [1, 3, 40] {
            samples.push(batch(compression, records));
        }
        // A bomb: much of nothing.
        let mut builder = BatchBuilder::new(compression);
        builder.append(0, None, Some(&vec![0; 40 * OPENED_MAX / 16]), &[]).unwrap();
        let bomb = builder.finish().unwrap().to_vec();
        samples.extend((bomb.len() < 1 << 16).then_some(bomb));
    }
    // Some, back to back.
    samples.push([batch(Compression::None, 2), batch(Compression::Lz4, 9)].concat());
    samples
}

/// Puts lengths and CRCs right: of the first batches as far as lengths make
/// sense, and of the rest as one batch.
pub(super) fn mend(input: &mut [u8]) {
    let mut at = 0;
    while input.len() - at >= HEADER_LEN {
        input[at + 16] = 2;
        let length = BatchHeader::decode(&input[at..]).map_or(usize::MAX, |header| header.len);
        let len = if length <= input.len() - at { length } else { input.len() - at };
        let field = u32::try_from(len - 12).unwrap();
        input[at + 8..at + 12].copy_from_slice(&field.to_be_bytes());
        let crc = crc32c::crc32c(&input[at + 21..at + len]);
        input[at + 17..at + 21].copy_from_slice(&crc.to_be_bytes());
        at += len;
    }
}

fn read(input: &[u8]) {
    let summaries = check_batches(input, 1 << 20, "max.message.bytes");
    if let Ok(summaries) = &summaries {
        let sum: usize = summaries.iter().map(|summary| summary.len).sum();
        assert_eq!(sum, input.len(), "accepted batches are not all there is");
    }
    let mut decoder = BatchDecoder::new(OPENED_MAX);
    for batch in Batches::new(input) {
        let Ok(batch) = batch else { break };
        let Ok(records) = decoder.decode(&batch) else { continue };
        for record in records {
            let Ok(record) = record else { break };
            let bytes = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
            assert!(bytes <= OPENED_MAX.max(input.len()));
            for header in record.headers {
                if header.is_err() {
                    break;
                }
            }
        }
    }
    first_at(input, 1_700_000_000_001, 0);
}
