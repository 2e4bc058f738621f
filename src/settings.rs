//! Settings of the server: command line over environment over file.
//!
//! The file is TOML; its keys are declared as the keys of connectors are, so
//! that every problem is reported at once and a slip is answered with the key
//! that was meant.

mod log;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use thalweg_core::config::{ConfigMap, Declare, Key};

use crate::cli::Serve;
pub(crate) use log::LogSettings;

/// All settings, read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) data: PathBuf,
    pub(crate) kafka: SocketAddr,
    /// Host and port that Kafka clients are told to connect to.
    pub(crate) kafka_advertised: Option<(String, u16)>,
    pub(crate) kafka_auto_create: bool,
    pub(crate) kafka_partitions: u32,
    pub(crate) registry: SocketAddr,
    pub(crate) rest: SocketAddr,
    pub(crate) log: LogSettings,
    pub(crate) registry_aliases: Vec<String>,
}

impl Settings {
    /// Reads the file, if one is named, and lays the arguments over it.
    pub(crate) fn read(arguments: &Serve) -> Result<Self> {
        let mut given = match &arguments.config {
            Some(path) => read_file(path)?,
            None => ConfigMap::new(),
        };
        let data = arguments.data.as_ref().map(|path| path.to_string_lossy().into_owned());
        for (key, value) in [
            ("data", &data),
            ("kafka.listen", &arguments.kafka),
            ("registry.listen", &arguments.registry),
            ("rest.listen", &arguments.rest),
        ] {
            if let Some(value) = value {
                given.insert(key.to_owned(), value.clone());
            }
        }
        let mut keys = Declare::read(&given);
        let settings = Self::declare(&mut keys);
        let read = keys.finish();
        let unknown = read.warnings.iter().map(|warning| {
            format!("{}: there is no such setting; the README lists them", warning.key)
        });
        let problems: Vec<String> =
            read.problems.iter().map(ToString::to_string).chain(unknown).collect();
        if !problems.is_empty() {
            bail!("the settings have {} problem(s):\n  {}", problems.len(), problems.join("\n  "));
        }
        Ok(settings)
    }

    fn declare(keys: &mut Declare<'_>) -> Self {
        let data = keys.text("data", "Folder that holds everything durable.");
        let data = data.default("data".to_owned()).into();
        let kafka = listen(keys.text("kafka.listen", "Address for Kafka clients."), 9092);
        let advertised = "Host and port that Kafka clients are told to connect to.";
        let kafka_advertised = keys.text("kafka.advertised", advertised);
        let kafka_advertised = kafka_advertised.check(|text| host(text).map(drop)).optional();
        let auto_create = "Whether topics that a Kafka client asks for are made.";
        let kafka_auto_create = keys.flag("kafka.auto.create.topics.enable", auto_create);
        let kafka_auto_create = kafka_auto_create.default(true);
        let kafka_partitions = keys
            .int("kafka.num.partitions", "Partitions of a topic that does not say how many.")
            .range(1..=100_000)
            .default(1);
        let registry = keys.text("registry.listen", "Address of the schema registry.");
        let registry = listen(registry, 8081);
        let rest = listen(keys.text("rest.listen", "Address of the Connect REST."), 8083);
        let aliases = "Other addresses under which clients and configs know this registry.";
        let registry_aliases = keys.list("registry.aliases", aliases).default(Vec::new());
        let log = LogSettings::declare(keys);
        Self {
            data,
            kafka,
            kafka_advertised: kafka_advertised.and_then(|text| host(&text).ok()),
            kafka_auto_create,
            kafka_partitions: u32::try_from(kafka_partitions).unwrap_or(1),
            registry,
            rest,
            log,
            registry_aliases,
        }
    }
}

/// A listener's address.
fn listen(key: Key<'_, '_, String>, port: u16) -> SocketAddr {
    let default = format!("127.0.0.1:{port}");
    let text = key.check(|text| address(text).map(|_| ())).default(default);
    // A wrong address is a problem of its key already.
    address(&text).unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], port)))
}

/// Only loopback, since there is no TLS and no authentication yet to guard
/// another address.
fn address(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .replace("localhost:", "127.0.0.1:")
        .parse()
        .map_err(|_| "expected an address, such as 127.0.0.1:8083".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("listening for other machines needs TLS and authentication, which do not exist \
             yet: use 127.0.0.1, or put a proxy that has both in front"
            .to_owned())
    }
}

/// A host, by name or address, and a port.
fn host(text: &str) -> Result<(String, u16), String> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then_some((host.to_owned(), port.parse().ok()?))
    });
    parts.ok_or_else(|| "expected a host and a port, such as localhost:9092".to_owned())
}

fn read_file(path: &Path) -> Result<ConfigMap> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the settings file {shown} can't be read"))?;
    let table: toml::Table =
        toml::from_str(&text).with_context(|| format!("the settings file {shown} is not TOML"))?;
    let mut flat = ConfigMap::new();
    flatten("", &table, &mut flat);
    Ok(flat)
}

/// `[log] durability = "fsync"` becomes `log.durability`.
fn flatten(prefix: &str, table: &toml::Table, into: &mut ConfigMap) {
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        match value {
            toml::Value::Table(table) => flatten(&format!("{name}."), table, into),
            toml::Value::Array(items) => {
                let items: Vec<String> = items.iter().map(text_of).collect();
                into.insert(name, items.join(","));
            }
            value => {
                into.insert(name, text_of(value));
            }
        }
    }
}

fn text_of(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        toml::Value::Datetime(time) => time.to_string(),
        toml::Value::Array(_) | toml::Value::Table(_) => String::new(),
    }
}

#[cfg(test)]
mod tests;
