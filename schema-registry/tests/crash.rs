//! Registrations from many tasks, with the process killed in the midst of them: what was
//! answered is there afterwards, a schema never has two ids, an id never two schemas.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the child tells its parent what was answered")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use thalweg_log::{Options, SegmentLog};
use thalweg_schema_registry::{Registry, Selected};

/// Where the child finds the log, and that it is the child.
const FOLDER: &str = "THALWEG_TEST_REGISTRY_FOLDER";

/// The number of the first schema that the child registers.
const FIRST: &str = "THALWEG_TEST_REGISTRY_FIRST";

/// How often the child is killed; 6 times if it is not said.
const KILLS: &str = "THALWEG_TEST_REGISTRY_KILLS";

fn schema(number: usize) -> String {
    format!(r#"{{"type":"record","name":"R{number}","fields":[]}}"#)
}

async fn open(folder: &Path) -> (Arc<SegmentLog>, Registry) {
    let log = Arc::new(SegmentLog::open(folder, Options::default()).unwrap());
    let registry = Registry::open(log.clone()).await.unwrap();
    (log, registry)
}

/// Not a test: what the process does that is killed. Eight tasks register the same
/// schemas under subjects of their own, and say so when they are answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let first: usize = std::env::var(FIRST).unwrap().parse().unwrap();
    let (_log, registry) = open(Path::new(&folder)).await;
    let registry = Arc::new(registry);
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let registry = Arc::clone(&registry);
            tokio::spawn(async move {
                for number in first..first + 100_000 {
                    let subject = format!("s{task}-{number}");
                    let id = registry.register(&subject, &schema(number)).await.unwrap();
                    println!("answered {subject} {number} {id}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Runs the child, kills it after `answers` answers, and gives these back.
fn killed_child(folder: &Path, first: usize, answers: usize) -> Vec<(String, usize, i32)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The last line may have been cut by the kill.
        let Ok(line) = line else { break };
        let words: Vec<&str> = line.split(' ').collect();
        let ["answered", subject, number, id] = words.as_slice() else { continue };
        let (Ok(number), Ok(id)) = (number.parse(), id.parse()) else { continue };
        answered.push(((*subject).to_owned(), number, id));
        if answered.len() == answers {
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success(), "the child ended before it was killed");
    // A number whose last digits were cut looks whole.
    answered.truncate(answers.max(answered.len().saturating_sub(1)));
    answered
}

#[tokio::test]
async fn a_kill_loses_nothing_and_gives_no_id_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut ids: HashMap<usize, i32> = HashMap::new();
    let mut total = 0;
    let kills = std::env::var(KILLS).map_or(6, |kills| kills.parse().unwrap());
    for round in 0..kills {
        let answered = killed_child(folder.path(), round * 20, 40 + round * 33 % 200);
        total += answered.len();
        let (log, registry) = open(folder.path()).await;
        for (subject, number, id) in &answered {
            let shown = registry.lookup(subject, &schema(*number)).unwrap();
            assert_eq!((shown.schema.id, shown.at.version), (*id, 1), "{subject}");
            assert_eq!(*ids.entry(*number).or_insert(*id), *id, "schema {number} has two ids");
        }
        let mut texts: HashMap<Arc<str>, i32> = HashMap::new();
        for id in 1..=registry.id_max("") {
            let text = registry.stored(id).unwrap().text.clone();
            assert_eq!(texts.insert(text, id), None, "id {id} is not the only one of its schema");
        }
        for subject in registry.subjects("", Selected::All) {
            assert_eq!(registry.versions(&subject, Selected::All).unwrap(), [1]);
        }
        registry.close().await;
        log.close().await.unwrap();
    }
    assert!(total >= kills * 40, "{total}");
    println!("{kills} kills, {total} answers checked, {} ids", ids.len());
}
