//! Which files are made, and when.

use thalweg_core::ErrorKind;

use super::world::{World, row, tombstone};

const JSON: (&str, &str) = ("format.class", "json");

fn lines(world: &World, name: &str) -> Vec<String> {
    String::from_utf8(world.bytes_of(name)).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn files_are_named_and_cut_as_confluents() {
    let mut world = World::new(&[JSON, ("flush.size", "4")]);
    let log: Vec<_> = (0..10).map(|offset| row(offset, 1)).collect();
    world.run(&log, usize::MAX).await.result.unwrap();
    assert_eq!(
        world.files(),
        ["topics/t/partition=3/t+3+0000000000.json", "topics/t/partition=3/t+3+0000000004.json"]
    );
    assert_eq!(world.committed, Some(8));
    assert_eq!(
        lines(&world, &world.files()[0])[..2],
        [r#"{"id":0,"city":"Bern","note":null}"#, r#"{"id":1,"city":"Basel","note":"note 1"}"#]
    );
    // The plans of what is committed are gone, but for the last one: it goes
    // with the next.
    assert!(world.state_keys("plan/").len() <= 1);
}

#[tokio::test]
async fn gzip_reads_back() {
    let mut world = World::new(&[JSON, ("flush.size", "2"), ("s3.compression.type", "gzip")]);
    world.run(&[row(0, 1), row(1, 1)], usize::MAX).await.result.unwrap();
    let name = "topics/t/partition=3/t+3+0000000000.json.gz";
    assert_eq!(world.files(), [name]);
    let bytes = world.bytes_of(name);
    let mut text = String::new();
    let mut gzip = flate2::read::GzDecoder::new(&bytes[..]);
    std::io::Read::read_to_string(&mut gzip, &mut text).unwrap();
    assert_eq!(text.lines().count(), 2);
}

#[tokio::test]
async fn a_new_schema_closes_the_files_and_two_that_alternate_do_not_make_a_flood() {
    let mut world = World::new(&[JSON, ("flush.size", "100")]);
    let mut log: Vec<_> = (0..5).map(|offset| row(offset, 1)).collect();
    log.extend((5..45).map(|offset| row(offset, 1 + usize::try_from(offset % 2).unwrap())));
    log.extend((45..155).map(|offset| row(offset, 2)));
    world.run(&log, usize::MAX).await.result.unwrap();
    let rows: Vec<_> = world.files().iter().map(|name| lines(&world, name).len()).collect();
    assert_eq!(rows.iter().sum::<usize>(), 105);
    assert_eq!(rows.len(), 3, "one for the change, then one for each schema: {rows:?}");
}

#[tokio::test]
async fn tombstones_are_refused_or_left_out() {
    let log = [row(0, 1), tombstone(1), row(2, 1), tombstone(3)];
    let mut world = World::new(&[JSON, ("flush.size", "2")]);
    let ran = world.run(&log, usize::MAX).await;
    assert_eq!(ran.rejected, [1, 3]);
    let mut world = World::new(&[JSON, ("flush.size", "2"), ("behavior.on.null.values", "ignore")]);
    let ran = world.run(&log, usize::MAX).await;
    assert!(ran.result.is_ok() && ran.rejected.is_empty());
    assert_eq!(world.files().len(), 1);
    assert_eq!(world.committed, Some(4));
}

#[tokio::test]
async fn record_time_and_the_clock_close_files() {
    let by_day = [
        JSON,
        ("flush.size", "1000"),
        ("partitioner.class", "daily"),
        ("timezone", "UTC"),
        ("timestamp.extractor", "Record"),
    ];
    let log: Vec<_> = (0..10).map(|offset| row(offset, 1)).collect(); // 1000 s apart
    let mut world = World::new(&[&by_day[..], &[("rotate.interval.ms", "3000000")]].concat());
    world.run(&log, usize::MAX).await.result.unwrap();
    assert_eq!(
        world.files(),
        [0, 3, 6].map(|offset| format!("topics/t/year=2023/month=11/day=14/t+3+{offset:010}.json"))
    );
    let mut world =
        World::new(&[&by_day[..], &[("rotate.schedule.interval.ms", "60000")]].concat());
    world.run(&log, usize::MAX).await.result.unwrap();
    assert!(world.files().len() >= 2, "{:?}", world.files());
}

#[tokio::test]
async fn a_name_that_is_taken_is_an_error_that_names_it() {
    let mut world = World::new(&[JSON, ("flush.size", "2")]);
    let name = world.folder.path().join("topics/t/partition=3/t+3+0000000000.json");
    std::fs::create_dir_all(name.parent().unwrap()).unwrap();
    std::fs::write(&name, "somebody else's").unwrap();
    let error = world.run(&[row(0, 1), row(1, 1)], usize::MAX).await.result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fatal);
    assert!(error.to_string().contains(name.to_str().unwrap()), "{error}");
    assert_eq!(std::fs::read_to_string(&name).unwrap(), "somebody else's");
}

#[tokio::test]
async fn rows_without_a_place_are_refused_alone() {
    let config = [JSON, ("flush.size", "2"), ("partitioner.class", "field")];
    let mut world = World::new(&[&config[..], &[("partition.field.name", "more")]].concat());
    let log = [row(0, 1), row(1, 2), row(2, 2), row(3, 1)];
    let ran = world.run(&log, usize::MAX).await;
    assert_eq!(ran.rejected, [0, 3]);
    assert_eq!(
        world.files(),
        ["topics/t/more=2/t+3+0000000001.json", "topics/t/more=3/t+3+0000000002.json"]
    );
}

#[tokio::test]
async fn too_many_open_files_close_early() {
    let mut world = World::new(&[
        JSON,
        ("flush.size", "1000"),
        ("partitioner.class", "field"),
        ("partition.field.name", "id"),
        ("partitioner.max.open.files", "4"),
    ]);
    let log: Vec<_> = (0..11).map(|offset| row(offset, 1)).collect();
    world.run(&log, usize::MAX).await.result.unwrap();
    assert_eq!(world.files().len(), 8);
    assert_eq!(world.committed, Some(8));
}
