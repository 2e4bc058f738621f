//! `thalweg registry export`.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::value::RawValue;
use thalweg_broker::client::{Client, FetchFrom, OffsetOf, Refused, Topic};
use thalweg_log::record::{BatchDecoder, Batches};

use crate::cli::output::Output;
use crate::cli::server::{Server, failed, find};

/// How long the server waits for records that are there.
const WAIT: Duration = Duration::from_millis(500);
/// Most bytes of a batch after decompression (invariant 7).
const OPENED_BYTES_MAX: usize = 256 << 20;
/// Answers without a record after which the end is not waited for any more.
const EMPTY_MAX: u32 = 10;

/// Arguments of `thalweg registry export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The topic that the registry keeps everything in.
    #[arg(long, value_name = "TOPIC", default_value = "_schemas")]
    topic: String,
    /// How records are printed.
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,
    #[command(flatten)]
    server: Server,
}

/// How a record is printed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Form {
    /// {"key":...,"value":...}
    Json,
    /// Key, tab, value: what kafka-console-producer takes with parse.key=true.
    Console,
}

/// The last record of a key: its offset and value.
type Latest = HashMap<Vec<u8>, (i64, Option<Vec<u8>>)>;

pub(super) fn run(arguments: &Arguments) -> Result<()> {
    let mut client = arguments.server.connect()?;
    let topic = find(&mut client, &arguments.topic)?;
    if topic.partitions != 1 {
        bail!("topic {} has {} partitions: it is no registry's", topic.name, topic.partitions);
    }
    let mut records: Vec<_> = latest(&mut client, &topic)?.into_iter().collect();
    records.sort_unstable_by_key(|(_, (offset, _))| *offset);
    let mut output = Output::new();
    for (key, (offset, value)) in &records {
        // Deleted for good.
        let Some(value) = value else { continue };
        let place = || format!("topic {}, offset {offset}", topic.name);
        let key: &RawValue = serde_json::from_slice(key).with_context(place)?;
        let value: &RawValue = serde_json::from_slice(value).with_context(place)?;
        let line = match arguments.format {
            Form::Json => format!("{{\"key\":{key},\"value\":{value}}}\n"),
            Form::Console => format!("{key}\t{value}\n"),
        };
        output.write(line.as_bytes())?;
    }
    output.flush()
}

/// The last record of each key, up to the end that there is now.
fn latest(client: &mut Client, topic: &Topic) -> Result<Latest> {
    let mut offset = |of| {
        let offsets = client.offsets(&topic.name, &[0], of);
        let offsets = offsets.map_err(|error| failed(error, &topic.name))?;
        let offset = offsets.first().copied().flatten();
        offset.ok_or_else(|| anyhow!("topic {}: the server tells no offsets", topic.name))
    };
    let (mut next, end) = (offset(OffsetOf::Start)?, offset(OffsetOf::End)?);
    let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
    let mut latest = Latest::new();
    let mut empty = 0;
    while next < end && empty < EMPTY_MAX {
        let fetched = client.fetch(topic, &[FetchFrom { partition: 0, offset: next }], WAIT);
        let fetched = fetched.map_err(|error| failed(error, &topic.name))?;
        let before = next;
        for found in fetched.iter().filter(|found| found.partition == 0) {
            match &found.batches {
                Ok(batches) => next = take(&mut latest, &mut decoder, batches, next, &topic.name)?,
                Err(refused) if refused.code == Refused::OFFSET_OUT_OF_RANGE => {
                    bail!("topic {} was changed while it was read: read it again", topic.name)
                }
                Err(refused) => return Err(failed(refused.clone().into(), &topic.name)),
            }
        }
        empty = if next == before { empty + 1 } else { 0 };
    }
    Ok(latest)
}

/// Takes the records of these batches; the offset after them.
fn take(
    latest: &mut Latest,
    decoder: &mut BatchDecoder,
    batches: &[u8],
    from: i64,
    topic: &str,
) -> Result<i64> {
    let mut next = from;
    let place = |next| format!("topic {topic}, from offset {next} on");
    for batch in Batches::new(batches) {
        let batch = batch.with_context(|| place(next))?;
        batch.header.check(batch.bytes).with_context(|| place(next))?;
        let after = batch.header.last_offset() + 1;
        // Markers of transactions are no records.
        if !batch.header.is_control() {
            for record in decoder.decode(&batch).with_context(|| place(next))? {
                let record = record.with_context(|| place(next))?;
                if record.offset >= from
                    && let Some(key) = record.key
                {
                    let value = record.value.map(<[u8]>::to_vec);
                    latest.insert(key.to_vec(), (record.offset, value));
                }
            }
        }
        next = next.max(after);
    }
    Ok(next)
}
