//! Checkpoints.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::Target;
use crate::api::TopicInfo;
use crate::checkpoint::{Checkpoint, PartitionState, TopicState};
use crate::segment::Segment;

pub(super) const TARGET: Target = Target { name: "checkpoints", samples, mend, read };

// Fields are added to both over time.
#[allow(clippy::needless_update)]
fn samples() -> Vec<Vec<u8>> {
    let mut segment = Segment::new(40, 1_700_000_000_000);
    segment.add(90, 1_700_000_000_500, 12_000);
    let partition =
        PartitionState { start: 42, next: 91, segments: vec![segment], ..Default::default() };
    let topic = |id: u128, partitions: u32| TopicState {
        info: TopicInfo {
            id: Uuid::from_u128(id),
            name: Arc::from(format!("topic-{id}")),
            partitions,
            config: vec![("segment.bytes".to_owned(), "5000".to_owned())],
        },
        partitions: vec![partition.clone(); partitions as usize],
    };
    let checkpoint = |topics: Vec<TopicState>| Checkpoint {
        number: 9,
        salt: 77,
        generation: 4,
        sequence: 1000,
        durable_through: 999,
        place: (PathBuf::from("0001.journal"), 8192),
        topics,
        ..Default::default()
    };
    let all = [Vec::new(), vec![topic(1, 1)], vec![topic(1, 3), topic(2, 12)]];
    all.into_iter().map(|topics| checkpoint(topics).encode()).collect()
}

fn mend(input: &mut [u8]) {
    if let Some(body_len) = input.len().checked_sub(4) {
        let crc = crc32c::crc32c(&input[..body_len]);
        input[body_len..].copy_from_slice(&crc.to_be_bytes());
    }
}

fn read(input: &[u8]) {
    if let Ok(checkpoint) = Checkpoint::decode(input, Path::new("/data/journal")) {
        // What is read can be written.
        checkpoint.encode();
    }
}
