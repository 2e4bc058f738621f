//! `thalweg write`.

pub(super) mod lines;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use thalweg_broker::client::{Client, Topic};
use thalweg_log::record::{BatchBuilder, Compression, partition_of};

use super::finish::Stop;
use super::output::Output;
use super::server::{Server, failed, find, partitions};
use lines::Lines;

/// Bytes of records from which on a batch is full.
const BATCH_BYTES: usize = 512 << 10;
/// Bytes that a batch may have beside its keys and values: header, lengths of the
/// last record, frames of its compression.
const BATCH_SLACK: usize = 1 << 10;
/// The setting of a topic that bounds its batches.
const BATCH_SETTING: &str = "max.message.bytes";
/// Bytes of the batches of all partitions together (invariant 7).
const BATCHES_BYTES: usize = 8 << 20;

/// Arguments of `thalweg write`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The topic.
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// What ends a line's key; the value follows.
    #[arg(long, value_name = "TEXT", default_value = ":", conflicts_with = "no_key")]
    key_separator: String,
    /// Take whole lines as values, without keys.
    #[arg(long)]
    no_key: bool,
    /// Write to this partition only. Without it a key belongs to the partition
    /// that Kafka's clients choose for it, and records without a key go around.
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
    #[command(flatten)]
    server: Server,
}

/// Reads lines and writes them; what is written is acknowledged.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.key_separator.is_empty() {
        return Err(Stop::Usage("--key-separator is empty: see --no-key".to_owned()).into());
    }
    let mut client = arguments.server.connect()?;
    let topic = find(&mut client, &arguments.topic)?;
    partitions(&topic, arguments.partition)?;
    let separator = (!arguments.no_key).then_some(arguments.key_separator.as_bytes());
    let batch_bytes = batch_bytes(&mut client, &topic)?;
    let mut writing = Writing {
        client,
        batch_bytes,
        builders: BTreeMap::new(),
        topic,
        only: arguments.partition,
        turn: 0,
        bytes: 0,
        waiting: 0,
        written: 0,
    };
    writing.run(separator)?;
    let line = serde_json::json!({ "topic": writing.topic.name, "written": writing.written });
    let mut output = Output::new();
    output.write(format!("{line}\n").as_bytes())?;
    output.flush()
}

/// Bytes of a batch that the topic takes.
fn batch_bytes(client: &mut Client, topic: &Topic) -> Result<usize> {
    let settings = client.topic_settings(&topic.name);
    let settings = settings.map_err(|error| failed(error, &topic.name))?;
    let max = settings.iter().find(|setting| setting.name == BATCH_SETTING);
    let max = max.and_then(|max| max.value.as_ref()?.parse().ok()).unwrap_or(BATCH_BYTES);
    Ok(max.saturating_sub(BATCH_SLACK).min(BATCH_BYTES))
}

struct Writing {
    client: Client,
    /// Bytes of records from which on a batch is full.
    batch_bytes: usize,
    topic: Topic,
    /// The batches under construction, by partition.
    builders: BTreeMap<u32, BatchBuilder>,
    /// The partition that all records go to.
    only: Option<u32>,
    /// The partition whose turn it is, for records without a key.
    turn: u32,
    /// Bytes of all builders.
    bytes: usize,
    /// Records of all builders.
    waiting: u64,
    /// Records that the server has acknowledged.
    written: u64,
}

impl Writing {
    fn run(&mut self, separator: Option<&[u8]>) -> Result<()> {
        let mut lines = Lines::new();
        loop {
            if self.waiting > 0 && lines.must_wait() {
                self.flush()?;
            }
            let Some(line) = lines.next()? else { break };
            let Some((key, value)) = split(line, separator) else {
                let number = lines.count;
                // What came before is as good as it was.
                self.flush()?;
                bail!(
                    "line {number} has no {:?} after its key: choose another --key-separator, or \
                     --no-key to take lines as values. The {} line(s) before it are written",
                    String::from_utf8_lossy(separator.unwrap_or_default()),
                    self.written
                );
            };
            self.add(key, value)?;
        }
        self.flush()
    }

    fn add(&mut self, key: Option<&[u8]>, value: &[u8]) -> Result<()> {
        let partition = match (self.only, key) {
            (Some(only), _) => only,
            (None, Some(key)) => partition_of(key, self.topic.partitions),
            (None, None) => self.turn,
        };
        let len = key.map_or(0, <[u8]>::len) + value.len();
        let in_batch = self.builders.get(&partition).map_or(0, BatchBuilder::bytes);
        if (in_batch > 0 && in_batch + len > self.batch_bytes) || self.bytes + len > BATCHES_BYTES {
            self.flush()?;
        }
        let new = || BatchBuilder::new(Compression::Lz4);
        let builder = self.builders.entry(partition).or_insert_with(new);
        let before = builder.bytes();
        builder.append(now_ms(), key, Some(value), &[])?;
        self.bytes += builder.bytes() - before;
        self.waiting += 1;
        Ok(())
    }

    /// Sends what is there and waits until it is durable.
    fn flush(&mut self) -> Result<()> {
        let mut batches = Vec::with_capacity(self.builders.len());
        for (partition, mut builder) in std::mem::take(&mut self.builders) {
            batches.push((partition, builder.finish()?));
        }
        if batches.is_empty() {
            return Ok(());
        }
        let name = &self.topic.name;
        self.client.produce(name, batches).map_err(|error| {
            failed(error, name).context(format!(
                "{} line(s) are written; of the next {} some may be",
                self.written, self.waiting
            ))
        })?;
        self.written += std::mem::take(&mut self.waiting);
        self.bytes = 0;
        self.turn = (self.turn + 1) % self.topic.partitions.max(1);
        Ok(())
    }
}

/// Key and value of a line; none if it has no separator.
fn split<'a>(line: &'a [u8], separator: Option<&[u8]>) -> Option<(Option<&'a [u8]>, &'a [u8])> {
    let Some(separator) = separator else { return Some((None, line)) };
    let at = line.windows(separator.len()).position(|window| window == separator)?;
    Some((Some(&line[..at]), &line[at + separator.len()..]))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn lines_are_split_at_the_first_separator() {
        let some = |key, value| Some((Some(key), value));
        assert_eq!(split(b"a:b:c", Some(b":")), some(&b"a"[..], &b"b:c"[..]));
        assert_eq!(split(b":", Some(b":")), some(b"", b""));
        assert_eq!(split(b"a => b", Some(b" => ")), some(b"a", b"b"));
        assert_eq!(split(b"a", Some(b":")), None);
        assert_eq!(split(b"", Some(b"::")), None);
        assert_eq!(split(b"a:b", None), Some((None, &b"a:b"[..])));
    }
}
