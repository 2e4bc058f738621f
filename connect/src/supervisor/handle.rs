//! What REST and the binary hold.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use thalweg_core::config::{ConfigMap, Problem};
use thalweg_core::connector::Claim;
use tokio::sync::{mpsc, oneshot};

use super::{Board, Command, ConnectorView, OffsetsChange};
use crate::config::{self, Reader, Reading};
use crate::plugins::Plugin;
use crate::store::{Stored, Stores, TargetState, Waiting, group_id};

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is not there.
    NotFound(String),
    /// What is there stands against it.
    Conflict(String),
    /// It was asked for wrongly.
    Invalid(String),
    /// It did not work.
    Failed(String),
}

impl Refusal {
    /// There is no connector of this name.
    pub(crate) fn unknown(name: &str) -> Self {
        Self::NotFound(format!("Connector {name} not found"))
    }

    /// The same, in the words that a restart has for it.
    pub(crate) fn unknown_to_restart(name: &str) -> Self {
        Self::NotFound(format!("Unknown connector: {name}"))
    }
}

/// Who this server is.
#[derive(Clone, Debug)]
pub(crate) struct ServerInfo {
    pub(crate) version: String,
    pub(crate) commit: String,
    pub(crate) cluster_id: String,
}

/// A config to be checked.
pub(crate) struct Posted {
    /// The connector's name.
    pub(crate) name: Arc<str>,
    /// The config, without masks.
    pub(crate) config: ConfigMap,
}

/// What all handles share.
pub(crate) struct Inner {
    pub(crate) reader: Reader,
    pub(crate) board: Arc<Board>,
    pub(crate) stores: Arc<Stores>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) info: ServerInfo,
}

/// Access to the running connectors: what REST stands on. Cheap to clone.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Inner>);

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    pub(crate) fn reader(&self) -> &Reader {
        &self.0.reader
    }

    pub(crate) fn board(&self) -> &Board {
        &self.0.board
    }

    pub(crate) fn info(&self) -> &ServerInfo {
        &self.0.info
    }

    /// A connector, as it is.
    pub(crate) fn view(&self, name: &str) -> Result<ConnectorView, Refusal> {
        self.board().get(name).ok_or_else(|| Refusal::unknown(name))
    }

    /// Rows of a source that wait until the schema registry takes their schema.
    pub(crate) async fn waiting(&self, name: &str) -> Vec<Waiting> {
        self.0.stores.parked.waiting(name).await
    }

    /// Makes a connector.
    pub(crate) async fn create(&self, posted: Posted, target: TargetState) -> Result<(), Refusal> {
        if self.board().get(&posted.name).is_some() {
            return Err(Refusal::Conflict(format!("Connector {} already exists", posted.name)));
        }
        self.put(posted, target, false).await.map(drop)
    }

    /// Gives a connector this config; true if it is new.
    pub(crate) async fn configure(&self, posted: Posted) -> Result<bool, Refusal> {
        self.put(posted, TargetState::Started, true).await
    }

    async fn put(
        &self,
        posted: Posted,
        target: TargetState,
        replace: bool,
    ) -> Result<bool, Refusal> {
        let Posted { name, config } = posted;
        let reader = self.reader();
        let plugin = reader.plugin(&config).map_err(Refusal::Invalid)?;
        let reading = self.check(plugin, Some(&name), &config).await;
        if !reading.problems.is_empty() {
            return Err(Refusal::Invalid(config::refusal(&reading.problems)));
        }
        let Reading { warnings, settings, .. } = reading;
        let stored = Stored { name, config, target };
        let settings = Arc::new(settings);
        self.ask(|answer| Command::Put { stored, settings, warnings, replace, answer }).await
    }

    /// Pauses, resumes or stops a connector.
    pub(crate) async fn target(&self, name: &str, target: TargetState) -> Result<(), Refusal> {
        let unknown = |_| Refusal::NotFound(format!("Unknown connector {name}"));
        self.view(name).map_err(unknown)?;
        let name = Arc::from(name);
        self.ask(|answer| Command::Target { name, target, answer }).await
    }

    /// Begins a connector anew, and these of its tasks; how it was when it began.
    pub(crate) async fn restart(
        &self,
        name: &str,
        connector: bool,
        tasks: Vec<u32>,
    ) -> Result<ConnectorView, Refusal> {
        self.view(name).map_err(|_| Refusal::unknown_to_restart(name))?;
        let name = Arc::from(name);
        self.ask(|answer| Command::Restart { name, connector, tasks, answer }).await
    }

    /// Forgets a connector, and waits until its tasks have ended.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Refusal> {
        self.view(name)?;
        let name = Arc::from(name);
        let ended = self.ask(|answer| Command::Delete { name, answer }).await?;
        // An actor that is gone has ended too.
        drop(ended.await);
        Ok(())
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Command,
    ) -> Result<T, Refusal> {
        let stopping = || Refusal::Failed("this server is stopping".to_owned());
        let (answer, answered) = oneshot::channel();
        self.0.commands.send(command(answer)).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }

    /// A connector's positions or offsets, in Connect's words.
    pub(crate) async fn offsets(&self, name: &str) -> Result<Value, Refusal> {
        let view = self.view(name)?;
        if view.kind != "sink" {
            let all = self.0.stores.offsets.all(name).into_iter();
            let all =
                all.map(|(partition, offset)| json!({ "partition": partition, "offset": offset }));
            return Ok(json!({ "offsets": all.collect::<Vec<_>>() }));
        }
        let committed = self.0.stores.groups.committed(&group_id(name)).await;
        let mut committed = committed.map_err(|error| Refusal::Failed(error.to_string()))?;
        committed.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        let all: Vec<Value> = committed
            .iter()
            .map(|at| {
                json!({
                    "partition": { "kafka_partition": at.partition, "kafka_topic": &*at.topic },
                    "offset": { "kafka_offset": at.offset },
                })
            })
            .collect();
        Ok(json!({ "offsets": all }))
    }

    /// Sets where a stopped connector goes on.
    pub(crate) async fn set_offsets(
        &self,
        name: &str,
        change: OffsetsChange,
    ) -> Result<(), Refusal> {
        self.view(name)?;
        let name = Arc::from(name);
        self.ask(|answer| Command::Offsets { name, change, answer }).await
    }

    /// What `validate` answers for a config of this kind of connector.
    pub(crate) async fn validate(&self, plugin: &Plugin, config: &ConfigMap) -> Value {
        let name = config.get("name").map(String::as_str);
        let reading = self.check(plugin, name, config).await;
        let class = config.get("connector.class").map_or("", String::as_str);
        config::validation(class, &reading, config)
    }

    /// Reads a config that a connector of this name is to have, and looks at the
    /// outside world and at the other connectors.
    async fn check(&self, plugin: &Plugin, name: Option<&str>, config: &ConfigMap) -> Reading {
        let mut reading = self.reader().check(plugin, config).await;
        if let (Plugin::Source(source), true) = (plugin, reading.problems.is_empty()) {
            reading.problems = self.claimed(&source.claims(config), name);
        }
        reading
    }

    /// What other connectors have already, but those that are stopped.
    fn claimed(&self, claims: &[Claim], name: Option<&str>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if claims.is_empty() {
            return problems;
        }
        for other in self.board().names() {
            let view = self.board().get(&other).filter(|_| name != Some(&*other));
            let Some(view) = view.filter(|view| view.target != TargetState::Stopped) else {
                continue;
            };
            let Ok(Plugin::Source(source)) = self.reader().plugin(&view.config) else { continue };
            let theirs = source.claims(&view.config);
            for Claim { key, what, advice } in claims {
                if theirs.iter().any(|their| their.what == *what) {
                    let message = format!("{what} is connector {other}'s: {advice}");
                    problems.push(Problem::new(*key, message));
                }
            }
        }
        problems
    }

    /// A config as posted: scalars as text.
    pub(crate) fn texts(config: Map<String, Value>) -> Result<ConfigMap, Refusal> {
        let mut texts = ConfigMap::new();
        for (key, value) in config {
            let text = match value {
                Value::Null => {
                    let problem = Problem::new(
                        key,
                        "Null value can not be supplied as the configuration value.",
                    );
                    return Err(Refusal::Invalid(config::refusal(&[problem])));
                }
                Value::String(text) => text,
                Value::Bool(bool) => bool.to_string(),
                Value::Number(number) => number.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    return Err(Refusal::Invalid(format!(
                        "the value of {key} is a list or an object: a config holds texts, numbers \
                         and booleans only"
                    )));
                }
            };
            texts.insert(key, text);
        }
        Ok(texts)
    }
}
