//! What we write against what Debezium wrote (`tests/debezium/`), field by
//! field, on a real Postgres.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails loudly")]

mod compare;
mod connector;
mod differences;
mod direct;
mod fixtures;
mod ours;

use compare::Report;
use differences::Differences;
use fixtures::Event;
use thalweg_harness::Postgres;

const DATABASE: &str = "oracle";

fn fresh_database(server: &Postgres, sql: &str) {
    server.sql(&format!("DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")).unwrap();
    server.sql(&format!("CREATE DATABASE {DATABASE}")).unwrap();
    server.sql_in(DATABASE, sql).unwrap();
}

fn url(server: &Postgres) -> String {
    server.url().replace("dbname=postgres", &format!("dbname={DATABASE}"))
}

fn of_snapshot(events: &[Event]) -> impl Iterator<Item = &Event> {
    events.iter().filter(|event| event.value["op"] == "r")
}

/// Which rows are the first and the last ones is not known to plain queries.
fn without_marker(event: &Event) -> Event {
    let mut event = event.clone();
    event.value["source"]["snapshot"] = "true".into();
    event
}

#[tokio::test]
async fn rows_in_text_and_in_binary_form_are_what_debezium_writes() {
    let server = Postgres::start().unwrap();
    let known = Differences::read();
    let mut report = Report::default();
    for case in fixtures::cases() {
        if case.failed || case.config.contains_key("snapshot.mode") {
            continue;
        }
        fresh_database(&server, &case.before);
        let client = direct::connect(&url(&server)).await.unwrap();
        let theirs = of_snapshot(&case.events).map(without_marker).collect::<Vec<_>>();
        let settings = direct::settings(&case);
        for binary in [false, true] {
            let batches = direct::snapshot(&client, &settings, binary).await.unwrap();
            let ours = ours::events(&batches, case.nulls_to_defaults());
            let ours: Vec<Event> = ours.iter().map(without_marker).collect();
            compare::events(&mut report, &known, &case.name, "snapshot", &ours, &theirs);
        }
    }
    finish(&report, &known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_connector_writes_is_what_debezium_writes() {
    let only = std::env::var("THALWEG_CASE").ok();
    let server = Postgres::start().unwrap();
    let known = Differences::read();
    let mut report = Report::default();
    let mut refused = Vec::new();
    for case in fixtures::cases() {
        if case.failed || only.as_ref().is_some_and(|only| *only != case.name) {
            continue;
        }
        let ran = match connector::run(&server, &case).await {
            Ok(ran) => ran,
            Err(problems) => {
                refused.push(format!("{}: {}", case.name, problems.join("; ")));
                continue;
            }
        };
        let (snapshot, stream): (Vec<Event>, Vec<Event>) =
            case.events.iter().cloned().partition(|event| event.value["op"] == "r");
        for (phase, ours, theirs) in
            [("snapshot", &ran.snapshot, &snapshot), ("stream", &ran.stream, &stream)]
        {
            compare::events(&mut report, &known, &case.name, phase, ours, theirs);
        }
    }
    for line in &refused {
        println!("not run, its config is refused: {line}");
    }
    finish(&report, &known);
    if only.is_none() {
        assert_eq!(known.unused(), Vec::<String>::new(), "lines that cover nothing");
    }
}

/// Where Debezium's connector stops, by a type anywhere in the database or by a
/// value, ours goes on or says what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stops_debezium_is_read_or_explained() {
    let server = Postgres::start().unwrap();
    let failing: Vec<_> = fixtures::cases().into_iter().filter(|case| case.failed).collect();
    let find = |name: &str| failing.iter().find(|case| case.name == name).unwrap();
    for name in ["empty-enum", "domain-of-enum"] {
        let ran = connector::run(&server, find(name)).await.unwrap();
        assert_eq!((ran.snapshot.len(), ran.stream.len()), (1, 1), "{name}");
    }
    let stopped = connector::try_run(&server, find("names-collide")).await;
    let error = stopped.err().unwrap().to_string();
    assert!(error.contains("a_b") && error.contains("field.name.adjustment.mode"), "{error}");
    let stopped = connector::try_run(&server, find("nan-stream")).await;
    let error = stopped.err().unwrap().to_string();
    assert!(error.contains("column nn") && error.contains("decimal.handling.mode"), "{error}");
}

fn finish(report: &Report, known: &Differences) {
    let (cases, equal) = report.column_cases();
    println!(
        "{cases} column cases, {equal} without any difference; {} comparisons, {} with a listed \
         difference ({}), {} faults",
        report.compared,
        report.listed,
        known.names().into_iter().collect::<Vec<_>>().join(", "),
        report.faults.len()
    );
    for fault in &report.faults {
        println!("{fault}");
    }
    assert!(report.faults.is_empty(), "{} faults", report.faults.len());
}
