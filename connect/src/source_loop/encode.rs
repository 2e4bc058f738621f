//! The second stage: rows to record batches, appended with their position.

use std::collections::HashMap;
use std::sync::Arc;

use thalweg_core::batch::{Batch, Columns, SourceBatch};
use thalweg_core::schema::SchemaId;
use thalweg_core::{ConnectError, Coordinates, ErrorKind, failpoint};
use thalweg_log::{Group, LogError, TopicInfo, Writer};
use tokio::sync::mpsc;

use super::acknowledge::InFlight;
use super::batches::{NewRecord, Spare, TopicBatches};
use super::park::{self, Parking};
use super::poll::Polled;
use super::{Shared, headers, merge, target};
use crate::clock::now_ms;
use crate::config::HeaderFormat;
use crate::converters::{NoPlan, RowEncoder, RowWriter, Side};
use crate::log_errors::from_log;

/// Most plans that are kept. Tables and their schema versions are few; a source
/// that makes schemas without end must not fill the memory (invariant 7).
const PLANS_MAX: usize = 16_384;

/// Runs until the stage before it has ended.
pub(super) async fn run(
    shared: Arc<Shared>,
    writer: Box<dyn Writer>,
    mut rows: mpsc::Receiver<Polled>,
    out: mpsc::Sender<InFlight>,
) -> Result<(), ConnectError> {
    let mut encoder = Encoder::new(&shared)?;
    encoder.parking.drain(&*writer).await?;
    while let Some(Polled { batch, permit }) = next(&mut encoder, &*writer, &mut rows).await? {
        let mut groups = encoder.groups(&batch).await?;
        let count = batch.rows();
        let SourceBatch { batches, position, state } = batch;
        drop(batches);
        let stores = &shared.run.stores;
        let refused = |error: LogError| from_log(&error, "encoding a position");
        let mut entries = None;
        if !state.is_empty() {
            let (group, change) =
                stores.source_state.change(&shared.run.connector, state).map_err(refused)?;
            groups.push(group);
            entries = Some(change);
        }
        let mut parked = None;
        let changes = encoder.parking.take_changes();
        if !changes.is_empty() {
            let (group, change) =
                stores.parked.change(&shared.run.connector, changes).map_err(refused)?;
            groups.push(group);
            parked = Some(change);
        }
        let mut moved = None;
        if let Some(position) = position {
            let (group, change) = stores
                .offsets
                .change(&shared.run.connector, &shared.partition, position)
                .map_err(refused)?;
            groups.push(group);
            moved = Some(change);
        }
        failpoint::reach("source.encoded");
        // invariant 2: records, state and position are one atomic append.
        let pending = writer
            .append(groups)
            .await
            .map_err(|error| from_log(&error, "appending rows to the log"))?;
        failpoint::reach("source.queued");
        let append =
            InFlight { pending, position: moved, state: entries, parked, rows: count, permit };
        if out.send(append).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The next rows. What was parked before them goes first, when it can.
async fn next(
    encoder: &mut Encoder,
    writer: &dyn Writer,
    rows: &mut mpsc::Receiver<Polled>,
) -> Result<Option<Polled>, ConnectError> {
    loop {
        if encoder.parking.has_changed() {
            encoder.parking.drain(writer).await?;
        }
        if encoder.parking.is_full() && !park::hold(&mut encoder.parking, writer, rows).await? {
            return Ok(None);
        }
        tokio::select! {
            biased;
            polled = rows.recv() => return Ok(polled),
            () = encoder.parking.changed() => encoder.parking.drain(writer).await?,
        }
    }
}

/// Plans by topic, schema and side.
type Plans = HashMap<(Arc<str>, SchemaId, Side), Arc<dyn RowEncoder>>;

struct Encoder {
    shared: Arc<Shared>,
    parking: Parking,
    plans: Plans,
    key: Vec<u8>,
    value: Vec<u8>,
    spare: Spare,
    /// Turns with each batch, for rows without keys.
    sticky: u32,
    now_ms: i64,
}

/// A batch of rows with its plans.
struct Planned<'a> {
    batch: &'a Batch,
    key: Option<(&'a Columns, Arc<dyn RowEncoder>)>,
    value: Option<(&'a Columns, Arc<dyn RowEncoder>)>,
}

impl Planned<'_> {
    fn bind(&self) -> Bound<'_> {
        Bound {
            batch: self.batch,
            key: self.key.as_ref().map(|(columns, plan)| plan.bind(columns)),
            value: self.value.as_ref().map(|(columns, plan)| plan.bind(columns)),
        }
    }
}

/// A batch of rows with plans that are ready for it.
struct Bound<'a> {
    batch: &'a Batch,
    key: Option<RowWriter<'a>>,
    value: Option<RowWriter<'a>>,
}

/// What a row's bytes are written to, one after the other.
struct Scratch<'a> {
    key: &'a mut Vec<u8>,
    value: &'a mut Vec<u8>,
    headers: HeaderFormat,
    now_ms: i64,
}

impl Encoder {
    fn new(shared: &Arc<Shared>) -> Result<Self, ConnectError> {
        Ok(Self {
            shared: Arc::clone(shared),
            parking: Parking::open(shared)?,
            plans: HashMap::new(),
            key: Vec::new(),
            value: Vec::new(),
            spare: Spare::default(),
            sticky: 0,
            now_ms: 0,
        })
    }

    /// All rows as record batches, by partition.
    async fn groups(&mut self, rows: &SourceBatch) -> Result<Vec<Group>, ConnectError> {
        self.now_ms = now_ms();
        let mut groups = Vec::new();
        for together in by_topic(&rows.batches) {
            let name = &together[0].topic;
            if !self.parking.holds(name) {
                match self.planned(&together).await {
                    Ok(planned) => {
                        let topic = target::topic(&self.shared.run, name).await?;
                        self.encode(&topic, &planned, &mut groups)?;
                        continue;
                    }
                    Err(NoPlan::Incompatible(refused)) => {
                        self.parking.begin(name, &refused).await?;
                    }
                    Err(NoPlan::Failed(error)) => return Err(error),
                }
            }
            self.park(name, &together, &mut groups).await?;
        }
        Ok(groups)
    }

    /// Rows of a topic that is parked.
    async fn park(
        &mut self,
        name: &Arc<str>,
        together: &[&Batch],
        groups: &mut Vec<Group>,
    ) -> Result<(), ConnectError> {
        let planned = self.planned(together).await.map_err(|refused| refused.into_error(name))?;
        let Some(rows) = self.parking.rows(name).cloned() else { return Ok(()) };
        let before = groups.len();
        self.encode(&rows, &planned, groups)?;
        let bytes = groups[before..].iter().map(|group| group.batches.len()).sum();
        self.parking.appended(name, bytes);
        Ok(())
    }

    /// Batches of one topic with their plans.
    async fn planned<'a>(&mut self, together: &[&'a Batch]) -> Result<Vec<Planned<'a>>, NoPlan> {
        let mut planned = Vec::with_capacity(together.len());
        for &batch in together {
            let (mut key, mut value) = (None, None);
            if let Some(columns) = &batch.key {
                key = Some((columns, self.encoder(Side::Key, &batch.topic, columns).await?));
            }
            if let Some(columns) = &batch.value {
                value = Some((columns, self.encoder(Side::Value, &batch.topic, columns).await?));
            }
            planned.push(Planned { batch, key, value });
        }
        Ok(planned)
    }

    async fn encoder(
        &mut self,
        side: Side,
        topic: &Arc<str>,
        columns: &Columns,
    ) -> Result<Arc<dyn RowEncoder>, NoPlan> {
        if self.parking.holds(topic) {
            return self.parking.plan(topic, side, columns).await.map_err(NoPlan::Failed);
        }
        let id = (Arc::clone(topic), columns.layout().schema().id(), side);
        if let Some(plan) = self.plans.get(&id) {
            return Ok(Arc::clone(plan));
        }
        let settings = &self.shared.run.settings;
        let converter = match side {
            Side::Key => &settings.key,
            Side::Value => &settings.value,
        };
        let made = match converter.registered() {
            Some(registered) => registered.plan(topic, columns.layout()).await,
            None => converter.encoder(topic, columns.layout()).await.map_err(NoPlan::Failed),
        };
        let plan = made.map_err(|refused| match refused {
            NoPlan::Failed(error) => {
                NoPlan::Failed(error.context(format!("the {}s of topic {topic}", side.name())))
            }
            refused @ NoPlan::Incompatible(_) => refused,
        })?;
        if self.plans.len() >= PLANS_MAX {
            self.plans.clear();
        }
        self.plans.insert(id, Arc::clone(&plan));
        Ok(plan)
    }

    /// The rows of one topic, in the source's order.
    fn encode(
        &mut self,
        topic: &TopicInfo,
        planned: &[Planned<'_>],
        groups: &mut Vec<Group>,
    ) -> Result<(), ConnectError> {
        self.sticky = self.sticky.wrapping_add(1);
        let headers = self.shared.run.settings.headers;
        let Self { key, value, spare, sticky, now_ms, .. } = self;
        let mut scratch = Scratch { key, value, headers, now_ms: *now_ms };
        let mut filling = TopicBatches::new(topic, *sticky, spare);
        let batches: Vec<&Batch> = planned.iter().map(|planned| planned.batch).collect();
        let bound: Vec<Bound<'_>> = planned.iter().map(Planned::bind).collect();
        for run in merge::runs(&batches) {
            let bound = &bound[run.batch];
            for row in run.rows {
                let written = scratch.row(bound, row, &mut filling);
                written.map_err(|error| at_row(&error, bound.batch, row))?;
            }
        }
        filling.finish(groups)
    }
}

impl Scratch<'_> {
    fn row(
        &mut self,
        bound: &Bound<'_>,
        row: usize,
        filling: &mut TopicBatches<'_>,
    ) -> Result<(), ConnectError> {
        self.key.clear();
        self.value.clear();
        let has_key = match &bound.key {
            Some(write) => write(row, self.key)?,
            None => false,
        };
        let has_value = match &bound.value {
            Some(write) => write(row, self.value)?,
            None => false,
        };
        let record = NewRecord {
            timestamp: bound.batch.timestamps.get(row).copied().unwrap_or(self.now_ms),
            key: has_key.then_some(self.key.as_slice()),
            value: has_value.then_some(self.value.as_slice()),
            headers: &[],
        };
        if bound.batch.headers.is_empty() {
            return filling.append(&record);
        }
        headers::with(self.headers, bound.batch, row, |headers| {
            filling.append(&NewRecord { headers, ..record })
        })
    }
}

/// Batches that go to one topic, together, in the order of their first ones.
fn by_topic(batches: &[Batch]) -> Vec<Vec<&Batch>> {
    let mut topics: Vec<Vec<&Batch>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for batch in batches.iter().filter(|batch| batch.rows > 0) {
        let place = *places.entry(&batch.topic).or_insert(topics.len());
        match topics.get_mut(place) {
            Some(topic) => topic.push(batch),
            None => topics.push(vec![batch]),
        }
    }
    topics
}

/// An encoding error told with the row that it is about.
#[cold]
fn at_row(error: &ConnectError, batch: &Batch, row: usize) -> ConnectError {
    if error.kind() != ErrorKind::BadRecord {
        return error.clone();
    }
    let ordinal = batch.ordinals.get(row).copied().unwrap_or(row as u64);
    let at = Coordinates {
        place: batch.topic.to_string(),
        partition: None,
        at: format!("row {ordinal} of the source's batch"),
    };
    ConnectError::bad_record(at, error.to_string())
}
