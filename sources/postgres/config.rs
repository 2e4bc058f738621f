//! Every key of the Postgres source, declared once: acted on, refused where it
//! would change data and is not done yet, or ignored with a warning.

use std::sync::Arc;
use std::time::Duration;

use thalweg_core::config::{Declare, Millis, Problem, choices};
use thalweg_core::connector::Claim;

use super::client::{Server, SslMode};
use super::table::TableSettings;
use super::{tls, types};
use crate::relational::{Patterns, Selection, TopicNaming};

choices! {
    /// When rows are read that are there already.
    pub enum SnapshotMode {
        /// At the first start.
        Initial = "initial",
        /// At every start.
        Always = "always",
        /// At the first start; changes are not streamed after it.
        InitialOnly = "initial_only",
        /// Never.
        NoData = "no_data" | "never",
        /// At the first start, and whenever the stored position can't be gone
        /// on from.
        WhenNeeded = "when_needed",
    }
}

choices! {
    /// How a publication is made that is not there.
    pub enum Autocreate {
        /// For all tables.
        AllTables = "all_tables",
        /// For the tables that the lists name; an existing one is set to them.
        Filtered = "filtered",
        /// Not at all.
        Disabled = "disabled",
        /// Without tables.
        NoTables = "no_tables",
    }
}

/// The publication.
#[derive(Clone, Debug)]
pub(crate) struct PublicationConfig {
    /// Its name.
    pub(crate) name: String,
    /// How it is made.
    pub(crate) autocreate: Autocreate,
    /// Whether changes of partitions are told as the root's.
    pub(crate) via_root: bool,
}

/// The slot.
#[derive(Clone, Debug)]
pub(crate) struct SlotConfig {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is dropped when the task ends.
    pub(crate) drop_on_stop: bool,
    /// Whether standbys keep it too (Postgres 17).
    pub(crate) failover: bool,
}

/// The heartbeat.
#[derive(Clone, Debug)]
pub(crate) struct HeartbeatConfig {
    /// How often.
    pub(crate) interval: Duration,
    /// A statement to run then.
    pub(crate) query: Option<String>,
}

/// A config, read.
pub struct Config {
    /// Where to connect.
    pub(crate) server: Server,
    /// What all tables share.
    pub(crate) settings: Arc<TableSettings>,
    /// The slot.
    pub(crate) slot: SlotConfig,
    /// The publication.
    pub(crate) publication: PublicationConfig,
    /// When to take a snapshot.
    pub(crate) snapshot: SnapshotMode,
    /// Tables that the snapshot reads; none means all that are captured.
    pub(crate) snapshot_tables: Option<Patterns>,
    /// How often the server is told how far we are.
    pub(crate) status_interval: Duration,
    /// The heartbeat, if one is wanted.
    pub(crate) heartbeat: Option<HeartbeatConfig>,
    /// What the files of `database.ssl*` lack.
    pub(crate) tls_problem: Option<Problem>,
}

/// Declares all keys.
pub(crate) fn declare(keys: &mut Declare<'_>) -> Config {
    keys.set_group("Postgres");
    let (server, tls_problem) = server(keys);
    keys.set_group("Tables");
    let selection = Selection::declare(keys);
    keys.set_group("Topics");
    let topics = TopicNaming::declare(keys);
    let modes = types::modes::declare(keys);
    keys.set_group("Replication");
    let slot = slot(keys);
    let publication = publication(keys);
    let status_interval = keys
        .value::<Millis>(
            "status.update.interval.ms",
            "How often the server is told how far rows are durable, and an idle position is kept.",
        )
        .range(Millis(1)..=Millis(86_400_000))
        .default(Millis(10_000))
        .duration();
    let heartbeat = heartbeat(keys);
    keys.set_group("Snapshot");
    let snapshot = keys
        .choice("snapshot.mode", "When rows are read that are there already.")
        .default(SnapshotMode::Initial);
    let snapshot_tables = keys
        .text(
            "snapshot.include.collection.list",
            "Tables (schema.table) that the snapshot reads: comma-separated regular expressions. \
             All captured ones by default.",
        )
        .check(|text: &String| Patterns::parse(text).map(drop))
        .optional()
        .and_then(|text| Patterns::parse(&text).ok());
    refused(keys);
    ignored(keys);
    let settings =
        Arc::new(TableSettings { topics, database: server.database.clone(), modes, selection });
    Config {
        server,
        settings,
        slot,
        publication,
        snapshot,
        snapshot_tables,
        status_interval,
        heartbeat,
        tls_problem,
    }
}

fn server(keys: &mut Declare<'_>) -> (Server, Option<Problem>) {
    let host = keys.text("database.hostname", "Name or address of the server.").high().required();
    let port = keys.int("database.port", "Its port.").high().range(1..=65_535).default(5432);
    let user = keys.text("database.user", "The user to sign in as.").high().required();
    let password = keys
        .secret("database.password", "The user's password.")
        .high()
        .optional()
        .unwrap_or_default();
    let database = keys.text("database.dbname", "The database to read.").high().required();
    let ssl_mode = keys
        .choice("database.sslmode", "Whether connections are encrypted, and who is trusted.")
        .default(SslMode::Prefer);
    let mut file = |name: &str, doc: &str| keys.text(name, doc).optional();
    let files = tls::Files {
        root: file("database.sslrootcert", "File (PEM) of the authorities that are trusted."),
        certificate: file("database.sslcert", "File (PEM) of our certificate."),
        key: file("database.sslkey", "File (PEM or PKCS#8 DER) of our certificate's key."),
    };
    keys.refuse("database.sslpassword", "", "Password of the key: use a key without one.");
    keys.ignore("database.sslfactory", "", "Java class that makes TLS connections.");
    let keepalive = keys
        .flag("database.tcpKeepAlive", "Whether TCP looks after idle connections.")
        .low()
        .default(true);
    let reads = keys.reads();
    let (tls, problem) = match tls::client(ssl_mode, &files) {
        Ok(tls) => (tls, None),
        Err((key, message)) => (None, reads.then(|| Problem::new(key, message))),
    };
    let port = u16::try_from(port).unwrap_or(5432);
    (Server { host, port, user, password, database, ssl_mode, tls, keepalive }, problem)
}

fn slot(keys: &mut Declare<'_>) -> SlotConfig {
    let name = keys
        .text("slot.name", "Name of the replication slot. One per connector.")
        .check(|name: &String| {
            let legal = |letter: char| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_'
            };
            if (1..=63).contains(&name.len()) && name.chars().all(legal) {
                Ok(())
            } else {
                Err("use 1 to 63 lower-case letters, digits and underscores".to_owned())
            }
        })
        .default("debezium".to_owned());
    let drop_on_stop = keys
        .flag(
            "slot.drop.on.stop",
            "Drop the slot when the connector stops: changes made meanwhile are lost. For tests.",
        )
        .default(false);
    let failover = keys
        .flag("slot.failover", "Make the slot one that standbys keep too (Postgres 17).")
        .default(false);
    SlotConfig { name, drop_on_stop, failover }
}

fn publication(keys: &mut Declare<'_>) -> PublicationConfig {
    let name = keys
        .text("publication.name", "Name of the publication.")
        .default("dbz_publication".to_owned());
    let autocreate = keys
        .choice("publication.autocreate.mode", "How a publication is made that is not there.")
        .default(Autocreate::AllTables);
    let via_root = keys
        .flag(
            "publish.via.partition.root",
            "Tell changes of partitions as changes of the partitioned table.",
        )
        .default(false);
    let plugin = keys
        .text("plugin.name", "The server's decoder: pgoutput, which every server has.")
        .recommend(["pgoutput"])
        .default("pgoutput".to_owned());
    if keys.posted("plugin.name").is_some() && plugin != "pgoutput" {
        keys.warn("plugin.name", format!("pgoutput is used in place of {plugin}"));
    }
    PublicationConfig { name, autocreate, via_root }
}

fn heartbeat(keys: &mut Declare<'_>) -> Option<HeartbeatConfig> {
    let interval = keys
        .value::<Millis>(
            "heartbeat.interval.ms",
            "How often a message is written to the heartbeat topic; 0 for never.",
        )
        .default(Millis(0))
        .duration();
    let query = keys
        .text("heartbeat.action.query", "A statement to run in the database at each heartbeat.")
        .optional();
    (!interval.is_zero()).then_some(HeartbeatConfig { interval, query })
}

/// Keys that change which rows, columns or values are written.
fn refused(keys: &mut Declare<'_>) {
    keys.set_group("Not supported yet");
    for (name, default, doc) in [
        ("column.propagate.source.type", "", "Columns whose type is told in the schema."),
        ("datatype.propagate.source.type", "", "Types that are told in the schema."),
        ("converters", "", "Custom converters of values."),
        ("post.processors", "", "Custom changes of events."),
        ("database.initial.statements", "", "Statements to run in each session."),
        ("event.processing.failure.handling.mode", "fail", "What to do on a bad event: stop."),
        ("flush.lsn.source", "true", "Whether the server is told how far rows are durable."),
        ("include.schema.comments", "false", "Comments of tables and columns in schemas."),
        ("notification.enabled.channels", "", "Where notifications go."),
        ("provide.transaction.metadata", "false", "Events of transaction borders."),
        ("read.only", "false", "Whether nothing is written to the database."),
        ("replica.identity.autoset.values", "", "Replica identities to set on tables."),
        ("signal.data.collection", "", "Table of signals."),
        ("slot.stream.params", "", "Options of the server's decoder."),
        ("snapshot.query.mode", "select_all", "How tables are read."),
        ("snapshot.select.statement.overrides", "", "Statements to read tables with."),
        (
            "sourceinfo.struct.maker",
            "io.debezium.connector.postgresql.PostgresSourceInfoStructMaker",
            "Class that makes the source block.",
        ),
        ("table.ignore.builtin", "true", "Whether tables of the system are left out."),
        (
            "topic.naming.strategy",
            "io.debezium.schema.SchemaTopicNamingStrategy",
            "Class that names topics.",
        ),
        ("xmin.fetch.interval.ms", "0", "How often the slot's xmin is read."),
    ] {
        keys.refuse(name, default, doc);
    }
    for prefix in [
        "column.mask.",
        "column.truncate.",
        "snapshot.select.statement.overrides.",
        "snapshot.mode.c",
    ] {
        keys.refuse_prefix(prefix);
    }
}

/// Keys without effect on data.
fn ignored(keys: &mut Declare<'_>) {
    keys.set_group("Without effect");
    for (name, default) in [
        ("connection.validation.timeout.ms", "60000"),
        ("custom.metric.tags", ""),
        ("custom.sanitize.pattern", ""),
        ("database.query.timeout.ms", "600000"),
        ("errors.max.retries", "-1"),
        ("executor.shutdown.timeout.ms", "4000"),
        ("extended.headers.enabled", "true"),
        ("guardrail.collections.limit.action", "warn"),
        ("guardrail.collections.max", "0"),
        ("incremental.snapshot.chunk.size", "1024"),
        ("incremental.snapshot.watermarking.strategy", "INSERT_INSERT"),
        ("lsn.flush.mode", ""),
        ("lsn.flush.timeout.action", "fail"),
        ("lsn.flush.timeout.ms", "30000"),
        ("max.batch.size", "2048"),
        ("max.queue.size", "8192"),
        ("max.queue.size.in.bytes", "0"),
        ("message.prefix.exclude.list", ""),
        ("message.prefix.include.list", ""),
        ("notification.sink.topic.name", ""),
        ("offsets.storage.topic", ""),
        ("poll.interval.ms", "500"),
        ("query.fetch.size", "0"),
        ("retriable.restart.connector.wait.ms", "10000"),
        ("schema.refresh.mode", "columns_diff"),
        ("signal.enabled.channels", "source"),
        ("signal.poll.interval.ms", "5000"),
        ("slot.max.retries", "6"),
        ("slot.retry.delay.ms", "10000"),
        ("snapshot.delay.ms", "0"),
        ("snapshot.fetch.size", ""),
        ("snapshot.isolation.mode", "serializable"),
        ("snapshot.lock.timeout.ms", "10000"),
        ("snapshot.locking.mode", "none"),
        ("snapshot.max.threads", "1"),
        ("snapshot.max.threads.multiplier", "1"),
        ("snapshot.tables.order.by.row.count", "disabled"),
        ("streaming.delay.ms", "0"),
        (
            "transaction.metadata.factory",
            "io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory",
        ),
    ] {
        keys.ignore(name, default, "Accepted, without effect here.");
    }
    for prefix in ["openlineage.", "internal.", "connector.plugin.", "signal.kafka."] {
        keys.ignore_prefix(prefix);
    }
}

/// Problems between keys.
pub(crate) fn validate(config: &Config) -> Vec<Problem> {
    config.tls_problem.iter().cloned().collect()
}

/// What two connectors can't share: the first reads the changes of the other's tables
/// away, or takes them out of what the server tells.
pub(crate) fn claims(config: &Config) -> Vec<Claim> {
    if config.snapshot == SnapshotMode::InitialOnly {
        return Vec::new();
    }
    let Server { host, port, database, .. } = &config.server;
    let at = format!("{}:{port}", host.to_ascii_lowercase());
    // A name of a slot is the whole server's.
    let mut claims = vec![Claim {
        key: "slot.name",
        what: format!("replication slot {} of {at}", config.slot.name),
        advice: "choose another slot.name, or stop or delete that connector first",
    }];
    if config.publication.autocreate == Autocreate::Filtered {
        let name = &config.publication.name;
        claims.push(Claim {
            key: "publication.name",
            what: format!("publication {name} of database {database} of {at}"),
            advice: "with publication.autocreate.mode=filtered each sets the tables that it has, \
                     and the other would miss its changes; choose another publication.name",
        });
    }
    claims
}
