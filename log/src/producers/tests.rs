//! The rules of sequence numbers and epochs.
#![allow(clippy::unwrap_used)] // a failure is the test's answer

use bytes::Bytes;

use super::*;

fn batch(epoch: i16, sequence: i32, count: i32) -> Sequenced {
    Sequenced { producer: 7, epoch, sequence, last_delta: count - 1 }
}

/// Checks a batch and, if it is the next one, adds it at this offset.
fn send(producers: &mut Producers, batch: &Sequenced, at: i64) -> Result<Option<Stored>> {
    let answer = producers.check(batch)?;
    if answer.is_none() {
        producers.add(batch, at, 1000 + at, 5000);
    }
    Ok(answer)
}

fn is_out_of_order(answer: &Result<Option<Stored>>, next: i32) -> bool {
    matches!(answer, Err(LogError::Refused(Refusal::OutOfOrderSequence { expected, .. }))
        if *expected == next)
}

#[test]
fn the_last_five_batches_are_known_again() {
    let mut producers = Producers::default();
    for n in 0..8 {
        let answer = send(&mut producers, &batch(0, n * 3, 3), i64::from(n) * 100);
        assert!(answer.unwrap().is_none());
    }
    for n in 3..8 {
        let stored = producers.check(&batch(0, n * 3, 3)).unwrap().unwrap();
        assert_eq!((stored.first, stored.last()), (i64::from(n) * 100, i64::from(n) * 100 + 2));
        assert_eq!(stored.timestamp, 1000 + stored.first);
    }
    for old in 0..3 {
        assert!(is_out_of_order(&producers.check(&batch(0, old * 3, 3)), 24));
    }
    // The same first sequence with other records is another batch.
    assert!(is_out_of_order(&producers.check(&batch(0, 21, 2)), 24));
    assert!(is_out_of_order(&producers.check(&batch(0, 25, 1)), 24));
}

#[test]
fn sequences_begin_again_after_the_last_one() {
    let mut producers = Producers::default();
    // It is not known, so it may go on anywhere.
    send(&mut producers, &batch(0, i32::MAX - 1, 2), 0).unwrap();
    assert!(is_out_of_order(&producers.check(&batch(0, 1, 1)), 0));
    send(&mut producers, &batch(0, 0, 1), 2).unwrap();
    send(&mut producers, &batch(0, 1, 4), 3).unwrap();
    // A batch over the end of the numbers.
    let mut producers = Producers::default();
    let over = batch(0, i32::MAX - 1, 5);
    send(&mut producers, &over, 10).unwrap();
    assert_eq!(producers.check(&over).unwrap().unwrap().first, 10);
    send(&mut producers, &batch(0, 3, 1), 15).unwrap();
}

#[test]
fn a_later_epoch_fences_the_former_and_begins_at_0() {
    let mut producers = Producers::default();
    send(&mut producers, &batch(3, 0, 5), 0).unwrap();
    assert!(is_out_of_order(&producers.check(&batch(4, 5, 1)), 0));
    send(&mut producers, &batch(4, 0, 5), 5).unwrap();
    let late = producers.check(&batch(3, 5, 1));
    assert!(matches!(late, Err(LogError::Refused(Refusal::FencedProducer { latest: 4, .. }))));
    // The first epoch's batch of these sequences is forgotten.
    assert_eq!(producers.check(&batch(4, 0, 5)).unwrap().unwrap().first, 5);
}

#[test]
fn a_refused_first_batch_keeps_its_place() {
    for first in [0, 7] {
        let mut producers = Producers::default();
        assert!(producers.await_again(&batch(0, first, 2), 1000));
        assert!(is_out_of_order(&producers.check(&batch(0, first + 2, 1)), first));
        assert!(!producers.await_again(&batch(0, first + 2, 1), 1000));
        assert!(send(&mut producers, &batch(0, first, 2), 0).unwrap().is_none());
        assert!(send(&mut producers, &batch(0, first + 2, 1), 2).unwrap().is_none());
        assert!(send(&mut producers, &batch(0, first, 2), 9).unwrap().is_some());
    }
}

#[test]
fn the_silent_are_forgotten() {
    let mut producers = Producers::default();
    let other = Sequenced { producer: 8, ..batch(0, 0, 1) };
    assert!(producers.add(&batch(0, 0, 1), 0, 0, 1000));
    assert!(producers.add(&other, 1, 0, 2000));
    assert!(!producers.add(&batch(0, 1, 1), 2, 0, 3000));
    producers.forget_before(2500);
    assert_eq!(producers.len(), 1);
    assert!(producers.check(&Sequenced { sequence: 77, ..other }).unwrap().is_none());
    assert!(is_out_of_order(&producers.check(&batch(0, 77, 1)), 2));
}

#[test]
fn they_are_the_same_when_decoded_and_cut_bytes_are_refused() {
    let mut rng = fastrand::Rng::with_seed(4);
    let mut producers = Producers::default();
    for _ in 0..400 {
        let batch = Sequenced {
            producer: [rng.i64(0..50), i64::MAX][usize::from(rng.u8(..20) == 0)],
            epoch: rng.i16(0..=i16::MAX),
            sequence: rng.i32(0..=i32::MAX),
            last_delta: rng.i32(0..=i32::MAX),
        };
        producers.add(&batch, rng.i64(0..1 << 60), rng.i64(..), rng.i64(..));
    }
    producers.await_again(&Sequenced { producer: 60, ..batch(2, 9, 1) }, 5);
    let mut bytes = Vec::new();
    encode_producers(&mut bytes, &producers);
    let mut from = Bytes::from(bytes.clone());
    let decoded = decode_producers(&mut from).ok().unwrap();
    assert!(from.is_empty());
    assert_eq!(decoded, producers);
    for len in 0..bytes.len() {
        assert!(decode_producers(&mut Bytes::copy_from_slice(&bytes[..len])).is_err());
    }
}

#[test]
fn a_producer_takes_few_bytes_of_a_checkpoint() {
    let mut producers = Producers::default();
    for producer in 0..1000 {
        for n in 0..5 {
            let batch = Sequenced { producer, epoch: 0, sequence: n * 50, last_delta: 49 };
            let now_ms = 1_795_000_000_000 + i64::from(n);
            producers.add(&batch, (1 << 40) + i64::from(n) * 50_000, now_ms, now_ms);
        }
    }
    let mut bytes = Vec::new();
    encode_producers(&mut bytes, &producers);
    assert!(bytes.len() < 55 * 1000, "{} bytes", bytes.len());
}
