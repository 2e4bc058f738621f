//! What lies far behind.

use std::collections::HashSet;
use std::thread;

use crate::driver::{Driver, Event};
use crate::{Database, server};

const TABLE: &str = "CREATE TABLE t (id bigint PRIMARY KEY, tx int, note text)";

/// 60 MiB of WAL in transactions of 1,000 rows, and one transaction that is open
/// while half of them commit.
fn fill(database: &Database) {
    let name = database.name.clone();
    let open = thread::spawn(move || {
        server()
            .sql_in(
                &name,
                "BEGIN; INSERT INTO t SELECT n, -1, 'a' FROM generate_series(1000001, 1000100) n;
                 SELECT pg_sleep(1);
                 INSERT INTO t SELECT n, -1, 'b' FROM generate_series(1000101, 1000200) n; COMMIT",
            )
            .unwrap()
    });
    let bulk = |from: u32, to: u32| {
        database.sql(&format!(
            "DO $$ BEGIN FOR x IN {from}..{to} LOOP
               INSERT INTO t SELECT x * 1000 + n, x, repeat(md5(n::text), 10)
                 FROM generate_series(1, 1000) n;
               COMMIT;
             END LOOP; END $$"
        ));
    };
    bulk(1, 60);
    open.join().unwrap();
    bulk(61, 120);
}

/// A closed source with a backlog.
async fn far_behind() -> (Database, Driver) {
    let database = Database::with(TABLE);
    let mut driver = Driver::new(&database, &[("snapshot.mode", "no_data")]);
    driver.open().await.unwrap();
    driver.poll().await;
    driver.close().await;
    fill(&database);
    (database, driver)
}

fn copies(database: &Database) -> String {
    database.sql(&format!(
        "SELECT count(*) FROM pg_replication_slots WHERE temporary AND database = '{}'",
        database.name
    ))
}

/// Each row once, transactions whole and one after the other.
fn check(rows: &[Event]) {
    let ids: HashSet<i64> = rows.iter().map(|row| row.at("/after/id").as_i64().unwrap()).collect();
    assert_eq!((rows.len(), ids.len()), (120_200, 120_200));
    let mut seen = HashSet::new();
    for transaction in rows.chunk_by(|a, b| a.at("/after/tx") == b.at("/after/tx")) {
        let tx = transaction[0].at("/after/tx").as_i64().unwrap();
        assert!(seen.insert(tx), "transaction {tx} is in pieces");
        let ids: Vec<i64> =
            transaction.iter().map(|row| row.at("/after/id").as_i64().unwrap()).collect();
        assert!(ids.is_sorted(), "transaction {tx} is out of order");
    }
}

#[tokio::test]
async fn a_backlog_is_read_once_and_in_order_also_when_that_is_cut_short() {
    let (database, mut driver) = far_behind().await;

    let mut rows = Vec::new();
    for batches in [3, 40, usize::MAX] {
        driver.reopen().await;
        let mut count = 0;
        while count < batches && rows.len() < 120_200 {
            rows.extend(driver.poll().await);
            count += 1;
        }
        if batches < usize::MAX {
            assert_eq!(copies(&database), "2", "it is read by SQL");
            // Rows that never became durable come again.
            driver.poll_only().await.unwrap();
            driver.crash();
        }
    }
    check(&rows);
    // The stream goes on from there, and the copies of the slot are gone.
    database.sql("INSERT INTO t VALUES (0, 0, 'last')");
    assert_eq!(driver.take(1).await[0].at("/after/note"), "last");
    assert_eq!(copies(&database), "0");
    driver.close().await;
}

#[tokio::test]
async fn a_backlog_that_can_not_be_read_by_sql_is_streamed() {
    let (database, mut driver) = far_behind().await;
    // A user without the right to copy the slot meets the same: no backlog by SQL.
    database.sql(
        "CREATE ROLE streams LOGIN PASSWORD 'streams' REPLICATION;
         GRANT SELECT ON t TO streams",
    );
    let revoke = "REVOKE EXECUTE ON FUNCTION \
                  pg_copy_logical_replication_slot(name, name, boolean) FROM PUBLIC";
    database.sql(revoke);
    driver.config.insert("database.user".to_owned(), "streams".to_owned());
    driver.config.insert("database.password".to_owned(), "streams".to_owned());
    driver.config.insert("publication.autocreate.mode".to_owned(), "disabled".to_owned());
    driver.reopen().await;
    let mut rows = driver.poll().await;
    assert_eq!(copies(&database), "0");
    while rows.len() < 120_200 {
        rows.extend(driver.poll().await);
    }
    check(&rows);
    driver.close().await;
}
