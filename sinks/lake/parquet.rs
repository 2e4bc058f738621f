//! Parquet files.
//!
//! Rows are copied into Arrow arrays of a fixed number of rows and from there
//! into pages, so the bytes of a file do not depend on how its rows came.

use std::sync::{Arc, Mutex, PoisonError};

use ::arrow_schema::{ArrowError, SchemaRef};
use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, GzipLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use thalweg_core::batch::{Cell, Column, Columns, Layout, NodeId, NodeKind};

use super::arrow_check::Check;
use super::arrow_columns::Builder;
use super::arrow_schema;
use super::format::{Codec, FileOptions, FormatError};
use super::spool::{Spool, Spooled};
use super::{FileWriter, Unfit};

/// Rows that are copied before they are encoded.
const CHUNK_ROWS: usize = 4096;

/// Bytes of text after which that is done earlier.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Encoded bytes after which a row group ends (invariant 7).
const GROUP_BYTES: usize = 32 * 1024 * 1024;

/// Rows after which it ends.
const GROUP_ROWS: usize = 1024 * 1024;

/// What of a schema is compiled once and shared by its files.
pub(super) struct ParquetPlan {
    /// The name of the rows, as parquet-avro has it.
    root: String,
    schema: SchemaRef,
    properties: WriterProperties,
}

impl ParquetPlan {
    pub(super) fn new(layout: &Layout, options: &FileOptions) -> Result<Self, FormatError> {
        let compression = match options.codec {
            Codec::Snappy => Compression::SNAPPY,
            Codec::Gzip => Compression::GZIP(GzipLevel::default()),
            Codec::None | Codec::Deflate => Compression::UNCOMPRESSED,
        };
        let schema = arrow_schema::of(layout)?;
        let mut properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            // No version in it: the bytes stay the same over an update.
            .set_created_by("thalweg".to_owned());
        // As parquet-avro notes it, for readers that want the Connect schema.
        let avro = thalweg_core::avro::Options::default();
        if let Ok(avro) = thalweg_core::avro::schema_json(layout.schema(), &avro) {
            let noted = KeyValue::new("parquet.avro.schema".to_owned(), avro);
            properties = properties.set_key_value_metadata(Some(vec![noted]));
        }
        let root = layout.schema().name().unwrap_or("ConnectDefault").to_owned();
        Ok(Self { root, schema, properties: properties.build() })
    }
}

/// A Parquet file.
pub(super) struct ParquetFile {
    plan: Arc<ParquetPlan>,
    builders: Vec<Builder>,
    rows: usize,
    bytes: usize,
    /// Made when the first chunk is full: a file of few rows costs little.
    /// Locked by nobody else; the lock makes it `Sync`.
    writer: Mutex<Writer>,
    sizes: Vec<usize>,
}

enum Writer {
    Waiting(Option<Spool>),
    Open(Box<ArrowWriter<Spool>>),
}

impl ParquetFile {
    pub(super) fn new(plan: Arc<ParquetPlan>, spool: Spool) -> Self {
        let builders = Builder::of_fields(plan.schema.fields());
        let writer = Mutex::new(Writer::Waiting(Some(spool)));
        Self { plan, builders, rows: 0, bytes: 0, writer, sizes: Vec::new() }
    }

    /// Copies rows that fit, ending chunks where they are full.
    fn copy(&mut self, columns: &Columns, mut rows: &[u32]) -> Result<(), FormatError> {
        self.sizes.clear();
        self.sizes.resize(rows.len(), 0);
        text_bytes(columns, rows, &mut self.sizes);
        let mut sizes = std::mem::take(&mut self.sizes);
        let mut at = 0;
        while !rows.is_empty() {
            let mut count = 0;
            while count < rows.len() && self.rows + count < CHUNK_ROWS && self.bytes < CHUNK_BYTES {
                self.bytes += sizes[at + count];
                count += 1;
            }
            let (now, later) = rows.split_at(count);
            for (builder, node) in self.builders.iter_mut().zip(columns.layout().fields(0)) {
                builder.append(columns, node, now, None);
            }
            (rows, at) = (later, at + count);
            self.rows += count;
            if self.rows >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES {
                self.end_chunk()?;
            }
        }
        sizes.clear();
        self.sizes = sizes;
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), FormatError> {
        let arrays = self.builders.iter_mut().map(Builder::finish);
        let arrays = arrays.collect::<Result<Vec<_>, _>>().map_err(|e| broken(&e))?;
        let chunk =
            RecordBatch::try_new(Arc::clone(&self.plan.schema), arrays).map_err(|e| broken(&e))?;
        (self.rows, self.bytes) = (0, 0);
        let writer = self.open()?;
        writer.write(&chunk).map_err(unwritten)?;
        if writer.in_progress_size() >= GROUP_BYTES {
            writer.flush().map_err(unwritten)?;
        }
        Ok(())
    }

    fn open(&mut self) -> Result<&mut ArrowWriter<Spool>, FormatError> {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Writer::Waiting(spool) = writer
            && let Some(spool) = spool.take()
        {
            let options = ArrowWriterOptions::new()
                .with_properties(self.plan.properties.clone())
                .with_schema_root(self.plan.root.clone())
                .with_skip_arrow_metadata(true);
            let schema = Arc::clone(&self.plan.schema);
            let open = ArrowWriter::try_new_with_options(spool, schema, options);
            *writer = Writer::Open(Box::new(open.map_err(unwritten)?));
        }
        match writer {
            Writer::Open(writer) => Ok(writer),
            Writer::Waiting(_) => Err(FormatError::Schema("the file could not be opened".into())),
        }
    }
}

impl FileWriter for ParquetFile {
    fn append(
        &mut self,
        columns: &Columns,
        rows: &[u32],
        unfit: &mut Vec<Unfit>,
    ) -> Result<(), FormatError> {
        let Some(misfits) = Check::new(columns, rows, self.plan.schema.fields()).misfits() else {
            return self.copy(columns, rows);
        };
        let mut fit = Vec::with_capacity(rows.len());
        for (&row, misfit) in rows.iter().zip(misfits) {
            match misfit {
                None => fit.push(row),
                Some(reason) => unfit.push(Unfit { row, reason }),
            }
        }
        self.copy(columns, &fit)
    }

    fn memory(&self) -> usize {
        let chunk = self.rows * self.builders.len() * 8 + self.bytes;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        chunk
            + match &*writer {
                Writer::Waiting(_) => 0,
                Writer::Open(writer) => writer.memory_size() + writer.inner().memory(),
            }
    }

    fn finish(mut self: Box<Self>) -> Result<Spooled, FormatError> {
        if self.rows > 0 {
            self.end_chunk()?;
        }
        self.open()?;
        match self.writer.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Writer::Open(writer) => Ok(writer.into_inner().map_err(unwritten)?.finish()?),
            Writer::Waiting(_) => Err(FormatError::Schema("the file was never opened".into())),
        }
    }
}

fn broken(error: &ArrowError) -> FormatError {
    FormatError::Schema(format!("the rows can't be written as Parquet: {error}"))
}

fn unwritten(error: parquet::errors::ParquetError) -> FormatError {
    match error {
        parquet::errors::ParquetError::External(error) => {
            match error.downcast::<std::io::Error>() {
                Ok(error) => FormatError::Spool(*error),
                Err(error) => FormatError::Schema(error.to_string()),
            }
        }
        error => FormatError::Schema(format!("the rows can't be written as Parquet: {error}")),
    }
}

/// Adds to each row's size the bytes of its text. It is a function of the row
/// alone, for where a chunk ends by it.
fn text_bytes(columns: &Columns, rows: &[u32], sizes: &mut [usize]) {
    for (node, of) in columns.layout().nodes().iter().enumerate() {
        match (&of.kind, columns.column(node)) {
            (NodeKind::Leaf, Column::Cells(_)) => {
                for (size, &row) in sizes.iter_mut().zip(rows) {
                    if let Cell::Span { len, .. } = columns.cell(node, row as usize) {
                        *size += len as usize;
                    }
                }
            }
            (NodeKind::Leaf, Column::Constant(Cell::Span { len, .. })) => {
                sizes.iter_mut().for_each(|size| *size += *len as usize);
            }
            (NodeKind::List(_), _) => list_bytes(columns, node, rows, sizes),
            _ => {}
        }
    }
}

fn list_bytes(columns: &Columns, node: NodeId, rows: &[u32], sizes: &mut [usize]) {
    let Some(items) = columns.items(node) else { return };
    for (size, &row) in sizes.iter_mut().zip(rows) {
        if let Cell::Span { start, len } = columns.cell(node, row as usize) {
            let children: Vec<u32> = (start..start.saturating_add(len)).collect();
            let mut of_children = vec![8; children.len()];
            text_bytes(items, &children, &mut of_children);
            *size += of_children.iter().sum::<usize>();
        }
    }
}
