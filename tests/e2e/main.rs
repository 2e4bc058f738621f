//! The whole program against real servers: a real Postgres, real curl, files
//! read back by others.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must fail")]

mod cli;
mod compaction;
mod crash;
mod docs;
mod evolution;
#[cfg(feature = "failpoints")]
mod failpoints;
mod kafka;
mod lake;
mod offsets;
mod pipeline;
mod reading;
mod refusals;
mod registry;
mod s3;
mod schema;
mod setup;
mod storage;
mod upstream;
