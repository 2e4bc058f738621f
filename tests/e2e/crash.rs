//! kill -9 at random points, during the snapshot and while rows change: the
//! lake then equals the source, with no offset and no row twice.
//!
//! `THALWEG_KILLS` says how many (20 without it; `make crash` asks for 100).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use thalweg_harness::{Postgres, Thalweg, ThalwegOptions, curl};

use crate::lake::records;
use crate::setup::{eventually, lake, options, post, source};

/// Rows of each table at first; the second is for what does not care for the snapshot.
const ROWS_AT_FIRST: u64 = 60_000;
const FEW_ROWS: u64 = 5_000;
const TABLES: [&str; 2] = ["accounts", "moves"];

/// Avro, whose subjects are named after records.
const BY_RECORD: [(&str, &str); 4] = [
    ("key.converter", "io.confluent.connect.avro.AvroConverter"),
    ("key.converter.key.subject.name.strategy", BY_RECORD_NAME),
    ("value.converter", "io.confluent.connect.avro.AvroConverter"),
    ("value.converter.value.subject.name.strategy", BY_RECORD_NAME),
];
const BY_RECORD_NAME: &str = "io.confluent.kafka.serializers.subject.RecordNameStrategy";

fn prepare(postgres: &Postgres, rows: u64) {
    for table in TABLES {
        postgres
            .sql(&format!(
                "CREATE TABLE {table} (id bigint PRIMARY KEY, version int NOT NULL, note text); \
                 INSERT INTO {table} SELECT n, 0, 'note ' || n \
                 FROM generate_series(1, {rows}) n"
            ))
            .unwrap();
    }
}

/// One transaction or two of changes over both tables. A row's `version` rises
/// by one with each update and an id is never used again, so that the events
/// of a key tell whether one is missing or there twice.
fn change(postgres: &Postgres, rows: u64, round: u64, alters: bool) {
    let fresh = rows + 1 + round * 50;
    let some = scattered(round) % rows;
    postgres
        .sql(&format!(
            "BEGIN; \
             INSERT INTO accounts SELECT n, 0, 'new' FROM generate_series({fresh}, {fresh} + 49) n; \
             UPDATE accounts SET version = version + 1 WHERE id BETWEEN {some} AND {some} + 40; \
             INSERT INTO moves SELECT n, 0, NULL FROM generate_series({fresh}, {fresh} + 9) n; \
             COMMIT; \
             UPDATE moves SET version = version + 1, note = 'moved' WHERE id % 997 = {round} % 997; \
             DELETE FROM accounts WHERE id = {some} + 7; \
             UPDATE accounts SET id = 1000000000 + {round} WHERE id = {some} + 11; \
             DELETE FROM moves WHERE id % 1999 = {round} % 1999"
        ))
        .unwrap();
    let alter = match round % 40 {
        7 if alters => "ADD COLUMN IF NOT EXISTS extra int DEFAULT 1",
        27 if alters => "DROP COLUMN IF EXISTS extra",
        _ => return,
    };
    postgres.sql(&format!("ALTER TABLE moves {alter}")).unwrap();
}

/// A scattered number that is the same in every run.
fn scattered(seed: u64) -> u64 {
    seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33
}

fn kills() -> u64 {
    std::env::var("THALWEG_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// A source that changes all the time, and a folder for its lake.
pub(crate) struct World {
    postgres: Arc<Postgres>,
    home: tempfile::TempDir,
    rows: u64,
    stop: Arc<AtomicBool>,
    /// Whether columns come and go. Not before the snapshot is over: it would have
    /// them as they are, and the changes after it as they were, and rows of two
    /// schemas that alternate share a round of the lake's files.
    alters: Arc<AtomicBool>,
    workload: Option<JoinHandle<()>>,
}

impl World {
    /// Starts a Postgres, and a first Thalweg that is told what to do.
    pub(crate) fn new() -> (Self, Thalweg) {
        Self::with(ROWS_AT_FIRST, &[], &[])
    }

    /// The same with Avro under the names of its records, which the lake's sink reads with
    /// the newest version that came.
    pub(crate) fn of_versions() -> (Self, Thalweg) {
        let newest = [("schema.compatibility", "BACKWARD")];
        Self::with(FEW_ROWS, &BY_RECORD, &[&BY_RECORD[..], &newest].concat())
    }

    fn with(rows: u64, of_source: &[(&str, &str)], of_sink: &[(&str, &str)]) -> (Self, Thalweg) {
        let postgres = Arc::new(Postgres::start().unwrap());
        prepare(&postgres, rows);
        let home = tempfile::tempdir().unwrap();
        let this = Self {
            postgres,
            home,
            rows,
            stop: Arc::default(),
            alters: Arc::default(),
            workload: None,
        };
        std::fs::create_dir(this.lake()).unwrap();
        let thalweg = Thalweg::start(&this.options()).unwrap();
        let more = [("tombstones.on.delete", "false"), ("topic.prefix", "crash")];
        post(&thalweg, &source(&this.postgres, "crash", &[&more[..], of_source].concat()));
        let topics = [("topics", "crash.public.accounts,crash.public.moves")];
        post(&thalweg, &lake("crash-lake", &this.lake(), &[&topics[..], of_sink].concat()));
        (this, thalweg)
    }

    fn lake(&self) -> PathBuf {
        self.home.path().join("lake")
    }

    /// How Thalweg is started on its data.
    pub(crate) fn options(&self) -> ThalwegOptions {
        options(Some(&self.home.path().join("data")))
    }

    /// Begins to change rows, keys and columns.
    pub(crate) fn begin(&mut self) {
        let (postgres, stop) = (Arc::clone(&self.postgres), Arc::clone(&self.stop));
        let (alters, rows) = (Arc::clone(&self.alters), self.rows);
        self.workload = Some(std::thread::spawn(move || {
            for round in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                change(&postgres, rows, round, alters.load(Ordering::Relaxed));
                std::thread::sleep(Duration::from_millis(30));
            }
        }));
    }

    /// Changes rows over more WAL than a source streams: one that starts after it
    /// reads a backlog. Most of the WAL is empty.
    #[cfg(feature = "failpoints")]
    pub(crate) fn fall_behind(&self) {
        for part in 0..3 {
            self.postgres
                .sql(&format!(
                    "BEGIN; \
                     LOCK TABLE moves IN SHARE ROW EXCLUSIVE MODE; \
                     UPDATE moves SET version = version + 1 WHERE id % 10 = {part}; \
                     COMMIT; \
                     SELECT pg_switch_wal()"
                ))
                .unwrap();
        }
    }

    /// Lets columns come and go if the snapshot is over; whether it is.
    pub(crate) fn see(&self, thalweg: &Thalweg) -> bool {
        // It may have ended already.
        if let Ok(answer) = thalweg.call("GET", "/connectors/crash/offsets", None) {
            let offset = &answer.json()["offsets"][0]["offset"];
            self.alters.fetch_or(offset["lsn_proc"].is_u64(), Ordering::Relaxed);
        }
        self.alters.load(Ordering::Relaxed)
    }

    /// Ends the changes: what is in the lake then equals the source.
    pub(crate) fn check(mut self, thalweg: Thalweg) {
        self.stop.store(true, Ordering::Relaxed);
        let workload = self.workload.take();
        assert!(workload.is_none_or(|thread| thread.join().is_ok()), "the workload failed");
        compare(&thalweg, &self.postgres, &self.lake());
        assert!(thalweg.stop().unwrap().success());
    }
}

#[test]
fn crash_loses_nothing_and_repeats_nothing() {
    let kills = kills();
    let (world, last) = crash(World::new(), kills);
    world.check(last);
    println!("{kills} kills: the lake equals the source, no offset and no row twice");
}

#[test]
fn crash_while_all_is_read_with_the_newest_version() {
    // Fewer: only schemas and how they are read differ.
    let kills = kills().div_ceil(4);
    let (world, last) = crash(World::of_versions(), kills);
    // Columns came and went.
    eventually("two versions", &last, || {
        let url = format!("{}/subjects/crash.public.moves.Envelope/versions", last.registry());
        let versions = curl("GET", &url, None).unwrap().text;
        (versions == "[1,2]", versions)
    });
    world.check(last);
    println!("{kills} kills: the same where all is read with the newest version");
}

fn crash((mut world, mut running): (World, Thalweg), kills: u64) -> (World, Thalweg) {
    world.begin();
    for kill in 0..kills {
        // Short lives early, to hit the snapshot; some long enough to stream.
        let life = 40 + scattered(kill) % if kill % 3 == 0 { 2500 } else { 700 };
        std::thread::sleep(Duration::from_millis(life));
        world.see(&running);
        running.kill().unwrap();
        running = Thalweg::start(&world.options()).unwrap();
    }
    (world, running)
}

fn compare(thalweg: &Thalweg, postgres: &Postgres, folder: &Path) {
    for table in TABLES {
        let topic = format!("crash.public.{table}");
        let rows = postgres.sql(&format!("SELECT id, version, note FROM {table}")).unwrap();
        let expected: BTreeMap<u64, (u64, String)> = rows.lines().map(row_of_psql).collect();
        eventually(&format!("{table} in the lake"), thalweg, || {
            let found = rebuilt(records(folder).get(&topic).unwrap_or(&Vec::new()));
            let differing: Vec<_> = expected
                .iter()
                .filter(|(id, row)| found.get(id) != Some(row))
                .map(|(id, _)| *id)
                .take(5)
                .collect();
            (found == expected, (found.len(), expected.len(), differing))
        });
        once_each(&topic, &records(folder)[&topic]);
    }
}

fn row_of_psql(line: &str) -> (u64, (u64, String)) {
    let mut fields = line.splitn(3, '|');
    let mut number = || fields.next().unwrap().parse().unwrap();
    let (id, version) = (number(), number());
    (id, (version, fields.next().unwrap().to_owned()))
}

/// The table as the events leave it.
fn rebuilt(events: &[Value]) -> BTreeMap<u64, (u64, String)> {
    let mut table = BTreeMap::new();
    for event in events {
        if event["op"] == "d" {
            table.remove(&event["before"]["id"].as_u64().unwrap());
        } else {
            let after = &event["after"];
            let note = after["note"].as_str().unwrap_or_default().to_owned();
            let row = (after["version"].as_u64().unwrap(), note);
            table.insert(after["id"].as_u64().unwrap(), row);
        }
    }
    table
}

/// The events of each key are a chain: one create or read, versions that rise
/// by one, at most one delete, and nothing after it.
fn once_each(topic: &str, events: &[Value]) {
    let mut versions: BTreeMap<u64, u64> = BTreeMap::new();
    let mut deleted = BTreeSet::new();
    for (offset, event) in events.iter().enumerate() {
        let at = format!("{topic} at offset {offset}: {} {}", event["op"], event["source"]);
        let op = event["op"].as_str().unwrap();
        let side = if op == "d" { "before" } else { "after" };
        let id = event[side]["id"].as_u64().unwrap();
        assert!(!deleted.contains(&id), "{at}: id {id} was deleted before");
        match op {
            "c" | "r" => {
                let version = event["after"]["version"].as_u64().unwrap();
                assert!(versions.insert(id, version).is_none(), "{at}: id {id} is there twice");
            }
            "u" => {
                let version = event["after"]["version"].as_u64().unwrap();
                let last = versions.insert(id, version);
                assert_eq!(last, Some(version - 1), "{at}: id {id} skips or repeats a version");
            }
            "d" => {
                assert!(versions.contains_key(&id), "{at}: id {id} was never there");
                deleted.insert(id);
            }
            other => panic!("{at}: op {other}"),
        }
    }
}
