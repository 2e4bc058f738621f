//! Changes, as they are committed.
//!
//! - `changes`: messages into rows; knows no sockets and never waits.
//! - `relations`: tables as the stream has them.
//! - `run`: the loop that reads, waits, and tells the server how far we are.
//! - `heartbeat`: signs of life.

mod changes;
mod heartbeat;
mod relations;
mod run;
mod write;

pub(crate) use changes::{Changes, Resume};
pub(crate) use relations::TableStore;
pub(crate) use run::{Confirmed, Step, StreamRun};

#[cfg(test)]
mod tests;
