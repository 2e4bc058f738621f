//! Rows that are refused are told, by every run, until a person acts.

use std::collections::BTreeMap;

use thalweg_core::ErrorKind;
use thalweg_core::schema::Value;

use super::kills::{assert_each_once, json_ids, parquet_ids};
use super::world::{KILLED, LogRow, World, row, schema, tombstone};

const REFUSED: i64 = 5;
const ROWS: i64 = 24;

/// A way for a row to be refused.
struct Refusal {
    config: &'static [(&'static str, &'static str)],
    /// The row that is refused.
    row: LogRow,
    ids: fn(&World) -> BTreeMap<i64, usize>,
    /// What a person changes, so that it goes on.
    remedy: Option<(&'static str, &'static str)>,
}

fn dated(offset: i64, note: &str) -> LogRow {
    let values = [Value::Int(offset), Value::Text("Bern".into()), Value::Text(note.into())];
    LogRow { value: Some((schema(1), Value::Struct(values.into()))), ..row(offset, 1) }
}

fn refusals() -> [Refusal; 3] {
    let unfit = [Value::Int(REFUSED), Value::Null, Value::Null];
    [
        Refusal {
            config: &[("format.class", "json"), ("flush.size", "2")],
            row: tombstone(REFUSED),
            ids: json_ids,
            remedy: Some(("behavior.on.null.values", "ignore")),
        },
        Refusal {
            config: &[
                ("format.class", "json"),
                ("flush.size", "2"),
                ("partitioner.class", "daily"),
                ("timezone", "UTC"),
                ("timestamp.extractor", "RecordField"),
                ("timestamp.field", "note"),
            ],
            row: dated(REFUSED, "some day"),
            ids: json_ids,
            remedy: Some(("partitioner.class", "default")),
        },
        Refusal {
            config: &[("format.class", "parquet"), ("flush.size", "2")],
            row: LogRow {
                value: Some((schema(1), Value::Struct(unfit.into()))),
                ..row(REFUSED, 1)
            },
            ids: parquet_ids,
            remedy: None,
        },
    ]
}

fn log(refusal: &Refusal) -> Vec<LogRow> {
    let rows = (0..ROWS).map(|offset| dated(offset, "2023-11-14T00:00:00Z"));
    rows.map(|row| if row.offset == REFUSED { refusal.row.clone() } else { row }).collect()
}

fn world(refusal: &Refusal, rows_a_batch: usize) -> World {
    let mut world = World::new(refusal.config);
    (world.rows_a_batch, world.stops_at_refused) = (rows_a_batch, true);
    world
}

/// A run that must stop at the refused row.
async fn stops(world: &mut World, log: &[LogRow], what: &str) -> usize {
    let ran = world.run(log, usize::MAX).await;
    assert_eq!(ran.rejected, [REFUSED], "{what}");
    let error = ran.result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadRecord, "{what}: {error}");
    assert!(error.to_string().contains(&format!("offset {REFUSED}")), "{what}: {error}");
    assert!(world.committed.is_none_or(|committed| committed <= REFUSED), "{what}");
    ran.steps
}

#[tokio::test]
async fn a_refused_row_stops_every_run_until_a_person_acts() {
    for (number, refusal) in refusals().iter().enumerate() {
        let log = log(refusal);
        for rows_a_batch in [100, 7, 2, 1] {
            let what = format!("refusal {number}, batches of {rows_a_batch}");
            let mut world = world(refusal, rows_a_batch);
            stops(&mut world, &log, &what).await;
            stops(&mut world, &log, &what).await;
            world.rows_a_batch = 100;
            stops(&mut world, &log, &what).await;
            match refusal.remedy {
                Some((key, value)) => {
                    world.config.insert(key.to_owned(), value.to_owned());
                }
                None => world.stops_at_refused = false,
            }
            world.run(&log, usize::MAX).await.result.unwrap();
            let mut there = (refusal.ids)(&world);
            if refusal.remedy.is_none() {
                assert_eq!(there.insert(REFUSED, 1), None, "{what}");
            }
            assert_each_once(&there, &log, world.committed.unwrap(), &what);
            assert!(world.committed.unwrap() >= ROWS - 1, "{what}");
        }
    }
}

#[tokio::test]
async fn a_refused_row_is_told_wherever_a_run_is_killed() {
    for (number, refusal) in refusals().iter().enumerate() {
        let log = log(refusal);
        let mut whole = world(refusal, 3);
        let steps = stops(&mut whole, &log, "not killed").await;
        for at in 1..=steps {
            let what = format!("refusal {number}, step {at}");
            let mut killed = world(refusal, 3);
            let error = killed.run(&log, at).await.result.unwrap_err();
            assert!(error.to_string() == KILLED, "{what}: {error}");
            killed.rows_a_batch = 100;
            stops(&mut killed, &log, &what).await;
            // The row is told too when the step fails and is tried again.
            let mut faulty = world(refusal, 3);
            let ran = faulty.run_with_a_fault(&log, at).await;
            assert!(ran.result.is_err(), "{what}");
            stops(&mut faulty, &log, &what).await;
        }
    }
}

#[tokio::test]
async fn rows_around_refused_ones_are_there_once_with_dead_letters() {
    for (number, refusal) in refusals().iter().enumerate() {
        let log = log(refusal);
        let mut whole = world(refusal, 100);
        whole.stops_at_refused = false;
        let steps = whole.run(&log, usize::MAX).await.steps;
        for at in 1..=steps {
            let what = format!("refusal {number}, step {at}");
            let mut world = world(refusal, 100);
            world.stops_at_refused = false;
            let mut told = world.run(&log, at).await.rejected;
            world.rows_a_batch = 5;
            let again = world.run(&log, usize::MAX).await;
            again.result.unwrap_or_else(|error| panic!("{what}: {error}"));
            told.extend(again.rejected);
            assert!(!told.is_empty() && told.iter().all(|row| *row == REFUSED), "{what}: {told:?}");
            // With all files there, no row is left to be committed behind.
            let committed = world.committed.unwrap_or(ROWS);
            let mut there = (refusal.ids)(&world);
            assert_eq!(there.insert(REFUSED, 1), None, "{what}");
            let log: Vec<LogRow> = (0..ROWS).map(|offset| row(offset, 1)).collect();
            assert_each_once(&there, &log, committed, &what);
        }
    }
}

#[tokio::test]
async fn a_refused_row_is_told_though_too_many_files_are_open() {
    let config = [
        ("format.class", "json"),
        ("flush.size", "100000"),
        ("partitioner.class", "field"),
        ("partition.field.name", "id"),
    ];
    let log: Vec<LogRow> = (0..ROWS)
        .map(|offset| if offset == REFUSED { tombstone(offset) } else { row(offset, 1) })
        .collect();
    // Two steps note the topic's id. Closing files early would be the next ones.
    for fails_at in 3..8 {
        let mut world = World::new(&config);
        (world.rows_a_batch, world.stops_at_refused) = (100, true);
        world.open_files_max = Some(4);
        let ran = world.run_with_a_fault(&log, fails_at).await;
        assert_eq!(ran.rejected, [REFUSED], "{fails_at}");
        stops(&mut world, &log, "again").await;
        assert!(world.files().is_empty());
    }
    // With dead letters they are closed by the next write.
    let mut world = World::new(&config);
    (world.rows_a_batch, world.open_files_max) = (12, Some(4));
    assert_eq!(world.run(&log, usize::MAX).await.rejected, [REFUSED]);
    assert_each_once(&json_ids(&world), &log, world.committed.unwrap(), "closed early");
    assert_eq!(world.committed, Some(ROWS));
}
