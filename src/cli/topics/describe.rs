//! `thalweg topics describe`.

use anyhow::Result;
use serde_json::{Map, Value, json};
use thalweg_broker::client::OffsetOf;

use crate::cli::output::Output;
use crate::cli::server::{Server, failed, find, partitions};

/// Arguments of `thalweg topics describe`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The topic.
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    server: Server,
}

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let name = &arguments.name;
    let mut client = arguments.server.connect()?;
    let topic = find(&mut client, name)?;
    let numbers = partitions(&topic, None)?;
    let mut offsets = |of| client.offsets(name, &numbers, of).map_err(|error| failed(error, name));
    let (starts, ends) = (offsets(OffsetOf::Start)?, offsets(OffsetOf::End)?);
    let settings = client.topic_settings(name).map_err(|error| failed(error, name))?;
    let parts = numbers.iter().zip(starts.into_iter().zip(ends));
    let parts: Vec<Value> = parts
        .map(|(number, (start, end))| json!({ "partition": number, "start": start, "end": end }))
        .collect();
    let (mut own, mut defaults) = (Map::new(), Map::new());
    for setting in settings {
        let map = if setting.is_own { &mut own } else { &mut defaults };
        map.insert(setting.name, setting.value.into());
    }
    let mut output = Output::new();
    output.object(&json!({
        "topic": topic.name,
        "id": topic.id.to_string(),
        "internal": topic.is_internal,
        "partitions": parts,
        "config": own,
        "defaults": defaults,
    }))?;
    output.flush()
}
