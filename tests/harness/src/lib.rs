//! Real servers for tests: each starts on a free port in a folder of its own,
//! and is gone when its handle is dropped or the test process ends, however it
//! ends.
//!
//! `scripts/setup` installs what they need; a server that is missing fails the
//! test with that hint.

mod connector;
mod curl;
mod kafka;
mod kcat;
mod lake;
pub mod measure;
mod postgres;
mod process;
pub mod recorded;
mod s3;
mod thalweg;

pub use connector::{connector, postgres_source};
pub use curl::{Answer, curl};
pub use kafka::{Kafka, jars, java};
pub use kcat::kcat;
pub use lake::{python, read_lake};
pub use postgres::{Postgres, PostgresOptions};
pub use process::{free_port, wait_until};
pub use s3::S3Server;
pub use thalweg::{Thalweg, ThalwegOptions};

use std::path::PathBuf;

/// Where `scripts/setup` keeps what it fetches (the S3 server, the lake
/// readers): `$THALWEG_TEST_CACHE`, or `thalweg-test` in the user's cache.
#[must_use]
pub fn cache_dir() -> PathBuf {
    let home = || std::env::var_os("HOME").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    std::env::var_os("THALWEG_TEST_CACHE")
        .map(PathBuf::from)
        .unwrap_or_else(|| home().join(".cache").join("thalweg-test"))
}
