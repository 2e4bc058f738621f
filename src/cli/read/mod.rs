//! `thalweg read`.

mod avro;
pub(super) mod registry;
mod show;
mod start;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use thalweg_broker::client::{
    Client, FetchFrom, Fetched, FetchedPartition, OffsetOf, Refused, Topic,
};
use thalweg_log::record::{BatchDecoder, Batches};

use super::finish::{Stop, note};
use super::output::Output;
use super::schema_file;
use super::server::{Server, failed, find, partitions};
use avro::Avro;
use registry::{Found, Registry};
use show::{Format, Printer};
use start::{Cursor, Start};

/// How long the server waits for new records before it answers with none.
const WAIT: Duration = Duration::from_millis(500);
/// Most partitions of one request: servers bound its length.
const PARTITIONS_MAX: usize = 1000;
/// Most bytes of a batch after decompression (invariant 7).
const OPENED_BYTES_MAX: usize = 256 << 20;

/// Arguments of `thalweg read`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The topic.
    #[arg(value_name = "TOPIC")]
    topic: String,
    /// Where to start: beginning, end, an offset, or a time: ms since 1970 (13
    /// digits) or RFC 3339, such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "WHERE", default_value = "beginning", allow_hyphen_values = true)]
    from: Start,
    /// Go on with new records as they come, until stopped. Without it reading
    /// ends with the last record that was there at its start.
    #[arg(long, short)]
    follow: bool,
    /// Only this partition.
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
    /// Stop after so many records.
    #[arg(long, value_name = "N")]
    max: Option<u64>,
    /// How records are printed.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Read the values that are Avro with this schema, by the rules of schema
    /// resolution, instead of the one that each was written with: a version of
    /// subject TOPIC-value, latest, or a file. What can't be read so is an error.
    #[arg(long, value_name = "VERSION|latest|FILE")]
    schema: Option<String>,
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    registry: registry::Address,
}

/// Reads and prints.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.schema.is_some() && arguments.format != Format::Json {
        let told = "--schema: only --format json shows what values say".to_owned();
        return Err(Stop::Usage(told).into());
    }
    let mut client = arguments.server.connect()?;
    let topic = find(&mut client, &arguments.topic)?;
    let partitions = partitions(&topic, arguments.partition)?;
    let (from, follows) = (arguments.from, arguments.follow);
    let cursors = start::cursors(&mut client, &topic, &partitions, from, follows)?;
    let reader = arguments.schema.as_deref().map(|named| schema(named, arguments)).transpose()?;
    let avro = |reader| Avro::new(Registry::new(&arguments.registry.base), reader);
    let mut reading = Reading {
        client,
        printer: Printer::new(arguments.format, (avro(None), avro(reader)), &topic.name),
        topic,
        cursors,
        left: arguments.max.unwrap_or(u64::MAX),
        decoder: BatchDecoder::new(OPENED_BYTES_MAX),
        output: Output::new(),
    };
    reading.run()
}

/// The schema that `--schema` names.
fn schema(named: &str, arguments: &Arguments) -> Result<String> {
    if named != "latest" && named.parse::<u32>().is_err() {
        return schema_file::read(Some(Path::new(named)))
            .context("--schema names no file that can be read, nor is it a version or latest");
    }
    let subject = format!("{}-value", arguments.topic);
    let registry = Registry::new(&arguments.registry.base);
    match registry.version(&subject, named).context("--schema")? {
        Found::Avro(schema) => Ok(schema),
        Found::Other(kind) => bail!("--schema: version {named} of {subject} is of kind {kind}"),
        Found::Nothing => bail!("--schema: there is no version {named} of {subject}"),
    }
}

struct Reading {
    client: Client,
    topic: Topic,
    /// Partitions that are not done, those that waited longest first.
    cursors: Vec<Cursor>,
    /// Records that may still be printed.
    left: u64,
    decoder: BatchDecoder,
    printer: Printer,
    output: Output,
}

impl Reading {
    fn run(&mut self) -> Result<()> {
        loop {
            self.cursors.retain(|cursor| !cursor.is_done());
            if self.cursors.is_empty() || self.left == 0 {
                return self.output.flush();
            }
            let fetched = self.fetch()?;
            let is_empty = fetched.iter().all(|found| found.batches == Ok(bytes::Bytes::new()));
            let mut with_data = Vec::new();
            for found in fetched {
                self.take(&found, is_empty, &mut with_data)?;
            }
            self.output.flush()?;
            if is_empty {
                self.output.check()?;
            }
            self.reorder(&with_data);
        }
    }

    fn fetch(&mut self) -> Result<Fetched> {
        let asked = self.cursors.iter().take(PARTITIONS_MAX);
        let asked: Vec<FetchFrom> = asked
            .map(|cursor| FetchFrom { partition: cursor.partition, offset: cursor.next })
            .collect();
        // Some that are not asked for now may have records already.
        let turns = self.cursors.len().div_ceil(PARTITIONS_MAX);
        let wait = WAIT / u32::try_from(turns).unwrap_or(u32::MAX);
        let fetched = self.client.fetch(&self.topic, &asked, wait);
        fetched.map_err(|error| failed(error, &self.topic.name))
    }

    /// Prints what came of one partition. `is_empty` says that nothing came of
    /// any, for as long as the server was to wait.
    fn take(
        &mut self,
        found: &FetchedPartition,
        is_empty: bool,
        with_data: &mut Vec<u32>,
    ) -> Result<()> {
        let at = self.cursors.iter().position(|cursor| cursor.partition == found.partition);
        let Some(at) = at else { return Ok(()) };
        let cursor = self.cursors[at];
        match &found.batches {
            Ok(batches) if batches.is_empty() => {
                // Where compaction left nothing at the end, no record reaches it.
                if is_empty && cursor.end.is_some_and(|end| found.end >= end) {
                    self.cursors[at].end = Some(cursor.next);
                }
            }
            Ok(batches) => {
                with_data.push(found.partition);
                self.cursors[at].next = self.print(cursor, batches)?;
            }
            Err(refused) if refused.code == Refused::OFFSET_OUT_OF_RANGE => {
                self.cursors[at].next = self.skip_deleted(cursor)?;
            }
            Err(refused) => return Err(failed(refused.clone().into(), &self.topic.name)),
        }
        Ok(())
    }

    /// Prints the records of these batches; the offset after them.
    fn print(&mut self, cursor: Cursor, batches: &[u8]) -> Result<i64> {
        let Cursor { partition, mut next, end } = cursor;
        let name = &self.topic.name;
        let place = |next| format!("topic {name}, partition {partition}, from offset {next} on");
        for batch in Batches::new(batches) {
            let batch = batch.with_context(|| place(next))?;
            batch.header.check(batch.bytes).with_context(|| place(next))?;
            let after = batch.header.last_offset() + 1;
            // Markers of transactions are no records.
            if batch.header.is_control() {
                next = next.max(after);
                continue;
            }
            let records = self.decoder.decode(&batch).with_context(|| place(next))?;
            for record in records {
                let record = record.with_context(|| place(next))?;
                if record.offset < next {
                    continue;
                }
                if self.left == 0 || end.is_some_and(|end| record.offset >= end) {
                    return Ok(record.offset);
                }
                self.output.write(self.printer.line(partition, &record)?)?;
                self.left -= 1;
                next = record.offset + 1;
            }
            next = next.max(after);
        }
        Ok(next)
    }

    /// The first offset that is there, where records were deleted before they
    /// were read.
    fn skip_deleted(&mut self, cursor: Cursor) -> Result<i64> {
        let name = &self.topic.name;
        let starts = self.client.offsets(name, &[cursor.partition], OffsetOf::Start);
        let start = starts.map_err(|error| failed(error, name))?.first().copied().flatten();
        let start = start.filter(|start| *start > cursor.next).ok_or_else(|| {
            anyhow!(
                "topic {name}, partition {}: there is no offset {} any more: was the topic made \
                 again? Read from its beginning",
                cursor.partition,
                cursor.next
            )
        })?;
        note(&format!(
            "topic {name}, partition {}: records {} to {} were deleted before they were read \
             (retention)",
            cursor.partition,
            cursor.next,
            start - 1
        ));
        Ok(start)
    }

    /// Partitions that had something go behind those that had nothing or were
    /// not asked for, so that none is starved.
    fn reorder(&mut self, with_data: &[u32]) {
        let count = self.cursors.len().min(PARTITIONS_MAX);
        let asked = self.cursors.drain(..count);
        let (with, without): (Vec<Cursor>, Vec<Cursor>) =
            asked.partition(|cursor| with_data.contains(&cursor.partition));
        self.cursors.extend(without);
        self.cursors.extend(with);
    }
}
