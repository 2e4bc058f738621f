//! `thalweg registry`: what a schema registry knows, out of its topic and into
//! another registry.

mod dump;
mod export;
mod import;
mod rest;

use anyhow::Result;

/// What to do with a schema registry.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Registry {
    /// Print what a registry keeps in its topic, one JSON object a line: schemas,
    /// settings and modes.
    ///
    /// It reads the topic by the Kafka protocol, of this server or of any Kafka.
    Export(export::Arguments),
    /// Bring a dump on standard input into a registry: ids and versions stay.
    ///
    /// It takes the lines of `thalweg registry export`, and those of
    /// kafka-console-consumer with print.key=true. The registry may be this one or
    /// Confluent's, and has to be empty, unless --force is given.
    Import(import::Arguments),
}

/// Runs the command.
pub(crate) fn run(command: &Registry) -> Result<()> {
    match command {
        Registry::Export(arguments) => export::run(arguments),
        Registry::Import(arguments) => import::run(arguments),
    }
}
