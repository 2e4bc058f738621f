//! The Postgres source against a real server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backlog;
mod bench;
mod driver;
mod errors;
mod modes;
mod positions;
mod sign_in;
mod snapshot;
mod stream;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use thalweg_harness::{Postgres, PostgresOptions};

/// The server of all tests of this binary.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| {
        let settings = [
            ("max_replication_slots", "100"),
            ("max_wal_senders", "100"),
            ("max_connections", "200"),
            ("logical_decoding_work_mem", "256MB"),
            ("max_wal_size", "4GB"),
        ];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let options = PostgresOptions { settings: settings.into(), ..PostgresOptions::default() };
        Postgres::start_with(options).unwrap()
    })
}

/// A database of a test's own.
struct Database {
    name: String,
}

impl Database {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}", COUNT.fetch_add(1, Ordering::Relaxed));
        server().sql(&format!("CREATE DATABASE {name}")).unwrap();
        Self { name }
    }

    /// With this SQL run in it.
    fn with(sql: &str) -> Self {
        let database = Self::new();
        database.sql(sql);
        database
    }

    fn sql(&self, sql: &str) -> String {
        server().sql_in(&self.name, sql).unwrap()
    }
}
