use super::{Durability, Serve, Settings};

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
    assert_eq!(settings.durability, Durability::Fsync);
    assert_eq!(settings.append_bytes_max, 128 << 20);
}

#[test]
fn the_file_is_read_and_arguments_come_before_it() {
    let text =
        "data = \"x\"\n[log]\ndurability = \"page-cache\"\n[registry]\naliases = [\"a\", \"b\"]";
    let settings = from_file(text).unwrap();
    assert_eq!(settings.data.to_str(), Some("x"));
    assert_eq!(settings.durability, Durability::PageCache);
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
