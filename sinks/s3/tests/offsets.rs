//! Offsets that a person set: into a planned round, back, and on.

use thalweg_core::ErrorKind;

use super::kills::json_ids;
use super::world::{LogRow, World, row};

fn rows() -> Vec<LogRow> {
    (0..24).map(|offset| row(offset, 1)).collect()
}

fn assert_each_once_from(world: &World, from: i64, what: &str) {
    let ids = json_ids(world);
    for offset in from..world.committed.unwrap() {
        assert_eq!(ids.get(&offset), Some(&1), "{what}: offset {offset} of {ids:?}");
    }
}

/// A round that no file is there of is given up, and its plans with it. Plans of
/// the new round may have the same keys: they must outlive that.
#[tokio::test]
async fn an_offset_inside_a_planned_round_begins_another_round() {
    let config = [
        ("flush.size", "6"),
        ("format.class", "json"),
        ("partitioner.class", "field"),
        ("partition.field.name", "city"),
    ];
    let log = rows();
    let (mut went_on, mut told) = (0, 0);
    for first_kill in 1..10 {
        for second_kill in (1..12).step_by(2) {
            let what = format!("killed at {first_kill} and {second_kill}");
            let mut world = World::new(&config);
            world.run(&log, first_kill).await.result.unwrap_err();
            if world.committed.is_some() {
                continue;
            }
            world.committed = Some(1);
            world.run(&log, second_kill).await.result.unwrap_err();
            // Without a plan, rounds of another size would not fit the files.
            world.config.insert("flush.size".into(), "4".into());
            let Err(error) = world.run(&log, usize::MAX).await.result else {
                assert_each_once_from(&world, 1, &what);
                went_on += 1;
                continue;
            };
            let error = error.to_string();
            assert!(error.contains("only some are written"), "{what}: {error}");
            assert!(error.contains("set the offset to 0 to write the others"), "{error}");
            assert!(error.contains("or to 6 to leave them out"), "{error}");
            let from = if first_kill % 2 == 0 { 0 } else { 6 };
            world.committed = Some(from);
            world.run(&log, usize::MAX).await.result.unwrap();
            assert_each_once_from(&world, from, &what);
            told += 1;
        }
    }
    assert!(went_on > 5 && told > 5, "{went_on} {told}");
}

#[tokio::test]
async fn an_offset_moved_back_writes_what_is_missing_and_nothing_over_files() {
    let log = rows();
    let mut world = World::new(&[("flush.size", "5"), ("format.class", "json")]);
    world.run(&log, usize::MAX).await.result.unwrap();
    assert_eq!((world.committed, world.files().len()), (Some(20), 4));
    let files: Vec<(String, Vec<u8>)> =
        world.files().into_iter().map(|name| (name.clone(), world.bytes_of(&name))).collect();

    // The same rows make the same files: they are found there.
    world.committed = Some(0);
    world.run(&log, usize::MAX).await.result.unwrap();
    assert_each_once_from(&world, 0, "moved back");

    // Files that were taken away are written again.
    for (name, _) in &files {
        std::fs::remove_file(world.lake.join(name)).unwrap();
    }
    world.committed = Some(0);
    world.run(&log, usize::MAX).await.result.unwrap();
    assert_each_once_from(&world, 0, "taken away");
    for (name, bytes) in &files {
        assert!(world.bytes_of(name) == *bytes, "{name}");
    }

    // Rows laid out in another way do not fit: that is told.
    world.config.insert("flush.size".into(), "3".into());
    world.committed = Some(0);
    let error = world.run(&log, usize::MAX).await.result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fatal);
    assert!(error.to_string().contains("nothing is written over it"), "{error}");
    assert_each_once_from(&world, 0, "refused");
    world.committed = Some(20);
    let longer: Vec<LogRow> = (0..30).map(|offset| row(offset, 1)).collect();
    world.run(&longer, usize::MAX).await.result.unwrap();
    assert_eq!(world.committed, Some(29));
    assert_each_once_from(&world, 0, "moved on");
}
