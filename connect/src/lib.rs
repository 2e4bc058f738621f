//! The runtime of connectors: a supervisor, source and sink loops, converters,
//! what is kept of them, and Kafka Connect's REST interface.
//!
//! [`Worker::start`] is the way in; [`router`] is its REST interface.

mod clock;
mod config;
pub mod converters;
mod log_errors;
mod plugins;
mod preview;
mod rest;
mod sink_loop;
mod source_loop;
mod store;
mod supervisor;
#[cfg(test)]
mod testing;
mod worker;

pub use config::describe;
pub use plugins::{Plugin, Plugins};
pub use rest::router;
pub use store::is_internal;
pub use supervisor::{BackoffRange, Handle};
pub use worker::{CONNECT_VERSION, Worker, WorkerOptions};
