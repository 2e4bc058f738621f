//! A connector's config as a whole: the runtime's keys around the connector's.
//!
//! The keys of both are declared once. Describing them gives the answer of
//! `GET /connector-plugins/{plugin}/config`, reading them the answer of
//! `validate`, the text of a refused create, and the [`Settings`] to run with.

mod describe;
mod evolution;
mod mask;
mod runtime;
mod topics;
mod validate;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use thalweg_core::config::{ConfigMap, Declare, Declared, Problem};
use thalweg_core::connector::ReadAs;

use crate::converters::{Converter, Converters};
use crate::plugins::{Plugin, Plugins};

pub use describe::describe;
pub(crate) use evolution::Evolution;
pub(crate) use mask::{Secrets, is_placeholder};
pub(crate) use runtime::HeaderFormat;
pub(crate) use topics::{TopicCreation, TopicFilter};
pub(crate) use validate::{definition_json, refusal, validation};

/// The longest that a look at the outside world may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(30);

/// The most connectors' tasks that can be asked for.
const TASKS_MAX: i32 = 1024;

/// What a connector runs with.
pub(crate) struct Settings {
    /// Its kind.
    pub(crate) plugin: Plugin,
    /// The whole config, as posted.
    pub(crate) config: Arc<ConfigMap>,
    /// Most tasks.
    pub(crate) tasks_max: u32,
    /// How keys are written and read.
    pub(crate) key: Arc<dyn Converter>,
    /// How values are written and read.
    pub(crate) value: Arc<dyn Converter>,
    /// How headers are written.
    pub(crate) headers: HeaderFormat,
    /// What a sink reads.
    pub(crate) topics: TopicFilter,
    /// How a source's topics are made.
    pub(crate) creation: TopicCreation,
    /// What becomes of a source's rows whose schema is not taken.
    pub(crate) evolution: Evolution,
}

/// A config that was read.
pub(crate) struct Reading {
    /// All keys, in order.
    pub(crate) definitions: Vec<thalweg_core::config::Definition>,
    /// What is wrong with it.
    pub(crate) problems: Vec<Problem>,
    /// What a person should know.
    pub(crate) warnings: Vec<Problem>,
    /// What to run with. Usable only without problems.
    pub(crate) settings: Settings,
}

/// Reads configs.
pub(crate) struct Reader {
    /// The kinds of connectors.
    pub(crate) plugins: Plugins,
    /// Makes converters.
    pub(crate) converters: Converters,
    /// `max.message.bytes` of the topics that sources make.
    pub(crate) message_bytes_max: usize,
}

impl Reader {
    /// The kind of connector that a config asks for.
    pub(crate) fn plugin(&self, config: &ConfigMap) -> Result<&Plugin, String> {
        let class = config.get("connector.class").map_or("", |class| class.trim());
        if class.is_empty() {
            return Err("Connector config contains no connector type: set connector.class".into());
        }
        self.plugins.find(class)
    }

    /// All keys of a kind of connector.
    pub(crate) fn describe(&self, plugin: &Plugin) -> Vec<thalweg_core::config::Definition> {
        let mut keys = Declare::describe();
        runtime::declare(self, plugin, None, &mut keys);
        plugin.declare(&mut keys);
        distinct(keys.finish().definitions)
    }

    /// Reads a config: every problem that shows without looking outside.
    pub(crate) fn read(&self, plugin: &Plugin, config: &ConfigMap) -> Reading {
        let mut keys = Declare::read(config);
        let runtime = runtime::declare(self, plugin, Some(config), &mut keys);
        plugin.declare(&mut keys);
        let Declared { definitions, mut problems, mut warnings, .. } = keys.finish();
        if config.get("name").is_some_and(String::is_empty) {
            problems.retain(|problem| problem.key != "name");
            let message = "Invalid value  for configuration name: String may not be empty";
            problems.insert(0, Problem::new("name", message));
        }
        if problems.is_empty() {
            problems = plugin.validate(config);
        }
        if let (Plugin::Sink(sink), true) = (plugin, problems.is_empty())
            && sink.read_as(config) != ReadAs::Written
            && runtime.value.registered().is_none()
        {
            let message = "its schemas are no versions of a subject: the sink gets each row with \
                           its own, whatever it was asked to make of other versions \
                           (schema.compatibility)";
            warnings.push(Problem::new("value.converter", message));
        }
        Reading {
            definitions: distinct(definitions),
            problems,
            warnings,
            settings: Settings {
                plugin: plugin.clone(),
                config: Arc::new(config.clone()),
                tasks_max: runtime.tasks_max,
                key: runtime.key,
                value: runtime.value,
                headers: runtime.headers,
                topics: runtime.topics,
                creation: runtime.creation,
                evolution: runtime.evolution,
            },
        }
    }

    /// Reads a config and, if it has no problem by itself, looks at the outside
    /// world.
    pub(crate) async fn check(&self, plugin: &Plugin, config: &ConfigMap) -> Reading {
        let mut reading = self.read(plugin, config);
        if reading.problems.is_empty() {
            let looked = tokio::time::timeout(CHECK_TIMEOUT, plugin.check(config)).await;
            reading.problems = looked.unwrap_or_else(|_| {
                let seconds = CHECK_TIMEOUT.as_secs();
                vec![Problem::new(
                    "connector.class",
                    format!("what it connects to did not answer within {seconds} s"),
                )]
            });
        }
        reading
    }

    /// Which keys of a config hold secrets.
    pub(crate) fn secrets(&self, config: &ConfigMap) -> Secrets {
        match self.plugin(config) {
            Ok(plugin) => Secrets::of(&self.describe(plugin)),
            Err(_) => Secrets::of(&[]),
        }
    }
}

/// The first definition of each name: a connector may name a key that the
/// runtime has too.
fn distinct(
    definitions: Vec<thalweg_core::config::Definition>,
) -> Vec<thalweg_core::config::Definition> {
    let mut seen = std::collections::BTreeSet::new();
    definitions.into_iter().filter(|definition| seen.insert(definition.name.clone())).collect()
}
