//! Setting where a connector goes on: what our errors tell people to do.

use serde_json::{Value, json};
use thalweg_harness::{Postgres, Thalweg};

use crate::lake::files;
use crate::setup::{eventually, lake, post, source, status, thalweg, wait_for_task};

/// A request that must be taken; its answer.
fn ask(thalweg: &Thalweg, method: &str, path: &str, body: Option<&Value>) -> String {
    let body = body.map(Value::to_string);
    let answer = thalweg.call(method, path, body.as_deref()).unwrap();
    assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text);
    answer.text
}

fn offsets(thalweg: &Thalweg, name: &str) -> Value {
    thalweg.call("GET", &format!("/connectors/{name}/offsets"), None).unwrap().json()
}

#[test]
fn a_lake_goes_on_behind_a_row_that_it_can_not_take() {
    let postgres = Postgres::start().unwrap();
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)").unwrap();
    let thalweg = thalweg();
    let folder = tempfile::tempdir().unwrap();
    post(&thalweg, &source(&postgres, "skip", &[]));
    let fails = [("topics", "skip.public.t"), ("behavior.on.null.values", "fail")];
    post(&thalweg, &lake("skip-lake", folder.path(), &fails));
    let lines = || -> usize {
        let text = |file: crate::lake::File| std::fs::read_to_string(file.path).unwrap();
        files(folder.path()).into_iter().map(|file| text(file).lines().count()).sum()
    };
    eventually("the snapshot", &thalweg, || (lines() == 2, lines()));
    // A delete is two records: at offset 2 the event, at 3 a tombstone.
    postgres.sql("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (3)").unwrap();
    let failed = wait_for_task(&thalweg, "skip-lake", "FAILED");
    let trace = failed["tasks"][0]["trace"].as_str().unwrap();
    assert!(trace.contains("offset 3"), "{trace}");

    ask(&thalweg, "PUT", "/connectors/skip-lake/stop", None);
    let next = json!({ "offsets": [{
        "partition": { "kafka_topic": "skip.public.t", "kafka_partition": 0 },
        "offset": { "kafka_offset": 4 },
    }]});
    let set = ask(&thalweg, "PATCH", "/connectors/skip-lake/offsets", Some(&next));
    assert!(set.contains("altered successfully"), "{set}");
    ask(&thalweg, "PUT", "/connectors/skip-lake/resume", None);
    eventually("the row behind it", &thalweg, || {
        let firsts: Vec<u64> = files(folder.path()).iter().map(|file| file.first).collect();
        (firsts.contains(&4), (firsts, status(&thalweg, "skip-lake")))
    });
}

#[test]
fn a_source_without_offsets_takes_a_snapshot_again() {
    let postgres = Postgres::start().unwrap();
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)").unwrap();
    let thalweg = thalweg();
    let folder = tempfile::tempdir().unwrap();
    post(&thalweg, &source(&postgres, "anew", &[]));
    post(&thalweg, &lake("anew-lake", folder.path(), &[("topics", "anew.public.t")]));
    let events = || -> Vec<(String, Value)> {
        let rows = crate::lake::records(folder.path()).remove("anew.public.t").unwrap_or_default();
        let event =
            |row: Value| (row["op"].as_str().unwrap().to_owned(), row["after"]["id"].clone());
        rows.into_iter().map(event).collect()
    };
    eventually("the snapshot", &thalweg, || (events().len() == 1, events()));
    postgres.sql("INSERT INTO t VALUES (2)").unwrap();
    eventually("a change", &thalweg, || (events().len() == 2, events()));
    let path = "/connectors/anew/offsets";
    let kept = offsets(&thalweg, "anew");
    let refused = thalweg.call("DELETE", path, None).unwrap();
    assert_eq!(refused.status, 400, "{}", refused.text);

    ask(&thalweg, "PUT", "/connectors/anew/stop", None);
    let mut foreign = kept.clone();
    foreign["offsets"][0]["offset"] = json!({ "lsn": 5 });
    let refused = thalweg.call("PATCH", path, Some(&foreign.to_string())).unwrap();
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("thalweg"), "{}", refused.text);
    // Where it is may be said again, as it was shown.
    let now = offsets(&thalweg, "anew");
    ask(&thalweg, "PATCH", path, Some(&now));
    assert_eq!(offsets(&thalweg, "anew"), now);
    postgres.sql("INSERT INTO t VALUES (3)").unwrap();
    ask(&thalweg, "PUT", "/connectors/anew/resume", None);
    eventually("the row of the pause", &thalweg, || (events().len() == 3, events()));

    ask(&thalweg, "PUT", "/connectors/anew/stop", None);
    ask(&thalweg, "DELETE", path, None);
    assert_eq!(offsets(&thalweg, "anew"), json!({ "offsets": [] }));
    ask(&thalweg, "PUT", "/connectors/anew/resume", None);
    let all = eventually("the second snapshot", &thalweg, || (events().len() >= 6, events()));
    postgres.sql("INSERT INTO t VALUES (4)").unwrap();
    let events = eventually("the stream", &thalweg, || (events().len() >= 7, events()));
    let of = |op: &str, id: i32| (op.to_owned(), json!(id));
    let mut again: Vec<_> = all[3..].to_vec();
    again.sort_by_key(|(_, id)| id.as_i64());
    assert_eq!(all[..3], [of("r", 1), of("c", 2), of("c", 3)]);
    assert_eq!(again, [of("r", 1), of("r", 2), of("r", 3)]);
    assert_eq!(events[6..], [of("c", 4)]);
}
