//! The producers of a partition in a checkpoint: numbers of variable length,
//! most of them small differences, about 10 bytes and 5 more for each batch.

use bytes::{Buf, BufMut, Bytes};

use super::{BATCHES_MAX, Producer, Producers, Stored};
use crate::journal::entry::Malformed;
use crate::record::varint;

fn put(out: &mut Vec<u8>, value: i64) {
    let mut bytes = [0; varint::LEN_MAX];
    let len = varint::put(&mut bytes, 0, value);
    out.put_slice(&bytes[..len]);
}

fn take(from: &mut Bytes) -> Result<i64, Malformed> {
    let mut rest: &[u8] = from;
    let value = varint::take(&mut rest).ok_or(Malformed)?;
    let left = rest.len();
    from.advance(from.len() - left);
    Ok(value)
}

fn take_as<T: TryFrom<i64>>(from: &mut Bytes) -> Result<T, Malformed> {
    T::try_from(take(from)?).map_err(|_| Malformed)
}

/// Appends the producers of a partition.
pub(crate) fn encode_producers(out: &mut Vec<u8>, producers: &Producers) {
    put(out, i64::try_from(producers.len()).unwrap_or(i64::MAX));
    let mut before = 0i64;
    for (id, producer) in &producers.by_id {
        put(out, id.wrapping_sub(before));
        before = *id;
        put(out, i64::from(producer.epoch));
        put(out, producer.updated_ms);
        out.put_u8(producer.count);
        let (mut first, mut timestamp, mut sequence) = (0i64, producer.updated_ms, 0i64);
        for stored in &producer.batches[..usize::from(producer.count.max(1))] {
            put(out, i64::from(stored.last_sequence).wrapping_sub(sequence));
            put(out, i64::from(stored.last_delta));
            put(out, stored.first.wrapping_sub(first));
            put(out, stored.timestamp.wrapping_sub(timestamp));
            (first, timestamp) = (stored.first, stored.timestamp);
            sequence = i64::from(stored.last_sequence);
        }
    }
}

/// Takes the producers of a partition off the front.
pub(crate) fn decode_producers(from: &mut Bytes) -> Result<Producers, Malformed> {
    let mut producers = Producers::default();
    let mut before = 0i64;
    for _ in 0..take(from)? {
        let id = before.wrapping_add(take(from)?);
        before = id;
        let epoch = take_as(from)?;
        let updated_ms = take(from)?;
        let count = from.try_get_u8()?;
        if usize::from(count) > BATCHES_MAX {
            return Err(Malformed);
        }
        let mut batches = [Stored::default(); BATCHES_MAX];
        let (mut first, mut timestamp, mut sequence) = (0i64, updated_ms, 0i64);
        for stored in &mut batches[..usize::from(count.max(1))] {
            sequence = sequence.wrapping_add(take(from)?);
            let last_delta = take_as(from)?;
            first = first.wrapping_add(take(from)?);
            timestamp = timestamp.wrapping_add(take(from)?);
            let last_sequence = i32::try_from(sequence).map_err(|_| Malformed)?;
            *stored = Stored { last_sequence, last_delta, first, timestamp };
        }
        producers.by_id.insert(id, Producer { epoch, updated_ms, batches, count });
    }
    Ok(producers)
}
