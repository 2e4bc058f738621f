//! The journal: entries, headers of frames, whole files.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{Held, Target, batches};
use crate::api::{Result, TopicInfo, TopicPartition};
use crate::disk::DiskFile;
use crate::journal::Entry;
use crate::journal::frame::{BLOCK, Body, FrameHeader, HEADER_LEN, Kind};
use crate::journal::scan::{Expected, scan};
use crate::record::Compression;

pub(super) const ENTRIES: Target =
    Target { name: "journal entries", samples: entry_samples, mend: |_| {}, read: read_entries };

pub(super) const FRAMES: Target =
    Target { name: "journal frames", samples: file_samples, mend, read: read_frame };

pub(super) const SCAN: Target =
    Target { name: "journal scan", samples: file_samples, mend, read: read_file };

const SALT: u64 = 0x1234_5678_9abc_def0;

fn entries() -> Vec<Entry> {
    let topic = Uuid::from_u128(7);
    let target = TopicPartition { topic, partition: 3 };
    let config = vec![("retention.ms".to_owned(), "1000".to_owned())];
    vec![
        Entry::Create(TopicInfo {
            id: topic,
            name: Arc::from("orders"),
            partitions: 12,
            config: config.clone(),
        }),
        Entry::Append {
            target,
            base: 5,
            batches: Bytes::from(batches::batch(Compression::None, 3)),
        },
        Entry::Config(topic, config),
        Entry::Trim { target, start: 4 },
        Entry::Roll { target, base: 8 },
        Entry::Delete(topic),
    ]
}

fn entry_samples() -> Vec<Vec<u8>> {
    let mut samples = Vec::new();
    let mut all = Vec::new();
    for entry in entries() {
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        all.extend_from_slice(&bytes);
        samples.push(bytes);
    }
    samples.push(all);
    samples
}

fn read_entries(input: &[u8]) {
    let mut body = Bytes::copy_from_slice(input);
    while !body.is_empty() {
        let before = body.len();
        if Entry::decode(&mut body).is_err() {
            break;
        }
        assert!(body.len() < before, "an entry of no bytes");
    }
}

/// Journal files with a few frames each.
fn file_samples() -> Vec<Vec<u8>> {
    let mut samples = Vec::new();
    for count in 1..=4 {
        let mut file = Vec::new();
        for sequence in 1..=count {
            let mut body = Body::default();
            for entry in entries().iter().skip(usize::try_from(sequence).unwrap() - 1) {
                body.put(entry);
            }
            let kind = if sequence == 4 { Kind::Seal } else { Kind::Group };
            let body = if kind == Kind::Seal { Body::default() } else { body };
            let header = FrameHeader {
                kind,
                generation: 2,
                sequence,
                durable_through: sequence - 1,
                body_len: body.len(),
                body_crc: body.crc(),
            };
            for slice in body.slices(&header.encode(SALT)) {
                file.extend_from_slice(&slice);
            }
        }
        samples.push(file);
    }
    samples
}

/// Puts the CRCs of what looks like a frame at each block right.
fn mend(input: &mut [u8]) {
    let block = usize::try_from(BLOCK).unwrap();
    for at in (0..input.len()).step_by(block) {
        let Some(header) = input.get(at..at + HEADER_LEN) else { break };
        if header[..4] != *b"TWJ1" || u32::from_be_bytes(header[4..8].try_into().unwrap()) > 1 {
            continue;
        }
        let field = |from: usize| u64::from_be_bytes(header[from..from + 8].try_into().unwrap());
        let body_len = field(32);
        let body =
            usize::try_from(body_len).ok().and_then(|len| input.get(at + HEADER_LEN..)?.get(..len));
        let mended = FrameHeader {
            kind: if header[7] == 0 { Kind::Group } else { Kind::Seal },
            generation: field(8),
            sequence: field(16),
            durable_through: field(24),
            body_len,
            body_crc: body.map_or(0, crc32c::crc32c),
        };
        let mended = mended.encode(SALT);
        input[at..at + HEADER_LEN].copy_from_slice(&mended);
    }
}

fn read_frame(input: &[u8]) {
    if let Some(header) = FrameHeader::decode(input, SALT) {
        assert!(header.frame_len() >= BLOCK);
        assert_eq!(header.encode(SALT), input[..HEADER_LEN], "a header is read as another one");
    }
}

fn read_file(input: &[u8]) {
    drop(replayed(input));
}

/// The entries of a journal file.
pub(super) fn replayed(file: &[u8]) -> Result<Vec<Entry>> {
    let path = PathBuf::from("0000.journal");
    let held: Arc<dyn DiskFile> = Arc::new(Held::new(file));
    let files = [(path.clone(), held)];
    let expected =
        Expected { salt: SALT, generation: 1, sequence: 1, durable_through: 0, place: (path, 0) };
    let mut entries = Vec::new();
    scan(&files, &expected)?.replay(&files, |entry| {
        entries.push(entry);
        Ok(())
    })?;
    Ok(entries)
}

/// A file with a few groups and a seal.
pub(super) fn sealed_file() -> Vec<u8> {
    file_samples().pop().unwrap_or_default()
}
