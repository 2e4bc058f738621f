//! Compression of the records of a batch, in the framings that Kafka clients
//! write: gzip, snappy as xerial frames, LZ4 frames, zstd frames.

use std::io::{self, Read, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use ruzstd::decoding::{FrameDecoder as ZstdDecoder, StreamingDecoder};

use super::invalid;
use crate::api::Result;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// snappy, in the xerial framing of Kafka's Java client.
    Snappy,
    /// LZ4 frames of independent blocks.
    #[default]
    Lz4,
    /// zstd frames, written at about its level 1.
    Zstd,
}

const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Magic, version and lowest compatible version.
const XERIAL_HEADER_LEN: usize = 16;
const XERIAL_BLOCK_LEN: usize = 32 * 1024;
/// Largest zstd window that is taken whatever the limit of bytes is.
const ZSTD_WINDOW_MIN: u64 = 8 << 20;
/// Most bytes that the buffer has at first that a batch is opened into; it grows
/// as data comes.
const READ_STEP: usize = 64 * 1024;

impl Compression {
    pub(crate) fn from_code(code: i16) -> Result<Self> {
        Ok(match code {
            0 => Self::None,
            1 => Self::Gzip,
            2 => Self::Snappy,
            3 => Self::Lz4,
            4 => Self::Zstd,
            _ => return Err(invalid(format!("compression codec {code} does not exist"))),
        })
    }

    pub(crate) fn code(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// Appends the compressed form of `records` to `out`.
    pub(crate) fn compress(self, records: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let failed = |error: &dyn std::fmt::Display| invalid(format!("compressing it: {error}"));
        match self {
            Self::None => out.extend_from_slice(records),
            Self::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(out, flate2::Compression::default());
                encoder
                    .write_all(records)
                    .and_then(|()| encoder.finish().map(drop))
                    .map_err(|error| failed(&error))?;
            }
            Self::Snappy => compress_xerial(records, out)?,
            Self::Lz4 => {
                let size = if records.len() <= 64 * 1024 {
                    BlockSize::Max64KB
                } else {
                    BlockSize::Max256KB
                };
                let info = FrameInfo::new().block_size(size).block_mode(BlockMode::Independent);
                let mut encoder = FrameEncoder::with_frame_info(info, out);
                encoder.write_all(records).map_err(|error| failed(&error))?;
                encoder.finish().map_err(|error| failed(&error))?;
            }
            Self::Zstd => {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                ruzstd::encoding::compress(records, out, level);
            }
        }
        Ok(())
    }

    /// Opens `compressed` into `out`, which is cleared first. More than `limit`
    /// bytes are an error, found before they are allocated (invariant 7).
    pub(crate) fn decompress(
        self,
        compressed: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<()> {
        out.clear();
        let first = compressed.len().saturating_mul(4).clamp(512, READ_STEP);
        match self {
            Self::None => {
                out.extend_from_slice(compressed);
                Ok(())
            }
            Self::Gzip => {
                read_capped(flate2::read::MultiGzDecoder::new(compressed), out, first, limit)
            }
            Self::Lz4 => read_capped(FrameDecoder::new(compressed), out, first, limit),
            Self::Snappy => decompress_snappy(compressed, out, limit),
            Self::Zstd => read_capped(ZstdFrames::new(compressed, limit), out, first, limit),
        }
    }
}

fn too_long(limit: usize) -> crate::error::LogError {
    invalid(format!("its records are longer than {limit} bytes when opened"))
}

fn read_capped(mut from: impl Read, out: &mut Vec<u8>, first: usize, limit: usize) -> Result<()> {
    let mut filled = 0;
    loop {
        if filled == out.len() {
            if filled > limit {
                return Err(too_long(limit));
            }
            // One byte above the limit tells a full buffer from a longer stream.
            let grown = (out.len() * 2).max(first).min(limit.saturating_add(1));
            out.resize(grown, 0);
        }
        match from.read(&mut out[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(invalid(format!("its records do not open: {error}"))),
        }
    }
    out.truncate(filled);
    if filled > limit {
        return Err(too_long(limit));
    }
    Ok(())
}

/// Reads zstd frames, one after the other.
struct ZstdFrames<'a> {
    rest: &'a [u8],
    frame: Option<StreamingDecoder<&'a [u8], ZstdDecoder>>,
    window_max: u64,
}

impl<'a> ZstdFrames<'a> {
    fn new(compressed: &'a [u8], limit: usize) -> Self {
        let window_max = ZSTD_WINDOW_MIN.max(limit as u64);
        Self { rest: compressed, frame: None, window_max }
    }

    fn open_frame(&self) -> io::Result<StreamingDecoder<&'a [u8], ZstdDecoder>> {
        // The decoder allocates the window that the frame asks for (invariant 7).
        match zstd_window(self.rest) {
            Some(window) if window <= self.window_max => {}
            _ => return Err(io::Error::other("a zstd frame with a header or window like that")),
        }
        StreamingDecoder::new(self.rest).map_err(|error| io::Error::other(error.to_string()))
    }
}

impl Read for ZstdFrames<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None if self.rest.is_empty() => return Ok(0),
                None => self.open_frame()?,
            };
            let count = frame.read(into)?;
            if count > 0 {
                self.frame = Some(frame);
                return Ok(count);
            }
            self.rest = frame.into_inner();
        }
    }
}

/// Bytes of the window that the zstd frame at the front asks for.
fn zstd_window(frame: &[u8]) -> Option<u64> {
    let header = frame.strip_prefix(&ZSTD_MAGIC)?;
    let (&descriptor, rest) = header.split_first()?;
    if descriptor & 0x20 == 0 {
        let window = *rest.first()?;
        let base = 1u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // A single segment: the window is the content.
    let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = rest.get(dictionary_len..)?;
    Some(match descriptor >> 6 {
        0 => u64::from(*size.first()?),
        1 => u64::from(u16::from_le_bytes(*size.first_chunk()?)) + 256,
        2 => u64::from(u32::from_le_bytes(*size.first_chunk()?)),
        _ => u64::from_le_bytes(*size.first_chunk()?),
    })
}

fn compress_xerial(records: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(&XERIAL_MAGIC);
    out.extend_from_slice(&1i32.to_be_bytes());
    out.extend_from_slice(&1i32.to_be_bytes());
    let mut encoder = snap::raw::Encoder::new();
    let mut block = vec![0; snap::raw::max_compress_len(XERIAL_BLOCK_LEN)];
    for chunk in records.chunks(XERIAL_BLOCK_LEN) {
        let len = encoder
            .compress(chunk, &mut block)
            .map_err(|error| invalid(format!("compressing it: {error}")))?;
        let length = i32::try_from(len).map_err(|_| invalid("a snappy block is too long"))?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&block[..len]);
    }
    Ok(())
}

fn decompress_snappy(compressed: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<()> {
    if !compressed.starts_with(&XERIAL_MAGIC) {
        return append_snappy_block(compressed, out, limit);
    }
    let mut rest = compressed
        .get(XERIAL_HEADER_LEN..)
        .ok_or_else(|| invalid("its snappy header is cut short"))?;
    while !rest.is_empty() {
        let Some((length, tail)) = rest.split_first_chunk::<4>() else {
            return Err(invalid("a snappy block is cut short"));
        };
        let block = usize::try_from(i32::from_be_bytes(*length))
            .ok()
            .and_then(|length| tail.get(..length))
            .ok_or_else(|| invalid("a snappy block is cut short"))?;
        append_snappy_block(block, out, limit)?;
        rest = &tail[block.len()..];
    }
    Ok(())
}

fn append_snappy_block(block: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<()> {
    let failed = |error: snap::Error| invalid(format!("its records do not open: {error}"));
    let len = snap::raw::decompress_len(block).map_err(failed)?;
    let start = out.len();
    let end = start.checked_add(len).filter(|&end| end <= limit);
    out.resize(end.ok_or_else(|| too_long(limit))?, 0);
    snap::raw::Decoder::new().decompress(block, &mut out[start..]).map_err(failed)?;
    Ok(())
}
