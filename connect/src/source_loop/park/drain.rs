//! Parked rows go on, before those that come after them.

use std::collections::HashMap;
use std::sync::Arc;

use thalweg_core::{ConnectError, ErrorKind, failpoint};
use thalweg_log::record::{BatchDecoder, Batches, HEADER_LEN, OPENED_BYTES_MAX, Record};
use thalweg_log::{Group, LogError, TopicInfo, Writer};
use tokio::sync::mpsc;

use super::super::batches::{NewRecord, Spare, TopicBatches};
use super::super::poll::Polled;
use super::super::target;
use super::{Parked, Parking, note_of};
use crate::converters::{NoPlan, RecordHeader};
use crate::log_errors::from_log;
use crate::store::{Entry, ParkedChange, ParkedSchema, gone};
use crate::supervisor::PAUSED;

/// Bytes of one read, and of one append.
const READ_BYTES: usize = 4 << 20;

/// How often a pause looks whether the stage before it has ended.
const LOOK: std::time::Duration = std::time::Duration::from_millis(500);

/// Waits until there is room for more parked rows; false if the run is over.
pub(in super::super) async fn hold(
    parking: &mut Parking,
    writer: &dyn Writer,
    rows: &mpsc::Receiver<Polled>,
) -> Result<bool, ConnectError> {
    let run = parking.shared.run.clone();
    let why = format!(
        "parked rows take {} bytes, and schema.incompatible.park.bytes={} allows no more: nothing \
         is read until the registry takes their schemas (the notes say which)",
        parking.bytes(),
        run.settings.evolution.park_bytes
    );
    tracing::warn!(connector = %run.connector, "{why}");
    run.board.set_task(&run.connector, run.task, PAUSED, Some(&why));
    while parking.is_full() {
        tokio::select! {
            biased;
            () = run.cancel.cancelled() => return Ok(false),
            () = parking.changed() => parking.drain(writer).await?,
            () = tokio::time::sleep(LOOK) => {}
        }
        if rows.is_closed() {
            return Ok(false);
        }
    }
    run.board.running(&run.connector, run.task);
    Ok(true)
}

/// What the rows of a topic need to go on.
struct Onward {
    topic: TopicInfo,
    spare: Spare,
    /// Turns with each append, for rows without keys.
    sticky: u32,
    mended: Mended,
}

/// A parked record with the ids of its schemas, and the headers that have these.
#[derive(Default)]
struct Mended {
    key: Vec<u8>,
    value: Vec<u8>,
    headers: HashMap<u32, RecordHeader>,
}

/// How a chunk of parked rows went.
enum Chunk {
    /// All that was read can go on.
    Whole,
    /// There is nothing left.
    Over,
    /// A schema is not taken yet, for this reason.
    Refused(String),
}

impl Parking {
    /// Lets go on what can. What the registry still refuses stays.
    pub(in super::super) async fn drain(
        &mut self,
        writer: &dyn Writer,
    ) -> Result<(), ConnectError> {
        if let Some(registry) = &mut self.registry {
            // What changes from here on is looked at again.
            registry.mark_unchanged();
        }
        let names: Vec<Arc<str>> = self.topics.keys().cloned().collect();
        for name in names {
            self.drain_topic(&name, writer).await?;
        }
        Ok(())
    }

    async fn drain_topic(
        &mut self,
        name: &Arc<str>,
        writer: &dyn Writer,
    ) -> Result<(), ConnectError> {
        let Some(mut parked) = self.topics.remove(name) else { return Ok(()) };
        // Only what is durable can be read: a writer's appends become so in order.
        let state = Entry::Topic(parked.state.clone());
        self.append(writer, Vec::new(), vec![(name.to_string(), None, Some(state))]).await?;
        let mut onward = None;
        let refused = loop {
            let mut groups = Vec::new();
            let chunk = self.chunk(name, &mut parked, &mut onward, &mut groups).await?;
            if !groups.is_empty() {
                let state = Entry::Topic(parked.state.clone());
                let change = (name.to_string(), None, Some(state));
                failpoint::reach("park.encoded");
                self.append(writer, groups, vec![change]).await?;
                failpoint::reach("park.moved");
            }
            match chunk {
                // The rest goes on at the next start.
                Chunk::Whole if self.shared.run.cancel.is_cancelled() => {
                    self.topics.insert(Arc::clone(name), parked);
                    return Ok(());
                }
                Chunk::Whole => {}
                Chunk::Over => break None,
                Chunk::Refused(refused) => break Some(refused),
            }
        };
        let run = &self.shared.run;
        if let Some(refused) = refused {
            let at = parked.rows.partition(0);
            if let Err(error) = run.log.trim(at, parked.state.next).await {
                tracing::warn!(connector = %run.connector, "freeing parked rows that went on: {error}");
            }
            self.topics.insert(Arc::clone(name), parked);
            self.note(name, &refused);
            return Ok(());
        }
        self.over(name, &parked, writer).await
    }

    /// A topic's rows have all gone on.
    async fn over(
        &mut self,
        name: &Arc<str>,
        parked: &Parked,
        writer: &dyn Writer,
    ) -> Result<(), ConnectError> {
        self.append(writer, Vec::new(), gone(name, &parked.schemas).collect()).await?;
        failpoint::reach("park.over");
        let run = &self.shared.run;
        run.notes.clear(&note_of(name));
        tracing::info!(
            connector = %run.connector,
            rows = parked.state.next,
            "the parked rows of topic {name} have gone on: the registry takes their schema now"
        );
        if let Err(error) = run.log.delete_topic(parked.rows.id).await {
            // It goes at the next start.
            tracing::warn!(topic = %parked.rows.name, "deleting a topic of parked rows: {error}");
        }
        Ok(())
    }

    /// Reads on in the parked rows of a topic.
    async fn chunk(
        &self,
        name: &Arc<str>,
        parked: &mut Parked,
        onward: &mut Option<Onward>,
        groups: &mut Vec<Group>,
    ) -> Result<Chunk, ConnectError> {
        let run = &self.shared.run;
        let reading =
            |error: LogError| from_log(&error, format!("reading topic {}", parked.rows.name));
        let fetched = run.log.read(parked.rows.partition(0), parked.state.next, READ_BYTES).await;
        let fetched = fetched.map_err(reading)?;
        if fetched.batches.is_empty() {
            return Ok(Chunk::Over);
        }
        if onward.is_none() {
            let topic = target::topic(run, name).await?;
            *onward = Some(Onward {
                topic,
                spare: Spare::default(),
                sticky: 0,
                mended: Mended::default(),
            });
        }
        let Some(Onward { topic, spare, sticky, mended }) = onward else { return Ok(Chunk::Over) };
        *sticky = sticky.wrapping_add(1);
        let mut filling = TopicBatches::new(topic, *sticky, spare);
        let mut decoder = BatchDecoder::new(OPENED_BYTES_MAX);
        for batch in Batches::new(&fetched.batches) {
            let batch = batch.map_err(reading)?;
            for record in decoder.decode(&batch).map_err(reading)? {
                let record = record.map_err(reading)?;
                if record.offset < parked.state.next {
                    continue;
                }
                if let Some(refused) = self.mend(name, parked, mended, &record).await? {
                    filling.finish(groups)?;
                    return Ok(Chunk::Refused(refused));
                }
                let headers: Vec<_> = record.headers.collect::<Result<_, _>>().map_err(reading)?;
                filling.append(&NewRecord {
                    timestamp: record.timestamp,
                    key: record.key.map(|_| mended.key.as_slice()),
                    value: record.value.map(|_| mended.value.as_slice()),
                    headers: &headers,
                })?;
                parked.state.next = record.offset + 1;
            }
            let bytes = HEADER_LEN + batch.stored_records().len();
            parked.state.bytes = parked.state.bytes.saturating_sub(bytes as u64);
        }
        filling.finish(groups)?;
        Ok(Chunk::Whole)
    }

    /// Writes the ids of a record's schemas where their numbers stand.
    async fn mend(
        &self,
        name: &Arc<str>,
        parked: &Parked,
        mended: &mut Mended,
        record: &Record<'_>,
    ) -> Result<Option<String>, ConnectError> {
        let numbered = parked.state.numbered;
        for (bytes, is_key, is_numbered) in
            [(record.key, true, numbered.key), (record.value, false, numbered.value)]
        {
            let out = if is_key { &mut mended.key } else { &mut mended.value };
            out.clear();
            let Some(bytes) = bytes else { continue };
            out.extend_from_slice(bytes);
            if !is_numbered {
                continue;
            }
            let header = match number(bytes) {
                Some(number) => match mended.headers.get(&number) {
                    Some(header) => Ok(*header),
                    None => match parked.schemas.get(number as usize) {
                        Some(schema) => self.attach(name, schema).await,
                        None => return Err(damaged(parked, record.offset)),
                    },
                },
                None => return Err(damaged(parked, record.offset)),
            };
            let header = match header {
                Ok(header) => header,
                Err(NoPlan::Incompatible(refused)) => return Ok(Some(refused.told(name))),
                Err(NoPlan::Failed(error)) if error.kind() == ErrorKind::Retriable => {
                    return Err(error);
                }
                // A registry that may not be written, say: other topics go on.
                Err(NoPlan::Failed(error)) => return Ok(Some(error.to_string())),
            };
            if let Some(number) = number(bytes) {
                mended.headers.insert(number, header);
            }
            let out = if is_key { &mut mended.key } else { &mut mended.value };
            out[..header.len()].copy_from_slice(&header);
        }
        Ok(None)
    }

    async fn attach(&self, name: &str, schema: &ParkedSchema) -> Result<RecordHeader, NoPlan> {
        let settings = &self.shared.run.settings;
        let converter = if schema.is_key { &settings.key } else { &settings.value };
        match converter.registered() {
            Some(registered) => registered.attach(name, &schema.schema).await,
            None => {
                let side = if schema.is_key { "key" } else { "value" };
                Err(NoPlan::Failed(ConnectError::bad_config(format!(
                    "rows of topic {name} are parked as the former {side}.converter wrote them: \
                     set {side}.converter back until they have gone on"
                ))))
            }
        }
    }

    /// Appends rows with changes of what is parked, and waits until both are
    /// durable.
    async fn append(
        &self,
        writer: &dyn Writer,
        mut groups: Vec<Group>,
        changes: Vec<ParkedChange>,
    ) -> Result<(), ConnectError> {
        let run = &self.shared.run;
        let failed = |error: LogError| from_log(&error, "moving parked rows");
        let (group, entries) = run.stores.parked.change(&run.connector, changes).map_err(failed)?;
        groups.push(group);
        let pending = writer.append(groups).await.map_err(failed)?;
        let appended = pending.await.map_err(failed)?;
        run.stores.parked.apply(entries, &appended);
        Ok(())
    }
}

/// The number of a schema in place of its id.
fn number(bytes: &[u8]) -> Option<u32> {
    let number = bytes.get(1..5)?;
    Some(u32::from_be_bytes(number.try_into().ok()?))
}

fn damaged(parked: &Parked, offset: i64) -> ConnectError {
    ConnectError::fatal(format!(
        "the record at offset {offset} of topic {}, which holds parked rows, names no schema that \
         is known: the topic was written by others",
        parked.rows.name
    ))
}
