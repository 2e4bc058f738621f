#![allow(clippy::unwrap_used, reason = "tests")]

use thalweg_core::config::ConfigMap;

use super::*;

fn read(entries: &[(&str, &str)]) -> (S3Config, Vec<String>, Vec<String>) {
    let map: ConfigMap =
        entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut keys = Declare::read(&map);
    let config = declare(&mut keys);
    let declared = keys.finish();
    let texts = |problems: Vec<thalweg_core::config::Problem>| {
        problems.iter().map(ToString::to_string).collect()
    };
    (config, texts(declared.problems), texts(declared.warnings))
}

#[test]
fn a_config_of_confluents_documentation_is_read() {
    let (config, problems, warnings) = read(&[
        ("s3.region", "us-west-2"),
        ("s3.bucket.name", "confluent-kafka-connect-s3-testing"),
        ("s3.part.size", "5242880"),
        ("flush.size", "100000"),
        ("storage.class", "io.confluent.connect.s3.storage.S3Storage"),
        ("format.class", "io.confluent.connect.s3.format.parquet.ParquetFormat"),
        (
            "schema.generator.class",
            "io.confluent.connect.storage.hive.schema.DefaultSchemaGenerator",
        ),
        ("partitioner.class", "io.confluent.connect.storage.partitioner.TimeBasedPartitioner"),
        ("path.format", "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH"),
        ("locale", "en-US"),
        ("timezone", "UTC"),
        ("partition.duration.ms", "3600000"),
        ("rotate.interval.ms", "60000"),
        ("timestamp.extractor", "Record"),
        ("schema.compatibility", "NONE"),
        ("aws.access.key.id", "AK"),
        ("aws.secret.access.key", "hush"),
    ]);
    assert_eq!(problems, [] as [&str; 0]);
    assert_eq!(warnings, [] as [&str; 0]);
    assert_eq!(config.files.extension(), ".snappy.parquet");
    assert_eq!(config.rotation.interval_ms, Some(60_000));
    assert_eq!((config.rotation.flush_size, config.names.pad_width), (100_000, 10));
    let Target::Bucket(bucket) = &config.target else { panic!("no bucket") };
    assert!(bucket.conditional && bucket.path_style && bucket.endpoint.is_none());
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn every_problem_is_told_by_its_key() {
    let (_, problems, warnings) = read(&[
        ("format.class", "xml"),
        ("partitioner.class", "timebased"),
        ("path.format", "year=YYYY"),
        ("timezone", "Nowhere"),
        ("rotate.schedule.interval.ms", "1000"),
        ("s3.part.size", "1"),
        ("store.kafka.keys", "true"),
        ("schema.compatibility", "BACKWARD_TRANSITIVE"),
        ("topics.dir", "../lake"),
        ("aws.access.key.id", "AK"),
        ("behavior.on.null.values", "write"),
        ("s3.wan.mode", "true"),
    ]);
    let keys: Vec<&str> =
        problems.iter().filter_map(|problem| problem.split_once(": ")).map(|p| p.0).collect();
    for key in [
        "s3.bucket.name",
        "format.class",
        "path.format",
        "timezone",
        "partition.duration.ms",
        "flush.size",
        "s3.part.size",
        "store.kafka.keys",
        "schema.compatibility",
        "topics.dir",
        "aws.secret.access.key",
        "behavior.on.null.values",
    ] {
        assert!(keys.contains(&key), "{key} is not among {problems:?}");
    }
    assert_eq!(warnings.len(), 1);
    let (_, problems, _) = read(&[
        ("store.url", "file:///tmp/lake"),
        ("format.class", "json"),
        ("flush.size", "1"),
        ("directory.delim", "_"),
    ]);
    assert_eq!(problems, ["directory.delim: a local lake has folders: only / is possible"]);
}

#[test]
fn what_decides_paths_and_bytes_is_in_the_fingerprint() {
    let base = [("store.url", "file:///tmp/lake"), ("format.class", "json"), ("flush.size", "1")];
    let layout = |more: &[(&str, &str)]| read(&[&base[..], more].concat()).0.layout;
    assert_eq!(layout(&[]), layout(&[("flush.size", "2"), ("rotate.interval.ms", "5")]));
    for change in [
        ("format.class", "avro"),
        ("s3.compression.type", "gzip"),
        ("topics.dir", "other"),
        ("json.decimal.format", "NUMERIC"),
    ] {
        assert_ne!(layout(&[]), layout(&[change]), "{change:?}");
    }
    let field = |name| layout(&[("partitioner.class", "field"), ("partition.field.name", name)]);
    assert_ne!(field("a"), field("b"));
}

#[test]
fn describing_finds_no_problem() {
    let mut keys = Declare::describe();
    declare(&mut keys);
    let described = keys.finish();
    assert!(described.problems.is_empty(), "{:?}", described.problems);
    let mut names: Vec<_> = described.definitions.iter().map(|d| d.name.clone()).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "a key is declared twice");
    assert!(described.definitions.iter().any(|d| d.name == "flush.size" && d.required));
}

#[test]
fn schemas_are_told_to_the_runtime_and_lay_rows_out() {
    let base = [("store.url", "file:///x"), ("format.class", "json"), ("flush.size", "1")];
    let with = |value| {
        let (config, problems, _) = read(&[&base[..], &[("schema.compatibility", value)]].concat());
        (config.read_as, config.layout, problems.len())
    };
    let (_, plain, _) = with("NONE");
    assert_eq!(plain, read(&base).0.layout);
    assert_eq!(with("NONE"), (ReadAs::Written, plain, 0));
    let (newest, layout, _) = with("BACKWARD");
    assert_eq!((newest, with("full")), (ReadAs::Newest, (ReadAs::Newest, layout, 0)));
    assert_ne!(layout, plain);
    assert_eq!(with("FORWARD").0, ReadAs::Oldest);
    assert_eq!(with("FORWARD_TRANSITIVE").2, 1);
}
