//! What can happen to the source's server while we run or rest.

use thalweg_harness::{Postgres, Thalweg};

use crate::setup::{eventually, options, post, source, status, thalweg, wait_for_task};

fn with_table() -> Postgres {
    let postgres = Postgres::start().unwrap();
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
    postgres
}

fn acknowledged(postgres: &Postgres, lsn: &str) -> bool {
    let sql = format!("SELECT bool_and(confirmed_flush_lsn >= '{lsn}') FROM pg_replication_slots");
    postgres.sql(&sql).unwrap() == "t"
}

#[test]
fn postgres_restarts_in_mid_stream() {
    let mut postgres = with_table();
    let thalweg = thalweg();
    post(&thalweg, &source(&postgres, "again", &[]));
    wait_for_task(&thalweg, "again", "RUNNING");
    postgres.sql("INSERT INTO t VALUES (2)").unwrap();
    postgres.stop().unwrap();
    let waiting = wait_for_task(&thalweg, "again", "RESTARTING");
    assert!(waiting["tasks"][0]["trace"].as_str().is_some_and(|cause| !cause.is_empty()));
    postgres.resume().unwrap();
    wait_for_task(&thalweg, "again", "RUNNING");
    postgres.sql("INSERT INTO t VALUES (3)").unwrap();
    let end = postgres.sql("SELECT pg_current_wal_lsn()").unwrap();
    postgres.sql("INSERT INTO t VALUES (4)").unwrap();
    eventually("the acknowledgement", &thalweg, || (acknowledged(&postgres, &end), end.clone()));
}

#[test]
fn an_idle_table_does_not_hold_the_wal() {
    let postgres = with_table();
    postgres.sql("CREATE TABLE other (id int)").unwrap();
    let thalweg = thalweg();
    let more = [("table.include.list", "public.t")];
    post(&thalweg, &source(&postgres, "idle", &more));
    wait_for_task(&thalweg, "idle", "RUNNING");
    postgres.sql("INSERT INTO other SELECT generate_series(1, 10000)").unwrap();
    let end = postgres.sql("SELECT pg_current_wal_lsn()").unwrap();
    eventually("the acknowledgement of a keepalive", &thalweg, || {
        (acknowledged(&postgres, &end), postgres.sql("SELECT pg_current_wal_lsn()").unwrap())
    });
}

#[test]
fn a_slot_that_was_dropped_is_not_made_again_in_silence() {
    let postgres = with_table();
    let home = tempfile::tempdir().unwrap();
    let first = Thalweg::start(&options(Some(home.path()))).unwrap();
    post(&first, &source(&postgres, "gone", &[]));
    wait_for_task(&first, "gone", "RUNNING");
    let end = postgres.sql("SELECT pg_current_wal_lsn()").unwrap();
    eventually("a position", &first, || (acknowledged(&postgres, &end), ()));
    assert!(first.stop().unwrap().success());
    eventually_free(&postgres);
    postgres.sql("SELECT pg_drop_replication_slot('gone')").unwrap();
    postgres.sql("INSERT INTO t VALUES (2)").unwrap();

    let second = Thalweg::start(&options(Some(home.path()))).unwrap();
    let failed = wait_for_task(&second, "gone", "FAILED");
    let trace = failed["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.contains("slot") && trace.contains("gone"), "{trace}");
    assert_eq!(postgres.sql("SELECT count(*) FROM pg_replication_slots").unwrap(), "0");
}

fn eventually_free(postgres: &Postgres) {
    let patience = crate::setup::PATIENCE;
    let sql = "SELECT count(*) FROM pg_replication_slots WHERE active";
    thalweg_harness::wait_until("the slot to be free", patience, || {
        (postgres.sql(sql).ok()? == "0").then_some(())
    })
    .unwrap();
}

#[test]
fn a_slot_in_use_fails_one_connector_and_no_other() {
    let postgres = with_table();
    let thalweg = thalweg();
    post(&thalweg, &source(&postgres, "one", &[]));
    wait_for_task(&thalweg, "one", "RUNNING");
    let mut second = source(&postgres, "one", &[("topic.prefix", "two")]);
    second["name"] = "two".into();
    let answer = thalweg.call("POST", "/connectors", Some(&second.to_string())).unwrap();
    if answer.status == 201 {
        eventually("the cause", &thalweg, || {
            let status = status(&thalweg, "two");
            let trace = status["tasks"][0]["trace"].as_str().unwrap_or_default().to_owned();
            (
                trace.contains("one") && (trace.contains("in use") || trace.contains("active")),
                status,
            )
        });
    } else {
        assert!(answer.text.contains("slot.name"), "{}", answer.text);
    }
    assert_eq!(status(&thalweg, "one")["tasks"][0]["state"], "RUNNING");
}
