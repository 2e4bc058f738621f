//! `thalweg topics delete`.

use anyhow::Result;
use serde_json::json;

use crate::cli::output::Output;
use crate::cli::server::{Server, failed, find};

/// Arguments of `thalweg topics delete`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The topic.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    server: Server,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut client = arguments.server.connect()?;
    let topic = find(&mut client, &arguments.name)?;
    client.delete_topic(&topic).map_err(|error| failed(error, &topic.name))?;
    let mut output = Output::new();
    output.object(&json!({ "topic": topic.name, "id": topic.id.to_string(), "deleted": true }))?;
    output.flush()
}
