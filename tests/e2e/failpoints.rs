//! The process ends at each step between the source and the lake, by
//! `make crash`: the lake equals the source all the same.

use std::time::Duration;

use thalweg_core::failpoint;
use thalweg_harness::Thalweg;

use crate::crash::World;
use crate::setup::eventually;

/// How often a place is come to before the process ends there. A snapshot is
/// over once only.
fn counts(name: &str) -> &'static [u64] {
    match name {
        "snapshot.over" | "backlog.begun" | "backlog.over" => &[1],
        // Two chunks are what a test has time for.
        "backlog.filled" | "backlog.chunk" => &[1, 2],
        _ => &[1, 2, 7],
    }
}

#[test]
fn failpoints_at_every_step_lose_nothing_and_repeat_nothing() {
    let (mut world, first) = World::new();
    // So that all of the snapshot's places are still ahead.
    first.kill().unwrap();
    let (mut missed, mut ends) = (Vec::new(), 0);
    for (number, name) in failpoint::ALL.iter().enumerate() {
        if number == 2 {
            world.begin();
        }
        ends += end_at(&world, name, &mut missed);
    }
    // How many chunks are left of the snapshot depends on where it ended before. If
    // they were too few it was over then.
    let was_over = missed.iter().any(|name| name.starts_with("snapshot.chunk:"));
    missed.retain(|name| match name.as_str() {
        "snapshot.chunk:2" | "snapshot.chunk:7" => false,
        "snapshot.over:1" => !was_over,
        _ => true,
    });
    assert!(missed.is_empty(), "never came to {missed:?}");
    let last = Thalweg::start(&world.options()).unwrap();
    world.check(last);
    println!("{ends} ends at {} places: the lake equals the source", failpoint::ALL.len());
}

/// A sink that reads all rows with the newest version plans its files by that: at each of
/// its own places.
#[test]
fn failpoints_of_a_sink_that_reads_with_the_newest_version_repeat_nothing() {
    let (mut world, first) = World::of_versions();
    world.begin();
    // Columns come and go once the snapshot is over.
    eventually("the snapshot", &first, || (world.see(&first), ()));
    first.kill().unwrap();
    let (mut missed, mut ends) = (Vec::new(), 0);
    let places = ["sink.", "s3.", "lake."];
    let is_of_sink = |name: &&&str| places.iter().any(|place| name.starts_with(place));
    for name in failpoint::ALL.iter().filter(is_of_sink) {
        ends += end_at(&world, name, &mut missed);
    }
    assert!(missed.is_empty(), "never came to {missed:?}");
    let last = Thalweg::start(&world.options()).unwrap();
    world.check(last);
    println!("{ends} ends of a sink that reads with the newest version");
}

/// Ends the process at a place, each so many times as [`counts`] says; how often it came
/// there.
fn end_at(world: &World, name: &str, missed: &mut Vec<String>) -> usize {
    let mut ends = 0;
    for count in counts(name) {
        let mut options = world.options();
        if name.starts_with("backlog.") {
            world.fall_behind();
        }
        options.environment.push(("THALWEG_FAILPOINT".to_owned(), format!("{name}:{count}")));
        // It may get there before it says that it is ready.
        let Ok(mut thalweg) = Thalweg::start(&options) else {
            ends += 1;
            continue;
        };
        world.see(&thalweg);
        if thalweg.ends_within(Duration::from_secs(20)) {
            ends += 1;
        } else {
            missed.push(format!("{name}:{count}"));
            thalweg.kill().unwrap();
        }
    }
    ends
}
