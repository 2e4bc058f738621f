//! Segments and their indexes.

use std::path::Path;

use super::{Held, Target, batches};
use crate::read::rebuild;
use crate::record::{Compression, set_base_offset};
use crate::segment::index::{self, position_of};
use crate::segment::scan::SegmentFile;

pub(super) const SCAN: Target = Target {
    name: "segment scan",
    samples: segment_samples,
    mend: batches::mend,
    read: read_segment,
};

pub(super) const INDEX: Target =
    Target { name: "offset index", samples: index_samples, mend: |_| {}, read: read_index };

pub(super) const TIME_INDEX: Target =
    Target { name: "time index", samples: time_samples, mend: |_| {}, read: read_time_index };

fn segment_samples() -> Vec<Vec<u8>> {
    [1, 5, 30].map(segment).into()
}

/// A segment of batches of 1, 2, ... records, from offset 100 on.
pub(super) fn segment(batches: usize) -> Vec<u8> {
    let mut segment = Vec::new();
    let mut next = 100;
    for records in 1..=batches {
        let mut batch = batches::batch(Compression::None, records);
        set_base_offset(&mut batch, next);
        next += i64::try_from(records).unwrap();
        segment.extend_from_slice(&batch);
    }
    segment
}

fn read_segment(input: &[u8]) {
    let file = SegmentFile {
        file: &Held::new(input),
        path: Path::new("s"),
        len: input.len() as u64,
        next: None,
        has_gaps: false,
    };
    for (from, offset) in
        [(0, 100), (0, 130), (61, 101), (input.len() as u64, 5), (0, i64::MAX - 1)]
    {
        for bytes_max in [1, 100_000] {
            if let Ok(run) = file.run(from, offset, bytes_max) {
                assert!(!run.batches.is_empty(), "a read without an error has a batch");
                assert!(run.end.0 <= file.len && run.end.1 > offset);
            }
        }
    }
    drop(file.header(0));
    drop(rebuild(&file, 100));
}

fn index_samples() -> Vec<Vec<u8>> {
    let entries = |count: u32| {
        let entry = |n: u32| [(n * 10).to_be_bytes(), (n * 4200).to_be_bytes()].concat();
        (1..=count).flat_map(entry).collect::<Vec<u8>>()
    };
    vec![Vec::new(), entries(1), entries(2), entries(40)]
}

fn counts(len: usize, entry_len: usize) -> [u32; 4] {
    let count = u32::try_from(len / entry_len).unwrap();
    [0, count, count.saturating_add(1), u32::MAX]
}

fn read_index(input: &[u8]) {
    for count in counts(input.len(), index::ENTRY_LEN) {
        if let Some(entries) = index::read(&Held::new(input), count, 1 << 30).unwrap() {
            for offset in [i64::MIN, -1, 0, 15, i64::MAX] {
                assert!(position_of(&entries, offset) < 1 << 30);
            }
        }
    }
}

fn time_samples() -> Vec<Vec<u8>> {
    let entry = |n: u32| [&i64::from(n * 1000).to_be_bytes()[..], &(n * 10).to_be_bytes()].concat();
    let entries = |count: u32| (1..=count).flat_map(entry).collect::<Vec<u8>>();
    vec![Vec::new(), entries(1), entries(2), entries(40)]
}

fn read_time_index(input: &[u8]) {
    for count in counts(input.len(), index::TIME_ENTRY_LEN) {
        if let Some(entries) = index::read_time(&Held::new(input), count).unwrap() {
            assert_eq!(entries.len(), count as usize);
        }
    }
}
