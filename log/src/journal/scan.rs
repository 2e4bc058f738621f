//! Reading the journal after a stop: which frames are whole, which are a torn
//! tail, and which are damage.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::entry::Entry;
use super::frame::{self, BLOCK, FrameHeader, HEADER_LEN};
use crate::api::Result;
use crate::disk::{DiskFile, failed, failed_sync, read_full};
use crate::error::LogError;

/// Bytes of one read while looking for frames.
const CHUNK: usize = 1 << 20;

/// What is known before the scan, from the checkpoint.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) salt: u64,
    /// Frames of lower generations are left-overs of an earlier use.
    pub(crate) generation: u64,
    /// Sequence of the first frame that is needed.
    pub(crate) sequence: u64,
    /// Frames up to this one were durable for sure.
    pub(crate) durable_through: u64,
    /// Where the first needed frame lies, for reports.
    pub(crate) place: (PathBuf, u64),
}

/// A journal file as the scan reads it.
pub(crate) type File = (PathBuf, Arc<dyn DiskFile>);

#[derive(Clone, Debug)]
struct Located {
    file: usize,
    at: u64,
    header: FrameHeader,
}

impl Located {
    fn end(&self) -> u64 {
        self.at + self.header.frame_len()
    }
}

/// The frames to replay, and what comes after them.
#[derive(Debug)]
pub(crate) struct Scan {
    frames: Vec<Located>,
    /// Frames up to this one are durable for sure.
    durable_through: u64,
    /// Highest generation seen, at least the expected one.
    pub(crate) generation: u64,
    /// Sequence after the last frame.
    pub(crate) next_sequence: u64,
    /// Whether any frame of this use was found, needed or not.
    pub(crate) found_any: bool,
    /// Whether there are frames that are not to be replayed and could be taken for
    /// those that are written from now on.
    pub(crate) has_left_overs: bool,
    /// Highest generation in each file; 0 where no frame of this use is.
    pub(crate) generations: Vec<u64>,
    /// Where a torn tail was cut, if there was one.
    pub(crate) torn: Option<(PathBuf, u64)>,
}

#[derive(Default)]
struct Found {
    whole: BTreeMap<u64, Located>,
    /// Valid headers with another body than they say.
    broken: BTreeMap<u64, Located>,
    /// Highest generation in each file.
    generations: Vec<u64>,
    /// Where a damaged header says to be that of this frame: file and position.
    damaged: BTreeMap<u64, (usize, u64)>,
}

impl Found {
    fn add(&mut self, located: Located, is_whole: bool) {
        if let Some(highest) = self.generations.get_mut(located.file) {
            *highest = located.header.generation.max(*highest);
        }
        let map = if is_whole { &mut self.whole } else { &mut self.broken };
        let sequence = located.header.sequence;
        let is_older = map
            .get(&sequence)
            .is_some_and(|known| known.header.generation > located.header.generation);
        if !is_older {
            map.insert(sequence, located);
        }
    }
}

/// Finds the frames in these files, all of them, to their ends.
/// [`LogError::Damaged`] if a frame that was acknowledged is not what was
/// written (invariant 6).
pub(crate) fn scan(files: &[File], expected: &Expected) -> Result<Scan> {
    let mut found = Found { generations: vec![0; files.len()], ..Found::default() };
    for (index, (path, file)) in files.iter().enumerate() {
        scan_file(&**file, index, expected, &mut found)
            .map_err(|error| failed("reading", path, &error))?;
    }
    let mut frames: Vec<Located> = Vec::new();
    let mut next = expected.sequence;
    while let Some(located) = found.whole.get(&next) {
        frames.push(located.clone());
        next += 1;
    }
    let covered = found
        .whole
        .values()
        .map(|located| located.header.durable_through)
        .chain([expected.durable_through])
        .max()
        .unwrap_or(0);
    let (path, at) = place_after(files, expected, &found, frames.last(), next);
    if covered >= next {
        return Err(LogError::Damaged {
            path,
            at,
            reason: format!(
                "frame {next} of the journal was acknowledged and is not what was written"
            ),
        });
    }
    let has_more = found.whole.range(next..).next().is_some();
    let is_torn = has_more || found.broken.contains_key(&next);
    let generation = found.generations.iter().copied().max().filter(|highest| *highest > 0);
    Ok(Scan {
        frames,
        durable_through: covered,
        generation: generation.unwrap_or(0).max(expected.generation),
        next_sequence: next,
        found_any: generation.is_some(),
        has_left_overs: has_more
            || !found.broken.is_empty()
            || found.damaged.range(next..).next().is_some(),
        generations: found.generations,
        torn: is_torn.then_some((path, at)),
    })
}

/// Where frame `next` should be.
fn place_after(
    files: &[File],
    expected: &Expected,
    found: &Found,
    last: Option<&Located>,
    next: u64,
) -> (PathBuf, u64) {
    if let Some(broken) = found.broken.get(&next) {
        return (files[broken.file].0.clone(), broken.at);
    }
    if let Some((file, at)) = found.damaged.get(&next) {
        return (files[*file].0.clone(), *at);
    }
    let (path, at) = match last {
        Some(last) => (files[last.file].0.clone(), last.end()),
        None => expected.place.clone(),
    };
    // The frames before one that is not the first of its file are in that file.
    match found.whole.range(next..).next() {
        Some((_, after)) if after.at > 0 && files[after.file].0 != path => {
            (files[after.file].0.clone(), 0)
        }
        _ => (path, at),
    }
}

fn scan_file(
    file: &dyn DiskFile,
    index: usize,
    expected: &Expected,
    found: &mut Found,
) -> io::Result<()> {
    let len = file.len()?;
    let mut chunk = vec![0; CHUNK];
    let mut chunk_at = 0;
    let mut chunk_len = 0;
    let mut at = 0;
    while at + HEADER_LEN as u64 <= len {
        if at < chunk_at || at + BLOCK > chunk_at + chunk_len as u64 {
            chunk_at = at;
            chunk_len = read_full(file, &mut chunk, at)?;
        }
        let start = usize::try_from(at - chunk_at).unwrap_or(usize::MAX);
        let block = chunk.get(start..chunk_len).unwrap_or(&[]);
        let decoded = FrameHeader::decode(block, expected.salt);
        if decoded.is_none()
            && let Some((generation, sequence)) = frame::claims(block)
            && generation >= expected.generation
            && sequence >= expected.sequence
        {
            found.damaged.insert(sequence, (index, at));
        }
        let header = decoded.filter(|header| header.generation >= expected.generation);
        let Some(header) = header else {
            at += BLOCK;
            continue;
        };
        let located = Located { file: index, at, header };
        let is_whole = located.end() <= len && body_crc(file, &located)? == header.body_crc;
        at = if is_whole { located.end() } else { at + BLOCK };
        found.add(located, is_whole);
    }
    Ok(())
}

fn body_crc(file: &dyn DiskFile, located: &Located) -> io::Result<u32> {
    let mut crc = 0;
    let mut at = located.at + HEADER_LEN as u64;
    let mut left = located.header.body_len;
    let mut buffer = vec![0; usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)];
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let count = read_full(file, &mut buffer[..want], at)?;
        if count == 0 {
            break;
        }
        crc = crc32c::crc32c_append(crc, &buffer[..count]);
        at += count as u64;
        left -= count as u64;
    }
    Ok(crc)
}

impl Scan {
    /// Number of frames to replay.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    /// Makes the frames durable that no later frame vouches for. After a failed
    /// sync the system may show bytes that never reached the disk, and a second
    /// sync would pass without writing them: so they are written again, before
    /// anything is done that counts on them.
    pub(crate) fn settle(&self, files: &[File]) -> Result<()> {
        let mut written = BTreeSet::new();
        let unsure = self.frames.iter();
        for located in unsure.filter(|found| found.header.sequence > self.durable_through) {
            let (path, file) = &files[located.file];
            let write = || {
                let len = usize::try_from(located.header.frame_len()).unwrap_or(0);
                let mut frame = vec![0; len];
                read_full(&**file, &mut frame, located.at)?;
                file.write_at(&[io::IoSlice::new(&frame)], located.at)
            };
            write().map_err(|error| failed("writing", path, &error))?;
            written.insert(located.file);
        }
        // There may be many of them where commits are not synced.
        for (path, file) in written.into_iter().map(|index| &files[index]) {
            file.sync().map_err(|error| failed_sync(path, &error))?;
        }
        Ok(())
    }

    /// Shows the entries of each frame to `replay`, in order. The body of one
    /// frame at a time is in memory.
    pub(crate) fn replay(
        &self,
        files: &[File],
        mut replay: impl FnMut(Entry) -> Result<()>,
    ) -> Result<()> {
        for located in &self.frames {
            let (path, file) = &files[located.file];
            let mut body = read_body(&**file, path, located)?;
            while !body.is_empty() {
                let entry = Entry::decode(&mut body).map_err(|reason| LogError::Damaged {
                    path: path.clone(),
                    at: located.at,
                    reason,
                })?;
                replay(entry)?;
            }
        }
        Ok(())
    }
}

fn read_body(file: &dyn DiskFile, path: &Path, located: &Located) -> Result<Bytes> {
    // The length is within the file: the scan has checked it (invariant 7).
    let mut body = vec![0; usize::try_from(located.header.body_len).unwrap_or(0)];
    let read = read_full(file, &mut body, located.at + HEADER_LEN as u64)
        .map_err(|error| failed("reading", path, &error))?;
    // It was whole a moment ago; a disk may still say otherwise now.
    if read < body.len() || crc32c::crc32c(&body) != located.header.body_crc {
        return Err(LogError::Damaged {
            path: path.to_owned(),
            at: located.at,
            reason: "a frame of the journal changed while it was read".to_owned(),
        });
    }
    Ok(Bytes::from(body))
}
