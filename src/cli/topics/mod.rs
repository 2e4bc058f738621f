//! `thalweg topics`: one file for each command.

mod create;
mod delete;
mod describe;
mod list;

use anyhow::Result;

/// What to do with topics.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Topics {
    /// Print all topics, one JSON object a line.
    List(list::Arguments),
    /// Print a topic's partitions with their offsets, and its settings.
    Describe(describe::Arguments),
    /// Make a topic.
    Create(create::Arguments),
    /// Delete a topic with all its records. Nothing brings them back.
    Delete(delete::Arguments),
}

/// Runs the command.
pub(crate) fn run(command: &Topics) -> Result<()> {
    match command {
        Topics::List(arguments) => list::run(arguments),
        Topics::Describe(arguments) => describe::run(arguments),
        Topics::Create(arguments) => create::run(arguments),
        Topics::Delete(arguments) => delete::run(arguments),
    }
}
