//! Registrations from many tasks, with the process killed in the midst of them: what was
//! answered is there afterwards, a schema never has two ids, an id never two schemas.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the child tells its parent what was answered")]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use thalweg_log::{Options, SegmentLog};
use thalweg_schema_registry::compat::Level;
use thalweg_schema_registry::{Registry, Selected, VersionId};

/// Where the child finds the log, and that it is the child.
const FOLDER: &str = "THALWEG_TEST_REGISTRY_FOLDER";

/// The number of the first schema that the child registers.
const FIRST: &str = "THALWEG_TEST_REGISTRY_FIRST";

/// The subject that all tasks of the child register under.
const SHARED: &str = "shared";

/// How often the child is killed; 10 times if it is not said.
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
/// schemas under subjects of their own and under one that they share, and say so when
/// they are answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let first: usize = std::env::var(FIRST).unwrap().parse().unwrap();
    let (_log, registry) = open(Path::new(&folder)).await;
    registry.set_config(Some(SHARED), Level::None).await.unwrap();
    let registry = Arc::new(registry);
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let registry = Arc::clone(&registry);
            tokio::spawn(async move {
                for number in first..first + 100_000 {
                    for subject in [format!("s{task}-{number}"), SHARED.to_owned()] {
                        let id = registry.register(&subject, &schema(number)).await.unwrap();
                        println!("answered {subject} {number} {id}");
                    }
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

/// What was there after each kill.
#[derive(Default)]
struct Seen {
    /// The id of each schema that was answered.
    ids: HashMap<usize, i32>,
    /// The schemas that were there after the last kill.
    texts: HashMap<Arc<str>, i32>,
    id_max: i32,
}

impl Seen {
    /// Compares what is there with what was answered and with what was there before.
    fn check(&mut self, registry: &Registry, answered: &[(String, usize, i32)]) {
        for (subject, number, id) in answered {
            let shown = registry.lookup(subject, &schema(*number)).unwrap();
            assert_eq!(shown.schema.id, *id, "{subject}");
            assert_eq!(*self.ids.entry(*number).or_insert(*id), *id, "{number} has two ids");
        }
        let mut texts: HashMap<Arc<str>, i32> = HashMap::new();
        for id in 1..=registry.id_max("") {
            let text = registry.stored(id).unwrap().text.clone();
            assert_eq!(texts.insert(text, id), None, "id {id} is not the only one of its schema");
        }
        for (text, id) in &texts {
            match self.texts.get(text) {
                Some(before) => assert_eq!(before, id, "a schema got another id"),
                None => assert!(*id > self.id_max, "id {id} is older than its schema"),
            }
        }
        assert!(texts.len() >= self.texts.len());
        (self.texts, self.id_max) = (texts, registry.id_max(""));
        for subject in registry.subjects("", Selected::All) {
            let versions = registry.versions(&subject, Selected::All).unwrap();
            let count = i32::try_from(versions.len()).unwrap();
            assert!(versions.iter().copied().eq(1..=count), "{subject}: {versions:?}");
            let id = |version: &i32| {
                let version = VersionId::Number(*version);
                registry.version(&subject, version, Selected::All).unwrap().schema.id
            };
            let distinct: HashSet<i32> = versions.iter().map(id).collect();
            assert_eq!(distinct.len(), versions.len(), "{subject} has a schema twice");
            assert!(&*subject == SHARED || count == 1, "{subject}: {versions:?}");
        }
    }
}

#[tokio::test]
async fn a_kill_loses_nothing_and_gives_no_id_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Seen::default();
    let mut total = 0;
    let kills = std::env::var(KILLS).map_or(10, |kills| kills.parse().unwrap());
    for round in 0..kills {
        let answered = killed_child(folder.path(), round * 20, 40 + round * 33 % 200);
        total += answered.len();
        let (log, registry) = open(folder.path()).await;
        seen.check(&registry, &answered);
        registry.close().await;
        log.close().await.unwrap();
    }
    assert!(total >= kills * 40, "{total}");
    println!("{kills} kills, {total} answers checked, {} ids", seen.id_max);
}
