//! Files of a data lake: rows in, one finished file out.
//!
//! A [`FileWriter`] takes rows of one schema and ends as a [`Spooled`] file that
//! a store then puts into its place. The bytes of a file depend on its rows and
//! its options alone, never on how the rows were cut into batches: written
//! again after a crash it is the same file.

mod arrow_check;
mod arrow_columns;
mod arrow_schema;
mod avro;
mod format;
mod json;
mod parquet;
mod spool;

pub(crate) use format::{Codec, FileOptions, Files, Format, FormatError};
pub(crate) use spool::{Body, SpoolFolder, Spooled};

use thalweg_core::batch::Columns;

/// A row that a format can't hold.
#[derive(Debug)]
pub(crate) struct Unfit {
    /// Its number in the batch.
    pub(crate) row: u32,
    /// Why, and what to do; never its value (invariant 8).
    pub(crate) reason: String,
}

/// A file under construction.
pub(crate) trait FileWriter: Send + Sync {
    /// Adds these rows of the columns (rising numbers). Rows that the format
    /// can't hold are left out and named in `unfit`, in order. An error means
    /// that the file is torn and must be given up.
    fn append(
        &mut self,
        columns: &Columns,
        rows: &[u32],
        unfit: &mut Vec<Unfit>,
    ) -> Result<(), FormatError>;

    /// About how much memory it holds, in bytes.
    fn memory(&self) -> usize;

    /// Ends the file.
    fn finish(self: Box<Self>) -> Result<Spooled, FormatError>;
}

#[cfg(test)]
mod tests;
