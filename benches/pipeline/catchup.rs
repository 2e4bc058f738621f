//! A backlog of changes in a slot → the topic, against the count of the same
//! backlog by `pg_logical_slot_peek_binary_changes`.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use thalweg_harness::{Postgres, Thalweg};

use crate::measure::{
    Report, cpu_seconds, family_cpu_seconds, get, memory_mib, setting, time_until,
};
use crate::table;

const PATIENCE: Duration = Duration::from_secs(300);

/// 70 % inserts, 20 % updates, 10 % deletes in transactions of 1,000 rows.
fn backlog(postgres: &Postgres, base: u64, rows: u64) -> Result<()> {
    postgres.sql(&format!(
        "DO $$ DECLARE t bigint; first bigint; BEGIN \
         FOR t IN 0..{rows} / 1000 - 1 LOOP \
           first := {base} + t * 700; \
           INSERT INTO bench SELECT n, n % 1000, 'product number ' || n % 7777, n % 9, \
             (n % 100000) / 100.0, 'new', now(), n / 7.0, md5(n::text) || md5((n + 1)::text), \
             n % 2 = 0 FROM generate_series(first, first + 699) n; \
           UPDATE bench SET status = 'paid', quantity = quantity + 1 \
             WHERE id BETWEEN first AND first + 199; \
           DELETE FROM bench WHERE id BETWEEN first + 600 AND first + 699; \
           COMMIT; \
         END LOOP; END $$"
    ))?;
    postgres.sql("CHECKPOINT").map(|_| ())
}

/// A pg_lsn as a number.
fn lsn(text: &str) -> u64 {
    let (high, low) = text.split_once('/').unwrap_or(("0", "0"));
    u64::from_str_radix(high, 16).unwrap_or(0) << 32 | u64::from_str_radix(low, 16).unwrap_or(0)
}

/// How far the connector's durable position is.
fn position(thalweg: &Thalweg, name: &str) -> Result<u64> {
    let offsets = get(&thalweg.rest(), &format!("/connectors/{name}/offsets"))?;
    let offset = &offsets["offsets"][0]["offset"];
    let number = |key: &str| offset[key].as_u64().unwrap_or(0);
    Ok(number("lsn_commit").max(number("lsn_proc")).max(number("lsn")))
}

fn wait_for_state(thalweg: &Thalweg, name: &str, state: &str) -> Result<()> {
    time_until(state, PATIENCE, || {
        let status = get(&thalweg.rest(), &format!("/connectors/{name}/status"))?;
        let task = &status["tasks"][0];
        if task["state"] == "FAILED" {
            bail!("{name}: {}", task["trace"]);
        }
        let tasks_match = state == "STOPPED" || task["state"] == state;
        Ok(status["connector"]["state"] == state && tasks_match)
    })
    .map(|_| ())
}

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let rows = setting("THALWEG_BENCH_ROWS", 1_000_000);
    let runs = setting("THALWEG_BENCH_RUNS", 3);
    let postgres = table::postgres()?;
    let thalweg = table::thalweg()?;
    let formats = [
        ("avro", "io.confluent.connect.avro.AvroConverter"),
        ("json", "org.apache.kafka.connect.json.JsonConverter"),
    ];
    let mut base = 1;
    for (format, converter) in formats {
        let name = format!("bench_{format}");
        let mut more = vec![("snapshot.mode", "no_data")];
        for side in ["key.converter", "value.converter"] {
            more.push((side, converter));
        }
        if format == "json" {
            more.push(("key.converter.schemas.enable", "false"));
            more.push(("value.converter.schemas.enable", "false"));
        }
        table::post(&thalweg, &table::source(&postgres, &name, &more))?;
        wait_for_state(&thalweg, &name, "RUNNING")?;
        time_until("the slot", PATIENCE, || {
            Ok(postgres.sql("SELECT count(*) FROM pg_stat_replication")? != "0")
        })?;
        for _ in 0..runs {
            one(report, &postgres, &thalweg, &name, (base, rows))?;
            base += rows;
        }
        thalweg.call("PUT", &format!("/connectors/{name}/stop"), None)?;
        wait_for_state(&thalweg, &name, "STOPPED")?;
        thalweg.call("DELETE", &format!("/connectors/{name}"), None)?;
        table::drop_slot(&postgres, &name)?;
    }
    let peak = memory_mib(thalweg.pid(), "VmHWM").unwrap_or(0.0);
    report.add("catch-up: peak memory of thalweg", "MiB", peak);
    Ok(())
}

fn one(
    report: &mut Report,
    postgres: &Postgres,
    thalweg: &Thalweg,
    name: &str,
    (base, rows): (u64, u64),
) -> Result<()> {
    thalweg.call("PUT", &format!("/connectors/{name}/stop"), None)?;
    wait_for_state(thalweg, name, "STOPPED")?;
    time_until("the end of the walsender", PATIENCE, || {
        Ok(postgres.sql("SELECT count(*) FROM pg_stat_replication")? == "0")
    })?;
    postgres.sql("SELECT pg_create_logical_replication_slot('peek', 'pgoutput')")?;
    backlog(postgres, base, rows)?;
    let end = lsn(&postgres.sql("SELECT pg_current_wal_lsn()")?);
    // Something after the end, so that a position can be at or beyond it.
    postgres.sql("UPDATE bench SET note = note WHERE id = (SELECT min(id) FROM bench)")?;

    let start = Instant::now();
    postgres.sql(&format!(
        "SELECT count(*) FROM pg_logical_slot_peek_binary_changes('peek', NULL, NULL, \
         'proto_version', '1', 'publication_names', '{name}', 'binary', 'true')"
    ))?;
    let peek = start.elapsed();
    postgres.sql("SELECT pg_drop_replication_slot('peek')")?;

    // Nothing is asked of the server meanwhile: a process for each question would be
    // a large part of two cores.
    let cpu = || {
        let server = postgres.pid().and_then(family_cpu_seconds);
        (cpu_seconds(thalweg.pid()).unwrap_or(0.0), server.unwrap_or(0.0))
    };
    let before = cpu();
    let start = Instant::now();
    thalweg.call("PUT", &format!("/connectors/{name}/resume"), None)?;
    time_until("the catch-up", PATIENCE, || Ok(position(thalweg, name)? >= end))?;
    let took = start.elapsed();
    let after = cpu();
    time_until("the slot to be moved", PATIENCE, || {
        let moved = format!("restart_lsn - '0/0' >= {end} FROM pg_replication_slots");
        Ok(postgres.sql(&format!("SELECT {moved} WHERE slot_name = '{name}'"))? == "t")
    })?;
    let per_row = |seconds: f64| seconds * 1e6 / rows as f64;
    report.add(&format!("{name} catch-up"), "rows/s", rows as f64 / took.as_secs_f64());
    report.add(&format!("{name} peek count"), "rows/s", rows as f64 / peek.as_secs_f64());
    report.add(
        &format!("{name} ratio of catch-up to peek"),
        "(>= 0.5)",
        peek.as_secs_f64() / took.as_secs_f64(),
    );
    report.add(&format!("{name} CPU of thalweg"), "us/row", per_row(after.0 - before.0));
    report.add(&format!("{name} CPU of the server"), "us/row", per_row(after.1 - before.1));
    Ok(())
}
