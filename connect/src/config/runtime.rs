//! The runtime's own keys, around those of a connector.

use std::sync::Arc;

use thalweg_core::config::{ConfigMap, Declare};

use super::evolution::{self, Evolution};
use super::{Reader, TASKS_MAX, TopicCreation, TopicFilter, is_placeholder, topics};
use crate::converters::{Converter, Purpose, Side};
use crate::plugins::Plugin;

thalweg_core::choices! {
    /// How headers are written.
    pub(crate) enum HeaderFormat {
        /// As text: scalars bare, structs as JSON.
        Simple = "org.apache.kafka.connect.storage.SimpleHeaderConverter"
            | "SimpleHeaderConverter"
            | "simple",
        /// As text, by the String converter.
        Text = "org.apache.kafka.connect.storage.StringConverter" | "StringConverter" | "string",
    }
}

thalweg_core::choices! {
    /// What people may ask for; it is always exactly once.
    enum ExactlyOnce {
        Requested = "requested",
        Required = "required",
    }
}

/// What the runtime's keys say.
pub(super) struct RuntimeKeys {
    pub(super) tasks_max: u32,
    pub(super) key: Arc<dyn Converter>,
    pub(super) value: Arc<dyn Converter>,
    pub(super) headers: HeaderFormat,
    pub(super) topics: TopicFilter,
    pub(super) creation: TopicCreation,
    pub(super) evolution: Evolution,
}

/// Declares all of them.
pub(super) fn declare(
    reader: &Reader,
    plugin: &Plugin,
    posted: Option<&ConfigMap>,
    keys: &mut Declare<'_>,
) -> RuntimeKeys {
    let tasks_max = common(plugin, keys);
    let evolution = match plugin {
        Plugin::Source(_) => evolution::declare(keys),
        Plugin::Sink(_) => Evolution::default(),
    };
    let purpose = match plugin {
        Plugin::Source(_) => Purpose::Write(evolution.action),
        Plugin::Sink(_) => Purpose::Read,
    };
    let key = reader.converters.declare(Side::Key, purpose, keys);
    let value = reader.converters.declare(Side::Value, purpose, keys);
    let headers = keys
        .choice("header.converter", "How headers are written and read.")
        .class()
        .low()
        .default(HeaderFormat::Simple);
    not_yet(keys);
    let (filter, creation) = match plugin {
        Plugin::Sink(_) => (topics::filter(keys), TopicCreation::default()),
        Plugin::Source(_) => {
            let creation = topics::creation(posted, reader.message_bytes_max, keys);
            keys.set_group("Exactly Once Support");
            keys.choice("exactly.once.support", "Rows are written exactly once in any case.")
                .default(ExactlyOnce::Requested);
            keys.refuse("transaction.boundary", "poll", "Where transactions of the log end.");
            keys.ignore("transaction.boundary.interval.ms", "", "Interval of transactions.");
            keys.ignore("offsets.storage.topic", "", "Positions are kept in connect-offsets.");
            (TopicFilter::default(), creation)
        }
    };
    placeholders(posted, keys);
    keys.set_group("Connector");
    RuntimeKeys { tasks_max, key, value, headers, topics: filter, creation, evolution }
}

fn common(plugin: &Plugin, keys: &mut Declare<'_>) -> u32 {
    keys.set_group("Common");
    let name = "Globally unique name to use for this connector.";
    let _: String = keys.text("name", name).high().check(|name| check_name(name)).required();
    let class = "Name or alias of the class for this connector.";
    let _: String = keys
        .text("connector.class", class)
        .high()
        .class()
        .recommend([plugin.about().class, plugin.about().alias])
        .required();
    let tasks_max = keys
        .value::<i32>("tasks.max", "Maximum number of tasks to use for this connector.")
        .high()
        .check(|max| match *max {
            i32::MIN..=0 => Err("Value must be at least 1".to_owned()),
            1..=TASKS_MAX => Ok(()),
            _ => Err(format!("Value must be at most {TASKS_MAX}")),
        })
        .default(1);
    keys.ignore("tasks.max.enforce", "true", "The maximum is always kept.");
    keys.ignore("config.action.reload", "restart", "What to do when a config provider changes.");
    u32::try_from(tasks_max).unwrap_or(1)
}

/// A connector's name stands in paths, writer ids and group names.
fn check_name(name: &str) -> Result<(), String> {
    let controls: Vec<String> =
        name.chars().filter(|c| c.is_control()).map(|c| u32::from(c).to_string()).collect();
    if !controls.is_empty() {
        return Err(format!(
            "String may not contain control sequences but had the following ASCII chars: {}",
            controls.join(", ")
        ));
    }
    // In the real Connect such a connector can be made, and never reached again.
    if name.contains('/') || name != name.trim() {
        return Err("a name has no slash and no space around it".into());
    }
    if name.len() > 200 {
        return Err("a name has at most 200 bytes".into());
    }
    Ok(())
}

/// Keys of the real runtime that change data and are not acted on yet, and
/// those without effect.
fn not_yet(keys: &mut Declare<'_>) {
    keys.set_group("Transforms");
    keys.refuse("transforms", "", "Transformations applied to records.");
    keys.refuse_prefix("transforms.");
    keys.set_group("Predicates");
    keys.refuse("predicates", "", "Conditions of transformations.");
    keys.refuse_prefix("predicates.");
    keys.set_group("Error Handling");
    keys.refuse("errors.tolerance", "none", "A record that can't be processed stops its task.");
    keys.refuse_prefix("errors.deadletterqueue.");
    let retry = "Errors that may pass are tried again without end.";
    keys.ignore("errors.retry.timeout", "0", retry);
    keys.ignore("errors.retry.delay.max.ms", "60000", "Longest pause between tries.");
    keys.ignore("errors.log.enable", "false", "Errors are always logged.");
    keys.ignore("errors.log.include.messages", "false", "Rows are never logged.");
    keys.set_group("Client Overrides");
    keys.refuse("consumer.override.auto.offset.reset", "earliest", "Where a sink starts.");
    keys.ignore_prefix("producer.override.");
    keys.ignore_prefix("consumer.override.");
    keys.ignore_prefix("admin.override.");
    keys.ignore_prefix("header.converter.");
}

/// `${file:...}` and its like would be taken for the value itself.
fn placeholders(posted: Option<&ConfigMap>, keys: &mut Declare<'_>) {
    for (key, value) in posted.into_iter().flatten() {
        if is_placeholder(value) {
            keys.problem(key, "config providers are not supported yet: post the value itself");
        }
    }
}
