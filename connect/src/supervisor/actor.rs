//! One connector: starts and ends its tasks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::runner::Runner;
use super::{OffsetsChange, Refusal, Shared, board, offsets};
use crate::config::Settings;
use crate::plugins::Plugin;
use crate::store::TargetState;

/// The longest that tasks may take to end by themselves.
const STOP_TIMEOUT: Duration = Duration::from_secs(45);

/// What a connector is told.
pub(super) enum Order {
    /// Have this config, and do this.
    Configure(Usable, TargetState),
    /// Do this.
    Target(TargetState),
    /// Begin the connector itself anew.
    Restart,
    /// Begin these tasks anew.
    RestartTasks(Vec<u32>),
    /// Go on from elsewhere. Comes to one that is to be stopped only.
    Offsets(OffsetsChange, oneshot::Sender<Result<(), Refusal>>),
    /// End, and say so.
    End(oneshot::Sender<()>),
}

/// Settings, or why there are none.
pub(super) type Usable = Result<Arc<Settings>, String>;

/// A connector.
pub(super) struct Actor {
    pub(super) shared: Arc<Shared>,
    pub(super) name: Arc<str>,
    pub(super) settings: Usable,
    pub(super) target: TargetState,
    pub(super) tasks: BTreeMap<u32, Task>,
}

/// A task that was started.
pub(super) struct Task {
    cancel: CancellationToken,
    ended: JoinHandle<()>,
}

impl Actor {
    /// Runs until it is told to end, after `former`, which had its name, has.
    pub(super) async fn run(
        mut self,
        former: Option<JoinHandle<()>>,
        mut orders: mpsc::Receiver<Order>,
    ) {
        if let Some(former) = former {
            drop(former.await);
        }
        self.reach_target().await;
        while let Some(order) = orders.recv().await {
            match order {
                Order::Configure(settings, target) => {
                    self.stop_tasks().await;
                    self.settings = settings;
                    self.target = target;
                    self.reach_target().await;
                }
                Order::Target(target) if target != self.target => {
                    self.target = target;
                    self.reach_target().await;
                }
                Order::Target(_) => {}
                Order::Restart => self.reach_target().await,
                Order::RestartTasks(tasks) => self.restart_tasks(tasks).await,
                Order::Offsets(change, said) => {
                    drop(said.send(self.set_offsets(change).await));
                }
                Order::End(said) => {
                    self.stop_tasks().await;
                    // Nobody may be waiting for it any more.
                    said.send(()).ok();
                    return;
                }
            }
        }
        self.stop_tasks().await;
    }

    fn task_count(&self) -> u32 {
        match &self.settings {
            Err(_) => 0,
            // A source reads its one stream of changes with one task.
            Ok(settings) if matches!(settings.plugin, Plugin::Source(_)) => 1,
            Ok(settings) => settings.tasks_max,
        }
    }

    /// Starts or ends tasks, as the target state has it. Tasks that run or have
    /// failed stay as they are.
    async fn reach_target(&mut self) {
        let (board, name) = (Arc::clone(&self.shared.board), Arc::clone(&self.name));
        if let Err(reason) = &self.settings {
            board.set_state(&name, board::FAILED, Some(reason), 0);
            return;
        }
        let count = self.task_count();
        match self.target {
            TargetState::Started => {
                board.set_state(&name, board::RUNNING, None, count as usize);
                for task in 0..count {
                    if !self.tasks.contains_key(&task) {
                        board.set_task(&name, task, board::UNASSIGNED, None);
                        self.start(task);
                    }
                }
            }
            TargetState::Paused => {
                self.stop_tasks().await;
                // As in the real Connect one that never ran has no tasks yet.
                let had = board.get(&name).map_or(0, |view| view.tasks.len());
                let count = count.min(u32::try_from(had).unwrap_or(u32::MAX));
                board.set_state(&name, board::PAUSED, None, count as usize);
                for task in 0..count {
                    board.set_task(&name, task, board::PAUSED, None);
                }
            }
            TargetState::Stopped => {
                self.stop_tasks().await;
                board.set_state(&name, board::STOPPED, None, 0);
            }
        }
    }

    /// Sets offsets. The tasks have ended: whoever stopped them waited for that.
    async fn set_offsets(&self, change: OffsetsChange) -> Result<(), Refusal> {
        let settings = self.settings.as_ref().map_err(|reason| {
            Refusal::Invalid(format!(
                "the config of connector {} can't be used, PUT one that works first: {reason}",
                self.name
            ))
        })?;
        match &settings.plugin {
            Plugin::Source(source) => {
                offsets::of_source(&self.shared, &self.name, &**source, &settings.config, change)
                    .await
            }
            Plugin::Sink(_) => offsets::of_sink(&self.shared, &self.name, change).await,
        }?;
        tracing::info!(connector = %self.name, "its offsets were set by hand");
        Ok(())
    }

    fn start(&mut self, task: u32) {
        let Ok(settings) = &self.settings else { return };
        let cancel = CancellationToken::new();
        let runner = Runner {
            shared: Arc::clone(&self.shared),
            connector: Arc::clone(&self.name),
            task,
            tasks: self.task_count(),
            settings: Arc::clone(settings),
            cancel: cancel.clone(),
        };
        let ended = tokio::spawn(runner.run());
        self.tasks.insert(task, Task { cancel, ended });
    }

    async fn stop_tasks(&mut self) {
        let tasks = std::mem::take(&mut self.tasks);
        self.end(tasks).await;
    }

    async fn end(&self, tasks: BTreeMap<u32, Task>) {
        for task in tasks.values() {
            task.cancel.cancel();
        }
        let deadline = tokio::time::Instant::now() + STOP_TIMEOUT;
        for (number, mut task) in tasks {
            if tokio::time::timeout_at(deadline, &mut task.ended).await.is_err() {
                tracing::error!(
                    connector = %self.name,
                    task = number,
                    "the task did not end within {} s and is cut off",
                    STOP_TIMEOUT.as_secs()
                );
                task.ended.abort();
                drop(task.ended.await);
            }
        }
    }

    async fn restart_tasks(&mut self, numbers: Vec<u32>) {
        if self.target != TargetState::Started || self.settings.is_err() {
            return;
        }
        let mut ending = BTreeMap::new();
        let count = self.task_count();
        let numbers: Vec<u32> = numbers.into_iter().filter(|number| *number < count).collect();
        for number in &numbers {
            self.shared.board.set_task(&self.name, *number, board::RESTARTING, None);
            if let Some(task) = self.tasks.remove(number) {
                ending.insert(*number, task);
            }
        }
        self.end(ending).await;
        for number in numbers {
            self.start(number);
        }
    }
}
