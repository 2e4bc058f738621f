//! The supervisor: commands, one after the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use thalweg_core::config::Problem;
use thalweg_log::LogError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::actor::{Actor, Order, Usable};
use super::{ConnectorView, OffsetsChange, Refusal, Shared, board};
use crate::config::Settings;
use crate::store::{Stored, TargetState};

/// Orders that may wait for one connector.
const ORDERS_LEN: usize = 32;

type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// What the supervisor is asked to do.
pub(crate) enum Command {
    /// Have this connector.
    Put {
        /// Name, config and, if it is new, what it is to do.
        stored: Stored,
        /// What it runs with.
        settings: Arc<Settings>,
        /// What is odd about its config.
        warnings: Vec<Problem>,
        /// Whether one of this name may be there, and gets this config.
        replace: bool,
        /// Whether it is new.
        answer: Answer<bool>,
    },
    /// Pause, resume or stop.
    Target { name: Arc<str>, target: TargetState, answer: Answer<()> },
    /// Begin the connector anew, and these of its tasks.
    Restart { name: Arc<str>, connector: bool, tasks: Vec<u32>, answer: Answer<ConnectorView> },
    /// Go on from elsewhere. Answered when that is durable.
    Offsets { name: Arc<str>, change: OffsetsChange, answer: Answer<()> },
    /// Forget a connector. Answered when its tasks have ended.
    Delete { name: Arc<str>, answer: Answer<oneshot::Receiver<()>> },
    /// End everything, sources first.
    Stop,
}

/// A connector that is running or was found unusable.
pub(crate) struct Found {
    /// As kept.
    pub(crate) stored: Stored,
    /// Settings, or why there are none.
    pub(crate) settings: Usable,
    /// What is odd about its config.
    pub(crate) warnings: Vec<Problem>,
}

struct Connector {
    orders: mpsc::Sender<Order>,
    ended: JoinHandle<()>,
    kind: &'static str,
}

/// Owns all connectors.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    connectors: BTreeMap<Arc<str>, Connector>,
    /// Actors of deleted connectors, by name: one that is made again waits.
    ending: HashMap<Arc<str>, JoinHandle<()>>,
}

impl Supervisor {
    /// With these connectors from an earlier run, which are started.
    pub(crate) fn new(shared: Arc<Shared>, found: Vec<Found>) -> Self {
        let mut supervisor = Self { shared, connectors: BTreeMap::new(), ending: HashMap::new() };
        let mut topics: HashMap<String, Vec<Arc<str>>> = HashMap::new();
        for (connector, topic) in supervisor.shared.stores.status.topics() {
            topics.entry(connector).or_default().push(topic.into());
        }
        for Found { stored, settings, warnings } in found {
            let mut view = view(&stored, &settings, warnings);
            view.topics.extend(topics.remove(&*stored.name).unwrap_or_default());
            supervisor.shared.board.set(&stored.name, view);
            supervisor.start(&stored.name, settings, stored.target);
        }
        supervisor
    }

    /// Runs until it is told to stop, or nobody is left who could.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.recv().await {
            match command {
                Command::Put { stored, settings, warnings, replace, answer } => {
                    let done = self.put(stored, settings, warnings, replace).await;
                    drop(answer.send(done));
                }
                Command::Target { name, target, answer } => {
                    drop(answer.send(self.target(&name, target).await));
                }
                Command::Restart { name, connector, tasks, answer } => {
                    drop(answer.send(self.restart(&name, connector, tasks)));
                }
                Command::Offsets { name, change, answer } => match self.place_if_stopped(&name) {
                    Ok(place) => drop(place.send(Order::Offsets(change, answer))),
                    Err(refusal) => drop(answer.send(Err(refusal))),
                },
                Command::Delete { name, answer } => {
                    drop(answer.send(self.delete(&name).await));
                }
                Command::Stop => break,
            }
            self.ending.retain(|_, ended| !ended.is_finished());
        }
        self.stop().await;
    }

    fn start(&mut self, name: &Arc<str>, settings: Usable, target: TargetState) {
        let (orders, received) = mpsc::channel(ORDERS_LEN);
        let kind = settings.as_ref().map_or("unknown", |settings| settings.plugin.kind());
        let actor = Actor {
            shared: Arc::clone(&self.shared),
            name: Arc::clone(name),
            settings,
            target,
            tasks: BTreeMap::new(),
        };
        let former = self.ending.remove(name);
        let ended = tokio::spawn(actor.run(former, received));
        self.connectors.insert(Arc::clone(name), Connector { orders, ended, kind });
    }

    async fn put(
        &mut self,
        mut stored: Stored,
        settings: Arc<Settings>,
        warnings: Vec<Problem>,
        replace: bool,
    ) -> Result<bool, Refusal> {
        let name = Arc::clone(&stored.name);
        let exists = self.connectors.contains_key(&name);
        if exists && !replace {
            return Err(Refusal::Conflict(format!("Connector {name} already exists")));
        }
        if let Some(view) = self.shared.board.get(&name) {
            stored.target = view.target;
        }
        for warning in &warnings {
            tracing::warn!(connector = %name, "{warning}");
        }
        let place = exists.then(|| self.place(&name)).transpose()?;
        self.shared.stores.configs.put(&stored).await.map_err(|error| not_kept(&error))?;
        let kind = settings.plugin.kind();
        let usable: Usable = Ok(settings);
        let mut view = view(&stored, &usable, warnings);
        if let Some(former) = self.shared.board.get(&name) {
            view.state = former.state;
            view.trace = former.trace;
        }
        self.shared.board.set(&name, view);
        tracing::info!(connector = %name, kind, "connector {}", if exists { "changed" } else { "made" });
        match place {
            Some(place) => drop(place.send(Order::Configure(usable, stored.target))),
            None => self.start(&name, usable, stored.target),
        }
        if let Some(connector) = self.connectors.get_mut(&name) {
            connector.kind = kind;
        }
        Ok(!exists)
    }

    async fn target(&mut self, name: &Arc<str>, target: TargetState) -> Result<(), Refusal> {
        let view = self.shared.board.get(name).ok_or_else(|| Refusal::unknown(name))?;
        let stored = Stored { name: Arc::clone(name), config: (*view.config).clone(), target };
        let place = self.place(name)?;
        self.shared.stores.configs.put(&stored).await.map_err(|error| not_kept(&error))?;
        self.shared.board.set_target(name, target);
        tracing::info!(connector = %name, ?target, "connector has a new target");
        drop(place.send(Order::Target(target)));
        Ok(())
    }

    fn restart(
        &mut self,
        name: &Arc<str>,
        connector: bool,
        tasks: Vec<u32>,
    ) -> Result<ConnectorView, Refusal> {
        let board = &self.shared.board;
        let unknown = || Refusal::unknown_to_restart(name);
        // Both orders or none.
        let begin = connector.then(|| self.place(name)).transpose()?;
        let begin_tasks = (!tasks.is_empty()).then(|| self.place(name)).transpose()?;
        if connector {
            let count = board.get(name).ok_or_else(unknown)?.tasks.len();
            board.set_state(name, board::RESTARTING, None, count);
        }
        for task in &tasks {
            board.set_task(name, *task, board::RESTARTING, None);
        }
        let view = board.get(name).ok_or_else(unknown)?;
        if let Some(place) = begin {
            drop(place.send(Order::Restart));
        }
        if let Some(place) = begin_tasks {
            drop(place.send(Order::RestartTasks(tasks)));
        }
        Ok(view)
    }

    /// A place for an order that a stopped connector alone may get. What makes
    /// it run again can only come after that.
    fn place_if_stopped(&self, name: &Arc<str>) -> Result<mpsc::OwnedPermit<Order>, Refusal> {
        let view = self.shared.board.get(name).ok_or_else(|| Refusal::unknown(name))?;
        if view.target != TargetState::Stopped {
            return Err(Refusal::Invalid(format!(
                "Connectors must be in the STOPPED state before their offsets can be modified. \
                 This can be done for the specified connector by issuing a 'PUT' request to the \
                 '/connectors/{name}/stop' endpoint"
            )));
        }
        self.place(name)
    }

    async fn delete(&mut self, name: &Arc<str>) -> Result<oneshot::Receiver<()>, Refusal> {
        let place = self.place(name)?;
        self.shared.stores.configs.delete(name).await.map_err(|error| not_kept(&error))?;
        let (said, ended) = oneshot::channel();
        tracing::info!(connector = %name, "connector deleted");
        drop(place.send(Order::End(said)));
        self.shared.board.remove(name);
        if let Some(connector) = self.connectors.remove(name) {
            self.ending.insert(Arc::clone(name), connector.ended);
        }
        Ok(ended)
    }

    /// A place for an order. It is taken before anything is kept, so that what
    /// is refused was not done.
    fn place(&self, name: &Arc<str>) -> Result<mpsc::OwnedPermit<Order>, Refusal> {
        let connector = self.connectors.get(name).ok_or_else(|| Refusal::unknown(name))?;
        connector.orders.clone().try_reserve_owned().map_err(|_| {
            Refusal::Conflict(format!(
                "Connector {name} is still busy with {ORDERS_LEN} earlier requests; nothing was \
                 changed: try again in a few seconds"
            ))
        })
    }

    /// Sources first: what they appended reaches the log before the sinks flush.
    async fn stop(mut self) {
        let connectors = std::mem::take(&mut self.connectors);
        let (sources, others): (Vec<_>, Vec<_>) =
            connectors.into_values().partition(|connector| connector.kind == "source");
        for group in [sources, others] {
            let ended: Vec<JoinHandle<()>> = group
                .into_iter()
                // Without anyone to order something an actor ends.
                .map(|connector| connector.ended_after_drop())
                .collect();
            for ended in ended {
                drop(ended.await);
            }
        }
        for (_, ended) in self.ending {
            drop(ended.await);
        }
    }
}

impl Connector {
    fn ended_after_drop(self) -> JoinHandle<()> {
        drop(self.orders);
        self.ended
    }
}

fn view(stored: &Stored, settings: &Usable, warnings: Vec<Problem>) -> ConnectorView {
    ConnectorView {
        config: Arc::new(stored.config.clone()),
        kind: settings.as_ref().map_or("unknown", |settings| settings.plugin.kind()),
        target: stored.target,
        state: board::UNASSIGNED,
        trace: None,
        tasks: Vec::new(),
        warnings,
        topics: std::collections::BTreeSet::new(),
    }
}

fn not_kept(error: &LogError) -> Refusal {
    Refusal::Failed(format!(
        "nothing was changed, since it could not be written to the log: {error}"
    ))
}
