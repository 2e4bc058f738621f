//! Subjects, versions and ids.
//!
//! | file | what |
//! |---|---|
//! | `entry` | keys and values of the topic `_schemas`, in Confluent's JSON |
//! | `state` | what they add up to, indexed for look-ups |
//! | `context`, `subject` | names |
//! | `metadata`, `rule_set` | what a schema has besides its text |
//! | `prepare` | a schema that someone brings, understood |
//! | `read`, `lookup`, `check`, `verdicts`, `register`, `config`, `mode`, `delete` | what can be asked and done |
//! | `clash`, `explain` | a schema that is refused, in words, and what to do about it |

mod anyway;
mod check;
mod clash;
mod config;
pub(crate) mod context;
mod delete;
mod entry;
mod error;
mod explain;
mod lookup;
mod metadata;
mod mode;
mod prepare;
mod read;
mod register;
mod rule_set;
mod state;
mod subject;
#[cfg(test)]
mod tests;
mod verdicts;
mod version;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use thalweg_log::{Log, TableWriter};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::task::{JoinHandle, spawn_blocking};

pub use clash::Clash;
pub use config::{Config, ConfigChange};
pub use entry::Reference;
pub use error::{RegistryError, Result};
pub use metadata::Metadata;
pub use mode::Mode;
pub use prepare::NewSchema;
pub use register::{Registered, Registration};
pub use rule_set::{Rule, RuleSet};
pub use state::{Shown, Stored, SubjectVersion};
pub use verdicts::Verdicts;
pub use version::{Selected, VersionId};

use entry::{Key, Value};
use state::State;

/// The topic that holds everything.
pub const TOPIC: &str = "_schemas";

/// The registry: subjects with versions of schemas, and ids that belong to a schema's
/// identity, whichever subjects it is in. Reads are from memory; a change is durable
/// before it is answered or seen (invariant 1).
pub struct Registry {
    topic: Arc<TableWriter<Key, Value>>,
    state: Arc<RwLock<State>>,
    /// Held from the look at what is there to the end of the write: so ids and versions
    /// are given out once.
    writing: Arc<Mutex<()>>,
    /// How many changes there were.
    changes: Arc<watch::Sender<u64>>,
    /// What makes ready for the first registration.
    indexing: Mutex<Option<JoinHandle<()>>>,
}

impl Registry {
    /// Opens the registry that this log holds; makes its topic if it is missing. The
    /// former holder, if there is one, can't write any more.
    pub async fn open(log: Arc<dyn Log>) -> Result<Self> {
        let mut state = State::default();
        let topic = TableWriter::open(&log, TOPIC, |key, value| state.apply(key, value)).await?;
        tracing::info!(
            subjects = state.subjects.len(),
            schemas = state.schema_count(),
            "schema registry opened"
        );
        let state = Arc::new(RwLock::new(state));
        let indexed = Arc::clone(&state);
        let indexing = spawn_blocking(move || {
            indexed.read().unwrap_or_else(PoisonError::into_inner).index();
        });
        Ok(Self {
            topic: Arc::new(topic),
            state,
            writing: Arc::default(),
            changes: Arc::default(),
            indexing: Mutex::new(Some(indexing)),
        })
    }

    /// Waits until the writes that were begun are durable or have failed.
    pub async fn close(&self) {
        drop(self.writing.lock().await);
        if let Some(indexing) = self.indexing.lock().await.take() {
            // A panic in it is told by whoever looks for an id next.
            indexing.await.ok();
        }
    }

    /// Changes with each change: what was refused may be taken now.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn begin(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.writing).lock_owned().await
    }

    /// Makes changes durable, all or none, then visible.
    ///
    /// The work is in a task of its own, which ends by itself: if the caller goes away
    /// (a client that hangs up), an append that is on its way must still become visible
    /// before the next id is given out.
    async fn write(
        &self,
        turn: OwnedMutexGuard<()>,
        changes: Vec<(Key, Option<Value>)>,
    ) -> Result<()> {
        let (topic, state) = (Arc::clone(&self.topic), Arc::clone(&self.state));
        let told = Arc::clone(&self.changes);
        let task = tokio::spawn(async move {
            topic.write(&changes).await?;
            let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
            for (key, value) in changes {
                state.apply(key, value);
            }
            drop(turn);
            told.send_modify(|count| *count += 1);
            Ok(())
        });
        let stopped = |_| RegistryError::Refused {
            code: 50001,
            message: "the registry is stopping: try again".to_owned(),
        };
        task.await.map_err(stopped)?
    }
}
