//! Configs that can't work: each is refused with all its problems, by key.

use serde_json::json;
use thalweg_harness::{Postgres, PostgresOptions, Thalweg};

use crate::setup::{lake, post, source, thalweg};

/// Posts a config that must be refused; the answer's text.
fn refused(thalweg: &Thalweg, body: &str) -> String {
    let answer = thalweg.call("POST", "/connectors", Some(body)).unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.json()["error_code"], 400, "{}", answer.text);
    answer.json()["message"].as_str().unwrap().to_owned()
}

fn assert_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
    assert!(!text.contains("wrong-secret"), "a secret is shown: {text}");
}

#[test]
fn a_slot_and_a_filtered_publication_are_of_one_connector() {
    let postgres = Postgres::start().unwrap();
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY)").unwrap();
    let thalweg = thalweg();
    post(&thalweg, &source(&postgres, "one", &[]));
    let two = |more: &[(&str, &str)]| source(&postgres, "two", more);
    let at = format!("of 127.0.0.1:{}", postgres.port());
    let slot = format!("replication slot one {at} is connector one's");
    let text = refused(&thalweg, &two(&[("slot.name", "one")]).to_string());
    assert_holds(&text, &[&slot, "choose another slot.name"]);
    let publication = format!("publication one of database postgres {at} is connector one's");
    let text = refused(&thalweg, &two(&[("publication.name", "one")]).to_string());
    assert_holds(&text, &[&publication, "choose another publication.name"]);
    // One that is not changed for its tables can be shared.
    let shared = [("publication.name", "one"), ("publication.autocreate.mode", "disabled")];
    post(&thalweg, &two(&shared));
}

#[test]
fn bodies_that_are_no_config() {
    let thalweg = thalweg();
    assert_holds(&refused(&thalweg, "{\"name\": "), &["JSON"]);
    assert_holds(&refused(&thalweg, "{\"config\": {}}"), &["connector.class"]);
    let unknown = json!({ "name": "x", "config": { "connector.class": "com.example.Nope" } });
    assert_holds(
        &refused(&thalweg, &unknown.to_string()),
        &[
            "com.example.Nope",
            "io.debezium.connector.postgresql.PostgresConnector",
            "io.confluent.connect.s3.S3SinkConnector",
        ],
    );
}

#[test]
fn every_problem_of_a_config_is_named() {
    let thalweg = thalweg();
    let config = json!({ "name": "x", "config": {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.port": "many",
        "table.inclde.list": "public.t",
        "snapshot.mode": "sometimes",
        "status.update.interval.ms": "-1",
        "transforms": "unwrap",
        "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
        "database.password": "wrong-secret",
    }});
    assert_holds(
        &refused(&thalweg, &config.to_string()),
        &[
            "database.hostname",
            "topic.prefix",
            "database.port",
            "did you mean table.include.list?",
            "snapshot.mode",
            "status.update.interval.ms",
            "not supported yet: transforms",
            "validate",
        ],
    );
    assert_eq!(thalweg.call("GET", "/connectors", None).unwrap().text, "[]");
}

#[test]
fn what_postgres_can_not_do_is_said_before_it_starts() {
    let thalweg = thalweg();
    let postgres = Postgres::start_with(PostgresOptions {
        wal_level: "replica",
        auth: "scram-sha-256",
        ..PostgresOptions::default()
    })
    .unwrap();
    postgres
        .sql("CREATE ROLE weak LOGIN PASSWORD 'weak'; CREATE TABLE t (id int PRIMARY KEY)")
        .unwrap();
    let post = |more: &[(&str, &str)]| refused(&thalweg, &source(&postgres, "x", more).to_string());
    assert_holds(&post(&[]), &["wal_level", "logical"]);
    assert_holds(&post(&[("database.password", "wrong-secret")]), &["password", "postgres"]);
    assert_holds(&post(&[("database.dbname", "nowhere")]), &["database.dbname", "nowhere"]);
    assert_holds(&post(&[("database.hostname", "nowhere.invalid")]), &["nowhere.invalid"]);
    assert_holds(&post(&[("database.port", "1")]), &["127.0.0.1", "1"]);
    assert_holds(
        &post(&[("database.user", "weak"), ("database.password", "weak")]),
        &["REPLICATION", "weak"],
    );
    assert_holds(&post(&[("publication.autocreate.mode", "disabled")]), &["publication", "x"]);
    assert_holds(&post(&[("table.include.list", "public.missing")]), &["public.missing"]);
}

#[test]
fn a_lake_that_can_not_be_written_is_refused() {
    let thalweg = thalweg();
    // Below a file there can be no folder, whoever asks.
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("lake");
    let config = lake("x", &below, &[("topics", "t")]).to_string();
    assert_holds(&refused(&thalweg, &config), &["store.url", below.to_str().unwrap()]);
    let config = lake("x", &below, &[("topics", "t"), ("flush.size", "-")]).to_string();
    assert_holds(&refused(&thalweg, &config), &["flush.size"]);
}

#[test]
fn a_masked_password_comes_back_and_stays() {
    let postgres = Postgres::start_with(PostgresOptions {
        auth: "scram-sha-256",
        ..PostgresOptions::default()
    })
    .unwrap();
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY)").unwrap();
    let thalweg = thalweg();
    post(&thalweg, &source(&postgres, "masked", &[]));
    let config = thalweg.call("GET", "/connectors/masked/config", None).unwrap();
    assert!(!config.text.contains("\"database.password\":\"postgres\""), "{}", config.text);
    // Get, edit, put: the password is still the right one.
    let mut edited = config.json();
    edited["heartbeat.interval.ms"] = json!("0");
    let put = thalweg.call("PUT", "/connectors/masked/config", Some(&edited.to_string())).unwrap();
    assert_eq!(put.status, 200, "{}", put.text);
    crate::setup::wait_for_task(&thalweg, "masked", "RUNNING");
    // A new connector has no stored value that the mask could stand for.
    let posted = json!({ "name": "other", "config": edited }).to_string();
    let answer = thalweg.call("POST", "/connectors", Some(&posted)).unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text);
}
