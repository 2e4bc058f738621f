//! What goes wrong, and in which words.

use std::sync::Arc;

use thalweg_core::ErrorKind;
use thalweg_core::config::{Declare, Problem};
use thalweg_core::connector::SourceConnector;
use thalweg_sources::postgres::Postgres;

use crate::Database;
use crate::driver::Driver;

async fn check(driver: &Driver) -> Vec<Problem> {
    let mut keys = Declare::read(&driver.config);
    let config = Arc::new(Postgres.declare(&mut keys));
    Postgres.check(&config).await
}

#[tokio::test]
async fn a_missing_lost_busy_or_moved_slot_is_told_apart() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let slot = format!("slot_{}", database.name);
    let mut driver = Driver::new(&database, &[]);
    driver.open().await.unwrap();
    driver.drain().await;

    let mut second = Driver::new(&database, &[]);
    let error = second.open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Retriable);
    assert!(error.to_string().contains("in use"), "{error}");

    driver.close().await;
    database.sql("INSERT INTO t VALUES (2)");
    database.sql(&format!("SELECT pg_replication_slot_advance('{slot}', pg_current_wal_lsn())"));
    let error = driver.open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fatal);
    assert!(error.to_string().contains("advanced by another"), "{error}");

    database.sql(&format!("SELECT pg_drop_replication_slot('{slot}')"));
    let error = driver.open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fatal);
    assert!(error.to_string().contains("does not exist any more"), "{error}");

    driver.config.insert("snapshot.mode".into(), "when_needed".into());
    driver.open().await.unwrap();
    let rows = driver.drain().await;
    assert_eq!(rows.len(), 2, "a new snapshot");
    assert!(rows.iter().all(|row| row.op() == "r"));
}

#[tokio::test]
async fn a_slot_that_was_made_before_is_used_without_gap_or_doubling() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    database.sql("CREATE PUBLICATION dbz_publication FOR ALL TABLES");
    database.sql(&format!(
        "SELECT pg_create_logical_replication_slot('slot_{}', 'pgoutput')",
        database.name
    ));
    database.sql("INSERT INTO t VALUES (2)");
    let mut driver = Driver::new(&database, &[]);
    driver.open().await.unwrap();
    database.sql("INSERT INTO t VALUES (3)");
    let rows = driver.drain().await;
    let shown: Vec<_> = rows.iter().map(|row| (row.op(), row.at("/after/id"))).collect();
    assert_eq!(shown, [("r", 1.into()), ("r", 2.into()), ("c", 3.into())]);
}

#[tokio::test]
async fn a_slot_of_another_decoder_is_refused() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY)");
    database.sql(&format!("SELECT pg_create_physical_replication_slot('slot_{}')", database.name));
    let error = Driver::new(&database, &[]).open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadConfig, "{error}");
}

#[tokio::test]
async fn everything_that_stands_in_the_way_is_told_at_once() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY)");
    let role = format!("weak_{}", database.name);
    database.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'weak'"));
    let mut driver = Driver::new(&database, &[("database.user", &role)]);
    driver.config.insert("publication.autocreate.mode".into(), "disabled".into());
    let problems = check(&driver).await;
    let grant = format!("GRANT SELECT ON public.t TO {role}");
    assert!(problems.iter().any(|problem| problem.message.contains(&grant)), "{problems:?}");
    let mut found: Vec<String> = problems.into_iter().map(|found| found.key).collect();
    found.sort();
    assert_eq!(found, ["database.user", "publication.name", "table.include.list"]);
    driver.config.insert("database.user".into(), "postgres".into());
    driver.config.insert("publication.autocreate.mode".into(), "all_tables".into());
    assert_eq!(check(&driver).await, []);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_with_what_to_do() {
    let database = Database::new();
    for (key, value, problem) in [
        ("database.port", "1", "database.hostname"),
        ("database.dbname", "nowhere", "database.dbname"),
        ("database.hostname", "no.such.host.invalid", "database.hostname"),
    ] {
        let driver = Driver::new(&database, &[(key, value)]);
        let found = check(&driver).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].key, problem);
        assert!(found[0].message.contains("check database."), "{}", found[0].message);
    }
}

#[tokio::test]
async fn connectors_of_one_database_begin_at_once_and_drop_their_slots_when_told_to() {
    let database = Database::with("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
    let opened = (0..4).map(|number| {
        let slot = format!("several_{number}_{}", database.name);
        let mut driver =
            Driver::new(&database, &[("slot.name", &slot), ("slot.drop.on.stop", "true")]);
        async move {
            // Whoever comes second where all make the publication tries again.
            while let Err(error) = driver.open().await {
                assert_eq!(error.kind(), ErrorKind::Retriable, "{error}");
            }
            assert_eq!(driver.take(1).await[0].op(), "r");
            driver
        }
    });
    let mut drivers = futures_util::future::join_all(opened).await;
    database.sql("INSERT INTO t VALUES (2)");
    let slots = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
    assert_eq!(database.sql(slots), "4");
    for driver in &mut drivers {
        assert_eq!(driver.take(1).await[0].op(), "c");
        driver.cancel.cancel();
        driver.close().await;
    }
    assert_eq!(database.sql(slots), "0");
}
