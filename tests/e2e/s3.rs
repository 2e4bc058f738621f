//! Postgres to a bucket of a real S3 server.

use std::path::Path;

use serde_json::{Value, json};
use thalweg_harness::{Postgres, S3Server, read_lake};

use crate::setup::{eventually, lake, post, source, thalweg, wait_for_task};

const BUCKET: &str = "lake";

/// A sink into the bucket.
fn bucket(server: &S3Server, name: &str, more: &[(&str, &str)]) -> Value {
    let endpoint = server.endpoint();
    let mut keys = vec![
        ("store.url", endpoint.as_str()),
        ("s3.bucket.name", BUCKET),
        ("s3.region", "us-east-1"),
        ("s3.path.style.access.enabled", "true"),
        ("s3.part.retries", "0"),
        ("aws.access.key.id", S3Server::ACCESS),
        ("aws.secret.access.key", S3Server::SECRET),
    ];
    keys.extend(more);
    lake(name, Path::new("/"), &keys)
}

/// How often each id is in the files: `[ids, rows]`.
fn counts(files: &Path, reader: &str) -> [i64; 2] {
    let query =
        format!("SELECT count(DISTINCT after.id)::INT AS ids, count(*)::INT AS rows FROM {reader}");
    let rows = read_lake(files, &query).unwrap_or_default();
    let number = |name| rows.first().and_then(|row: &Value| row[name].as_i64()).unwrap_or_default();
    [number("ids"), number("rows")]
}

#[test]
fn rows_reach_a_bucket_once_also_when_the_server_was_away() {
    let mut server = S3Server::start().unwrap();
    server.make_bucket(BUCKET).unwrap();
    let postgres = Postgres::start().unwrap();
    postgres
        .sql(
            "CREATE TABLE t (id int PRIMARY KEY, note text); \
             INSERT INTO t SELECT n, 'note ' || n FROM generate_series(1, 500) n",
        )
        .unwrap();
    let thalweg = thalweg();
    post(&thalweg, &source(&postgres, "away", &[]));
    let parquet = [
        ("topics", "away.public.t"),
        ("topics.dir", "parquet"),
        ("format.class", "io.confluent.connect.s3.format.parquet.ParquetFormat"),
    ];
    post(&thalweg, &bucket(&server, "parquet", &parquet));
    let gzip =
        [("topics", "away.public.t"), ("topics.dir", "json"), ("s3.compression.type", "gzip")];
    post(&thalweg, &bucket(&server, "gzip", &gzip));
    let folder = server.bucket(BUCKET);
    let seen = || {
        let parquet = "read_parquet('LAKE/parquet/**/*.parquet', union_by_name=true)";
        let gzip = "read_json('LAKE/json/**/*.json.gz', format='newline_delimited', \
                    columns={op: 'VARCHAR', after: 'STRUCT(id INT)'})";
        [counts(&folder, parquet), counts(&folder, gzip)]
    };
    eventually("the snapshot", &thalweg, || (seen() == [[500, 500]; 2], seen()));

    server.stop();
    postgres.sql("INSERT INTO t SELECT n, 'late' FROM generate_series(501, 900) n").unwrap();
    for name in ["parquet", "gzip"] {
        let status = wait_for_task(&thalweg, name, "RESTARTING");
        let trace = status["tasks"][0]["trace"].as_str().unwrap();
        assert!(trace.contains("s3://lake") || trace.contains(&server.endpoint()), "{trace}");
        assert!(trace.contains("refused"), "{trace}");
        assert!(!trace.contains(S3Server::SECRET), "{trace}");
    }
    wait_for_task(&thalweg, "away", "RUNNING");
    server.resume().unwrap();
    for name in ["parquet", "gzip"] {
        wait_for_task(&thalweg, name, "RUNNING");
    }
    eventually("the rows from while it was away", &thalweg, || (seen() == [[900, 900]; 2], seen()));
}

#[test]
fn a_bucket_that_can_not_be_written_is_refused() {
    let server = S3Server::start().unwrap();
    server.make_bucket(BUCKET).unwrap();
    let thalweg = thalweg();
    let refused = |more: &[(&str, &str)]| {
        let config = bucket(&server, "x", &[&[("topics", "t")], more].concat()).to_string();
        let answer = thalweg.call("POST", "/connectors", Some(&config)).unwrap();
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(!answer.text.contains(S3Server::SECRET), "{}", answer.text);
        assert!(!answer.text.contains("wrong-secret"), "{}", answer.text);
        answer.json()["message"].as_str().unwrap().to_owned()
    };
    let told = refused(&[("s3.bucket.name", "missing")]);
    assert!(told.contains("s3.bucket.name") && told.contains("make the bucket"), "{told}");
    let told = refused(&[("aws.secret.access.key", "wrong-secret")]);
    assert!(told.contains("aws.secret.access.key"), "{told}");
    assert_eq!(thalweg.call("GET", "/connectors", None).unwrap().json(), json!([]));
}
