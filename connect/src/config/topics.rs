//! Keys about topics: what a sink reads, how a source's topics are made.

use std::collections::BTreeSet;

use regex::Regex;
use thalweg_core::config::{ConfigMap, Declare};
use thalweg_log::TopicConfig;

use crate::store::is_internal;

/// Which topics a sink reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicFilter {
    names: BTreeSet<String>,
    pattern: Option<Regex>,
}

impl TopicFilter {
    /// Whether it reads the topic of this name.
    pub(crate) fn has(&self, topic: &str) -> bool {
        self.names.contains(topic)
            || self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(topic))
    }

    /// The names of `topics`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The pattern of `topics.regex`, if topics are named so, as it was given.
    pub(crate) fn pattern(&self) -> Option<&str> {
        let whole = self.pattern.as_ref()?.as_str();
        whole.strip_prefix("^(?:")?.strip_suffix(")$")
    }
}

/// How the topics of a source are made.
#[derive(Clone, Debug)]
pub(crate) struct TopicCreation {
    /// Partitions of a new topic.
    pub(crate) partitions: u32,
    /// Its settings.
    pub(crate) config: Vec<(String, String)>,
}

impl Default for TopicCreation {
    fn default() -> Self {
        Self { partitions: 1, config: Vec::new() }
    }
}

/// Declares `topics` and `topics.regex`.
pub(super) fn filter(keys: &mut Declare<'_>) -> TopicFilter {
    keys.set_group("Common");
    let doc = "List of topics to consume, separated by commas.";
    let names = keys.list("topics", doc).high().default(Vec::new());
    let pattern = keys
        .text("topics.regex", "Regular expression giving topics to consume.")
        .high()
        .check(|text| whole(text).map(drop))
        .optional();
    if keys.reads() {
        match (names.is_empty(), &pattern) {
            (true, None) => keys.problem("topics", "Must configure one of topics or topics.regex"),
            (false, Some(_)) => keys.problem(
                "topics",
                "topics and topics.regex are mutually exclusive options, but both are set.",
            ),
            _ => {}
        }
    }
    for name in names.iter().filter(|name| is_internal(name)) {
        keys.problem("topics", format!("topic {name} is this server's own: remove it"));
    }
    TopicFilter {
        names: names.into_iter().collect(),
        pattern: pattern.and_then(|text| whole(&text).ok()),
    }
}

/// A pattern that must match a name as a whole, as Java's `matches` has it.
fn whole(text: &str) -> Result<Regex, String> {
    Regex::new(&format!("^(?:{text})$")).map_err(|_| {
        "not a regular expression that is understood here (look-around and back-references are \
         not)"
            .to_owned()
    })
}

/// Declares `topic.creation.*`.
pub(super) fn creation(
    posted: Option<&ConfigMap>,
    message_bytes_max: usize,
    keys: &mut Declare<'_>,
) -> TopicCreation {
    const PREFIX: &str = "topic.creation.default.";
    keys.set_group("Topic Creation");
    keys.refuse("topic.creation.groups", "", "Groups of topics with settings of their own.");
    let replicas = keys
        .int("topic.creation.default.replication.factor", "Copies of a new topic: 1 here.")
        .low()
        .range(-1..=i64::from(i16::MAX))
        .default(1);
    if replicas > 1 {
        keys.warn(
            "topic.creation.default.replication.factor",
            format!("this log keeps one copy: {replicas} is taken as 1"),
        );
    }
    if replicas == 0 {
        keys.problem("topic.creation.default.replication.factor", "Invalid value 0: use 1 or -1");
    }
    let partitions = keys
        .int("topic.creation.default.partitions", "Partitions of a new topic.")
        .low()
        .range(-1..=100_000)
        .default(1);
    if partitions == 0 {
        keys.problem("topic.creation.default.partitions", "Invalid value 0: use 1 or more, or -1");
    }
    keys.accept_prefix(PREFIX);
    let mut config = Vec::new();
    for (key, value) in posted.into_iter().flatten() {
        let Some(setting) = key.strip_prefix(PREFIX) else { continue };
        if matches!(setting, "replication.factor" | "partitions") {
            continue;
        }
        let setting = (setting.to_owned(), value.clone());
        if let Err(error) =
            TopicConfig::parse(&TopicConfig::default(), std::slice::from_ref(&setting))
        {
            keys.problem(key, error.to_string());
        }
        config.push(setting);
    }
    // A row that the log takes in one append must not be refused by its topic.
    if !config.iter().any(|(setting, _)| setting == "max.message.bytes") {
        config.push(("max.message.bytes".to_owned(), message_bytes_max.to_string()));
    }
    TopicCreation { partitions: u32::try_from(partitions).unwrap_or(1), config }
}
