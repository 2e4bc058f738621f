//! Tests of the embedded log on the real file system. They unwrap: a failure is
//! the test's answer.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use super::*;
use crate::conformance;

fn open(folder: &Path) -> Arc<dyn Log> {
    Arc::new(SegmentLog::open(folder, Options::default()).unwrap())
}

/// Folders of logs that are removed when the test is over.
struct Folders(Mutex<Vec<tempfile::TempDir>>);

impl Folders {
    fn add(&self) -> std::path::PathBuf {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        self.0.lock().unwrap().push(folder);
        path
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let folders = Folders(Mutex::default());
    conformance::run(|| async { open(&folders.add()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_without_memory_of_the_tail() {
    let folders = Folders(Mutex::default());
    let options = Options {
        tail_bytes_max: 0,
        write_behind_bytes: 1,
        journal_file_bytes: 1 << 20,
        ..Options::default()
    };
    conformance::run(|| async {
        let log = SegmentLog::open(&folders.add(), options.clone()).unwrap();
        Arc::new(log) as Arc<dyn Log>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_restarts() {
    for is_clean in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let logs: Mutex<HashMap<&str, Arc<SegmentLog>>> = Mutex::default();
        conformance::restart::run(
            |name| {
                let path = folder.path().join(name);
                let log = Arc::new(SegmentLog::open(&path, Options::default()).unwrap());
                logs.lock().unwrap().insert(name, Arc::clone(&log));
                async move { log as Arc<dyn Log> }
            },
            |name, log| {
                drop(log);
                let log = logs.lock().unwrap().remove(name).unwrap();
                async move {
                    if is_clean {
                        log.close().await.unwrap();
                    }
                }
            },
        )
        .await;
    }
}
