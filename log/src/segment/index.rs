//! The sparse indexes of a segment, in Kafka's formats: 8 bytes of (offset
//! minus base, position) and 12 bytes of (timestamp, offset minus base), all
//! big-endian.
//!
//! Index files are not synced: what they say is checked when it is used, and a
//! damaged one is built again from the segment.

use std::io::{self, IoSlice};

use crate::disk::{DiskFile, read_full};

/// Bytes of batches between two entries, as in Kafka.
const INTERVAL: u64 = 4096;
/// Length of an entry of the offset index.
pub(crate) const ENTRY_LEN: usize = 8;
/// Length of an entry of the time index.
pub(crate) const TIME_ENTRY_LEN: usize = 12;

/// An entry of the offset index: the batch at `position` ends at offset
/// `base + last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) last: u32,
    pub(crate) position: u32,
}

/// An entry of the time index: no record up to offset `base + last` is later
/// than `timestamp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub(crate) timestamp: i64,
    pub(crate) last: u32,
}

/// The state of a segment's indexes: what is in the files, and what is not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexState {
    /// Largest timestamp so far and the offset minus base of its batch's end.
    pub(crate) max_timestamp: i64,
    max_last: u32,
    /// Entries in the files.
    pub(crate) written: u32,
    pub(crate) time_written: u32,
    /// Entries that follow those.
    pub(crate) fresh: Vec<Entry>,
    pub(crate) time_fresh: Vec<TimeEntry>,
    since: u64,
    last_time: i64,
}

impl Default for IndexState {
    fn default() -> Self {
        Self {
            max_timestamp: -1,
            max_last: 0,
            written: 0,
            time_written: 0,
            fresh: Vec::new(),
            time_fresh: Vec::new(),
            since: 0,
            last_time: i64::MIN,
        }
    }
}

fn relative(offset: i64) -> u32 {
    // A segment is rolled before its offsets leave 31 bits.
    u32::try_from(offset).unwrap_or(u32::MAX)
}

impl IndexState {
    /// The state of a segment whose index files hold this many entries.
    pub(crate) fn of_files(max_timestamp: i64, written: u32, time_written: u32) -> Self {
        Self { max_timestamp, written, time_written, last_time: max_timestamp, ..Self::default() }
    }

    pub(crate) fn add(
        &mut self,
        base: i64,
        position: u64,
        last_offset: i64,
        max_timestamp: i64,
        len: u64,
    ) {
        let last = relative(last_offset.saturating_sub(base));
        if max_timestamp > self.max_timestamp {
            self.max_timestamp = max_timestamp;
            self.max_last = last;
        }
        if self.since > INTERVAL {
            self.fresh.push(Entry { last, position: u32::try_from(position).unwrap_or(u32::MAX) });
            self.close_time();
            self.since = 0;
        }
        self.since += len;
    }

    /// Adds the time entry that is due, as at a roll.
    pub(crate) fn close_time(&mut self) {
        if self.max_timestamp > self.last_time {
            self.last_time = self.max_timestamp;
            self.time_fresh.push(TimeEntry { timestamp: self.max_timestamp, last: self.max_last });
        }
    }

    pub(crate) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty() || !self.time_fresh.is_empty()
    }

    /// Accounts for fresh entries that were written to the files.
    pub(crate) fn wrote(&mut self, entries: usize, time_entries: usize) {
        self.fresh.drain(..entries);
        self.time_fresh.drain(..time_entries);
        self.written += u32::try_from(entries).unwrap_or(0);
        self.time_written += u32::try_from(time_entries).unwrap_or(0);
    }
}

/// Writes entries after the `written` ones that are in the file, and cuts what
/// was behind them. False if the file does not hold those: it was damaged.
pub(crate) fn write(file: &dyn DiskFile, written: u32, entries: &[Entry]) -> io::Result<bool> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_LEN);
    for entry in entries {
        bytes.extend_from_slice(&entry.last.to_be_bytes());
        bytes.extend_from_slice(&entry.position.to_be_bytes());
    }
    write_after(file, u64::from(written) * ENTRY_LEN as u64, &bytes)
}

/// The same for the time index.
pub(crate) fn write_time(
    file: &dyn DiskFile,
    written: u32,
    entries: &[TimeEntry],
) -> io::Result<bool> {
    let mut bytes = Vec::with_capacity(entries.len() * TIME_ENTRY_LEN);
    for entry in entries {
        bytes.extend_from_slice(&entry.timestamp.to_be_bytes());
        bytes.extend_from_slice(&entry.last.to_be_bytes());
    }
    write_after(file, u64::from(written) * TIME_ENTRY_LEN as u64, &bytes)
}

fn write_after(file: &dyn DiskFile, at: u64, bytes: &[u8]) -> io::Result<bool> {
    if file.len()? < at {
        return Ok(false);
    }
    file.write_at(&[IoSlice::new(bytes)], at)?;
    file.set_len(at + bytes.len() as u64)?;
    Ok(true)
}

/// The first `count` entries of an index file; `None` if they are not there or
/// are not in order.
pub(crate) fn read(file: &dyn DiskFile, count: u32, len: u64) -> io::Result<Option<Vec<Entry>>> {
    let bytes = read_entries(file, count, ENTRY_LEN)?;
    let Some(bytes) = bytes else { return Ok(None) };
    let mut entries: Vec<Entry> = Vec::with_capacity(bytes.len() / ENTRY_LEN);
    for chunk in bytes.chunks_exact(ENTRY_LEN) {
        let entry = Entry {
            last: u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]),
            position: u32::from_be_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]),
        };
        let follows = entries.last().is_none_or(|previous| {
            previous.last < entry.last && previous.position < entry.position
        });
        if !follows || u64::from(entry.position) >= len || entry.position == 0 {
            return Ok(None);
        }
        entries.push(entry);
    }
    Ok(Some(entries))
}

fn read_entries(file: &dyn DiskFile, count: u32, entry_len: usize) -> io::Result<Option<Vec<u8>>> {
    let len = count as usize * entry_len;
    // The file bounds what is allocated (invariant 7).
    if file.len()? < len as u64 {
        return Ok(None);
    }
    let mut bytes = vec![0; len];
    let read = read_full(file, &mut bytes, 0)?;
    Ok((read == len).then_some(bytes))
}

/// Position from which a scan finds the batch with this offset.
pub(crate) fn position_of(entries: &[Entry], relative_offset: i64) -> u64 {
    let after = entries.partition_point(|entry| i64::from(entry.last) <= relative_offset);
    match after.checked_sub(1) {
        Some(index) => u64::from(entries[index].position),
        None => 0,
    }
}

/// The first `count` entries of a time index file; `None` if they are not there
/// or are not in order.
pub(crate) fn read_time(file: &dyn DiskFile, count: u32) -> io::Result<Option<Vec<TimeEntry>>> {
    let Some(bytes) = read_entries(file, count, TIME_ENTRY_LEN)? else {
        return Ok(None);
    };
    let mut entries: Vec<TimeEntry> = Vec::with_capacity(bytes.len() / TIME_ENTRY_LEN);
    for chunk in bytes.chunks_exact(TIME_ENTRY_LEN) {
        let (time, last) = chunk.split_at(8);
        let mut timestamp = [0; 8];
        timestamp.copy_from_slice(time);
        let entry = TimeEntry {
            timestamp: i64::from_be_bytes(timestamp),
            last: u32::from_be_bytes([last[0], last[1], last[2], last[3]]),
        };
        let follows = entries.last().is_none_or(|previous| {
            previous.timestamp < entry.timestamp && previous.last <= entry.last
        });
        if !follows {
            return Ok(None);
        }
        entries.push(entry);
    }
    Ok(Some(entries))
}
