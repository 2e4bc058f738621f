//! The order of rows that lie in several batches.

use std::ops::Range;

use thalweg_core::batch::Batch;

/// Rows of one batch that follow each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The batch's number.
    pub(super) batch: usize,
    /// Its rows.
    pub(super) rows: Range<usize>,
}

/// All rows of these batches by rising ordinal, in as long runs as possible.
/// Batches without ordinals come one after the other.
pub(super) fn runs(batches: &[&Batch]) -> Vec<Run> {
    if let [batch] = batches {
        return vec![Run { batch: 0, rows: 0..batch.rows }];
    }
    let mut next = vec![0; batches.len()];
    let mut runs = Vec::new();
    loop {
        // The batch with the lowest next ordinal, and the lowest of the others.
        let mut first: Option<(u64, usize)> = None;
        let mut second = u64::MAX;
        for (number, batch) in batches.iter().enumerate() {
            if next[number] >= batch.rows {
                continue;
            }
            let ordinal = batch.ordinals.get(next[number]).copied().unwrap_or(0);
            match first {
                Some((lowest, _)) if ordinal >= lowest => second = second.min(ordinal),
                _ => {
                    second = first.map_or(second, |(lowest, _)| second.min(lowest));
                    first = Some((ordinal, number));
                }
            }
        }
        let Some((_, number)) = first else { return runs };
        let (batch, start) = (batches[number], next[number]);
        let rest = batch.ordinals.get(start..).unwrap_or_default();
        let before = rest.partition_point(|ordinal| *ordinal < second);
        let end = if rest.is_empty() { batch.rows } else { start + before.max(1) };
        next[number] = end.min(batch.rows);
        runs.push(Run { batch: number, rows: start..next[number] });
    }
}
