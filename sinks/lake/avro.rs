//! Avro container files, with the attributes and block size of the Java library
//! that Confluent's `AvroFormat` writes them with.

use std::io::Write;
use std::sync::Arc;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use thalweg_core::avro::Encoder;
use thalweg_core::batch::Columns;

use super::format::{Codec, FileOptions, FormatError};
use super::spool::{Spool, Spooled};
use super::{FileWriter, Unfit};

/// Bytes of rows after which a block ends.
const BLOCK_BYTES: usize = 64_000;

const MAGIC: &[u8] = b"Obj\x01";

/// An Avro container file.
pub(super) struct AvroFile {
    encoder: Arc<Encoder>,
    codec: Codec,
    level: Compression,
    /// Ends each block. It is the file's own, and the same whenever the file is
    /// written again.
    sync: [u8; 16],
    block: Vec<u8>,
    rows: i64,
    packed: Vec<u8>,
    spool: Spool,
}

impl AvroFile {
    pub(super) fn new(
        options: &FileOptions,
        encoder: Arc<Encoder>,
        sync: [u8; 16],
        mut spool: Spool,
    ) -> Result<Self, FormatError> {
        let codec = match options.codec {
            Codec::Deflate => "deflate",
            Codec::Snappy => "snappy",
            Codec::None | Codec::Gzip => "null",
        };
        let mut header = MAGIC.to_vec();
        long(&mut header, 2);
        for (key, value) in [("avro.schema", encoder.schema()), ("avro.codec", codec)] {
            text(&mut header, key);
            text(&mut header, value);
        }
        long(&mut header, 0);
        header.extend_from_slice(&sync);
        spool.write_all(&header)?;
        Ok(Self {
            encoder,
            codec: options.codec,
            level: options.level.map_or(Compression::default(), Compression::new),
            sync,
            block: Vec::new(),
            rows: 0,
            packed: Vec::new(),
            spool,
        })
    }

    fn end_block(&mut self) -> Result<(), FormatError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.packed.clear();
        let data = match self.codec {
            Codec::None | Codec::Gzip => &self.block,
            Codec::Deflate => {
                let mut deflate = DeflateEncoder::new(&mut self.packed, self.level);
                deflate.write_all(&self.block)?;
                deflate.finish()?;
                &self.packed
            }
            Codec::Snappy => {
                self.packed.resize(snap::raw::max_compress_len(self.block.len()), 0);
                let packed = snap::raw::Encoder::new().compress(&self.block, &mut self.packed);
                self.packed.truncate(packed.map_err(|e| FormatError::Schema(e.to_string()))?);
                let mut crc = Crc::new();
                crc.update(&self.block);
                self.packed.extend_from_slice(&crc.sum().to_be_bytes());
                &self.packed
            }
        };
        let mut head = Vec::with_capacity(20);
        long(&mut head, self.rows);
        long(&mut head, i64::try_from(data.len()).unwrap_or(i64::MAX));
        self.spool.write_all(&head)?;
        self.spool.write_all(data)?;
        self.spool.write_all(&self.sync)?;
        self.block.clear();
        self.rows = 0;
        Ok(())
    }
}

impl FileWriter for AvroFile {
    fn append(
        &mut self,
        columns: &Columns,
        rows: &[u32],
        unfit: &mut Vec<Unfit>,
    ) -> Result<(), FormatError> {
        for &row in rows {
            match self.encoder.encode(columns, row as usize, &mut self.block) {
                Ok(()) => self.rows += 1,
                Err(error) => unfit.push(Unfit { row, reason: error.to_string() }),
            }
            if self.block.len() >= BLOCK_BYTES {
                self.end_block()?;
            }
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        self.block.capacity() + self.packed.capacity() + self.spool.memory()
    }

    fn finish(mut self: Box<Self>) -> Result<Spooled, FormatError> {
        self.end_block()?;
        Ok(self.spool.finish()?)
    }
}

/// A number as Avro writes it: zigzag, seven bits a byte.
fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
    loop {
        let low = rest.to_le_bytes()[0] & 0x7f;
        rest >>= 7;
        if rest == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    long(out, i64::try_from(text.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(text.as_bytes());
}
