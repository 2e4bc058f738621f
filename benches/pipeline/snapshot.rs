//! A table → the topic by snapshot, against `COPY TO` binary into a client
//! that throws it away.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use thalweg_harness::Postgres;

use crate::measure::{Report, cpu_seconds, get, setting, time_until};
use crate::table;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let rows = setting("THALWEG_BENCH_ROWS", 1_000_000);
    let postgres = table::postgres()?;
    table::fill(&postgres, 1, rows)?;
    postgres.sql("VACUUM ANALYZE bench")?;
    postgres.sql("CHECKPOINT")?;
    let thalweg = table::thalweg()?;
    for run in 0..setting("THALWEG_BENCH_RUNS", 3) {
        let copy = copy(&postgres)?;
        let name = format!("snap_{run}");
        let ours = cpu_seconds(thalweg.pid()).unwrap_or(0.0);
        let start = Instant::now();
        let config = table::source(&postgres, &name, &[("snapshot.mode", "initial_only")]);
        table::post(&thalweg, &config)?;
        time_until("the snapshot", Duration::from_secs(300), || {
            let offsets = get(&thalweg.rest(), &format!("/connectors/{name}/offsets"))?;
            let offset = &offsets["offsets"][0]["offset"];
            // While it runs, a position says how far it is instead.
            Ok(offset["lsn_proc"].is_u64())
        })?;
        let took = start.elapsed();
        let ours = cpu_seconds(thalweg.pid()).unwrap_or(0.0) - ours;
        report.add("snapshot to topic (avro)", "rows/s", rows as f64 / took.as_secs_f64());
        report.add("COPY TO binary, discarded", "rows/s", rows as f64 / copy.as_secs_f64());
        let ratio = copy.as_secs_f64() / took.as_secs_f64();
        report.add("ratio of snapshot to COPY", "(>= 0.25)", ratio);
        report.add("snapshot: CPU of thalweg", "us/row", ours * 1e6 / rows as f64);
        thalweg.call("DELETE", &format!("/connectors/{name}"), None)?;
        table::drop_slot(&postgres, &name)?;
    }
    Ok(())
}

fn copy(postgres: &Postgres) -> Result<Duration> {
    let start = Instant::now();
    let status = Command::new("psql")
        .args(["-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres", "-p"])
        .arg(postgres.port().to_string())
        .args(["-c", "COPY bench TO STDOUT (FORMAT binary)"])
        .env("PGPASSWORD", Postgres::PASSWORD)
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "COPY failed");
    Ok(start.elapsed())
}
