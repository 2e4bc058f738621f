//! Our own connection to Postgres, for what `tokio-postgres` has no face for:
//! the replication stream, and COPY without a copy per row
//! (`docs/decisions/0001-own-replication-transport.md`).
//!
//! A [`Wire`] is a signed-in connection. Frames are read into one buffer and
//! handed out as slices of it; the reader takes all that is buffered in one go.

mod command;
mod fault;
mod replication;
mod socket;
mod startup;
mod wire;

pub(crate) use fault::{Fault, ServerError};
pub(crate) use replication::{
    Replication, StartAt, WalFrame, WalFrames, WalTransport, identifier, literal, now_us,
};
pub(crate) use startup::{Purpose, connect};
pub(crate) use wire::{Frame, Wire, next_frame};

#[cfg(test)]
mod tests;
