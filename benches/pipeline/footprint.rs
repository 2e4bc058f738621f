//! Start, rest, and what large things cost.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::measure::{Report, get, memory_mib, setting, time_until};
use crate::table;

/// exec → ready line, and memory with nothing running.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    for _ in 0..10 {
        let start = Instant::now();
        let thalweg = table::thalweg()?;
        let took = start.elapsed().as_secs_f64() * 1000.0;
        report.add("start: exec to the ready line", "ms (<= 50)", took);
        std::thread::sleep(Duration::from_secs(2));
        let rest = memory_mib(thalweg.pid(), "VmRSS").unwrap_or(0.0);
        report.add("memory at rest", "MiB (<= 25)", rest);
    }
    Ok(())
}

/// A transaction of a million rows.
pub(crate) fn one_transaction(report: &mut Report) -> Result<()> {
    let rows = setting("THALWEG_BENCH_ROWS", 1_000_000);
    let fill = format!(
        "SELECT 1; INSERT INTO bench SELECT n, 1, 'p', 1, 1, 'new', now(), 1, \
         md5(n::text) || md5((n + 1)::text), true FROM generate_series(1, {rows}) n"
    );
    streamed(report, "one transaction of 1M rows", &fill)
}

/// A row of 50 MB.
pub(crate) fn wide_row(report: &mut Report) -> Result<()> {
    let fill = "INSERT INTO bench SELECT 1, 1, 'p', 1, 1, 'new', now(), 1, \
         string_agg(md5(n::text), ''), true FROM generate_series(1, 50 * 32768) n";
    streamed(report, "one row of 50 MB", fill)
}

/// Streams what the SQL writes and reports the most memory it took.
fn streamed(report: &mut Report, case: &str, sql: &str) -> Result<()> {
    let postgres = table::postgres()?;
    let thalweg = table::thalweg()?;
    let config = table::source(&postgres, "large", &[("snapshot.mode", "no_data")]);
    table::post(&thalweg, &config)?;
    let patience = Duration::from_secs(300);
    time_until("the stream", patience, || {
        Ok(postgres.sql("SELECT count(*) FROM pg_stat_replication")? == "1")
    })?;
    let start = Instant::now();
    postgres.sql(sql)?;
    let end = postgres.sql("SELECT pg_current_wal_lsn()")?;
    // What was acknowledged was durable first.
    time_until(case, patience, || {
        let status = get(&thalweg.rest(), "/connectors/large/status")?;
        if status["tasks"][0]["state"] == "FAILED" {
            bail!("{case}: {}", status["tasks"][0]["trace"]);
        }
        let reached =
            format!("SELECT bool_or(confirmed_flush_lsn >= '{end}') FROM pg_replication_slots");
        // Moves the WAL on, so that there is something after the end.
        postgres.sql("SELECT pg_logical_emit_message(true, 'bench', '')")?;
        Ok(postgres.sql(&reached)? == "t")
    })?;
    report.add(&format!("{case}: commit to acknowledged"), "s", start.elapsed().as_secs_f64());
    let peak = memory_mib(thalweg.pid(), "VmHWM").unwrap_or(0.0);
    report.add(&format!("{case}: peak memory"), "MiB (<= 400)", peak);
    Ok(())
}
