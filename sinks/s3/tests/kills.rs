//! Killed at every step, with every partitioner and format: each row is in the
//! lake exactly once.

use std::collections::BTreeMap;

use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use thalweg_core::ErrorKind;

use super::world::{KILLED, LogRow, World, row, tombstone};

const FLUSH: (&str, &str) = ("flush.size", "5");
const NULLS: (&str, &str) = ("behavior.on.null.values", "ignore");

const PARTITIONERS: [&[(&str, &str)]; 5] = [
    &[],
    &[("partitioner.class", "field"), ("partition.field.name", "city")],
    &[
        ("partitioner.class", "hourly"),
        ("timezone", "UTC"),
        ("timestamp.extractor", "Record"),
        ("rotate.interval.ms", "2500000"),
    ],
    &[
        ("partitioner.class", "timebased"),
        ("path.format", "'minute'=mm"),
        ("partition.duration.ms", "60000"),
        ("timezone", "UTC"),
        ("timestamp.extractor", "Wallclock"),
    ],
    &[
        ("partitioner.class", "daily"),
        ("timezone", "UTC"),
        ("timestamp.extractor", "RecordField"),
        ("timestamp.field", "id"),
        ("rotate.schedule.interval.ms", "200000"),
    ],
];

pub(super) fn log() -> Vec<LogRow> {
    (0..24)
        .filter(|offset| *offset != 13) // as after compaction
        .map(|offset| match offset {
            4 | 17 => tombstone(offset),
            10..15 => row(offset, 2),
            _ => row(offset, 1),
        })
        .collect()
}

/// How often each row is in the lake's JSON files.
pub(super) fn json_ids(world: &World) -> BTreeMap<i64, usize> {
    let mut ids = BTreeMap::new();
    for name in world.files() {
        for line in String::from_utf8(world.bytes_of(&name)).unwrap().lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            *ids.entry(row["id"].as_i64().unwrap()).or_default() += 1;
        }
    }
    ids
}

/// How often each row is in the lake's Avro files.
fn avro_ids(world: &World) -> BTreeMap<i64, usize> {
    use apache_avro::types::Value;
    let mut ids = BTreeMap::new();
    for name in world.files() {
        let bytes = world.bytes_of(&name);
        for row in apache_avro::Reader::new(&bytes[..]).unwrap() {
            let Value::Record(fields) = row.unwrap() else { panic!("no record") };
            let (_, Value::Long(id)) = fields[0] else { panic!("no id") };
            *ids.entry(id).or_default() += 1;
        }
    }
    ids
}

/// How often each row is in the lake's Parquet files.
pub(super) fn parquet_ids(world: &World) -> BTreeMap<i64, usize> {
    use arrow_array::cast::AsArray;
    let mut ids = BTreeMap::new();
    for name in world.files() {
        let bytes = bytes::Bytes::from(world.bytes_of(&name));
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
        for batch in reader {
            let batch = batch.unwrap();
            let column = batch.column_by_name("id").unwrap();
            for id in column.as_primitive::<Int64Type>().values() {
                *ids.entry(*id).or_default() += 1;
            }
        }
    }
    ids
}

pub(super) fn assert_each_once(
    ids: &BTreeMap<i64, usize>,
    log: &[LogRow],
    committed: i64,
    what: &str,
) {
    let expected: BTreeMap<i64, usize> = log
        .iter()
        .filter(|row| row.value.is_some() && row.offset < committed)
        .map(|row| (row.offset, 1))
        .collect();
    assert_eq!(*ids, expected, "{what}");
}

async fn killed_everywhere(config: &[(&str, &str)], ids: fn(&World) -> BTreeMap<i64, usize>) {
    let log = log();
    let mut world = World::new(config);
    let whole = world.run(&log, usize::MAX).await;
    whole.result.unwrap();
    assert_each_once(&ids(&world), &log, world.committed.unwrap(), "not killed");
    assert!(world.committed.unwrap() >= 15);
    for kill_at in 1..=whole.steps {
        let mut world = World::new(config);
        let what = format!("{config:?} killed at {kill_at}");
        let killed = world.run(&log, kill_at).await;
        assert_eq!(killed.result.unwrap_err().to_string(), KILLED, "{what}");
        // Once more, in the middle of the recovery, with other batches.
        world.rows_a_batch = 7;
        let again = world.run(&log, 1 + kill_at / 2).await;
        if let Err(error) = again.result {
            assert_eq!(error.to_string(), KILLED, "{what}");
        }
        world.rows_a_batch = 2;
        world.run(&log, usize::MAX).await.result.unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(world.committed.unwrap() >= 15, "{what}");
        assert_each_once(&ids(&world), &log, world.committed.unwrap(), &what);
        assert!(!world.files().iter().any(|name| name.contains(".thalweg")), "{what}");
    }
}

#[tokio::test]
async fn json_rows_are_there_once() {
    for partitioner in PARTITIONERS {
        let config = [&[FLUSH, NULLS, ("format.class", "json")], partitioner].concat();
        killed_everywhere(&config, json_ids).await;
    }
}

#[tokio::test]
async fn avro_rows_are_there_once() {
    for partitioner in PARTITIONERS {
        let codec = ("avro.codec", "snappy");
        let config = [&[FLUSH, NULLS, ("format.class", "avro"), codec], partitioner].concat();
        killed_everywhere(&config, avro_ids).await;
    }
}

#[tokio::test]
async fn parquet_rows_are_there_once() {
    for partitioner in PARTITIONERS {
        let config = [&[FLUSH, NULLS, ("format.class", "parquet")], partitioner].concat();
        killed_everywhere(&config, parquet_ids).await;
    }
}

#[tokio::test]
async fn a_topic_that_is_made_again_keeps_the_files_of_the_old_one() {
    let config = [("flush.size", "2"), ("format.class", "json")];
    let log: Vec<_> = (0..4).map(|offset| row(offset, 1)).collect();
    for kill_at in [usize::MAX, 5, 6, 7, 8, 9, 10] {
        let mut world = World::new(&config);
        world.run(&log, usize::MAX).await.result.unwrap();
        world.recreate_topic();
        let _ = world.run(&log, kill_at).await;
        world.run(&log, usize::MAX).await.result.unwrap();
        let ids = json_ids(&world);
        assert_eq!(world.files().len(), 4, "{:?}", world.files());
        assert!(ids.values().all(|count| *count == 2), "{ids:?}");
        let id = &world.partition.topic_id.simple().to_string()[..8];
        let name = format!("topics/t/partition=3/t+3+0000000002+{id}.json");
        assert!(world.files().contains(&name), "{:?}", world.files());
    }
}

#[tokio::test]
async fn another_layout_in_the_middle_of_a_round_is_refused_not_repeated() {
    let config = [
        ("flush.size", "6"),
        ("format.class", "json"),
        ("partitioner.class", "field"),
        ("partition.field.name", "city"),
    ];
    let log: Vec<_> = (0..12).map(|offset| row(offset, 1)).collect();
    let (mut refused, mut went_on) = (0, 0);
    for kill_at in 1..16 {
        let mut world = World::new(&config);
        world.run(&log, kill_at).await.result.unwrap_err();
        world.config.insert("partition.field.name".to_owned(), "id".to_owned());
        match world.run(&log, usize::MAX).await.result {
            Ok(()) => {
                assert_each_once(&json_ids(&world), &log, world.committed.unwrap(), "config");
                went_on += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Fatal);
                assert!(error.to_string().contains("go back to the former config"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && went_on > 0, "{refused} {went_on}");
}

/// As by compaction, retention or deleted records, of any part of what was
/// planned: what is left is written once, by the same names, and it is told.
#[tokio::test]
async fn rows_that_the_log_removed_after_they_were_planned_are_left_out_and_told() {
    let by_city: &[_] = &[("partitioner.class", "field"), ("partition.field.name", "city")];
    let log: Vec<_> = (0..20).map(|offset| row(offset, 1)).collect();
    let gone: [&dyn Fn(i64) -> bool; 7] = [
        &|offset| offset < 4,
        &|offset| offset < 6,
        &|offset| (2..4).contains(&offset),
        &|offset| (3..11).contains(&offset),
        &|offset| offset % 3 == 0 && offset < 12,
        &|offset| offset % 3 != 0 && offset < 12,
        &|offset| offset % 2 == 0 && offset < 12,
    ];
    let (mut told, mut in_silence) = (0, 0);
    for partitioner in [&[], by_city, PARTITIONERS[3]] {
        let config = [&[("flush.size", "6"), ("format.class", "json")], partitioner].concat();
        let whole = World::new(&config).run(&log, usize::MAX).await.steps;
        for kill_at in 1..whole {
            for gone in gone {
                let mut world = World::new(&config);
                let _ = world.run(&log, kill_at).await;
                let before = json_ids(&world);
                let (names, was) = (world.files(), world.committed);
                let rest: Vec<_> = log.iter().filter(|row| !gone(row.offset)).cloned().collect();
                // Once more killed, in the middle of the recovery.
                let _ = world.run(&rest, 1 + kill_at / 2).await;
                let ran = world.run(&rest, usize::MAX).await;
                let what = format!("{partitioner:?} killed at {kill_at}, of {was:?}");
                ran.result.unwrap_or_else(|error| panic!("{what}: {error}"));
                let ids = json_ids(&world);
                assert!(ids.values().all(|count| *count == 1), "{what}: {ids:?}");
                let committed = world.committed.unwrap();
                assert!(committed >= 12, "{what}: {committed}");
                for row in rest.iter().filter(|row| row.offset < committed) {
                    assert!(ids.contains_key(&row.offset), "{what}: {} {ids:?}", row.offset);
                }
                assert!(before.keys().all(|id| ids.contains_key(id)), "{what}");
                assert!(names.iter().all(|name| world.files().contains(name)), "{what}");
                match world.notes.all().get("t-3 files") {
                    Some(note) => {
                        assert!(note.contains("were removed from the log"), "{note}");
                        told += 1;
                    }
                    None => in_silence += 1,
                }
            }
        }
    }
    // Not planned, or written already: as if it had come later.
    assert!(told > 50 && in_silence > 50, "{told} {in_silence}");
}

/// A run that was killed may have sent a file whose plan was changed since.
#[tokio::test]
async fn what_an_earlier_plan_brings_late_is_taken_for_what_it_is() {
    let config = [("flush.size", "4"), ("format.class", "json")];
    let log: Vec<_> = (0..8).map(|offset| row(offset, 1)).collect();
    let mut whole = World::new(&config);
    whole.run(&log, usize::MAX).await.result.unwrap();
    let (name, rest) = (whole.files()[0].clone(), &log[2..]);
    let mut late = 0;
    for (first, second) in (1..20).flat_map(|first| (1..20).map(move |second| (first, second))) {
        let mut world = World::new(&config);
        let killed = world.run(&log, first).await.result.is_err();
        let planned = killed && !world.state_keys("plan/").is_empty();
        let again = world.run(rest, second).await.result.is_err();
        if !planned || !again || world.files().contains(&name) || world.committed.is_some() {
            continue;
        }
        std::fs::create_dir_all(world.lake.join(&name).parent().unwrap()).unwrap();
        std::fs::write(world.lake.join(&name), whole.bytes_of(&name)).unwrap();
        world.run(rest, usize::MAX).await.result.unwrap();
        let ids = json_ids(&world);
        assert!(
            ids.len() == 8 && ids.values().all(|count| *count == 1),
            "{first} {second} {ids:?}"
        );
        late += 1;
    }
    assert!(late > 3, "{late}");
}

#[tokio::test]
async fn no_fault_of_a_moment_loses_a_row() {
    let config = [("flush.size", "2"), ("format.class", "json")];
    let log: Vec<_> = (0..8).map(|offset| row(offset, 1)).collect();
    let mut went_on = 0;
    for fails_at in 1..40 {
        let mut world = World::new(&config);
        // The names of the former topic's files are looked for.
        world.run(&log, usize::MAX).await.result.unwrap();
        world.recreate_topic();
        went_on += usize::from(world.run_with_a_fault(&log, fails_at).await.result.is_ok());
        world.run(&log, usize::MAX).await.result.unwrap();
        let ids = json_ids(&world);
        assert_eq!(ids.len(), 8, "{fails_at}: {ids:?}");
        assert!(ids.values().all(|count| *count == 2), "{fails_at}: {ids:?}");
    }
    assert!(went_on > 5, "{went_on}");
}
