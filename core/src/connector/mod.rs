//! What a source or sink connector is.
//!
//! A connector implements the typed traits [`SourceConnector`] or
//! [`SinkConnector`]; [`source`] and [`sink`] adapt it to the object-safe
//! [`DynSource`] and [`DynSink`] that the runtime holds, one boxed future a
//! batch. Connectors know this crate alone.

mod dynamic;
mod notes;
mod preview;
mod sinks;
mod sources;

use crate::config::Problem;

pub use dynamic::{
    DynSink, DynSinkTask, DynSource, DynSourceTask, OpenedSink, OpenedSource, sink, source,
};
pub use notes::Notes;
pub use preview::{DdlPreview, RowSchemas, TablePreview};
pub use sinks::{
    Assigned, Offsets, ReadAs, Rejected, SinkBatch, SinkConnector, SinkContext, SinkPartition,
    SinkTask, StartOffsets, StateStore, WriteReport,
};
pub use sources::{Claim, Committer, SourceConnector, SourceContext, SourceTask};

/// Who a connector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// The class name that people post, such as
    /// `io.debezium.connector.postgresql.PostgresConnector`.
    pub class: &'static str,
    /// A short name for it, such as `postgres`.
    pub alias: &'static str,
    /// The version of the real connector whose behaviour it has.
    pub version: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
}

/// What `check` found: nothing, or problems by key.
pub type Checked = Vec<Problem>;
