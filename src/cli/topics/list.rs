//! `thalweg topics list`.

use anyhow::Result;
use serde_json::json;

use crate::cli::output::Output;
use crate::cli::server::Server;

/// Arguments of `thalweg topics list`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    server: Server,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut client = arguments.server.connect()?;
    let mut output = Output::new();
    for topic in client.topics()? {
        let line = json!({
            "topic": topic.name,
            "partitions": topic.partitions,
            "internal": topic.is_internal,
        });
        output.write(format!("{line}\n").as_bytes())?;
    }
    output.flush()
}
