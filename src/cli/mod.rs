//! The command line. Commands that talk to a running server have a file each;
//! they are clients as any other, by the Kafka protocol and the registry's REST.

mod finish;
mod output;
mod path;
pub(crate) mod read;
pub(crate) mod registry;
pub(crate) mod schema;
mod schema_file;
mod server;
pub(crate) mod topics;
pub(crate) mod write;

pub(crate) use finish::finish;

use std::path::PathBuf;

/// Change data capture in one binary: rows of Postgres through a durable,
/// Kafka-compatible log with an Avro schema registry into a data lake.
#[derive(Debug, clap::Parser)]
#[command(name = "thalweg", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run the server: the log, the schema registry and the connectors.
    Serve(Serve),
    /// Print all keys of a connector as a page of Markdown.
    Describe(Describe),
    /// List, describe, create and delete the topics of a running server.
    #[command(subcommand)]
    Topics(topics::Topics),
    /// Tell what would be said of schemas before they are registered.
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Print the records of a topic, one JSON object a line.
    Read(read::Arguments),
    /// Write the lines of standard input to a topic, as records.
    Write(write::Arguments),
    /// Take what a schema registry knows out of it, and into another one.
    #[command(subcommand)]
    Registry(registry::Registry),
}

/// Arguments of `thalweg describe`.
#[derive(Debug, clap::Args)]
pub(crate) struct Describe {
    /// The connector's class or alias: postgres, s3.
    #[arg(value_name = "CLASS_OR_ALIAS")]
    pub(crate) connector: String,
}

/// Settings of `thalweg serve`. What is given here comes before the
/// environment, which comes before the file.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Serve {
    /// A file of settings (TOML).
    #[arg(long, value_name = "FILE", env = "THALWEG_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The folder that holds everything durable [default: ./data].
    #[arg(long, value_name = "DIR", env = "THALWEG_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Where Kafka clients connect [default: 127.0.0.1:9092].
    #[arg(long, value_name = "ADDR", env = "THALWEG_KAFKA")]
    pub(crate) kafka: Option<String>,
    /// Where the schema registry listens [default: 127.0.0.1:8081].
    #[arg(long, value_name = "ADDR", env = "THALWEG_REGISTRY")]
    pub(crate) registry: Option<String>,
    /// Where the Connect REST listens [default: 127.0.0.1:8083].
    #[arg(long, value_name = "ADDR", env = "THALWEG_REST")]
    pub(crate) rest: Option<String>,
}
