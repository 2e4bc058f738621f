//! Settings as clients see them, of topics and of the broker.

use kafka_protocol::protocol::StrBytes;
use thalweg_log::{TopicConfig, TopicInfo};

use super::text;
use crate::error_code::{ErrorCode, Refusal};
use crate::server::{NODE_ID, Server};

/// A setting with its effective value.
pub(super) struct Described {
    pub(super) name: String,
    pub(super) value: String,
    /// Where the value comes from: [`OF_TOPIC`], [`OF_BROKER`] or [`DEFAULT`].
    pub(super) source: i8,
    pub(super) is_read_only: bool,
}

/// The topic's own value.
pub(super) const OF_TOPIC: i8 = 1;
/// From the settings that the server was started with.
const OF_BROKER: i8 = 4;
/// The default.
pub(super) const DEFAULT: i8 = 5;

/// What has settings.
#[derive(Debug)]
pub(super) enum Resource {
    Topic(TopicInfo),
    Broker,
}

impl Resource {
    const TOPIC: i8 = 2;
    const BROKER: i8 = 4;

    /// The resource of this kind and name.
    pub(super) fn find(server: &Server, kind: i8, name: &str) -> Result<Self, Refusal> {
        match kind {
            Self::TOPIC => Ok(Self::Topic(server.topic(name)?)),
            Self::BROKER if name == NODE_ID.to_string() => Ok(Self::Broker),
            Self::BROKER => Err(Refusal::new(
                ErrorCode::InvalidRequest,
                format!("there is no broker {name:?}: the only one is {NODE_ID}"),
            )),
            _ => Err(Refusal::new(
                ErrorCode::InvalidRequest,
                format!("resources of type {kind} have no settings here: topics and the broker do"),
            )),
        }
    }

    /// Its settings.
    pub(super) fn describe(&self, server: &Server) -> Result<Vec<Described>, Refusal> {
        match self {
            Self::Broker => Ok(of_broker(server)),
            Self::Topic(topic) => {
                let config = server.log().topic_config(topic.id);
                let config = config.ok_or_else(|| Refusal::unknown(&topic.name))?;
                Ok(of_topic(&config, &topic.config))
            }
        }
    }
}

/// All settings of a topic that has `own` ones.
pub(super) fn of_topic(config: &TopicConfig, own: &[(String, String)]) -> Vec<Described> {
    let is_own = |name: &str| own.iter().any(|(own, _)| own == name);
    let mut all: Vec<Described> = config
        .describe()
        .into_iter()
        .map(|(name, value)| {
            let source = if is_own(name) { OF_TOPIC } else { DEFAULT };
            Described { name: name.to_owned(), value, source, is_read_only: false }
        })
        .collect();
    // Those without effect are told as they were set.
    for (name, value) in own {
        if !all.iter().any(|known| known.name == *name) {
            let (name, value) = (name.clone(), value.clone());
            all.push(Described { name, value, source: OF_TOPIC, is_read_only: false });
        }
    }
    all
}

fn of_broker(server: &Server) -> Vec<Described> {
    let topics = TopicConfig::default();
    let retention_ms = topics.retention_ms.unwrap_or(-1).to_string();
    let options = &server.options;
    let log = server.log().options();
    let expiration_ms = log.producer_expiration.as_millis().to_string();
    let set = [
        ("auto.create.topics.enable", options.auto_create_topics.to_string(), OF_BROKER),
        ("broker.id", NODE_ID.to_string(), DEFAULT),
        ("compression.type", "producer".to_owned(), DEFAULT),
        ("default.replication.factor", "1".to_owned(), DEFAULT),
        ("delete.topic.enable", "true".to_owned(), DEFAULT),
        ("log.cleaner.backoff.ms", log.compaction_check.as_millis().to_string(), OF_BROKER),
        ("log.cleaner.dedupe.buffer.size", log.compaction_map_bytes_max.to_string(), OF_BROKER),
        ("log.cleanup.policy", "delete".to_owned(), DEFAULT),
        ("log.retention.ms", retention_ms, DEFAULT),
        ("log.segment.bytes", topics.segment_bytes.to_string(), DEFAULT),
        ("message.max.bytes", topics.message_bytes_max.to_string(), DEFAULT),
        ("min.insync.replicas", "1".to_owned(), DEFAULT),
        ("num.partitions", options.partitions_default.to_string(), OF_BROKER),
        ("producer.id.expiration.ms", expiration_ms, OF_BROKER),
    ];
    let set = set.map(|(name, value, source)| Described {
        name: name.to_owned(),
        value,
        source,
        is_read_only: true,
    });
    set.into()
}

/// Checks settings of a topic.
pub(super) fn parse(settings: &[(String, String)]) -> Result<TopicConfig, Refusal> {
    TopicConfig::parse(&TopicConfig::default(), settings)
        .map_err(|error| Refusal::new(ErrorCode::InvalidConfig, error.to_string()))
}

/// The type of a setting, by its number in the protocol.
pub(super) fn kind_of(name: &str) -> i8 {
    const BOOLEAN: i8 = 1;
    const STRING: i8 = 2;
    const INT: i8 = 3;
    const LONG: i8 = 5;
    const DOUBLE: i8 = 6;
    const LIST: i8 = 7;
    match name {
        "cleanup.policy" | "log.cleanup.policy" => LIST,
        "compression.type" | "message.timestamp.type" => STRING,
        "min.cleanable.dirty.ratio" => DOUBLE,
        "max.message.bytes" | "message.max.bytes" | "segment.bytes" | "index.interval.bytes" => INT,
        "producer.id.expiration.ms" => INT,
        "log.cleaner.dedupe.buffer.size" => LONG,
        name if name.ends_with(".enable") => BOOLEAN,
        name if name.ends_with(".ms") || name.ends_with(".bytes") => LONG,
        _ => INT,
    }
}

/// A request's change of one resource's settings. AlterConfigs and
/// IncrementalAlterConfigs have a type of their own each, alike in all but what
/// they do to settings.
pub(super) trait Change {
    /// Kind and name of the resource.
    fn resource(&self) -> (i8, &StrBytes);

    /// The settings that it is to have instead of these.
    fn apply(&self, settings: Vec<(String, String)>) -> Result<Vec<(String, String)>, Refusal>;
}

/// Makes changes, or only checks them, one after the other. `told` makes the
/// answer to each: of code, message, kind and name of the resource.
pub(super) async fn alter<C: Change, A>(
    server: &Server,
    changes: &[C],
    only_checks: bool,
    told: impl Fn(i16, Option<StrBytes>, i8, StrBytes) -> A,
) -> Vec<A> {
    let mut answers = Vec::with_capacity(changes.len());
    for change in changes {
        let (code, message) = match change_one(server, change, only_checks).await {
            Ok(()) => (0, None),
            Err(refusal) => (refusal.code.code(), Some(text(refusal.message))),
        };
        let (kind, name) = change.resource();
        answers.push(told(code, message, kind, name.clone()));
    }
    answers
}

async fn change_one(
    server: &Server,
    change: &impl Change,
    only_checks: bool,
) -> Result<(), Refusal> {
    let _altering = server.altering.lock().await;
    let (kind, name) = change.resource();
    let resource = Resource::find(server, kind, name)?;
    let own = match &resource {
        Resource::Topic(topic) => topic.config.clone(),
        Resource::Broker => Vec::new(),
    };
    replace(server, resource, change.apply(own)?, only_checks).await
}

/// Replaces the settings of a topic, or only checks them.
async fn replace(
    server: &Server,
    resource: Resource,
    settings: Vec<(String, String)>,
    only_checks: bool,
) -> Result<(), Refusal> {
    let Resource::Topic(topic) = resource else {
        return Err(Refusal::new(
            ErrorCode::PolicyViolation,
            "settings of the server are read when it starts: change its file or its arguments",
        ));
    };
    server.check_changeable(&topic.name)?;
    parse(&settings)?;
    if only_checks {
        return Ok(());
    }
    Ok(server.log().configure_topic(topic.id, settings).await?)
}

/// The value of a setting that a client must give.
pub(super) fn required(name: &str, value: Option<&StrBytes>) -> Result<String, Refusal> {
    value.map(ToString::to_string).ok_or_else(|| {
        Refusal::new(ErrorCode::InvalidConfig, format!("{name} is given without a value"))
    })
}
