//! What everyone is doing, for those who ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use thalweg_core::config::{ConfigMap, Problem};
use thalweg_core::connector::Notes;
use tokio::sync::Notify;

use crate::clock::now_ms;
use crate::store::{TargetState, status as record};

/// Connect's name of a state.
pub(crate) type State = &'static str;

pub(crate) const UNASSIGNED: State = "UNASSIGNED";
pub(crate) const RUNNING: State = "RUNNING";
pub(crate) const PAUSED: State = "PAUSED";
pub(crate) const STOPPED: State = "STOPPED";
pub(crate) const FAILED: State = "FAILED";
pub(crate) const RESTARTING: State = "RESTARTING";

/// A task, as it is.
#[derive(Clone, Debug)]
pub(crate) struct TaskView {
    /// Its state.
    pub(crate) state: State,
    /// Why, if it is not running.
    pub(crate) trace: Option<String>,
    /// What it wants a person to know.
    pub(crate) notes: Notes,
    /// Rows that it moved since the start of this process.
    pub(crate) rows: u64,
}

/// A connector, as it is.
#[derive(Clone, Debug)]
pub(crate) struct ConnectorView {
    /// Its config, with its secrets.
    pub(crate) config: Arc<ConfigMap>,
    /// `source`, `sink` or `unknown`.
    pub(crate) kind: &'static str,
    /// What it is to do.
    pub(crate) target: TargetState,
    /// Its state.
    pub(crate) state: State,
    /// Why, if it failed.
    pub(crate) trace: Option<String>,
    /// Its tasks, by number.
    pub(crate) tasks: Vec<TaskView>,
    /// What is odd about its config.
    pub(crate) warnings: Vec<Problem>,
    /// The topics that it used.
    pub(crate) topics: BTreeSet<Arc<str>>,
}

/// All connectors, as they are. Locked for moments only, once a batch at most.
pub(crate) struct Board {
    /// Name of this process in answers: its REST address.
    pub(crate) worker: Arc<str>,
    connectors: Mutex<BTreeMap<Arc<str>, ConnectorView>>,
    /// Changes that are not kept yet, the last of each key: bounded by the
    /// number of connectors, tasks and topics.
    unkept: Mutex<BTreeMap<String, Option<Value>>>,
    /// Told of each change.
    pub(crate) changed: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(task: usize) -> u32 {
    u32::try_from(task).unwrap_or(u32::MAX)
}

impl Board {
    /// An empty one.
    pub(crate) fn new(worker: &str) -> Self {
        Self {
            worker: Arc::from(worker),
            connectors: Mutex::default(),
            unkept: Mutex::default(),
            changed: Notify::new(),
        }
    }

    // ---- reading ----

    /// The names of all connectors.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        lock(&self.connectors).keys().cloned().collect()
    }

    /// One connector.
    pub(crate) fn get(&self, name: &str) -> Option<ConnectorView> {
        lock(&self.connectors).get(name).cloned()
    }

    /// Rows that a task moved.
    pub(crate) fn rows(&self, name: &str, task: u32) -> u64 {
        let connectors = lock(&self.connectors);
        let task = connectors.get(name).and_then(|view| view.tasks.get(task as usize));
        task.map_or(0, |task| task.rows)
    }

    /// Changes to be kept.
    pub(crate) fn take_unkept(&self) -> Vec<(String, Option<Value>)> {
        std::mem::take(&mut *lock(&self.unkept)).into_iter().collect()
    }

    // ---- changes by the supervisor and the actors ----

    /// A connector that is there from now on, or has another config.
    pub(crate) fn set(&self, name: &Arc<str>, mut view: ConnectorView) {
        let mut connectors = lock(&self.connectors);
        if let Some(former) = connectors.remove(name) {
            view.topics.extend(former.topics);
            view.tasks = former.tasks;
        }
        connectors.insert(Arc::clone(name), view);
    }

    /// A connector that is gone.
    pub(crate) fn remove(&self, name: &str) {
        let Some(view) = lock(&self.connectors).remove(name) else { return };
        let tasks = (0..view.tasks.len()).map(|task| record::task_key(name, number(task)));
        let topics = view.topics.iter().map(|topic| record::topic_key(name, topic));
        let connector = std::iter::once(record::connector_key(name));
        self.keep(connector.chain(tasks).chain(topics).map(|key| (key, None)));
    }

    /// What a connector is to do.
    pub(crate) fn set_target(&self, name: &str, target: TargetState) {
        if let Some(view) = lock(&self.connectors).get_mut(name) {
            view.target = target;
        }
    }

    /// A connector's own state, and its number of tasks.
    pub(crate) fn set_state(&self, name: &str, state: State, trace: Option<&str>, tasks: usize) {
        let mut gone = 0..0;
        if let Some(view) = lock(&self.connectors).get_mut(name) {
            view.state = state;
            view.trace = trace.map(str::to_owned);
            gone = tasks..view.tasks.len();
            view.tasks.truncate(tasks);
            view.tasks.resize_with(tasks, || TaskView {
                state: UNASSIGNED,
                trace: None,
                notes: Notes::default(),
                rows: 0,
            });
        }
        let value = record::state_value(state, trace, &self.worker);
        let connector = std::iter::once((record::connector_key(name), Some(value)));
        self.keep(connector.chain(gone.map(|task| (record::task_key(name, number(task)), None))));
    }

    /// A task's state.
    pub(crate) fn set_task(&self, name: &str, task: u32, state: State, trace: Option<&str>) {
        {
            let mut connectors = lock(&self.connectors);
            let view = connectors.get_mut(name);
            let Some(view) = view.and_then(|view| view.tasks.get_mut(task as usize)) else {
                return;
            };
            if view.state == state && view.trace.as_deref() == trace {
                return;
            }
            view.state = state;
            view.trace = trace.map(str::to_owned);
        }
        let value = record::state_value(state, trace, &self.worker);
        self.keep(std::iter::once((record::task_key(name, task), Some(value))));
    }

    /// Fresh notes for a run of a task.
    pub(crate) fn new_notes(&self, name: &str, task: u32) -> Notes {
        let notes = Notes::default();
        let mut connectors = lock(&self.connectors);
        let view = connectors.get_mut(name);
        if let Some(view) = view.and_then(|view| view.tasks.get_mut(task as usize)) {
            view.notes = notes.clone();
        }
        notes
    }

    // ---- changes by the loops ----

    /// A task runs.
    pub(crate) fn running(&self, name: &str, task: u32) {
        self.set_task(name, task, RUNNING, None);
    }

    /// A task waits before it tries again.
    pub(crate) fn restarting(&self, name: &str, task: u32, cause: &str, pause: Duration) {
        tracing::warn!(connector = name, task, "{cause}; trying again in {pause:.1?}");
        self.set_task(name, task, RESTARTING, Some(cause));
    }

    /// A task moved rows.
    pub(crate) fn progressed(&self, name: &str, task: u32, rows: usize) {
        let mut connectors = lock(&self.connectors);
        let view = connectors.get_mut(name);
        if let Some(view) = view.and_then(|view| view.tasks.get_mut(task as usize)) {
            view.rows += rows as u64;
        }
    }

    /// A connector uses a topic.
    pub(crate) fn used_topic(&self, name: &str, task: u32, topic: &Arc<str>) {
        {
            let mut connectors = lock(&self.connectors);
            let Some(view) = connectors.get_mut(name) else { return };
            if view.topics.contains(topic) {
                return;
            }
            view.topics.insert(Arc::clone(topic));
        }
        let value = record::topic_value(name, topic, task, now_ms());
        self.keep(std::iter::once((record::topic_key(name, topic), Some(value))));
    }

    /// Forgets the topics that a connector used.
    pub(crate) fn reset_topics(&self, name: &str) {
        let topics = match lock(&self.connectors).get_mut(name) {
            Some(view) => std::mem::take(&mut view.topics),
            None => return,
        };
        self.keep(topics.iter().map(|topic| (record::topic_key(name, topic), None)));
    }

    fn keep(&self, changes: impl Iterator<Item = (String, Option<Value>)>) {
        lock(&self.unkept).extend(changes);
        self.changed.notify_one();
    }
}
