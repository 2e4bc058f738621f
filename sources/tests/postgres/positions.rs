//! What the server is told, and when.

use std::time::{Duration, Instant};

use crate::Database;
use crate::driver::Driver;

fn confirmed(database: &Database) -> String {
    database.sql(&format!(
        "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = 'slot_{}'",
        database.name
    ))
}

#[tokio::test]
async fn only_durable_positions_are_confirmed_and_idle_ones_are_too() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY)");
    let mut driver = Driver::new(&database, &[("table.include.list", "public.t")]);
    driver.open().await.unwrap();
    driver.drain().await;
    database.sql("INSERT INTO t VALUES (1)");
    // It is read, but never durable: the server must not hear of it.
    let mut rows = 0;
    for _ in 0..8 {
        let next = tokio::time::timeout(Duration::from_millis(300), driver.poll_only()).await;
        rows += next.map_or(0, |batch| batch.unwrap().rows());
    }
    assert_eq!(rows, 1);
    let durable = driver.position.clone().unwrap().0["thalweg"]["flush_lsn"].clone();
    let ahead = format!("SELECT '{}'::pg_lsn > {durable}", confirmed(&database));
    assert_eq!(database.sql(&ahead.replace('"', "'")), "f");
    driver.reopen().await;
    assert_eq!(driver.take(1).await.len(), 1);
    // Other tables write: the slot follows.
    database.sql("CREATE TABLE other AS SELECT generate_series(1, 100000)");
    let target = database.sql("SELECT pg_current_wal_lsn()");
    let begun = Instant::now();
    loop {
        assert_eq!(driver.poll().await, []);
        let behind = format!("SELECT '{}'::pg_lsn < '{target}'::pg_lsn", confirmed(&database));
        if database.sql(&behind) == "f" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "confirmed_flush_lsn is frozen");
    }
}

#[tokio::test]
async fn a_closed_task_lets_go_of_its_slot_and_goes_on_where_it_was() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY)");
    let mut driver = Driver::new(&database, &[]);
    driver.open().await.unwrap();
    driver.drain().await;
    database.sql("INSERT INTO t VALUES (1)");
    driver.take(1).await;
    driver.close().await;
    database.sql("INSERT INTO t VALUES (2), (3)");
    driver.reopen().await;
    let rows = driver.drain().await;
    let ids: Vec<_> = rows.iter().filter_map(|row| row.at("/after/id").as_i64()).collect();
    assert_eq!(ids, [2, 3]);
}

#[tokio::test]
async fn an_idle_connection_outlives_the_servers_timeout() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY)");
    database.sql(&format!("ALTER DATABASE {} SET wal_sender_timeout = '2s'", database.name));
    let rare = [("status.update.interval.ms", "60000"), ("snapshot.mode", "no_data")];
    let mut driver = Driver::new(&database, &rare);
    driver.open().await.unwrap();
    driver.poll().await;
    let process = format!(
        "SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'slot_{}'",
        database.name
    );
    let begun = Instant::now();
    let mut processes = std::collections::BTreeSet::new();
    while begun.elapsed() < Duration::from_secs(7) {
        let next = tokio::time::timeout(Duration::from_millis(500), driver.poll_only()).await;
        if let Ok(batch) = next {
            driver.keep(&batch.unwrap());
        }
        processes.insert(database.sql(&process));
    }
    assert_eq!(processes.len(), 1, "{processes:?}");
    assert!(!processes.contains(""), "nobody reads the slot");
}
