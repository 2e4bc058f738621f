//! Who runs what: one task that owns all connectors.
//!
//! The *supervisor* takes commands one after the other, keeps what they change
//! and passes them on. Each connector has an *actor*, which starts and ends its
//! tasks, so that a connector that is slow to stop holds up no other
//! (invariant 9). Each task has a *runner*, which runs it again when an error
//! may pass. What they are doing is on the *board*, where REST reads it.

mod actor;
mod backoff;
mod board;
mod commands;
mod handle;
mod offsets;
mod recorder;
mod runner;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::Arc;

use thalweg_log::Log;

use crate::store::Stores;

pub(crate) use backoff::Backoff;
pub use backoff::BackoffRange;
pub(crate) use board::{Board, ConnectorView, PAUSED, TaskView};
pub(crate) use commands::{Command, Found, Supervisor};
pub use handle::Handle;
pub(crate) use handle::{Inner, Posted, Refusal, ServerInfo};
pub(crate) use offsets::{Alteration, OffsetsChange};
pub(crate) use recorder::Recorder;

/// Why a run of a task ended without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was asked to.
    Cancelled,
    /// Its partitions changed: it is to be run again at once.
    Reassigned,
}

/// What all connectors share.
pub(crate) struct Shared {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) stores: Arc<Stores>,
    pub(crate) board: Arc<Board>,
    pub(crate) backoff: BackoffRange,
}

/// What may be told of a panic. Text that was put together at run time may hold
/// values of a row (invariant 8); a literal can't.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&'static str>();
    let told = text.map_or(String::new(), |text| format!(": {text}"));
    format!("the task panicked, which is a bug{told}; its place is on standard error")
}
