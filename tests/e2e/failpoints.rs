//! The process ends at each step between the source and the lake, by
//! `make crash`: the lake equals the source all the same.

use std::time::Duration;

use thalweg_core::failpoint;
use thalweg_harness::Thalweg;

use crate::crash::World;

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
    let mut missed = Vec::new();
    let mut ends = 0;
    for (number, name) in failpoint::ALL.iter().enumerate() {
        if number == 2 {
            world.begin();
        }
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
