//! A fuzzer for everything that reads bytes: valid samples are damaged by a
//! seeded mutator, their checksums mostly put right again so that the damage gets
//! further in, and read. Nothing may panic, run on, or take memory that the input
//! does not account for.
//!
//! `THALWEG_FUZZ_RUNS=n` gives each target that many inputs,
//! `THALWEG_FUZZ_FIRST=k` begins at that one: `make fuzz RUNS=n FIRST=k`. An input
//! follows from its number alone.
#![allow(clippy::unwrap_used)] // a failure is the test's answer

mod batches;
mod checkpoints;
mod flips;
mod journals;
mod mutate;
mod segments;

use std::io::{self, IoSlice};

use crate::disk::DiskFile;
use mutate::mutate;

/// Something that reads bytes.
struct Target {
    name: &'static str,
    /// Valid inputs, and some that are nearly.
    samples: fn() -> Vec<Vec<u8>>,
    /// Makes the checksums of a damaged input right.
    mend: fn(&mut [u8]),
    read: fn(&[u8]),
}

const TARGETS: &[Target] = &[
    batches::TARGET,
    journals::ENTRIES,
    journals::FRAMES,
    journals::SCAN,
    segments::SCAN,
    segments::INDEX,
    segments::TIME_INDEX,
    checkpoints::TARGET,
];

/// A file that holds these bytes.
struct Held(Vec<u8>);

impl Held {
    fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl DiskFile for Held {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let bytes = self.0.get(at..).unwrap_or(&[]);
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_at(&self, _: &[IoSlice<'_>], _: u64) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem))
    }

    fn allocate(&self, _: u64, _: u64, _: bool) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::ReadOnlyFilesystem))
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Input number `index` of a target.
fn input(target: &Target, samples: &[Vec<u8>], index: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(index);
    let mut input = samples[rng.usize(..samples.len())].clone();
    // The samples themselves come first.
    if let Some(sample) = usize::try_from(index).ok().and_then(|index| samples.get(index)) {
        return sample.clone();
    }
    mutate(&mut rng, samples, &mut input);
    if rng.u8(..5) > 0 {
        (target.mend)(&mut input);
    }
    input
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Most memory that this process had reserved, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn no_bytes_make_a_reader_panic() {
    let first = setting("THALWEG_FUZZ_FIRST", 0);
    let runs = setting("THALWEG_FUZZ_RUNS", 4000);
    // Other tests of this process reserve some too; `make fuzz` asks for less.
    let growth_max_kib = setting("THALWEG_FUZZ_GROWTH_MAX_KIB", 4 << 20);
    let mut failed = Vec::new();
    for target in TARGETS {
        let samples = (target.samples)();
        let before_kib = peak_kib();
        let mut slowest = (std::time::Duration::ZERO, 0);
        for index in first..first + runs {
            let input = input(target, &samples, index);
            let began = std::time::Instant::now();
            if std::panic::catch_unwind(|| (target.read)(&input)).is_err() {
                failed.push((target.name, index));
            }
            slowest = slowest.max((began.elapsed(), index));
        }
        let grown_kib = peak_kib() - before_kib;
        println!(
            "{}: {runs} inputs from {first} on, the slowest (number {}) took {:?}, memory grew by \
             {grown_kib} KiB",
            target.name, slowest.1, slowest.0
        );
        assert!(grown_kib <= growth_max_kib, "{} takes {grown_kib} KiB", target.name);
        assert!(slowest.0.as_secs() < 10, "{} runs on at input {}", target.name, slowest.1);
    }
    assert!(failed.is_empty(), "inputs with panics: {failed:?}");
}

#[test]
fn samples_are_valid() {
    for target in TARGETS {
        for sample in (target.samples)() {
            let mut mended = sample.clone();
            (target.mend)(&mut mended);
            assert_eq!(mended, sample, "{}", target.name);
        }
    }
}
