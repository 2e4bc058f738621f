//! Sinks: where rows of the log go. One folder per connector; `lake/` is the
//! file formats that those of them share which write files.

mod lake;
pub mod s3;

use std::sync::Arc;

use thalweg_core::connector::{DynSink, sink};

/// All sinks. A new one is one line here.
#[must_use]
pub fn connectors() -> Vec<Arc<dyn DynSink>> {
    vec![sink(s3::S3Sink)]
}
