//! Changes.

use serde_json::json;

use crate::Database;
use crate::driver::{Driver, Event};

fn ops(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::op).collect()
}

#[tokio::test]
async fn columns_that_come_go_and_change_make_new_schemas() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY, a int, b text)");
    let mut driver = Driver::new(&database, &[("snapshot.mode", "no_data")]);
    driver.open().await.unwrap();
    driver.poll().await;
    database.sql(
        "INSERT INTO t VALUES (1, 10, 'x');
         ALTER TABLE t ADD c text DEFAULT 'new'; INSERT INTO t VALUES (2, 20, 'y', 'z');
         BEGIN; ALTER TABLE t DROP b; INSERT INTO t VALUES (3, 30, 'w');
           ALTER TABLE t RENAME a TO aa; INSERT INTO t VALUES (4, 40, 'v'); COMMIT;
         ALTER TABLE t ALTER aa TYPE text; INSERT INTO t VALUES (5, 'fifty', 'u');
         CREATE TABLE later (id int PRIMARY KEY); INSERT INTO later VALUES (1);
         ALTER TABLE t RENAME TO t2; INSERT INTO t2 VALUES (6, 'six', 's')",
    );
    let rows = driver.take(7).await;
    assert_eq!(rows[0].at("/after"), json!({"id": 1, "a": 10, "b": "x"}));
    assert_eq!(rows[1].at("/after"), json!({"id": 2, "a": 20, "b": "y", "c": "z"}));
    assert_eq!(rows[2].at("/after"), json!({"id": 3, "a": 30, "c": "w"}));
    assert_eq!(rows[3].at("/after"), json!({"id": 4, "aa": 40, "c": "v"}));
    assert_eq!(rows[4].at("/after"), json!({"id": 5, "aa": "fifty", "c": "u"}));
    assert_eq!(rows[5].topic, "p.public.later");
    assert_eq!(rows[6].topic, "p.public.t2");
    // A restart decodes with the stored schema, though the catalog has gone on.
    driver.crash();
    database.sql("INSERT INTO t2 VALUES (7, 'seven', 's'); ALTER TABLE t2 DROP c");
    driver.reopen().await;
    let rows = driver.take(1).await;
    assert_eq!(rows[0].at("/after"), json!({"id": 7, "aa": "seven", "c": "s"}));
}

#[tokio::test]
async fn old_rows_are_as_the_replica_identity_says() {
    let database = Database::with(
        "CREATE TABLE d (id int PRIMARY KEY, v text); CREATE TABLE f (id int PRIMARY KEY, v text);
         ALTER TABLE f REPLICA IDENTITY FULL;
         CREATE TABLE i (id int PRIMARY KEY, u int NOT NULL UNIQUE, v text);
         ALTER TABLE i REPLICA IDENTITY USING INDEX i_u_key;
         CREATE TABLE n (id int PRIMARY KEY, v text); ALTER TABLE n REPLICA IDENTITY NOTHING",
    );
    let mut driver = Driver::new(&database, &[("snapshot.mode", "no_data")]);
    driver.open().await.unwrap();
    driver.poll().await;
    database.sql(
        "INSERT INTO d VALUES (1, 'a'); UPDATE d SET v = 'b'; UPDATE d SET id = 2; DELETE FROM d;
         INSERT INTO f VALUES (1, 'a'); UPDATE f SET v = 'b'; DELETE FROM f;
         INSERT INTO i VALUES (1, 5, 'a'); DELETE FROM i; INSERT INTO n VALUES (1, 'a')",
    );
    let rows = driver.drain().await;
    let expected = [
        "c",
        "u",
        "d",
        "tombstone",
        "c",
        "d",
        "tombstone",
        "c",
        "u",
        "d",
        "tombstone",
        "c",
        "d",
        "tombstone",
        "c",
    ];
    assert_eq!(ops(&rows), expected);
    assert_eq!(rows[1].at("/before"), json!(null));
    assert_eq!(rows[8].at("/before"), json!({"id": 1, "v": "a"}));
    assert_eq!(rows[9].at("/before"), json!({"id": 1, "v": "b"}));
}

#[tokio::test]
async fn a_transaction_is_gone_on_with_in_its_middle() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY, pad text)");
    let mut driver = Driver::new(&database, &[("snapshot.mode", "no_data")]);
    driver.open().await.unwrap();
    driver.poll().await;
    database.sql("INSERT INTO t SELECT g, repeat('x', 500) FROM generate_series(1, 40000) g");
    let mut ids = Vec::new();
    let mut crashes = 0;
    while ids.len() < 40000 {
        let rows = driver.poll().await;
        assert!(rows.len() < 10_000, "batches are bounded");
        ids.extend(rows.iter().filter_map(|row| row.at("/after/id").as_i64()));
        if ids.len() < 40000 && crashes < 5 {
            crashes += 1;
            let _lost = driver.poll_only().await.unwrap();
            driver.reopen().await;
        }
    }
    assert_eq!(ids, (1..=40000).collect::<Vec<_>>());
    assert_eq!(crashes, 5);
    // The whole transaction is durable now, and the server is told.
    let done = driver.position.clone().unwrap();
    assert_eq!(done.0["thalweg"]["ordinal"], 0);
}

#[tokio::test]
async fn lists_choose_schemas_tables_and_columns() {
    let database = Database::with(
        "CREATE SCHEMA s; CREATE TABLE s.orders (id int PRIMARY KEY, secret text, v int);
         CREATE TABLE s.orders_old (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY);
         INSERT INTO s.orders VALUES (1, 'x', 2); INSERT INTO s.orders_old VALUES (1);
         INSERT INTO other VALUES (1)",
    );
    let lists = [("table.include.list", "s.ORDERS"), ("column.exclude.list", ".*\\.secret")];
    let mut driver = Driver::new(&database, &lists);
    driver.open().await.unwrap();
    database.sql("INSERT INTO s.orders VALUES (2, 'y', 3); INSERT INTO other VALUES (2)");
    let rows = driver.take(2).await;
    assert_eq!(rows[0].at("/after"), json!({"id": 1, "v": 2}));
    assert_eq!(rows[1].at("/after"), json!({"id": 2, "v": 3}));
    assert_eq!(driver.drain().await, []);
}

#[tokio::test]
async fn partitions_are_told_as_leaves_or_as_their_root() {
    let sql = "CREATE TABLE m (id int PRIMARY KEY, v int) PARTITION BY RANGE (id);
         CREATE TABLE m1 PARTITION OF m FOR VALUES FROM (0) TO (10);
         CREATE TABLE m2 PARTITION OF m FOR VALUES FROM (10) TO (20);
         INSERT INTO m VALUES (1, 1), (11, 1), (2, 2)";
    for via_root in ["false", "true"] {
        let database = Database::with(sql);
        let mut driver = Driver::new(&database, &[("publish.via.partition.root", via_root)]);
        driver.open().await.unwrap();
        database.sql("INSERT INTO m VALUES (3, 3), (13, 3)");
        let rows = driver.take(5).await;
        let topics: Vec<&str> = rows.iter().map(|row| row.topic.as_str()).collect();
        let expected = if via_root == "true" {
            ["p.public.m"; 5]
        } else {
            ["p.public.m1", "p.public.m1", "p.public.m2", "p.public.m1", "p.public.m2"]
        };
        assert_eq!(topics, expected);
    }
}

#[tokio::test]
async fn wide_rows_and_unchanged_wide_values_pass() {
    let database = Database::with(
        "CREATE TABLE t (id int PRIMARY KEY, v int, wide text);
         ALTER TABLE t ALTER wide SET STORAGE EXTERNAL;
         INSERT INTO t SELECT 1, 1, repeat('w', 50000000)",
    );
    let mut driver = Driver::new(&database, &[]);
    driver.open().await.unwrap();
    let rows = driver.take(1).await;
    assert_eq!(rows[0].at("/after/wide").as_str().unwrap().len(), 50_000_000);
    database.sql("UPDATE t SET v = 2; INSERT INTO t SELECT 2, 1, repeat('v', 50000000)");
    let rows = driver.take(2).await;
    assert_eq!(rows[0].at("/after/v"), 2);
    assert_ne!(rows[0].at("/after/wide"), json!(null));
    assert_eq!(rows[1].at("/after/wide").as_str().unwrap().len(), 50_000_000);
}

#[tokio::test]
async fn truncates_are_told_if_they_are_wanted() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY)");
    let keys = [("skipped.operations", "none"), ("snapshot.mode", "no_data")];
    let mut driver = Driver::new(&database, &keys);
    driver.open().await.unwrap();
    driver.poll().await;
    database.sql("INSERT INTO t VALUES (1); TRUNCATE t; INSERT INTO t VALUES (2)");
    assert_eq!(ops(&driver.take(3).await), ["c", "t", "c"]);
}

#[tokio::test]
async fn heartbeats_come_on_their_topic() {
    let database = Database::with("CREATE TABLE beats (n int)");
    let keys = [
        ("heartbeat.interval.ms", "50"),
        ("heartbeat.action.query", "INSERT INTO beats VALUES (1)"),
        ("snapshot.mode", "no_data"),
        ("table.include.list", "public.none"),
    ];
    let mut driver = Driver::new(&database, &keys);
    driver.open().await.unwrap();
    let rows = driver.take(2).await;
    assert!(rows.iter().all(|row| row.topic == "__debezium-heartbeat.p"));
    assert_eq!(rows[0].key, json!({"serverName": "p"}));
    assert_ne!(database.sql("SELECT count(*) FROM beats"), "0");
}
