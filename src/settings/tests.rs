use std::time::Duration;

use super::log::Durability;
use super::{Serve, Settings};

fn from_file(text: &str) -> Result<Settings, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let arguments = Serve { config: Some(file.path().to_owned()), ..Serve::default() };
    Settings::read(&arguments).map_err(|error| format!("{error:#}"))
}

#[test]
fn without_arguments_all_has_a_default() {
    let settings = Settings::read(&Serve::default()).unwrap();
    assert_eq!(settings.data.to_str(), Some("data"));
    assert_eq!(settings.kafka.to_string(), "127.0.0.1:9092");
    assert_eq!(settings.kafka_advertised, None);
    assert!(settings.kafka_auto_create && settings.kafka_partitions == 1);
    assert_eq!(settings.registry.to_string(), "127.0.0.1:8081");
    assert_eq!(settings.rest.to_string(), "127.0.0.1:8083");
    assert_eq!(settings.log.durability, Durability::Fsync);
    // But for the interval, what the log has by itself.
    let (log, own) = (settings.log.options(), thalweg_log::Options::default());
    assert_eq!(format!("{log:?}"), format!("{own:?}"));
}

#[test]
fn the_file_is_read_and_arguments_come_before_it() {
    let text =
        "data = \"x\"\n[log]\ndurability = \"page-cache\"\n[registry]\naliases = [\"a\", \"b\"]";
    let settings = from_file(text).unwrap();
    assert_eq!(settings.data.to_str(), Some("x"));
    assert_eq!(settings.log.durability, Durability::PageCache);
    assert_eq!(settings.registry_aliases, ["a", "b"]);
}

#[test]
fn what_kafka_clients_are_told_is_read() {
    let text = "[kafka]\nlisten = \"[::1]:0\"\nadvertised = \"log.example:19092\"\n\
                auto.create.topics.enable = false\nnum.partitions = 3";
    let settings = from_file(text).unwrap();
    assert_eq!(settings.kafka.to_string(), "[::1]:0");
    assert_eq!(settings.kafka_advertised, Some(("log.example".to_owned(), 19092)));
    assert!(!settings.kafka_auto_create && settings.kafka_partitions == 3);
    let error = from_file("[kafka]\nadvertised = \"log\"").unwrap_err();
    assert!(error.contains("kafka.advertised") && error.contains("host and a port"), "{error}");
}

#[test]
fn limits_of_producers_and_compaction_are_read_by_kafkas_names() {
    let text = "[kafka]\nproducer.id.expiration.ms = 60000\nproducer.ids.max = 7\n\
                [log]\ncleaner.backoff.ms = 50\ncleaner.dedupe.buffer.size = 65536";
    let options = from_file(text).unwrap().log.options();
    assert_eq!(options.producer_expiration, Duration::from_secs(60));
    assert_eq!(options.producers_max, 7);
    assert_eq!(options.compaction_check, Duration::from_millis(50));
    assert_eq!(options.compaction_map_bytes_max, 65_536);
    let error = from_file(
        "[kafka]\nproducer.id.expiration.ms = 0\n[log]\ncleaner.backoff.ms = 0\n\
         cleaner.dedupe.buffer.size = 1000",
    );
    let error = error.unwrap_err();
    for key in [
        "kafka.producer.id.expiration.ms",
        "log.cleaner.backoff.ms",
        "log.cleaner.dedupe.buffer.size",
    ] {
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn every_problem_is_named() {
    let error = from_file(
        "[log]\ndurabilty = \"fsync\"\nappend.bytes.max = 1\n[rest]\nlisten = \"0.0.0.0:1\"",
    )
    .unwrap_err();
    assert!(error.contains("did you mean log.durability?"), "{error}");
    assert!(error.contains("log.append.bytes.max: "), "{error}");
    assert!(error.contains("needs TLS and authentication"), "{error}");
    assert!(from_file("=").unwrap_err().contains("is not TOML"));
}
