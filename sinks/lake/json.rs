//! JSON lines: each row's value as one JSON text and a newline, as Confluent's
//! `JsonFormat` writes them; gzipped if asked.

use std::io::Write;
use std::sync::Arc;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use thalweg_core::batch::Columns;
use thalweg_core::json::Encoder;

use super::format::{Codec, FileOptions, FormatError};
use super::spool::{Spool, Spooled};
use super::{FileWriter, Unfit};

/// Memory of a gzip encoder, in bytes.
const GZIP_MEMORY: usize = 300 * 1024;

enum Sink {
    Plain(Spool),
    Gzip(Box<GzEncoder<Spool>>),
}

/// A file of JSON lines.
pub(super) struct JsonFile {
    encoder: Arc<Encoder>,
    sink: Sink,
    line: Vec<u8>,
}

impl JsonFile {
    pub(super) fn new(options: &FileOptions, encoder: Arc<Encoder>, spool: Spool) -> Self {
        let sink = match options.codec {
            Codec::Gzip => {
                let level = options.level.map_or(Compression::default(), Compression::new);
                // No time in the header: the same rows are the same bytes.
                let gzip = GzBuilder::new().mtime(0).operating_system(255);
                Sink::Gzip(Box::new(gzip.write(spool, level)))
            }
            _ => Sink::Plain(spool),
        };
        Self { encoder, sink, line: Vec::new() }
    }
}

impl FileWriter for JsonFile {
    fn append(
        &mut self,
        columns: &Columns,
        rows: &[u32],
        unfit: &mut Vec<Unfit>,
    ) -> Result<(), FormatError> {
        for &row in rows {
            self.line.clear();
            if let Err(error) = self.encoder.encode(columns, row as usize, &mut self.line) {
                unfit.push(Unfit { row, reason: error.to_string() });
                continue;
            }
            self.line.push(b'\n');
            match &mut self.sink {
                Sink::Plain(spool) => spool.write_all(&self.line)?,
                Sink::Gzip(gzip) => gzip.write_all(&self.line)?,
            }
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        self.line.capacity()
            + match &self.sink {
                Sink::Plain(spool) => spool.memory(),
                Sink::Gzip(gzip) => gzip.get_ref().memory() + GZIP_MEMORY,
            }
    }

    fn finish(self: Box<Self>) -> Result<Spooled, FormatError> {
        let spool = match self.sink {
            Sink::Plain(spool) => spool,
            Sink::Gzip(gzip) => gzip.finish()?,
        };
        Ok(spool.finish()?)
    }
}
