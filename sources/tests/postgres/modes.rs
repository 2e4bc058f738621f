//! Snapshot modes, and tables without a primary key.

use serde_json::json;

use crate::Database;
use crate::driver::{Driver, Event, events};

fn ids(rows: &[Event]) -> Vec<(&str, i64)> {
    rows.iter().map(|row| (row.op(), row.at("/after/id").as_i64().unwrap())).collect()
}

#[tokio::test]
async fn always_reads_all_again_and_goes_on_without_doubling_changes() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let mut driver = Driver::new(&database, &[("snapshot.mode", "always")]);
    driver.open().await.unwrap();
    assert_eq!(ids(&driver.drain().await), [("r", 1)]);
    driver.close().await;
    database.sql("INSERT INTO t VALUES (2)");
    driver.reopen().await;
    database.sql("INSERT INTO t VALUES (3)");
    assert_eq!(ids(&driver.drain().await), [("r", 1), ("r", 2), ("c", 3)]);
}

#[tokio::test]
async fn initial_only_reads_once_and_leaves_no_slot() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let mut driver = Driver::new(&database, &[("snapshot.mode", "initial_only")]);
    driver.open().await.unwrap();
    assert_eq!(ids(&driver.take(1).await), [("r", 1)]);
    driver.poll().await;
    assert!(driver.is_streaming(), "the snapshot is done");
    driver.close().await;
    database.sql("INSERT INTO t VALUES (2)");
    driver.open().await.unwrap();
    assert_eq!(driver.drain().await, []);
    let slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
    assert_eq!(database.sql(slots), "0");
}

#[tokio::test]
async fn a_table_without_key_is_read_again_and_that_is_told() {
    let database = Database::with(
        "CREATE TABLE k (id int PRIMARY KEY); INSERT INTO k VALUES (1);
         CREATE TABLE n (id int, pad text);
         INSERT INTO n SELECT g, repeat('x', 1000) FROM generate_series(1, 6000) g",
    );
    let mut driver = Driver::new(&database, &[]);
    driver.open().await.unwrap();
    let batch = driver.poll_only().await.unwrap();
    driver.keep(&batch);
    assert!(events(&batch).len() < 6000);
    driver.reopen().await;
    let note = driver.notes.all()["snapshot"].clone();
    assert!(note.contains("public.n"), "{note}");
    let rows = driver.drain().await;
    assert_eq!(rows.iter().filter(|row| row.topic == "p.public.n").count(), 6000);
    assert_eq!(rows.iter().filter(|row| row.topic == "p.public.k").count(), 0);
    assert!(!driver.notes.all().contains_key("snapshot"), "the note ends with the snapshot");
}

#[tokio::test]
async fn filtered_publications_have_the_tables_of_the_lists() {
    let database = Database::with(
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY);
         CREATE TABLE c (id int PRIMARY KEY)",
    );
    let keys =
        [("publication.autocreate.mode", "filtered"), ("table.include.list", "public.a,public.b")];
    let mut driver = Driver::new(&database, &keys);
    driver.open().await.unwrap();
    driver.drain().await;
    let published = "SELECT string_agg(tablename, ',' ORDER BY 1) FROM pg_publication_tables";
    assert_eq!(database.sql(published), "a,b");
    driver.close().await;
    driver.config.insert("table.include.list".into(), "public.a,public.c".into());
    driver.reopen().await;
    assert_eq!(database.sql(published), "a,c");
    database.sql("INSERT INTO c VALUES (4)");
    assert_eq!(driver.take(1).await[0].at("/after"), json!({"id": 4}));
}
