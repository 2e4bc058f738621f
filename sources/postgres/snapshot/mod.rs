//! Rows that are there already: each table in the order of its primary key,
//! chunk by chunk, each chunk with the snapshot that it was read in
//! (DESIGN.md, "Exactly once").
//!
//! - `view`: which transactions a snapshot sees.
//! - `progress`: which chunks are done; kept in the source's durable state.
//! - `begin`: the transaction that reads, and what it will read.
//! - `files`: whether a table is still in the files that were read.
//! - `copy`, `run`: reading.
//! - `key`: keys as text, and their order.
//! - `filter`: what the stream leaves out since a chunk has it.

mod begin;
mod copy;
mod files;
mod filter;
mod key;
mod progress;
mod run;
mod view;

pub(crate) use begin::{Begin, Begun, begin};
pub(crate) use filter::{SnapshotFilter, Verdict};
pub(crate) use key::{all_have_text, chunk_of, key_texts};
pub(crate) use progress::{Chunk, SnapshotState};
pub(crate) use run::SnapshotRun;
