//! Rows per second of the codecs, one core, for Debezium's envelope of a table
//! of 10 columns: `cargo bench -p thalweg-core --bench codecs`; with a word behind `--`, only
//! of those that have it in their name.
#![allow(missing_docs, reason = "a program, no library")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops, and prints")]

#[path = "codecs/others.rs"]
mod others;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thalweg_core::batch::{Cell, Columns, Layout};
use thalweg_core::schema::{Schema, SchemaBuilder, Value};
use thalweg_core::{avro, json};

const ROWS: usize = 4096;

fn row_schema() -> Arc<Schema> {
    SchemaBuilder::structure()
        .name("shop.public.orders.Value")
        .field("id", SchemaBuilder::int64().build())
        .field("customer_id", SchemaBuilder::int32().optional().build())
        .field("state", SchemaBuilder::string().optional().build())
        .field("email", SchemaBuilder::string().optional().build())
        .field("quantity", SchemaBuilder::int16().optional().build())
        .field(
            "price",
            SchemaBuilder::bytes()
                .name("org.apache.kafka.connect.data.Decimal")
                .version(1)
                .parameter("scale", "2")
                .parameter("connect.decimal.precision", "10")
                .optional()
                .build(),
        )
        .field("paid", SchemaBuilder::boolean().optional().build())
        .field("weight", SchemaBuilder::float64().optional().build())
        .field(
            "created",
            SchemaBuilder::int64()
                .name("io.debezium.time.MicroTimestamp")
                .version(1)
                .optional()
                .build(),
        )
        .field("note", SchemaBuilder::string().optional().build())
        .optional()
        .build()
}

fn source_schema() -> Arc<Schema> {
    let text = || SchemaBuilder::string().build();
    let maybe_text = || SchemaBuilder::string().optional().build();
    let maybe_long = || SchemaBuilder::int64().optional().build();
    SchemaBuilder::structure()
        .name("io.debezium.connector.postgresql.Source")
        .version(1)
        .field("version", text())
        .field("connector", text())
        .field("name", text())
        .field("ts_ms", SchemaBuilder::int64().build())
        .field(
            "snapshot",
            SchemaBuilder::string()
                .name("io.debezium.data.Enum")
                .version(1)
                .parameter("allowed", "true,first,last,false,incremental")
                .default_value(Value::Text("false".into()))
                .optional()
                .build(),
        )
        .field("db", text())
        .field("sequence", maybe_text())
        .field("ts_us", maybe_long())
        .field("ts_ns", maybe_long())
        .field("schema", text())
        .field("table", text())
        .field("txId", maybe_long())
        .field("lsn", maybe_long())
        .field("xmin", maybe_long())
        .field("origin", maybe_text())
        .field("origin_lsn", maybe_long())
        .build()
}

fn envelope() -> Arc<Schema> {
    let transaction = SchemaBuilder::structure()
        .name("event.block")
        .version(1)
        .field("id", SchemaBuilder::string().build())
        .field("total_order", SchemaBuilder::int64().build())
        .field("data_collection_order", SchemaBuilder::int64().build())
        .optional()
        .build();
    let maybe_long = || SchemaBuilder::int64().optional().build();
    SchemaBuilder::structure()
        .name("shop.public.orders.Envelope")
        .version(2)
        .field("before", row_schema())
        .field("after", row_schema())
        .field("source", source_schema())
        .field("transaction", transaction)
        .field("op", SchemaBuilder::string().build())
        .field("ts_ms", maybe_long())
        .field("ts_us", maybe_long())
        .field("ts_ns", maybe_long())
        .build()
}

/// Inserts as a source writes them: what is the same in all rows is a constant.
fn rows(schema: &Arc<Schema>) -> Columns {
    let layout = Layout::of(schema);
    let at = |path: &[&str]| layout.find(path).unwrap();
    let mut rows = Columns::new(Arc::clone(&layout));
    for (field, text) in [
        ("version", "3.5.0.Final"),
        ("connector", "postgresql"),
        ("name", "shop"),
        ("snapshot", "false"),
        ("db", "shop"),
        ("schema", "public"),
        ("table", "orders"),
    ] {
        let cell = rows.intern(text.as_bytes()).unwrap();
        rows.set_constant(at(&["source", field]), cell);
    }
    let create = rows.intern(b"c").unwrap();
    rows.set_constant(at(&["op"]), create);
    for node in [at(&[]), at(&["after"]), at(&["source"])] {
        rows.set_all_present(node);
    }
    let after = ["id", "customer_id", "state", "email", "quantity", "price", "paid", "weight"];
    let after: Vec<_> = after.iter().map(|name| at(&["after", name])).collect();
    let (created, note) = (at(&["after", "created"]), at(&["after", "note"]));
    let source = ["ts_ms", "ts_us", "ts_ns", "txId", "lsn"].map(|name| at(&["source", name]));
    let sequence = at(&["source", "sequence"]);
    let stamps = ["ts_ms", "ts_us", "ts_ns"].map(|name| at(&[name]));
    for row in 0..i64::try_from(ROWS).unwrap() {
        let now = 1_795_256_192_338_887_000 + row * 1_000_003;
        rows.set(after[0], Cell::Int(1_000_000 + row));
        rows.set(after[1], Cell::Int(row % 5000));
        rows.set_bytes(after[2], b"shipped");
        rows.set_bytes(after[3], format!("customer{row}@example.org").as_bytes());
        rows.set(after[4], Cell::Int(row % 7));
        rows.set_bytes(after[5], &[0x12, 0x34, 0x56]);
        rows.set(after[6], Cell::Bool(row % 2 == 0));
        rows.set(after[7], Cell::Float(f64::from(i32::try_from(row).unwrap()) / 8.0));
        rows.set(created, Cell::Int(now / 1000));
        if row % 3 == 0 {
            rows.set_bytes(note, b"leave it at the door, please");
        }
        let values = [now / 1_000_000, now / 1000, now, 1797, 153_297_400 + row * 200];
        for (&node, value) in source.iter().zip(values) {
            rows.set(node, Cell::Int(value));
        }
        rows.set_bytes(sequence, br#"["153297400","153297600"]"#);
        for (&node, value) in stamps.iter().zip([now / 1_000_000, now / 1000, now]) {
            rows.set(node, Cell::Int(value));
        }
        rows.end_row();
    }
    rows
}

/// Time that this thread was on a CPU, so that a busy machine does not count;
/// the wall clock where the kernel does not say.
fn cpu_time(start: Instant) -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let on_cpu = stat.and_then(|stat| stat.split(' ').next()?.parse().ok());
    on_cpu.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// Whether it was asked for: all are, unless a word was given.
fn is_wanted(name: &str) -> bool {
    let word = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    word.is_none_or(|word| name.contains(&word))
}

/// Runs rounds of `ROWS` rows for a fifth of a second, seven times: the best, and the median
/// and the worst.
fn measure(name: &str, bytes: usize, mut round: impl FnMut()) {
    if !is_wanted(name) {
        return;
    }
    let mut times = [Duration::ZERO; 7];
    let clock = Instant::now();
    for time in &mut times {
        let start = cpu_time(clock);
        let mut rounds = 0;
        while cpu_time(clock).saturating_sub(start) < Duration::from_millis(200) {
            (0..10).for_each(|_| round());
            rounds += 10;
        }
        *time = (cpu_time(clock) - start) / rounds;
    }
    times.sort_unstable();
    let rows = f64::from(u32::try_from(ROWS).unwrap());
    let [best, .., worst] = times.map(|time| time.as_secs_f64() * 1e9 / rows);
    let ns = times[times.len() / 2].as_secs_f64() * 1e9 / rows;
    let (size, speed) = (bytes / ROWS, 1e3 / ns);
    println!(
        "{name:<24} {speed:>7.2} M rows/s  {best:>7.1} / {ns:.1} / {worst:.1} ns/row  \
         {size:>5} bytes/row"
    );
}

/// What a reader makes of it that does not know `before` and the transaction.
fn resolving(schema: &str, bytes: &[u8], ends: &[usize]) {
    let mut reader: serde_json::Value = serde_json::from_str(schema).unwrap();
    let fields = reader["fields"].as_array_mut().unwrap();
    // `after` refers to the type that `before` defines.
    let mut row = fields.remove(0);
    row["name"] = "after".into();
    fields[0] = row;
    fields.retain(|field| field["name"] != "transaction");
    let decoder = avro::Decoder::resolving(schema, &reader.to_string()).unwrap();
    let mut read = Columns::new(Arc::clone(decoder.layout()));
    measure("avro decode, resolving", bytes.len(), || {
        read.clear();
        for range in ends.windows(2) {
            decoder.decode(black_box(&bytes[range[0]..range[1]]), &mut read).unwrap();
        }
        black_box(&read);
    });
}

fn main() {
    let schema = envelope();
    let rows = rows(&schema);
    let encoder = avro::Encoder::new(rows.layout(), &avro::Options::default()).unwrap();
    let decoder = avro::Decoder::new(encoder.schema()).unwrap();
    let (mut bytes, mut ends) = (Vec::new(), vec![0]);
    for row in 0..ROWS {
        encoder.encode(&rows, row, &mut bytes).unwrap();
        ends.push(bytes.len());
    }
    let mut out = bytes.clone();
    measure("avro encode", bytes.len(), || {
        out.clear();
        for row in 0..ROWS {
            encoder.encode(black_box(&rows), row, &mut out).unwrap();
        }
        black_box(&out);
    });
    measure("avro encode, bound", bytes.len(), || {
        out.clear();
        let bound = encoder.bind(black_box(&rows));
        for row in 0..ROWS {
            bound.encode(row, &mut out).unwrap();
        }
        black_box(&out);
    });
    assert_eq!(out, bytes);
    let mut read = Columns::new(Arc::clone(decoder.layout()));
    measure("avro decode", bytes.len(), || {
        read.clear();
        for range in ends.windows(2) {
            decoder.decode(black_box(&bytes[range[0]..range[1]]), &mut read).unwrap();
        }
        black_box(&read);
    });
    resolving(encoder.schema(), &bytes, &ends);
    if is_wanted("apache-avro") || is_wanted("fastavro") {
        others::measure(encoder.schema(), &bytes, &ends);
    }

    let encoder = json::Encoder::new(rows.layout(), &json::Options::default()).unwrap();
    let decoder = json::Decoder::new(&schema, &json::Options::default()).unwrap();
    let (mut bytes, mut ends) = (Vec::new(), vec![0]);
    for row in 0..ROWS {
        encoder.encode(&rows, row, &mut bytes).unwrap();
        ends.push(bytes.len());
    }
    let mut out = Vec::with_capacity(bytes.len());
    measure("json encode", bytes.len(), || {
        out.clear();
        for row in 0..ROWS {
            encoder.encode(black_box(&rows), row, &mut out).unwrap();
        }
        black_box(&out);
    });
    let mut read = Columns::new(Arc::clone(decoder.layout()));
    measure("json decode", bytes.len(), || {
        read.clear();
        for range in ends.windows(2) {
            decoder.decode(black_box(&bytes[range[0]..range[1]]), &mut read).unwrap();
        }
        black_box(&read);
    });
}
