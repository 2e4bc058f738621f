//! `connect-parked`: topics whose rows wait for the registry to take their
//! schema. Changed in the same append as the rows, which lie in a topic of their
//! own each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thalweg_log::table::{Change, Json};
use thalweg_log::{Appended, Group, Log, LogError, OffsetAt, Table};

use crate::converters::Unregistered;

pub(super) const TOPIC: &str = "connect-parked";

/// How the names of the topics begin that hold the rows.
pub(super) const ROWS_PREFIX: &str = "connect-parked.";

/// Most bytes of a topic's name in that of the topic with its parked rows.
const SHOWN_BYTES_MAX: usize = 160;

/// A topic whose rows are parked. It is written with each append of rows, so the
/// schemas have entries of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ParkedTopic {
    /// The topic that holds them meanwhile.
    pub(crate) rows: String,
    /// Bytes of them, as they were appended.
    pub(crate) bytes: u64,
    /// Offset in `rows` of the first one that did not go on yet.
    pub(crate) next: i64,
    /// Since when, in ms since 1970.
    pub(crate) since_ms: i64,
    /// Whether keys, and values, begin with the number of a schema.
    pub(crate) numbered: Numbered,
    /// The subject that did not take a schema; nothing in entries of former versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
}

/// Rows of a topic that wait, as a status tells of them.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    /// Where they will go.
    pub(crate) topic: String,
    /// What is known of them.
    pub(crate) parked: ParkedTopic,
    /// How many records they are: a deletion may be two.
    pub(crate) records: i64,
}

/// Which parts of parked records begin with the number of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbered {
    /// Keys.
    pub(crate) key: bool,
    /// Values.
    pub(crate) value: bool,
}

/// A schema that parked records need: a number in them stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ParkedSchema {
    /// Whether it is one of keys.
    pub(crate) is_key: bool,
    /// The schema.
    pub(crate) schema: Unregistered,
}

/// A value of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Entry {
    /// Of a topic.
    Topic(ParkedTopic),
    /// Of one of its schemas.
    Schema(ParkedSchema),
}

/// A key of the table: connector, topic, and a schema's number.
type EntryKey = Json<(String, String, Option<u32>)>;

/// Changes on their way to the log.
pub(crate) type ParkedEntries = Change<EntryKey, Json<Entry>>;

/// One change of a connector's: topic, a schema's number, and what is there now.
pub(crate) type ParkedChange = (String, Option<u32>, Option<Entry>);

/// Topics whose rows are parked.
pub(crate) struct ParkedStore {
    log: Arc<dyn Log>,
    table: Table<EntryKey, Json<Entry>>,
}

impl ParkedStore {
    /// Opens it, and deletes topics with rows that nothing tells of: a crash came
    /// before the first row, or after the last one.
    pub(super) async fn open(log: &Arc<dyn Log>) -> Result<Self, LogError> {
        let table: Table<EntryKey, Json<Entry>> = Table::open(log, TOPIC).await?;
        let mut known = BTreeSet::new();
        table.for_each(|_, Json(entry)| {
            if let Entry::Topic(topic) = entry {
                known.insert(topic.rows.clone());
            }
        });
        for topic in log.topics() {
            if topic.name.starts_with(ROWS_PREFIX) && !known.contains(&*topic.name) {
                log.delete_topic(topic.id).await?;
            }
        }
        Ok(Self { log: Arc::clone(log), table })
    }

    /// Reads what a former holder of a task's writer appended. To be asked after
    /// that writer was opened: it appends nothing more then.
    pub(crate) async fn catch_up(&self) -> Result<(), LogError> {
        self.table.catch_up().await
    }

    /// The parked topics of a connector, with the schemas that they need by number.
    pub(crate) fn of(&self, connector: &str) -> BTreeMap<String, (ParkedTopic, Vec<ParkedSchema>)> {
        let mut all = BTreeMap::new();
        // A topic's own entry comes first: no number is less than any.
        self.table.for_each(|Json((name, topic, _)), Json(entry)| match entry {
            _ if name != connector => {}
            Entry::Topic(parked) => {
                all.insert(topic.clone(), (parked.clone(), Vec::new()));
            }
            Entry::Schema(schema) => {
                if let Some((_, schemas)) = all.get_mut(topic) {
                    schemas.push(schema.clone());
                }
            }
        });
        all
    }

    /// The rows of a connector's that wait, whether it runs or not.
    pub(crate) async fn waiting(&self, connector: &str) -> Vec<Waiting> {
        let mut all = Vec::new();
        for (topic, (parked, _)) in self.of(connector) {
            let Some(rows) = self.log.topic(&parked.rows) else { continue };
            // It may go meanwhile, when the last row has gone on.
            let end = self.log.offset(rows.partition(0), OffsetAt::End).await;
            let Ok(end) = end else { continue };
            all.push(Waiting { topic, records: (end - parked.next).max(0), parked });
        }
        all
    }

    /// Encodes changes, to be appended with the rows that they are about.
    pub(crate) fn change(
        &self,
        connector: &str,
        changes: Vec<ParkedChange>,
    ) -> Result<(Group, ParkedEntries), LogError> {
        let entries = changes.into_iter().map(|(topic, number, entry)| {
            (Json((connector.to_owned(), topic, number)), entry.map(Json))
        });
        self.table.change(entries.collect())
    }

    /// The append that held the changes is durable: shows them.
    pub(crate) fn apply(&self, change: ParkedEntries, appended: &[Appended]) {
        let target = self.table.topic().partition(0);
        if let Some(landed) = appended.iter().find(|landed| landed.target == target) {
            self.table.apply(change, landed.first);
        }
    }
}

/// The end of a topic's being parked: its entry goes, and those of its schemas.
pub(crate) fn gone(topic: &str, schemas: &[ParkedSchema]) -> impl Iterator<Item = ParkedChange> {
    let numbers = (0u32..).zip(schemas).map(|(number, _)| Some(number));
    numbers.chain([None]).map(|number| (topic.to_owned(), number, None))
}

/// The name of the topic that holds the rows of another that a connector parked.
pub(crate) fn rows_topic(connector: &str, topic: &str) -> String {
    // The names of topics are ASCII.
    let shown = topic.get(..SHOWN_BYTES_MAX).unwrap_or(topic);
    let mut hash = Sha256::new();
    hash.update(connector.as_bytes());
    // No name holds a zero.
    hash.update([0]);
    hash.update(topic.as_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let tail = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("{ROWS_PREFIX}{shown}.{tail}")
}
