//! What can happen to ports, folders and files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use thalweg_harness::{Postgres, Thalweg, connector, kcat};

use crate::lake::{self, records};
use crate::setup::{self, eventually, options, post, source, thalweg, wait_for_task};

/// Starts a server that must end by itself; its standard error.
fn refuses_to_start(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_thalweg"))
        .arg("serve")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success(), "it started");
    assert!(output.stdout.is_empty(), "a ready line, and then an error");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const FREE: [&str; 6] =
    ["--kafka", "127.0.0.1:0", "--registry", "127.0.0.1:0", "--rest", "127.0.0.1:0"];

#[test]
fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().to_str().unwrap();
    let mut arguments = FREE.to_vec();
    arguments[5] = &address;
    arguments.extend(["--data", data]);
    let error = refuses_to_start(&arguments);
    assert!(error.contains(&address) && error.contains("rest"), "{error}");
}

#[test]
fn a_data_folder_has_one_process() {
    let first = thalweg();
    let mut arguments = FREE.to_vec();
    arguments.extend(["--data", first.data().to_str().unwrap()]);
    let error = refuses_to_start(&arguments);
    assert!(error.contains("in use by another process"), "{error}");
    assert!(error.contains(first.data().to_str().unwrap()), "{error}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    arguments.splice(7.., [path]);
    let error = refuses_to_start(&arguments);
    assert!(error.contains("--data") && error.contains(&format!("{path} is a file")), "{error}");
}

#[test]
fn settings_that_can_not_work_are_all_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[log]\ndurabilty = \"fsync\"\n[rest]\nlisten = \"x\"").unwrap();
    let error = refuses_to_start(&["--config", file.path().to_str().unwrap()]);
    assert!(error.contains("did you mean log.durability?"), "{error}");
    assert!(error.contains("rest.listen"), "{error}");
}

/// All files below a folder whose names end so.
fn files_ending(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(files_ending(&entry.path(), ending));
        } else if entry.file_name().to_string_lossy().ends_with(ending) {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn a_flipped_byte_in_a_segment_is_reported_and_not_served() {
    let postgres = Postgres::start().unwrap();
    postgres
        .sql(
            "CREATE TABLE t (id int PRIMARY KEY, note text); \
             INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 5000) n",
        )
        .unwrap();
    let home = tempfile::tempdir().unwrap();
    let (data, folder) = (home.path().join("data"), home.path().join("lake"));
    std::fs::create_dir(&folder).unwrap();
    let first = Thalweg::start(&options(Some(&data))).unwrap();
    post(&first, &source(&postgres, "flip", &[]));
    let snapshot = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    eventually("the stream", &first, || (postgres.sql(snapshot).unwrap() == "1", ()));
    assert!(first.stop().unwrap().success());

    let segment = files_ending(&data, ".log")
        .into_iter()
        .find(|path| path.to_string_lossy().contains("flip.public.t"))
        .expect("a segment of the topic");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.iter().rposition(|&byte| byte != 0).unwrap() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(&segment, &bytes).unwrap();

    let second = Thalweg::start(&options(Some(&data))).unwrap();
    post(&second, &setup::lake("flip-lake", &folder, &[("topics", "flip.public.t")]));
    let failed = wait_for_task(&second, "flip-lake", "FAILED");
    let trace = failed["tasks"][0]["trace"].as_str().unwrap();
    let name = segment.file_name().unwrap().to_string_lossy().into_owned();
    assert!(trace.contains(&name) && trace.contains("damaged"), "{trace}");
    // The source writes to the same topic and is not touched (invariant 9).
    wait_for_task(&second, "flip", "RUNNING");
}

#[test]
fn a_full_disk_stops_writes_with_a_reason_and_goes_on_after() {
    if !is_root() {
        eprintln!("skipped: mounting a small tmpfs needs root");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(home.path(), "400m") else {
        eprintln!("skipped: this machine lets nobody mount a tmpfs");
        return;
    };
    let postgres = Postgres::start().unwrap();
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY, note text)").unwrap();
    let data = home.path().join("data");
    let thalweg = Thalweg::start(&options(Some(&data))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    post(&thalweg, &source(&postgres, "full", &[("tombstones.on.delete", "false")]));
    post(&thalweg, &setup::lake("full-lake", folder.path(), &[("topics", "full.public.t")]));
    wait_for_task(&thalweg, "full", "RUNNING");
    // What fills the disk is not ours, as in life.
    let ballast = home.path().join("ballast");
    let filled = Command::new("dd")
        .args(["if=/dev/zero", "bs=1M", "status=none"])
        .arg(format!("of={}", ballast.display()))
        .status()
        .unwrap();
    assert!(!filled.success(), "the disk took everything");
    let noise = "INSERT INTO t SELECT n, string_agg(md5((n * 1000 + m)::text), '') \
                 FROM generate_series(1, 20000) n, generate_series(1, 100) m GROUP BY n";
    postgres.sql(noise).unwrap();
    let waiting = wait_for_task(&thalweg, "full", "RESTARTING");
    let trace = waiting["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.contains("no space"), "{trace}");
    std::fs::remove_file(&ballast).unwrap();
    let count = || records(folder.path()).values().map(Vec::len).sum::<usize>();
    eventually("all rows after space was freed", &thalweg, || (count() == 20_000, count()));
    drop(thalweg);
    drop(disk);
}

#[test]
fn a_full_lake_takes_all_rows_once_when_there_is_space_again() {
    if !is_root() {
        eprintln!("skipped: mounting a small tmpfs needs root");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(home.path(), "2m") else {
        eprintln!("skipped: this machine lets nobody mount a tmpfs");
        return;
    };
    let thalweg = thalweg();
    let row = |id: u32| json!({ "id": id, "note": "x".repeat(1000) }).to_string();
    let lines = (0..4000).map(row).collect::<Vec<_>>().join("\n");
    kcat(thalweg.kafka(), &["-P", "-t", "rows", "-X", "acks=all"], lines.as_bytes()).unwrap();
    let config = json!({
        "connector.class": "s3",
        "store.url": format!("file://{}/lake", home.path().display()),
        "topics": "rows",
        "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "flush.size": "2000",
    });
    // The second of the two files is more than the disk takes.
    post(&thalweg, &connector("rows-lake", config, &[]));
    let waiting = wait_for_task(&thalweg, "rows-lake", "RESTARTING");
    let trace = waiting["tasks"][0]["trace"].as_str().unwrap();
    let folder = home.path().to_str().unwrap();
    for part in ["rows-0 at offset", folder, "No space left", "free space; it is tried again"] {
        assert!(trace.contains(part), "{part}: {trace}");
    }
    disk.resize("64m");
    let ids = || -> Vec<u64> {
        let mut ids = Vec::new();
        for file in lake::files(&home.path().join("lake")) {
            let text = std::fs::read_to_string(&file.path).unwrap();
            let id = |line| serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap();
            ids.extend(text.lines().map(id));
        }
        ids.sort_unstable();
        ids
    };
    let found = eventually("all rows after space was freed", &thalweg, || {
        let ids = ids();
        (ids.len() >= 4000, ids)
    });
    assert!(found.into_iter().eq(0..4000), "rows are missing or twice");
    drop(thalweg);
    drop(disk);
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.starts_with(b"0")
}

/// A small file system that is unmounted when dropped.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        let option = format!("size={size}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &option, "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null())
            .status()
            .ok()?;
        mount.success().then(|| Self(folder.to_owned()))
    }

    fn resize(&self, size: &str) {
        let option = format!("remount,size={size}");
        let mount = Command::new("mount").args(["-o", &option]).arg(&self.0).status().unwrap();
        assert!(mount.success(), "mount -o {option}");
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
