//! Faults of the real disk and of real processes. The tests unwrap: a failure is
//! the test's answer.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use super::*;
use crate::conformance::{append, batch, group, topic, values};
use crate::disk::{DiskFile, Open};
use crate::options::Durability;

fn open(folder: &Path) -> Result<SegmentLog> {
    SegmentLog::open(folder, Options::default())
}

fn flip(path: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 0x20], at).unwrap();
}

fn find(path: &Path, text: &str) -> u64 {
    let bytes = fs::read(path).unwrap();
    let at = bytes.windows(text.len()).position(|window| window == text.as_bytes());
    at.unwrap() as u64
}

/// A log with the values `value-0` to `value-(count - 1)` in partition 0 of `t`.
async fn filled(folder: &Path, count: usize) -> SegmentLog {
    let log = open(folder).unwrap();
    let at = topic(&log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    for n in 0..count {
        append(&*writer, vec![group(at, &[&format!("value-{n}")])]).await;
    }
    log
}

fn partition(log: &SegmentLog) -> TopicPartition {
    log.topic("t").unwrap().partition(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_in_a_segment_is_reported_and_not_served() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 20).await.close().await.unwrap();
    let segment = folder.path().join("t-0/00000000000000000000.log");
    let at = find(&segment, "value-13");
    flip(&segment, at);
    let log = open(folder.path()).unwrap();
    let target = partition(&log);
    for offset in 0..20 {
        match (offset, log.read(target, offset, 1).await) {
            (13, Err(LogError::Damaged { path, at: found, .. })) => {
                assert_eq!(path, segment);
                assert!(found < at && at - found < 100, "{found} is not its batch");
            }
            (13, other) => panic!("{other:?}"),
            (_, read) => assert!(!read.unwrap().batches.is_empty()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_in_the_journal_is_reported_and_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 20).await);
    let journal = folder.path().join("journal/0000.journal");
    let at = find(&journal, "value-13");
    flip(&journal, at);
    for _ in 0..2 {
        let error = open(folder.path()).err().unwrap();
        let LogError::Damaged { path, at: found, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(path, journal);
        assert_eq!(found, at / 4096 * 4096);
    }
    // It was told, not touched: with the byte put right all is there.
    flip(&journal, at);
    let log = open(folder.path()).unwrap();
    assert_eq!(values(&log, partition(&log), 0, 1000).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_group_is_known_once_the_journal_is_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 5).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    drop(log);
    let journal = folder.path().join("journal/0000.journal");
    flip(&journal, find(&journal, "value-4"));
    assert!(matches!(open(folder.path()), Err(LogError::Damaged { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_tail_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path(), 20).await);
    // The last frame was being written when the power went.
    let journal = folder.path().join("journal/0000.journal");
    flip(&journal, find(&journal, "value-19"));
    let log = open(folder.path()).unwrap();
    let target = partition(&log);
    assert_eq!(values(&log, target, 0, 1000).await.len(), 19);
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, vec![group(target, &["new"])]).await;
    drop(writer);
    drop(log);
    let log = open(folder.path()).unwrap();
    assert_eq!(values(&log, target, 0, 1000).await[19], "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_index_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    let at = topic(&log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    let value = "x".repeat(3000);
    for _ in 0..100 {
        append(&*writer, vec![group(at, &[&value])]).await;
    }
    log.close().await.unwrap();
    let base = folder.path().join("t-0/00000000000000000000");
    for part in ["index", "timeindex"] {
        let path = base.with_extension(part);
        let len = fs::metadata(&path).unwrap().len();
        assert!(len > 0, "{part}");
        fs::write(&path, vec![0xee; usize::try_from(len).unwrap()]).unwrap();
    }
    let log = open(folder.path()).unwrap();
    for offset in [99, 50, 0] {
        assert!(!log.read(at, offset, 1).await.unwrap().batches.is_empty());
    }
    assert_eq!(log.offset(at, OffsetAt::Time(1000)).await.unwrap(), 0);
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, vec![group(at, &[&value])]).await;
    log.close().await.unwrap();
    fs::remove_file(base.with_extension("index")).unwrap();
    let log = open(folder.path()).unwrap();
    assert_eq!(values(&log, at, 0, 100_000).await.len(), 101);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_has_one_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(LogError::InUse(path)) if path == folder.path()));
    log.close().await.unwrap();
    open(folder.path()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_log_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = filled(folder.path(), 1).await;
    let writer = log.open_writer("w").await.unwrap();
    log.close().await.unwrap();
    let late = match writer.append(vec![group(partition(&log), &["late"])]).await {
        Ok(pending) => pending.await.map(drop),
        Err(error) => Err(error),
    };
    assert!(matches!(late, Err(LogError::Stopped(_))));
    assert!(log.open_writer("w").await.is_err());
}

/// The real disk, but for the thread that syncs segments.
#[derive(Default)]
struct PanicsInSyncs {
    is_armed: std::sync::atomic::AtomicBool,
    panicked: std::sync::atomic::AtomicBool,
}

impl PanicsInSyncs {
    fn judge(&self) {
        let is_armed = self.is_armed.load(Ordering::SeqCst);
        if is_armed && std::thread::current().name() == Some("log-sync") {
            self.panicked.store(true, Ordering::SeqCst);
            panic!("a fault on purpose");
        }
    }
}

impl Disk for PanicsInSyncs {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        self.judge();
        RealDisk.open(path, how)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.judge();
        RealDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.judge();
        RealDisk.sync_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(path)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_sync_stops_the_log_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(PanicsInSyncs::default());
    let log =
        SegmentLog::open_on(Arc::clone(&disk) as Arc<dyn Disk>, folder.path(), Options::default())
            .unwrap();
    let at = topic(&log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, vec![group(at, &["a", "b"])]).await;
    disk.is_armed.store(true, Ordering::SeqCst);
    for _ in 0..1000 {
        if disk.panicked.load(Ordering::SeqCst) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(disk.panicked.load(Ordering::SeqCst), "no sync of segments began");
    let closed = tokio::time::timeout(Duration::from_secs(10), log.close()).await;
    let error = closed.expect("close hangs").unwrap_err().to_string();
    assert!(error.contains("panicked") && error.contains("restart"), "{error}");
    drop(log);
    let log = open(folder.path()).unwrap();
    assert_eq!(values(&log, partition(&log), 0, 1 << 20).await, ["a", "b"]);
    log.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_roll_and_retention_removes_them() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { retention_check: Duration::from_millis(50), ..Options::default() };
    let log = SegmentLog::open(folder.path(), options).unwrap();
    let config = [("segment.bytes", "10000"), ("retention.bytes", "25000"), ("retention.ms", "-1")];
    let spec = TopicSpec {
        name: "t".to_owned(),
        partitions: 1,
        config: config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    };
    let info = log.create_topic(spec).await.unwrap();
    let at = info.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    let value = "x".repeat(1000);
    for _ in 0..100 {
        append(&*writer, vec![group(at, &[&value])]).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let start = log.offset(at, OffsetAt::Start).await.unwrap();
    assert!((60..80).contains(&start), "{start}");
    assert_eq!(values(&log, at, start, 5000).await.len(), 100 - usize::try_from(start).unwrap());
    assert!(log.read(at, start - 1, 1).await.is_err());
    // By time: the records are from 1970.
    log.configure_topic(info.id, vec![("retention.ms".to_owned(), "1000".to_owned())])
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(log.offset(at, OffsetAt::Start).await.unwrap(), 100);
    log.close().await.unwrap();
    let log = open(folder.path()).unwrap();
    assert_eq!(log.offset(at, OffsetAt::Start).await.unwrap(), 100);
    assert_eq!(log.topic("t").unwrap().config[0].1, "1000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_partitions_have_no_open_file() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path()).unwrap();
    let info = topic(&log, "t", 100).await;
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, (0..100).map(|n| group(info.partition(n), &["x"])).collect()).await;
    let root = folder.path().canonicalize().unwrap();
    let open_files = || {
        let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        targets.filter(|target| target.starts_with(&root)).count()
    };
    assert!(open_files() >= 100);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if open_files() < 10 {
            return;
        }
    }
    panic!("{} files are open", open_files());
}

/// A small file system, if this process may mount one.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Process::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        drop(Process::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_appends_until_there_is_space() {
    let Some(disk) = Tmpfs::mount("32m") else {
        let text = b"skipped: mounting a tmpfs needs root\n";
        drop(std::io::stderr().write_all(text));
        return;
    };
    let folder = disk.0.path().join("data");
    fs::create_dir(&folder).unwrap();
    let log = open(&folder).unwrap();
    let at = topic(&log, "t", 1).await.partition(0);
    let writer = log.open_writer("w").await.unwrap();
    let value = "x".repeat(100_000);
    let send = async || match writer.append(vec![group(at, &[&value])]).await {
        Ok(pending) => pending.await.map(drop),
        Err(error) => Err(error),
    };
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![1; 6 << 20]).unwrap();
    let mut count = 0;
    let error = loop {
        match send().await {
            Ok(()) => count += 1,
            Err(error) => break error,
        }
        assert!(count < 1000);
    };
    assert!(matches!(error, LogError::NoSpace(_)), "{error}");
    assert!(count > 5, "{count}");
    assert!(matches!(send().await, Err(LogError::NoSpace(_))));
    assert_eq!(values(&log, at, 0, 1 << 20).await.len(), count);
    fs::remove_file(&ballast).unwrap();
    // What comes after a refused append must not land; a new writer goes on.
    assert!(matches!(send().await, Err(LogError::NoSpace(_))));
    let writer = log.open_writer("w").await.unwrap();
    append(&*writer, vec![group(at, &[&value])]).await;
    log.close().await.unwrap();
    let log = open(&folder).unwrap();
    assert_eq!(values(&log, at, 0, 1 << 20).await.len(), count + 1);
}

const CHILD_FOLDER: &str = "THALWEG_TEST_CHILD_FOLDER";

/// Not a test of its own: the process that the next one kills. It appends the
/// same number to two partitions and says which numbers are durable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER).map(PathBuf::from) else {
        return;
    };
    let options = Options { journal_file_bytes: 1 << 20, ..Options::default() };
    let log = SegmentLog::open(&folder, options).unwrap();
    let info = match log.topic("t") {
        Some(info) => info,
        None => topic(&log, "t", 2).await,
    };
    let writer = log.open_writer("w").await.unwrap();
    let mut next = log.offset(info.partition(0), OffsetAt::End).await.unwrap();
    let mut pending = std::collections::VecDeque::new();
    loop {
        let value = format!("{next:01000}");
        let batches = batch(&[&value]);
        let groups = (0..2).map(|n| Group { target: info.partition(n), batches: batches.clone() });
        pending.push_back((next, writer.append(groups.collect()).await.unwrap()));
        next += 1;
        if pending.len() > 4 {
            let (number, outcome) = pending.pop_front().unwrap();
            outcome.await.unwrap();
            let mut out = std::io::stdout().lock();
            writeln!(out, "durable {number}").unwrap();
            out.flush().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut durable = -1;
    for round in 0..20 {
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "segment_log::fault_tests::child_that_is_killed"])
            .env(CHILD_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines {
            // The harness may put its own words before the first one.
            let Some(number) = line.unwrap().rsplit_once("durable ").map(|(_, n)| n.to_owned())
            else {
                continue;
            };
            durable = durable.max(number.parse().unwrap());
            seen += 1;
            if seen == 3 + round * 17 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen > 0);
        let log = open(folder.path()).unwrap();
        let info = log.topic("t").unwrap();
        let first = values(&log, info.partition(0), 0, 1 << 20).await;
        assert!(first.len() > usize::try_from(durable).unwrap(), "{} of {durable}", first.len());
        for (number, value) in first.iter().enumerate() {
            assert_eq!(value.parse(), Ok(number));
        }
        assert_eq!(values(&log, info.partition(1), 0, 1 << 20).await, first);
    }
}

/// The disk of the machine, which counts the syncs of files.
#[derive(Clone, Default)]
struct CountingDisk(Arc<AtomicU64>);

struct CountingFile(Arc<dyn DiskFile>, Arc<AtomicU64>);

impl Disk for CountingDisk {
    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let file = RealDisk.open(path, how)?;
        Ok(Arc::new(CountingFile(file, Arc::clone(&self.0))))
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(path)
    }
}

impl DiskFile for CountingFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        self.0.read_at(into, at)
    }
    fn write_at(&self, slices: &[io::IoSlice<'_>], at: u64) -> io::Result<()> {
        self.0.write_at(slices, at)
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn allocate(&self, at: u64, len: u64, keep_len: bool) -> io::Result<()> {
        self.0.allocate(at, len, keep_len)
    }
    fn sync(&self) -> io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.sync()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_after_a_crash_waits_for_no_sync_of_each_group_or_segment() {
    for durability in [Durability::Fsync, Durability::PageCache] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { durability, ..Options::default() };
        let log = SegmentLog::open(folder.path(), options.clone()).unwrap();
        let info = topic(&log, "t", 100).await;
        let writer = log.open_writer("w").await.unwrap();
        for number in 0..200 {
            append(&*writer, vec![group(info.partition(number % 100), &["value"])]).await;
        }
        drop(writer);
        drop(log);
        let disk = CountingDisk::default();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let engine = Engine::open(Arc::new(disk.clone()), clock, folder.path(), options).unwrap();
        let syncs = disk.0.load(Ordering::Relaxed);
        assert!(syncs < 5, "{syncs} syncs at {durability:?}");
        let records = engine.view.partition(info.partition(99)).unwrap();
        assert_eq!(records.read().end, 2);
        drop(engine);
        // It left all that another start needs.
        let log = open(folder.path()).unwrap();
        assert_eq!(values(&log, info.partition(99), 0, 1000).await.len(), 2);
    }
}
