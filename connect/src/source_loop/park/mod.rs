//! Rows whose schema the registry does not take: parked in the log, in order,
//! until it does.
//!
//! A parked record is whole but for the id of its schema: in its place stands the
//! number of a schema that is kept beside it ([`crate::store::ParkedStore`]). So
//! nothing is encoded twice, and the rows that go on are byte for byte those that
//! would have gone at once.

mod drain;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use thalweg_core::ConnectError;
use thalweg_core::batch::Columns;
use thalweg_core::schema::SchemaId;
use thalweg_log::{LogError, TopicInfo, TopicSpec};
use tokio::sync::watch;

use super::{Shared, SourceRun};
use crate::clock::now_ms;
use crate::converters::{Incompatible, Registered, RowEncoder, Side};
use crate::log_errors::from_log;
use crate::store::{Entry, Numbered, ParkedChange, ParkedSchema, ParkedTopic, rows_topic};

pub(super) use drain::hold;

/// Most schemas of one parked topic (invariant 7).
const SCHEMAS_MAX: usize = 1000;

/// The topics of a task whose rows are parked, as they are with all appends that
/// are under way.
pub(super) struct Parking {
    shared: Arc<Shared>,
    topics: BTreeMap<Arc<str>, Parked>,
    /// What is not on its way to the store yet.
    changes: Vec<ParkedChange>,
    registry: Option<watch::Receiver<u64>>,
}

struct Parked {
    state: ParkedTopic,
    rows: TopicInfo,
    schemas: Vec<ParkedSchema>,
    plans: HashMap<(SchemaId, Side), Arc<dyn RowEncoder>>,
}

impl Parking {
    /// What the task left parked.
    pub(super) fn open(shared: &Arc<Shared>) -> Result<Self, ConnectError> {
        let run = &shared.run;
        let mut topics = BTreeMap::new();
        for (name, (state, schemas)) in run.stores.parked.of(&run.connector) {
            let rows = run.log.topic(&state.rows).ok_or_else(|| {
                ConnectError::fatal(format!(
                    "topic {}, which holds parked rows of topic {name}, is gone: those rows are \
                     lost. To go on without them, stop the connector and delete its offsets: it \
                     takes a new snapshot then",
                    state.rows
                ))
            })?;
            tracing::warn!(
                connector = %run.connector,
                bytes = state.bytes,
                "rows of topic {name} are parked in topic {}: the status says why",
                state.rows
            );
            let name: Arc<str> = name.into();
            topics.insert(name, Parked { state, rows, schemas, plans: HashMap::new() });
        }
        let registered = [&run.settings.value, &run.settings.key]
            .into_iter()
            .find_map(|converter| converter.registered());
        let this = Self {
            shared: Arc::clone(shared),
            topics,
            changes: Vec::new(),
            registry: registered.map(Registered::changes),
        };
        Ok(this)
    }

    /// Whether a topic's rows are parked.
    pub(super) fn holds(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    /// Whether no more may be parked.
    pub(super) fn is_full(&self) -> bool {
        self.bytes() >= self.shared.run.settings.evolution.park_bytes
    }

    fn bytes(&self) -> u64 {
        self.topics.values().map(|parked| parked.state.bytes).sum()
    }

    /// From here on a topic's rows are parked.
    pub(super) async fn begin(
        &mut self,
        topic: &Arc<str>,
        refused: &Incompatible,
    ) -> Result<(), ConnectError> {
        let run = &self.shared.run;
        let name = rows_topic(&run.connector, topic);
        let rows = create(run, &name).await?;
        let settings = &run.settings;
        let state = ParkedTopic {
            rows: name,
            bytes: 0,
            next: 0,
            since_ms: now_ms(),
            numbered: Numbered {
                key: settings.key.registered().is_some(),
                value: settings.value.registered().is_some(),
            },
            subject: Some(refused.subject.clone()),
        };
        tracing::warn!(
            connector = %run.connector,
            "{}; its rows are parked in topic {} until then, in order, and other topics go on",
            refused.told(topic),
            state.rows
        );
        let parked = Parked { state, rows, schemas: Vec::new(), plans: HashMap::new() };
        self.topics.insert(Arc::clone(topic), parked);
        self.note(topic, &refused.told(topic));
        Ok(())
    }

    /// Says in the status what is parked and what a person can do.
    fn note(&self, topic: &str, refused: &str) {
        let rows = self.topics.get(topic).map(|parked| &*parked.rows.name);
        let place = rows.map_or(String::new(), |rows| format!(", in topic {rows}"));
        let note = format!(
            "{refused}. Its rows are parked in order until then{place}, and flow on by themselves"
        );
        self.shared.run.notes.set(note_of(topic), note);
    }

    /// The topic that takes the rows of a parked one.
    pub(super) fn rows(&self, topic: &str) -> Option<&TopicInfo> {
        self.topics.get(topic).map(|parked| &parked.rows)
    }

    /// The plan for rows that are to be parked.
    pub(super) async fn plan(
        &mut self,
        topic: &Arc<str>,
        side: Side,
        columns: &Columns,
    ) -> Result<Arc<dyn RowEncoder>, ConnectError> {
        let settings = Arc::clone(&self.shared.run.settings);
        let converter = match side {
            Side::Key => &settings.key,
            Side::Value => &settings.value,
        };
        let Some(parked) = self.topics.get_mut(topic) else {
            return converter.encoder(topic, columns.layout()).await;
        };
        parked.check(topic, side, converter.registered().is_some())?;
        let Some(registered) = converter.registered() else {
            return converter.encoder(topic, columns.layout()).await;
        };
        let id = (columns.layout().schema().id(), side);
        if let Some(plan) = parked.plans.get(&id) {
            return Ok(Arc::clone(plan));
        }
        let (schema, plan) = registered.detached(topic, columns.layout())?;
        let schema = ParkedSchema { is_key: side == Side::Key, schema };
        let number = match parked.schemas.iter().position(|known| *known == schema) {
            Some(number) => number,
            None if parked.schemas.len() >= SCHEMAS_MAX => {
                return Err(ConnectError::fatal(format!(
                    "topic {topic} has rows of {SCHEMAS_MAX} schemas parked, and now of another \
                     one: let the registry take them, or set \
                     schema.incompatible.action=evolve, then restart the connector"
                )));
            }
            None => {
                parked.schemas.push(schema.clone());
                parked.schemas.len() - 1
            }
        };
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let plan = plan(number);
        parked.plans.insert(id, Arc::clone(&plan));
        self.changes.push((topic.to_string(), Some(number), Some(Entry::Schema(schema))));
        Ok(plan)
    }

    /// So many bytes of a topic's rows are being appended.
    pub(super) fn appended(&mut self, topic: &Arc<str>, bytes: usize) {
        if let Some(parked) = self.topics.get_mut(topic) {
            parked.state.bytes += bytes as u64;
            let entry = Entry::Topic(parked.state.clone());
            self.changes.push((topic.to_string(), None, Some(entry)));
        }
    }

    /// What is to be appended with the rows.
    pub(super) fn take_changes(&mut self) -> Vec<ParkedChange> {
        std::mem::take(&mut self.changes)
    }

    /// Waits until the registry changed, if anything waits for that.
    pub(super) async fn changed(&mut self) {
        match &mut self.registry {
            Some(registry) if !self.topics.is_empty() => {
                if registry.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            _ => std::future::pending().await,
        }
    }

    /// Whether the registry changed since the last look.
    pub(super) fn has_changed(&self) -> bool {
        let changed = |registry: &watch::Receiver<u64>| registry.has_changed().unwrap_or(false);
        !self.topics.is_empty() && self.registry.as_ref().is_some_and(changed)
    }
}

impl Parked {
    /// Records that begin with a schema's number need a converter that knows of
    /// schemas, and others one that does not.
    fn check(&self, topic: &str, side: Side, is_registered: bool) -> Result<(), ConnectError> {
        let numbered = match side {
            Side::Key => self.state.numbered.key,
            Side::Value => self.state.numbered.value,
        };
        if numbered == is_registered {
            return Ok(());
        }
        let key = format!("{}.converter", side.name());
        Err(ConnectError::bad_config(format!(
            "rows of topic {topic} are parked as the former {key} wrote them: set {key} back until \
             they have gone on"
        )))
    }
}

/// The subject of the note on a topic whose rows are parked.
pub(crate) fn note_of(topic: &str) -> String {
    format!("parked {topic}")
}

async fn create(run: &SourceRun, name: &str) -> Result<TopicInfo, ConnectError> {
    let mut config = run.settings.creation.config.clone();
    config.retain(|(key, _)| key == "max.message.bytes");
    for (key, value) in [("retention.ms", "-1"), ("retention.bytes", "-1")] {
        config.push((key.to_owned(), value.to_owned()));
    }
    let spec = TopicSpec { name: name.to_owned(), partitions: 1, config };
    // One that is there is of a first append that failed: nothing tells of its rows.
    if let Some(former) = run.log.topic(name) {
        let gone = run.log.delete_topic(former.id).await;
        gone.map_err(|error| from_log(&error, format!("making topic {name} anew")))?;
    }
    let made = run.log.create_topic(spec).await;
    made.map_err(|error: LogError| from_log(&error, format!("making topic {name}")))
}
