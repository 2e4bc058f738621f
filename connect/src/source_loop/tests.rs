//! Tests of the order of rows.
#![allow(clippy::unwrap_used)] // a failure is the test's answer

use thalweg_core::batch::Batch;

use super::merge::{Run, runs};

fn batch(ordinals: &[u64]) -> Batch {
    let mut batch = Batch::new("t".into(), None, None);
    batch.ordinals = ordinals.to_vec();
    batch.rows = ordinals.len();
    batch
}

#[test]
fn rows_are_merged_by_ordinal_in_long_runs() {
    let (a, b, c) = (batch(&[1, 2, 3, 9]), batch(&[4, 5, 10]), batch(&[6]));
    let merged = runs(&[&a, &b, &c]);
    let expected = [(0, 0..3), (1, 0..2), (2, 0..1), (0, 3..4), (1, 2..3)];
    let expected: Vec<Run> =
        expected.into_iter().map(|(batch, rows)| Run { batch, rows }).collect();
    assert_eq!(merged, expected);
}

#[test]
fn rows_without_ordinals_come_batch_by_batch() {
    let mut a = batch(&[]);
    a.rows = 3;
    let mut b = batch(&[]);
    b.rows = 2;
    let merged = runs(&[&a, &b]);
    assert_eq!(merged, [Run { batch: 0, rows: 0..3 }, Run { batch: 1, rows: 0..2 }]);
}

#[test]
fn equal_ordinals_lose_no_row() {
    let (a, b) = (batch(&[1, 1, 2]), batch(&[1, 2]));
    let rows: usize = runs(&[&a, &b]).iter().map(|run| run.rows.len()).sum();
    assert_eq!(rows, 5);
}
