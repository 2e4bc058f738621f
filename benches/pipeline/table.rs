//! The table that is moved, and the programs around it.

use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;
use thalweg_harness::{Postgres, PostgresOptions, Thalweg, ThalwegOptions, postgres_source};

use crate::measure::time_until;

/// A Postgres as one would run it: synced, with room for WAL.
pub(crate) fn postgres() -> Result<Postgres> {
    let setting = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let postgres = Postgres::start_with(PostgresOptions {
        fsync: true,
        settings: vec![
            setting("max_wal_size", "8GB"),
            setting("shared_buffers", "512MB"),
            setting("checkpoint_timeout", "30min"),
            setting("logical_decoding_work_mem", "256MB"),
            // It would be at work in one run and not in the next.
            setting("autovacuum", "off"),
        ],
        ..PostgresOptions::default()
    })?;
    postgres.sql(
        "CREATE TABLE bench (id bigint PRIMARY KEY, customer int NOT NULL, product text NOT NULL, \
         quantity int NOT NULL, price numeric(10,2) NOT NULL, status text NOT NULL, \
         created timestamptz NOT NULL DEFAULT now(), weight float8, note text, active bool)",
    )?;
    Ok(postgres)
}

/// Fills rows `from..=to` of 10 columns, about 150 bytes.
pub(crate) fn fill(postgres: &Postgres, from: u64, to: u64) -> Result<()> {
    postgres
        .sql(&format!(
            "INSERT INTO bench SELECT n, n % 1000, 'product number ' || n % 7777, n % 9, \
             (n % 100000) / 100.0, 'new', now(), n / 7.0, md5(n::text) || md5((n + 1)::text), \
             n % 2 = 0 FROM generate_series({from}, {to}) n"
        ))
        .map(|_| ())
}

/// Starts the program that was built for this bench.
pub(crate) fn thalweg() -> Result<Thalweg> {
    Thalweg::start(&ThalwegOptions {
        binary: env!("CARGO_BIN_EXE_thalweg").into(),
        ..ThalwegOptions::default()
    })
}

/// A source config for this table.
pub(crate) fn source(postgres: &Postgres, name: &str, more: &[(&str, &str)]) -> Value {
    let more = [&[("table.include.list", "public.bench")], more].concat();
    postgres_source(postgres, name, &more)
}

/// Drops a slot once nobody reads it any more.
pub(crate) fn drop_slot(postgres: &Postgres, name: &str) -> Result<()> {
    let drop = format!(
        "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots \
         WHERE slot_name = '{name}' AND NOT active"
    );
    let left = format!("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{name}'");
    let dropped = time_until("the slot to be free", Duration::from_secs(30), || {
        postgres.sql(&drop)?;
        Ok(postgres.sql(&left)? == "0")
    });
    dropped.map(|_| ())
}

/// Posts a connector, or fails with the answer.
pub(crate) fn post(thalweg: &Thalweg, connector: &Value) -> Result<()> {
    let answer = thalweg.call("POST", "/connectors", Some(&connector.to_string()))?;
    if answer.status != 201 {
        bail!("POST /connectors: {} {}", answer.status, answer.text);
    }
    Ok(())
}
