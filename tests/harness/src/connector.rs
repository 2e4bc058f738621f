//! Configs of connectors.

use serde_json::{Value, json};

use crate::postgres::Postgres;

/// What is posted to make a Postgres source; `name` is slot, publication and topic
/// prefix too.
#[must_use]
pub fn postgres_source(postgres: &Postgres, name: &str, more: &[(&str, &str)]) -> Value {
    let config = json!({
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": "127.0.0.1",
        "database.port": postgres.port().to_string(),
        "database.user": "postgres",
        "database.password": Postgres::PASSWORD,
        "database.dbname": "postgres",
        "plugin.name": "pgoutput",
        "slot.name": name,
        "publication.name": name,
        "publication.autocreate.mode": "filtered",
        "topic.prefix": name,
    });
    connector(name, config, more)
}

/// What is posted to make a connector. Keys of `more` come over those of `config`;
/// the value `-` removes one.
#[must_use]
pub fn connector(name: &str, config: Value, more: &[(&str, &str)]) -> Value {
    let mut config = config;
    if let Some(map) = config.as_object_mut() {
        for (key, value) in more {
            if *value == "-" {
                map.shift_remove(*key);
            } else {
                map.insert((*key).to_owned(), json!(value));
            }
        }
    }
    json!({ "name": name, "config": config })
}
