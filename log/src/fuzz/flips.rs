//! Every byte of a segment, a journal and a checkpoint, flipped: what is damaged
//! is reported or, where it meant nothing, does no harm.

use std::path::Path;

use super::{Held, checkpoints, journals, segments};
use crate::checkpoint::Checkpoint;
use crate::error::LogError;
use crate::record::Batches;
use crate::segment::scan::SegmentFile;

const BITS: [u8; 3] = [0x01, 0x10, 0x80];

#[test]
fn a_flipped_bit_of_a_segment_is_reported_and_not_served() {
    let whole = segments::segment(5);
    let last = Batches::new(&whole).map(|batch| batch.unwrap().header.last_offset()).last();
    let last = last.unwrap();
    // Where the batch with each offset begins.
    let mut places = Vec::new();
    let mut at = 0;
    for batch in Batches::new(&whole) {
        let header = batch.unwrap().header;
        places.extend((header.base_offset..=header.last_offset()).map(|offset| (offset, at)));
        at += header.len;
    }
    for flipped in 0..whole.len() {
        for bits in BITS {
            let mut bytes = whole.clone();
            bytes[flipped] ^= bits;
            let held = Held::new(&bytes);
            let file = SegmentFile {
                file: &held,
                path: Path::new("s"),
                len: bytes.len() as u64,
                next: Some(last + 1),
                has_gaps: false,
            };
            let mut reported = 0;
            for (offset, place) in &places {
                for bytes_max in [1, 700, 100_000] {
                    match file.run(0, *offset, bytes_max) {
                        Ok(run) => {
                            let original = &whole[*place..*place + run.batches.len()];
                            assert!(run.batches == original, "byte {flipped} is served");
                        }
                        Err(LogError::Damaged { .. }) => reported += 1,
                        Err(error) => panic!("byte {flipped}: {error}"),
                    }
                }
            }
            assert!(reported > 0, "byte {flipped} ^ {bits:#x} is not reported");
        }
    }
}

#[test]
fn a_flipped_bit_of_a_sealed_journal_is_reported_or_does_no_harm() {
    let whole = journals::sealed_file();
    let entries = journals::replayed(&whole).unwrap();
    assert!(entries.len() > 5);
    let mut reported = 0;
    for flipped in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[flipped] ^= BITS[flipped % BITS.len()];
        match journals::replayed(&bytes) {
            Ok(found) => assert!(found == entries, "byte {flipped} changes what is replayed"),
            Err(LogError::Damaged { at, .. }) => {
                let at = usize::try_from(at).unwrap();
                assert!(at <= flipped && flipped - at < 8192, "{at} is reported for {flipped}");
                reported += 1;
            }
            Err(error) => panic!("byte {flipped}: {error}"),
        }
    }
    assert!(reported > 500, "{reported}");
}

#[test]
fn a_flipped_bit_of_a_checkpoint_is_reported() {
    for whole in (checkpoints::TARGET.samples)() {
        for flipped in 0..whole.len() {
            for bits in BITS {
                let mut bytes = whole.clone();
                bytes[flipped] ^= bits;
                assert!(Checkpoint::decode(&bytes, Path::new("j")).is_err(), "byte {flipped}");
            }
        }
    }
}
