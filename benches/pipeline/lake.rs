//! A topic of Avro rows → snappy Parquet in a local lake: flat rows of five
//! columns, and Debezium's envelopes of them. The topic is made by the bench;
//! log, registry, runtime and sink run in this process, driven by REST.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;
use thalweg_connect::converters::Converters;
use thalweg_connect::converters::avro::SchemaStore;
use thalweg_connect::{Plugins, Worker, WorkerOptions};
use thalweg_core::avro::{Encoder, Options};
use thalweg_core::batch::{Columns, Layout};
use thalweg_core::schema::{Schema, SchemaBuilder, Value};
use thalweg_harness::curl;
use thalweg_log::record::{BatchBuilder, Compression};
use thalweg_log::{Group, Log, SegmentLog, TopicSpec};
use thalweg_schema_registry::Registry;

use crate::measure::{Report, cpu_seconds, get, setting, time_until};

/// Rows of one record batch.
const BATCH: usize = 5_000;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let home = tempfile::tempdir()?;
    let rows = setting("THALWEG_BENCH_ROWS", 1_000_000);
    let rows = usize::try_from(rows)?.next_multiple_of(BATCH);
    let (log, registry, base) = runtime.block_on(serve(&home.path().join("data")))?;
    let cases = [
        ("flat", flat(), "rows/s per core (>= 1M)"),
        ("envelope", envelope(), "rows/s per core (>= 300k)"),
    ];
    for (name, schema, unit) in cases {
        runtime.block_on(fill(&log, &registry, name, &schema, rows))?;
        for run in 0..setting("THALWEG_BENCH_RUNS", 3) {
            let (took, cpu) = drain(&base, home.path(), name, rows, run)?;
            let rate = rows as f64 / cpu;
            report.add(&format!("topic to parquet, {name}, 5 columns"), unit, rate);
            let wall = rows as f64 / took.as_secs_f64();
            report.add(&format!("topic to parquet, {name}, by the clock"), "rows/s", wall);
        }
    }
    runtime.shutdown_background();
    Ok(())
}

/// Opens all of the program but its sources; the address of its REST.
async fn serve(data: &Path) -> Result<(Arc<SegmentLog>, Arc<Registry>, String)> {
    let log = Arc::new(SegmentLog::open(data, thalweg_log::Options::default())?);
    let dyn_log: Arc<dyn Log> = Arc::clone(&log) as Arc<dyn Log>;
    let registry = Arc::new(Registry::open(Arc::clone(&dyn_log)).await?);
    let store = Arc::clone(&registry) as Arc<dyn SchemaStore>;
    let worker = Worker::start(WorkerOptions {
        log: dyn_log,
        converters: Converters::new(store, |_| true),
        plugins: thalweg_sinks::connectors().into_iter().fold(Plugins::new(), Plugins::sink),
        worker_id: "bench".to_owned(),
        cluster_id: "bench".to_owned(),
        commit: "bench".to_owned(),
        append_bytes_max: 128 << 20,
        backoff: Default::default(),
    })
    .await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    let router = thalweg_connect::router(worker.handle());
    // Both live as long as the bench.
    std::mem::forget(worker);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((log, registry, base))
}

fn row_schema(name: &str) -> SchemaBuilder {
    SchemaBuilder::structure()
        .name(name)
        .field("id", SchemaBuilder::int64().build())
        .field("name", SchemaBuilder::string().build())
        .field("amount", SchemaBuilder::float64().build())
        .field("paid", SchemaBuilder::boolean().build())
        .field("note", SchemaBuilder::string().optional().build())
}

fn row(n: usize) -> Value {
    let id = i64::try_from(n).unwrap_or(i64::MAX);
    Value::Struct(vec![
        Value::Int(id),
        Value::Text(format!("name of row {n}")),
        Value::Float(id as f64 / 7.0),
        Value::Bool(n.is_multiple_of(2)),
        if n.is_multiple_of(3) { Value::Null } else { Value::Text(format!("note {}", n % 1000)) },
    ])
}

fn flat() -> Arc<Schema> {
    row_schema("bench.Flat").build()
}

fn envelope() -> Arc<Schema> {
    let row = row_schema("bench.Value").optional().build();
    let text = || SchemaBuilder::string().build();
    let maybe = || SchemaBuilder::string().optional().build();
    let long = || SchemaBuilder::int64().optional().build();
    let source = SchemaBuilder::structure()
        .name("io.debezium.connector.postgresql.Source")
        .field("version", text())
        .field("connector", text())
        .field("name", text())
        .field("ts_ms", SchemaBuilder::int64().build())
        .field("snapshot", maybe())
        .field("db", text())
        .field("sequence", maybe())
        .field("ts_us", long())
        .field("ts_ns", long())
        .field("schema", text())
        .field("table", text())
        .field("txId", long())
        .field("lsn", long())
        .field("xmin", long())
        .build();
    SchemaBuilder::structure()
        .name("bench.Envelope")
        .field("before", Arc::clone(&row))
        .field("after", row)
        .field("source", source)
        .field("op", text())
        .field("ts_ms", long())
        .field("ts_us", long())
        .field("ts_ns", long())
        .build()
}

fn event(n: usize) -> Value {
    let lsn = 24_000_000 + i64::try_from(n).unwrap_or(i64::MAX) * 150;
    let text = |text: &str| Value::Text(text.to_owned());
    let millis = 1_790_000_000_000 + lsn / 1000;
    let source = Value::Struct(vec![
        text("3.5.0.Final"),
        text("postgresql"),
        text("shop"),
        Value::Int(millis),
        Value::Null,
        text("shop"),
        Value::Text(format!("[\"{}\",\"{lsn}\"]", lsn - 150)),
        Value::Int(millis * 1000),
        Value::Int(millis * 1_000_000),
        text("public"),
        text("orders"),
        Value::Int(700 + lsn / 100_000),
        Value::Int(lsn),
        Value::Null,
    ]);
    let (before, after, op) = match n % 10 {
        0..7 => (Value::Null, row(n), "c"),
        7..9 => (Value::Null, row(n), "u"),
        _ => (row(n), Value::Null, "d"),
    };
    let times = [Value::Int(millis), Value::Int(millis * 1000), Value::Int(millis * 1_000_000)];
    let [ms, us, ns] = times;
    Value::Struct(vec![before, after, source, text(op), ms, us, ns])
}

/// Makes the topic and its rows, in Confluent's wire format.
async fn fill(
    log: &Arc<SegmentLog>,
    registry: &Arc<Registry>,
    name: &str,
    schema: &Arc<Schema>,
    rows: usize,
) -> Result<()> {
    let layout = Layout::of(schema);
    let encoder = Encoder::new(&layout, &Options::default())?;
    let id = registry.register(&format!("{name}-value"), encoder.schema()).await?;
    let spec = TopicSpec { name: name.to_owned(), partitions: 1, config: Vec::new() };
    let topic = log.create_topic(spec).await?;
    let writer = log.open_writer("bench").await?;
    let make = if name == "flat" { row } else { event };
    let mut builder = BatchBuilder::new(Compression::Lz4);
    let mut bytes = Vec::new();
    for first in (0..rows).step_by(BATCH) {
        let mut columns = Columns::new(Arc::clone(&layout));
        for n in first..first + BATCH {
            columns.push_value(&make(n));
        }
        for at in 0..BATCH {
            bytes.clear();
            bytes.push(0);
            bytes.extend_from_slice(&id.to_be_bytes());
            encoder.encode(&columns, at, &mut bytes)?;
            builder.append(1_790_000_000_000, None, Some(&bytes), &[])?;
        }
        let group = Group { target: topic.partition(0), batches: builder.finish()? };
        writer.append(vec![group]).await?.await?;
    }
    Ok(())
}

/// Lets a new sink write the topic to a new lake; the time and CPU it took.
fn drain(base: &str, home: &Path, topic: &str, rows: usize, run: u64) -> Result<(Duration, f64)> {
    let name = format!("{topic}_{run}");
    let lake = home.join(&name);
    std::fs::create_dir(&lake)?;
    let config = json!({ "name": name, "config": {
        "connector.class": "io.confluent.connect.s3.S3SinkConnector",
        "topics": topic,
        "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "store.url": format!("file://{}", lake.display()),
        "format.class": "io.confluent.connect.s3.format.parquet.ParquetFormat",
        "flush.size": (rows / 5).to_string(),
    }});
    let pid = std::process::id();
    let (start, used) = (Instant::now(), cpu_seconds(pid).unwrap_or(0.0));
    let answer = curl("POST", &format!("{base}/connectors"), Some(&config.to_string()))?;
    if answer.status != 201 {
        bail!("{}", answer.text);
    }
    time_until("the lake", Duration::from_secs(300), || {
        let status = get(base, &format!("/connectors/{name}/status"))?;
        if status["tasks"][0]["state"] == "FAILED" {
            bail!("{name}: {}", status["tasks"][0]["trace"]);
        }
        let offsets = get(base, &format!("/connectors/{name}/offsets"))?;
        let offset = &offsets["offsets"][0]["offset"]["kafka_offset"];
        Ok(offset.as_u64() == Some(rows as u64))
    })?;
    let (took, used) = (start.elapsed(), cpu_seconds(pid).unwrap_or(0.0) - used);
    curl("DELETE", &format!("{base}/connectors/{name}"), None)?;
    std::fs::remove_dir_all(&lake)?;
    Ok((took, used))
}
