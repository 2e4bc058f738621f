//! Rows of Postgres, by snapshot and logical replication.
//!
//! - `config`, `check`, `open`: what is asked for, whether it can be done, and
//!   where to begin.
//! - `client`, `tls`, `transport`: connections.
//! - `slot`, `publication`, `position`: what the server keeps for us, and where
//!   we are.
//! - `snapshot`, `stream`, `task`: reading.
//! - `pgoutput`, `types`, `catalog`, `table`, `schemas`: from bytes to events.

pub mod catalog;
mod check;
mod client;
mod config;
mod open;
mod pgoutput;
mod position;
mod preview;
mod publication;
mod schemas;
mod slot;
mod snapshot;
mod stream;
pub mod table;
mod task;
mod tls;
mod transport;
pub mod types;

use std::sync::Arc;

use thalweg_core::config::{Declare, Problem};
use thalweg_core::connector::{About, Checked, Claim, DdlPreview, SourceConnector, SourceContext};
use thalweg_core::{ConnectError, JsonMap, Position};

pub use client::SslMode;
pub use config::{Autocreate, Config, SnapshotMode};
pub use task::{PostgresCommitter, PostgresTask};

/// The Postgres source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postgres;

impl SourceConnector for Postgres {
    type Config = Config;
    type Task = PostgresTask;
    type Committer = PostgresCommitter;

    fn about(&self) -> About {
        About {
            class: "io.debezium.connector.postgresql.PostgresConnector",
            alias: "postgres",
            version: "3.5.0.Final",
            summary: "Rows of Postgres and their changes, by logical replication",
        }
    }

    fn declare(&self, keys: &mut Declare<'_>) -> Config {
        config::declare(keys)
    }

    fn validate(&self, config: &Config) -> Vec<Problem> {
        config::validate(config)
    }

    fn partition(&self, config: &Config) -> JsonMap {
        let mut partition = JsonMap::new();
        let server = config.settings.topics.prefix.clone();
        partition.insert("server".to_owned(), server.into());
        partition
    }

    fn validate_position(&self, position: &Position) -> Result<(), String> {
        position::Place::parse(position).map(drop).map_err(|error| {
            format!(
                "it has no position that this connector wrote in its field thalweg ({error}): give \
                 one back as a GET of the offsets showed it, or null to take a new snapshot"
            )
        })
    }

    fn claims(&self, config: &Config) -> Vec<Claim> {
        config::claims(config)
    }

    async fn check(&self, config: &Config) -> Checked {
        check::check(config).await
    }

    async fn preview_ddl(&self, config: &Config, sql: &str) -> Result<DdlPreview, ConnectError> {
        preview::preview(config, sql).await
    }

    async fn open(
        &self,
        config: Arc<Config>,
        context: SourceContext,
    ) -> Result<(PostgresTask, PostgresCommitter), ConnectError> {
        open::open(config, context).await
    }
}
