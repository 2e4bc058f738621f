//! Rows of one table on their way into events.

mod plan;
mod settings;
mod source_info;
mod writer;

pub use settings::TableSettings;
pub use source_info::{SnapshotMarker, SourceInfo, TransactionInfo, source_schema};
pub use writer::{OldRow, TableWriter};

#[cfg(test)]
mod tests;
