//! Compression of the records of a batch, in the framings that Kafka clients
//! write: gzip, snappy as xerial frames, LZ4 frames.

use std::io::{self, Read, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

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
    /// zstd. Stored and served as it came; neither written nor opened.
    Zstd,
}

const XERIAL_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Magic, version and lowest compatible version.
const XERIAL_HEADER_LEN: usize = 16;
const XERIAL_BLOCK_LEN: usize = 32 * 1024;
/// First size of the buffer that a batch is opened into; it grows as data comes.
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
            Self::Zstd => return Err(invalid("zstd is not written")),
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
        match self {
            Self::None => {
                out.extend_from_slice(compressed);
                Ok(())
            }
            Self::Gzip => read_capped(flate2::read::MultiGzDecoder::new(compressed), out, limit),
            Self::Lz4 => read_capped(FrameDecoder::new(compressed), out, limit),
            Self::Snappy => decompress_snappy(compressed, out, limit),
            Self::Zstd => Err(invalid("its records are compressed with zstd, which is not read")),
        }
    }
}

fn too_long(limit: usize) -> crate::error::LogError {
    invalid(format!("its records are longer than {limit} bytes when opened"))
}

fn read_capped(mut from: impl Read, out: &mut Vec<u8>, limit: usize) -> Result<()> {
    let mut filled = 0;
    loop {
        if filled == out.len() {
            if filled > limit {
                return Err(too_long(limit));
            }
            // One byte above the limit tells a full buffer from a longer stream.
            let grown =
                (out.len() * 2).max(out.capacity()).max(READ_STEP).min(limit.saturating_add(1));
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
