//! Snapshots: markers, modes, hand-over, interruptions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::driver::{Driver, Event, events};
use crate::{Database, server};

#[tokio::test]
async fn rows_of_each_table_come_marked_and_then_the_stream() {
    let database = Database::with(
        "CREATE TABLE a (id int PRIMARY KEY, note text); INSERT INTO a VALUES (1, 'x'), (2, NULL);
         CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (7);
         CREATE TABLE c (id int PRIMARY KEY);
         INSERT INTO c SELECT generate_series(1, 3); CREATE TABLE d (id int PRIMARY KEY)",
    );
    let mut driver = Driver::new(&database, &[]);
    driver.open().await.unwrap();
    let rows = driver.take(6).await;
    let shown: Vec<(&str, Value, Value)> = rows
        .iter()
        .map(|row| (row.topic.as_str(), row.at("/after/id"), row.at("/source/snapshot")))
        .collect();
    let expected = [
        ("p.public.a", json!(1), json!("first")),
        ("p.public.a", json!(2), json!("last_in_data_collection")),
        ("p.public.b", json!(7), json!("last_in_data_collection")),
        ("p.public.c", json!(1), json!("first_in_data_collection")),
        ("p.public.c", json!(2), json!("true")),
        ("p.public.c", json!(3), json!("last")),
    ];
    assert_eq!(shown, expected);
    assert!(rows.iter().all(|row| row.op() == "r"));
    database.sql("INSERT INTO d VALUES (5); UPDATE a SET note = 'y' WHERE id = 2; DELETE FROM b");
    let rows = driver.take(4).await;
    let ops: Vec<&str> = rows.iter().map(Event::op).collect();
    assert_eq!(ops, ["c", "u", "d", "tombstone"]);
    assert_eq!(rows[0].at("/after/id"), 5);
    assert_eq!(rows[1].at("/after/note"), "y");
    assert_eq!(rows[2].at("/before/id"), 7);
    assert_eq!(rows[3].key["id"], 7);
}

/// What a reader of the topic knows at its end.
#[derive(Default)]
pub(crate) struct Replica {
    rows: BTreeMap<String, Value>,
    /// Creates of rows that are there, changes of rows that are not.
    wrong: Vec<String>,
}

impl Replica {
    pub(crate) fn apply(&mut self, events: &[Event]) {
        for event in events {
            let key = event.key.to_string();
            let known = self.rows.contains_key(&key);
            match event.op() {
                "c" | "r" => {
                    self.rows.insert(key.clone(), event.at("/after"));
                    if known {
                        self.wrong.push(format!("{} of {key}, which is there", event.op()));
                    }
                }
                "u" => {
                    self.rows.insert(key.clone(), event.at("/after"));
                    if !known {
                        self.wrong.push(format!("update of {key}, which is not there"));
                    }
                }
                "d" => {
                    self.rows.remove(&key);
                    if !known {
                        self.wrong.push(format!("delete of {key}, which is not there"));
                    }
                }
                "t" => self.rows.clear(),
                _ => {}
            }
        }
    }

    pub(crate) fn check(&self, database: &Database, table: &str) {
        assert!(self.wrong.is_empty(), "{} wrong: {:?}", self.wrong.len(), &self.wrong[..1]);
        let count = database.sql(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(self.rows.len().to_string(), count);
        let ours: i64 = self.rows.values().filter_map(|row| row["n"].as_i64()).sum();
        assert_eq!(ours.to_string(), database.sql(&format!("SELECT sum(n) FROM {table}")));
    }
}

/// A table of several chunks of the snapshot.
fn large(key_type: &str, key: &str) -> Database {
    Database::with(&format!(
        "CREATE TABLE t (id {key_type} PRIMARY KEY, n bigint, pad text);
         INSERT INTO t SELECT ({key}), g, repeat('y', 800) FROM generate_series(1, 12000) g"
    ))
}

#[tokio::test]
async fn a_table_that_is_rewritten_while_the_slot_is_made_is_not_read_as_empty() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY, n int)");
    database.sql("INSERT INTO t SELECT g, g FROM generate_series(1, 100) g");
    // As soon as the slot has its place, before anybody can lock the table.
    let name = database.name.clone();
    let rewrite = std::thread::spawn(move || {
        let sql = format!(
            "DO $$ BEGIN LOOP
               EXIT WHEN EXISTS (SELECT FROM pg_replication_slots
                 WHERE slot_name = 'slot_{name}' AND confirmed_flush_lsn IS NOT NULL);
               PERFORM pg_sleep(0.0002);
             END LOOP; ALTER TABLE t ALTER n TYPE bigint; END $$"
        );
        server().sql_in(&name, &sql).unwrap();
    });
    let loops = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN LOOP%'
                 AND datname = current_database()";
    while database.sql(loops) == "0" {}
    let mut driver = Driver::new(&database, &[]);
    driver.open().await.unwrap();
    let mut replica = Replica::default();
    replica.apply(&driver.drain().await);
    rewrite.join().unwrap();
    database.sql("INSERT INTO t VALUES (101, 7)");
    replica.apply(&driver.take(1).await);
    replica.check(&database, "t");
}

#[tokio::test]
async fn a_table_that_is_emptied_between_two_parts_of_its_snapshot_is_told_to_be() {
    let database = large("bigint", "g");
    let mut driver = Driver::new(&database, &[("skipped.operations", "none")]);
    let mut replica = Replica::default();
    driver.open().await.unwrap();
    replica.apply(&driver.poll().await);
    assert!(!driver.is_streaming() && !replica.rows.is_empty());
    driver.crash();
    database.sql("TRUNCATE t; INSERT INTO t SELECT g * 10, g FROM generate_series(1, 9) g");
    driver.reopen().await;
    let notes = driver.notes.all();
    assert!(notes["snapshot"].contains("public.t"), "{notes:?}");
    let rows = driver.drain().await;
    assert_eq!(rows[0].op(), "t");
    assert_eq!(rows.len(), 10);
    replica.apply(&rows);
    replica.check(&database, "t");
    // Once more, with nothing left to read.
    let database = large("bigint", "g");
    let mut driver = Driver::new(&database, &[("skipped.operations", "none")]);
    driver.open().await.unwrap();
    driver.poll().await;
    driver.crash();
    database.sql("TRUNCATE t");
    driver.reopen().await;
    let ops: Vec<String> = driver.drain().await.iter().map(|row| row.op().to_owned()).collect();
    assert_eq!(ops, ["t"]);
}

#[tokio::test]
async fn a_table_that_is_renamed_or_dropped_after_its_snapshot_does_not_stop_the_stream() {
    for ddl in ["ALTER TABLE t RENAME id TO id2; ALTER TABLE t RENAME TO t2", "DROP TABLE t"] {
        let database = large("text", "md5(g::text)");
        let mut driver = Driver::new(&database, &[]);
        let mut replica = Replica::default();
        driver.open().await.unwrap();
        replica.apply(&driver.poll().await);
        // The first part of the table does not have this, the rest does.
        database.sql("UPDATE t SET n = n + 1 WHERE n % 97 = 0; DELETE FROM t WHERE n % 101 = 0");
        driver.reopen().await;
        while !driver.is_streaming() {
            replica.apply(&driver.poll().await);
        }
        database.sql(&format!("{ddl}; CREATE TABLE later (n int PRIMARY KEY)"));
        database.sql("INSERT INTO later VALUES (1)");
        loop {
            let rows = driver.poll().await;
            let (later, of_t) = rows.iter().cloned().partition::<Vec<_>, _>(is_later);
            replica.apply(&of_t);
            if !later.is_empty() {
                break;
            }
        }
        if !ddl.starts_with("DROP") {
            replica.check(&database, "t2");
        }
    }
}

fn is_later(event: &Event) -> bool {
    event.topic == "p.public.later"
}

/// Inserts, updates, deletes and moves rows until it is told to stop.
pub(crate) fn load(
    database: &str,
    key: &'static str,
) -> (Arc<AtomicBool>, std::thread::JoinHandle<()>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (database, stopped) = (database.to_owned(), Arc::clone(&stop));
    let worker = std::thread::spawn(move || {
        let mut round = 0;
        while !stopped.load(Ordering::Relaxed) {
            round += 1;
            let fresh = 1_000_000 + round * 100;
            let sql = format!(
                "INSERT INTO t SELECT ({key}), g, repeat('x', 50) \
                   FROM generate_series({fresh}, {fresh} + 19) g;
                 UPDATE t SET n = n + 1 WHERE n % 997 = {round} % 997;
                 BEGIN; DELETE FROM t WHERE n % 1009 = {round} % 1009;
                 UPDATE t SET id = ({key}) FROM (SELECT {fresh} + 3000000 AS g) x
                   WHERE n = {fresh} + 7; COMMIT;
                 BEGIN; DELETE FROM t WHERE n % 97 = 3; ROLLBACK;"
            );
            server().sql_in(&database, &sql).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(30));
        }
    });
    (stop, worker)
}

async fn hand_over(key_type: &str, key: &'static str, crashes: usize) {
    let database = large(key_type, key);
    let mut driver = Driver::new(&database, &[]);
    let (stop, worker) = load(&database.name, key);
    let mut replica = Replica::default();
    driver.open().await.unwrap();
    let mut left = crashes;
    while !driver.is_streaming() {
        let batch = driver.poll_only().await.unwrap();
        driver.keep(&batch);
        replica.apply(&events(&batch));
        if left > 0 && !batch.batches.is_empty() {
            left -= 1;
            // One chunk more is read and lost.
            let _ = driver.poll_only().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
            driver.reopen().await;
        }
    }
    for _ in 0..20 {
        replica.apply(&driver.poll().await);
    }
    stop.store(true, Ordering::Relaxed);
    worker.join().unwrap();
    replica.apply(&driver.drain().await);
    replica.check(&database, "t");
    assert_eq!(left, 0, "the snapshot was too short to be interrupted");
    assert!(
        driver.state.keys().all(|key| !key.starts_with("snapshot")),
        "the filter did not end: {:?}",
        driver.state.keys()
    );
}

#[tokio::test]
async fn no_row_is_lost_or_doubled_at_the_hand_over() {
    hand_over("bigint", "g", 0).await;
}

#[tokio::test]
async fn an_interrupted_snapshot_goes_on_without_a_row_twice() {
    hand_over("bigint", "g", 3).await;
}

#[tokio::test]
async fn keys_of_text_are_compared_by_the_server() {
    hand_over("text", "md5(g::text)", 2).await;
}

#[tokio::test]
async fn keys_without_text_of_ours_are_read_as_text() {
    hand_over("numeric", "g / 8.0", 2).await;
}
