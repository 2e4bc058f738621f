//! Our own connection to Postgres, for what `tokio-postgres` has no face for:
//! the replication stream, and COPY without a copy per row
//! (`docs/decisions/0001-own-replication-transport.md`).
//!
//! A [`Wire`] is a signed-in connection. Frames are read into one buffer and
//! handed out as slices of it; the reader takes all that is buffered in one go.

mod backlog;
mod command;
mod copy;
mod fault;
mod replication;
mod socket;
mod startup;
mod tcp;
mod wire;

pub(crate) use backlog::Backlog;
pub(crate) use copy::{after_copy_header, is_copy_trailer};
pub(crate) use fault::{Fault, ServerError};
pub(crate) use replication::{
    Replication, StartAt, Taken, WalFrame, WalFrames, WalTransport, identifier, literal, now_us,
};
pub(crate) use startup::{Purpose, connect};
pub(crate) use wire::{Frame, Wire, next_frame};

#[cfg(test)]
mod tests;
