//! kill -9, at exact calls and at random.

use std::path::Path;
use std::time::Duration;

use crate::checker::Checker;
use crate::child::{Child, Said};
use crate::{setting, skip};

/// Everything that the log asks of the system to change files.
const CALLS: [&str; 8] = [
    "fdatasync",
    "fsync",
    "pwritev",
    "fallocate",
    "ftruncate",
    "rename,renameat,renameat2",
    "unlink,unlinkat",
    "mkdir,mkdirat",
];
/// Numbers that a traced child appends.
const LIMIT: u64 = 320;

/// The words before a program whose calls are tampered with, or why it can't be.
pub(crate) fn tracer(inject: &str, more: &[&str]) -> Result<Vec<String>, String> {
    let call = inject.split(':').next().unwrap_or_default();
    let mut words = vec!["strace".to_owned(), "-f".to_owned()];
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words.extend(["-o", "/dev/null", "-e"].map(str::to_owned));
    words.extend([format!("trace={call}"), "-e".to_owned(), format!("inject={inject}")]);
    let probe =
        std::process::Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    match probe {
        Ok(done) if done.status.success() => Ok(words),
        Ok(done) => Err(String::from_utf8_lossy(&done.stderr).trim().to_owned()),
        Err(error) => Err(format!("strace: {error}")),
    }
}

/// Kills a child at its `number`th call of this kind, in any of its threads.
fn kill_at(folder: &Path, call: &str, number: u64) -> Result<Vec<Said>, String> {
    let tracer = tracer(&format!("{call}:signal=KILL:when={number}"), &[])?;
    let said = Child::start(folder, "fsync", LIMIT, &tracer).wait();
    for said in &said {
        assert!(!matches!(said, Said::Refused(_)), "{call} {number}: {said:?}");
    }
    Ok(said)
}

#[test]
fn kills_at_exact_calls_lose_nothing() {
    let per_call = setting("THALWEG_CRASH_CALLS", 2);
    let folder = tempfile::tempdir().unwrap();
    let mut checker = Checker::default();
    let mut kills = 0;
    let mut end = 0;
    for call in CALLS {
        // The first ones one by one, then further and further apart.
        let (before, mut number) = (kills, 1);
        for turn in 0..per_call {
            let said = match kill_at(folder.path(), call, number) {
                Ok(said) => said,
                Err(reason) => return skip("kills at exact calls", &reason),
            };
            checker.hear(&said);
            end = checker.check(folder.path(), true);
            if !said.contains(&Said::Killed) {
                break;
            }
            kills += 1;
            number += 1 + turn / 8;
        }
        println!("{call}: {} kills", kills - before);
    }
    println!("{kills} kills at exact calls: {end} numbers, {} records checked", checker.checked);
    assert!(kills >= CALLS.len(), "only {kills} calls were reached");
}

#[test]
fn kills_at_random_lose_nothing() {
    let kills = setting("THALWEG_CRASH_KILLS", 10);
    let folder = tempfile::tempdir().unwrap();
    let mut checker = Checker::default();
    let mut end = 0;
    for kill in 0..kills {
        // A crash of the process loses nothing at any durability.
        let durability =
            ["fsync", "fsync", "interval", "page-cache"][usize::try_from(kill % 4).unwrap()];
        let child = Child::start(folder.path(), durability, u64::MAX, &[]);
        std::thread::sleep(Duration::from_millis(fastrand::u64(20..400)));
        let said = child.kill();
        assert!(said.contains(&Said::Killed), "it ended before it was killed: {:?}", said.last());
        checker.hear(&said);
        end = checker.check(folder.path(), true);
    }
    println!("{kills} kills at random: {end} numbers, {} records checked", checker.checked);
    assert!(end > 0);
}
