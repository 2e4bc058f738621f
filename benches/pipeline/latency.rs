//! From COMMIT to a Kafka consumer, under an open load of small transactions.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use tokio_postgres::NoTls;

use crate::measure::{Report, get, percentile, setting, time_until};
use crate::table;

/// Connections that write.
const WRITERS: usize = 4;
/// Transactions that are written before the clock counts.
const WARM: usize = 2_000;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let (rate, seconds) =
        (setting("THALWEG_BENCH_TX", 1_000), setting("THALWEG_BENCH_SECONDS", 20));
    let postgres = table::postgres()?;
    let thalweg = table::thalweg()?;
    let mut more = vec![("snapshot.mode", "no_data")];
    for side in ["key.converter", "value.converter"] {
        more.push((side, "org.apache.kafka.connect.json.JsonConverter"));
    }
    more.push(("key.converter.schemas.enable", "false"));
    more.push(("value.converter.schemas.enable", "false"));
    table::post(&thalweg, &table::source(&postgres, "latency", &more))?;
    time_until("the stream", Duration::from_secs(60), || {
        Ok(postgres.sql("SELECT count(*) FROM pg_stat_replication")? != "0")
    })?;
    // The topic is there before the consumer asks for it.
    table::fill(&postgres, 1_000_000_000, 1_000_000_000)?;
    time_until("the topic", Duration::from_secs(60), || {
        let topics = get(&thalweg.rest(), "/connectors/latency/topics")?;
        Ok(topics["latency"]["topics"].as_array().is_some_and(|topics| !topics.is_empty()))
    })?;
    let total = usize::try_from(rate * seconds)?;
    let address = thalweg.kafka().to_owned();
    let mut kcat = Command::new("kcat")
        .args(["-b", &address, "-C", "-q", "-u", "-t", "latency.public.bench", "-p", "0"])
        .args(["-o", "beginning", "-f", "%k\t%s\n"])
        .stdout(Stdio::piped())
        .spawn()
        .context("kcat (scripts/setup test installs it)")?;
    let lines = BufReader::new(kcat.stdout.take().context("no stdout")?);
    let seen = std::thread::spawn(move || seen(lines, total));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let committed = runtime.block_on(write(&postgres, rate, total))?;
    let seen = seen.join().map_err(|_| anyhow::anyhow!("the reader panicked"))?;
    kcat.kill()?;
    kcat.wait()?;
    let (mut after_answer, mut after_commit) = (Vec::with_capacity(total), Vec::new());
    for (id, (at, seen)) in committed.iter().zip(&seen).enumerate().skip(WARM) {
        let (at, seen) = at.zip(*seen).with_context(|| format!("row {id} did not come"))?;
        // It can be there before the client hears of its commit.
        after_answer.push(seen.at.saturating_duration_since(at).as_secs_f64() * 1000.0);
        after_commit.push(seen.since_commit_ms);
    }
    ensure!(!after_answer.is_empty(), "too few transactions");
    let bars = ["ms (<= 1)", "ms (<= 5)", "ms"];
    say(report, &format!("commit to Kafka consumer at {rate} tx/s"), bars, after_answer);
    let bars = ["ms (<= 1.5)", "ms (<= 6)", "ms"];
    say(report, &format!("source.ts_us to Kafka consumer at {rate} tx/s"), bars, after_commit);
    Ok(())
}

fn say(report: &mut Report, case: &str, bars: [&str; 3], mut delays: Vec<f64>) {
    delays.sort_by(f64::total_cmp);
    for ((name, part), bar) in [("p50", 500), ("p99", 990), ("p99.9", 999)].into_iter().zip(bars) {
        report.add(&format!("{case}, {name}"), bar, percentile(&delays, part));
    }
}

/// A row that arrived.
#[derive(Clone, Copy)]
struct Seen {
    at: Instant,
    /// Since the server's own time of the commit, `source.ts_us`.
    since_commit_ms: f64,
}

/// When each row was seen.
fn seen(lines: impl BufRead, total: usize) -> Vec<Option<Seen>> {
    let mut seen = vec![None; total];
    let mut left = total;
    for line in lines.lines().map_while(Result::ok) {
        let now = Instant::now();
        let us = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_micros());
        let (key, value) = line.split_once('\t').unwrap_or_default();
        let committed =
            value.split_once(r#""source":"#).and_then(|(_, source)| number(source, "ts_us"));
        let row = number(key, "id").and_then(|id| usize::try_from(id).ok());
        if let Some((place, committed)) = row.and_then(|id| seen.get_mut(id)).zip(committed) {
            let since_commit_ms = us.saturating_sub(u128::from(committed)) as f64 / 1000.0;
            *place = Some(Seen { at: now, since_commit_ms });
            left -= 1;
            if left == 0 {
                break;
            }
        }
    }
    seen
}

/// The first number of a name in a JSON text.
fn number(json: &str, name: &str) -> Option<u64> {
    let (_, rest) = json.split_once(&format!("\"{name}\":"))?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Writes rows at a fixed rate, whether or not the last one is done; when each
/// commit was answered.
async fn write(
    postgres: &thalweg_harness::Postgres,
    rate: u64,
    total: usize,
) -> Result<Vec<Option<Instant>>> {
    let committed = Arc::new(Mutex::new(vec![None; total]));
    let start = Instant::now();
    let pause = Duration::from_secs_f64(1.0 / rate as f64);
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let (client, connection) = tokio_postgres::connect(&postgres.url(), NoTls).await?;
        tokio::spawn(connection);
        let statement = client
            .prepare(
                "INSERT INTO bench VALUES ($1, 1, 'a product', 2, 3.5, 'new', now(), 1.5, 'note', true)",
            )
            .await?;
        let committed = Arc::clone(&committed);
        writers.push(tokio::spawn(async move {
            for id in (number..total).step_by(WRITERS) {
                let due = start + pause.mul_f64(id as f64);
                tokio::time::sleep_until(due.into()).await;
                client.execute(&statement, &[&i64::try_from(id)?]).await?;
                let now = Instant::now();
                if let Ok(mut committed) = committed.lock() {
                    committed[id] = Some(now);
                }
            }
            anyhow::Ok(())
        }));
    }
    for writer in writers {
        writer.await??;
    }
    let committed = committed.lock().map_err(|_| anyhow::anyhow!("a writer panicked"))?;
    Ok(committed.clone())
}
