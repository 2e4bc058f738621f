//! Rows to records.

use thalweg_core::avro::Encoder;
use thalweg_core::batch::{Columns, Layout, NodeKind};
use thalweg_core::codec::EncodeError;
use thalweg_core::{ConnectError, ErrorKind};

use super::super::{RecordHeader, RowEncoder, RowWriter};

/// A plan, and the id of its schema.
pub(super) struct AvroEncoder {
    header: RecordHeader,
    plan: Encoder,
}

impl AvroEncoder {
    pub(super) fn new(id: u32, plan: Encoder) -> Self {
        Self { header: super::header(id), plan }
    }
}

impl AvroEncoder {
    /// Writes a row by `plan`, with the header before it.
    #[inline]
    fn write(
        &self,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
        plan: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<bool, ConnectError> {
        let is_leaf = matches!(columns.layout().node(Layout::ROOT).kind, NodeKind::Leaf);
        // A bare null is a null in the log, not a datum: what Confluent's serializer does.
        if !columns.has_row(row) || (is_leaf && columns.cell(Layout::ROOT, row).is_null()) {
            return Ok(false);
        }
        let start = out.len();
        out.extend_from_slice(&self.header);
        plan(out).map_err(|error| {
            out.truncate(start);
            ConnectError::new(ErrorKind::BadRecord, format!("can't write the row: {error}"))
        })?;
        Ok(true)
    }
}

impl RowEncoder for AvroEncoder {
    fn encode(
        &self,
        columns: &Columns,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConnectError> {
        self.write(columns, row, out, |out| self.plan.encode(columns, row, out))
    }

    fn bind<'a>(&'a self, columns: &'a Columns) -> RowWriter<'a> {
        let bound = self.plan.bind(columns);
        Box::new(move |row, out| self.write(columns, row, out, |out| bound.encode(row, out)))
    }
}
