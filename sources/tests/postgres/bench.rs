//! Speed, on request: `cargo test --release -p thalweg-sources --test postgres
//! -- --ignored --nocapture`.

use std::time::Instant;

use crate::Database;
use crate::driver::Driver;

/// Rows of about 150 bytes in 10 columns.
const TABLE: &str = "CREATE TABLE t (id bigint PRIMARY KEY, a int, b int, c bigint, d text, \
     e text, f numeric(12,2), g timestamptz, h boolean, i uuid)";
const ROWS: u32 = 300_000;

fn rows(from: u32) -> String {
    format!(
        "INSERT INTO t SELECT g, g % 100, g % 1000, g * 3, 'name ' || g, repeat('x', 60), \
         g / 7.0, now(), g % 2 = 0, gen_random_uuid() \
         FROM generate_series({from}, {from} + {ROWS} - 1) g"
    )
}

/// CPU time of this process: of its own code and of the system for it, in s.
fn cpu_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Fields 14 and 15 of the line, in ticks of 10 ms.
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) / 100.0, ticks(12) / 100.0)
}

#[tokio::test]
#[ignore = "a measurement"]
async fn catching_up_and_snapshot() {
    let database = Database::with(TABLE);
    let mut driver = Driver::new(&database, &[("snapshot.mode", "no_data")]);
    driver.open().await.unwrap();
    driver.poll().await;
    driver.close().await;
    database.sql(&rows(1));
    let peek = Instant::now();
    database.sql(&format!(
        "SELECT count(*) FROM pg_logical_slot_peek_binary_changes('slot_{}', NULL, NULL, \
         'proto_version', '1', 'publication_names', 'dbz_publication', 'binary', 'true')",
        database.name
    ));
    let peek = peek.elapsed();
    driver.reopen().await;
    let begun = Instant::now();
    let cpu = cpu_seconds();
    let (mut count, mut batches) = (0, 0);
    let mut first = None;
    while count < ROWS as usize {
        let batch = driver.poll_only().await.unwrap();
        driver.keep(&batch);
        count += batch.rows();
        batches += 1;
        if count > 0 {
            first.get_or_insert_with(|| begun.elapsed());
        }
    }
    let took = begun.elapsed();
    let per_row = |seconds: f64| seconds / f64::from(ROWS) * 1e6;
    let (user, system) = cpu_seconds();
    println!(
        "stream: our CPU {:.2} + {:.2} µs a row, first rows after {first:?}",
        per_row(user - cpu.0),
        per_row(system - cpu.1)
    );
    println!(
        "stream: {count} rows in {took:?}, {batches} batches; peek {peek:?}, ratio {:.2}",
        peek.as_secs_f64() / took.as_secs_f64()
    );
    let copy = Instant::now();
    database.sql("COPY t TO '/dev/null' (FORMAT binary)");
    let copy = copy.elapsed();
    let keys = [("slot.name", "other_slot"), ("snapshot.mode", "initial")];
    let mut driver = Driver::new(&database, &keys);
    driver.open().await.unwrap();
    let begun = Instant::now();
    let mut count = 0;
    while count < ROWS as usize {
        let batch = driver.poll_only().await.unwrap();
        driver.keep(&batch);
        count += batch.rows();
    }
    let took = begun.elapsed();
    println!(
        "snapshot: {count} rows in {took:?}; COPY {copy:?}, ratio {:.2}",
        copy.as_secs_f64() / took.as_secs_f64()
    );
}
