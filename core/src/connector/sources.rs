//! Sources.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{About, Checked, DdlPreview, Notes};
use crate::batch::SourceBatch;
use crate::config::{Declare, Problem};
use crate::{ConnectError, Durable, JsonMap, Position};

/// What a source task is opened with.
#[derive(Clone, Debug)]
pub struct SourceContext {
    /// The connector's name.
    pub connector: Arc<str>,
    /// The task's number, from 0.
    pub task: u32,
    /// Where the last run got to; none at the first start.
    pub position: Option<Position>,
    /// The source's own durable state, as its [`crate::batch::StateChange`]s
    /// left it.
    pub state: BTreeMap<String, serde_json::Value>,
    /// Cancelled when the task is to end.
    pub cancel: CancellationToken,
    /// What the task wants a person to know.
    pub notes: Notes,
}

/// Something upstream that one connector alone may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The key that names it.
    pub key: &'static str,
    /// What it is and where, the same for all that mean it: `replication slot debezium
    /// of localhost:5432`.
    pub what: String,
    /// What to do if another connector has it.
    pub advice: &'static str,
}

/// A kind of source.
pub trait SourceConnector: Send + Sync + 'static {
    /// Its config, read.
    type Config: Send + Sync + 'static;
    /// What reads rows.
    type Task: SourceTask;
    /// What tells upstream how far is durable.
    type Committer: Committer;

    /// Who it is.
    fn about(&self) -> About;

    /// Names every key once; in read mode this is the config.
    fn declare(&self, keys: &mut Declare<'_>) -> Self::Config;

    /// Problems between keys, without looking at the outside world.
    fn validate(&self, config: &Self::Config) -> Vec<Problem> {
        let _ = config;
        Vec::new()
    }

    /// The partition that positions are kept under, as the real connector
    /// names it (`{"server": "shop"}`).
    fn partition(&self, config: &Self::Config) -> JsonMap;

    /// Whether a position that a person sets is one of this connector's. Whether
    /// it can still be gone on from is seen when a task is opened.
    ///
    /// # Errors
    /// What is wrong with it, for that person.
    fn validate_position(&self, position: &Position) -> Result<(), String> {
        let _ = position;
        Ok(())
    }

    /// What it uses upstream that no other connector may use with it.
    fn claims(&self, config: &Self::Config) -> Vec<Claim> {
        let _ = config;
        Vec::new()
    }

    /// Looks at the outside world: can it be reached, may this user read it,
    /// do the tables exist. The real connector's own words where it has some.
    fn check(&self, config: &Self::Config) -> impl Future<Output = Checked> + Send;

    /// What statements of the upstream's own language would do to rows, without
    /// running them on its tables.
    fn preview_ddl(
        &self,
        config: &Self::Config,
        sql: &str,
    ) -> impl Future<Output = Result<DdlPreview, ConnectError>> + Send {
        let _ = (config, sql);
        let class = self.about().class;
        async move {
            Err(ConnectError::bad_config(format!("{class} can't tell what a statement would do")))
        }
    }

    /// Opens a task. Nothing that it does upstream may make an older position
    /// unreadable.
    fn open(
        &self,
        config: Arc<Self::Config>,
        context: SourceContext,
    ) -> impl Future<Output = Result<(Self::Task, Self::Committer), ConnectError>> + Send;
}

/// Reads rows.
pub trait SourceTask: Send + 'static {
    /// Waits for the next rows or the next position. Cancel-safe: dropping the
    /// future loses nothing. The runtime never has two polls under way.
    fn poll(&mut self) -> impl Future<Output = Result<SourceBatch, ConnectError>> + Send;

    /// Ends the task: lets go of what it holds upstream, in a few seconds.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// Tells upstream how far is durable.
pub trait Committer: Send + Sync + 'static {
    /// Takes note of a durable position (invariant 2). Never blocks, and works
    /// while `poll` waits.
    fn commit(&self, position: Durable<Position>);
}
