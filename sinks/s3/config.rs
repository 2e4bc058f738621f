//! The keys of Confluent's S3 sink, and ours.

use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use thalweg_core::choices;
use thalweg_core::config::{Choice, Declare, Secret};
use thalweg_core::json::DecimalFormat;

use super::names::Names;
use super::partition::{Extractor, FieldPaths, Partitioner, PathFormat, TimePaths};
use super::store::{BucketConfig, Checksums};
use crate::lake::{Codec, FileOptions, Format};

choices! {
    /// What to do with rows that have no value (tombstones).
    pub(crate) enum NullValues {
        /// Leave them out of the lake.
        Ignore = "ignore",
        /// They are errors.
        Fail = "fail",
    }
}

choices! {
    /// `partitioner.class`.
    enum PartitionerClass {
        Default = "io.confluent.connect.storage.partitioner.DefaultPartitioner" | "default",
        Field = "io.confluent.connect.storage.partitioner.FieldPartitioner" | "field",
        TimeBased = "io.confluent.connect.storage.partitioner.TimeBasedPartitioner" | "timebased",
        Hourly = "io.confluent.connect.storage.partitioner.HourlyPartitioner" | "hourly",
        Daily = "io.confluent.connect.storage.partitioner.DailyPartitioner" | "daily",
    }
}

choices! {
    /// `timestamp.extractor`.
    enum ExtractorClass {
        Wallclock = "Wallclock"
            | "io.confluent.connect.storage.partitioner.TimeBasedPartitioner$WallclockTimestampExtractor",
        Record = "Record"
            | "io.confluent.connect.storage.partitioner.TimeBasedPartitioner$RecordTimestampExtractor",
        RecordField = "RecordField"
            | "io.confluent.connect.storage.partitioner.TimeBasedPartitioner$RecordFieldTimestampExtractor",
    }
}

choices! {
    /// `s3.compression.type`.
    enum JsonCodec {
        None = "none",
        Gzip = "gzip",
    }
}

choices! {
    /// `parquet.codec`.
    enum ParquetCodec {
        Snappy = "snappy",
        Gzip = "gzip",
        None = "none" | "uncompressed",
    }
}

choices! {
    /// `avro.codec`.
    enum AvroCodec {
        Null = "null",
        Deflate = "deflate",
        Snappy = "snappy",
    }
}

choices! {
    /// `json.decimal.format`.
    enum JsonDecimals {
        Base64 = "BASE64",
        Numeric = "NUMERIC",
    }
}

/// Where the files go.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A local folder.
    Folder(PathBuf),
    /// A bucket.
    Bucket(BucketConfig),
}

/// When the files of a partition are closed.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    /// After this many rows of the partition.
    pub(crate) flush_size: u64,
    /// When a row's time is this much after the first one's, in ms.
    pub(crate) interval_ms: Option<i64>,
    /// When a row belongs into another folder than the one before (with
    /// `interval_ms` only).
    pub(crate) on_path_change: bool,
    /// At times of the clock, in ms from midnight.
    pub(crate) schedule_ms: Option<i64>,
    /// Midnight where.
    pub(crate) zone: Tz,
    /// Most files of a partition that are open at once.
    pub(crate) open_files_max: Option<usize>,
}

/// The config of the sink, read.
#[derive(Debug)]
pub struct S3Config {
    pub(crate) target: Target,
    pub(crate) names: Names,
    pub(crate) files: FileOptions,
    pub(crate) partitioner: Partitioner,
    pub(crate) rotation: Rotation,
    pub(crate) null_values: NullValues,
    /// What of the config decides paths and bytes, as one number.
    pub(crate) layout: u64,
}

/// Reads the config.
pub(super) fn declare(keys: &mut Declare<'_>) -> S3Config {
    keys.set_group("S3");
    let target = target(keys);
    keys.set_group("Files");
    let (files, null_values) = files(keys);
    let names = names(keys, files.extension());
    if matches!(target, Target::Folder(_)) && names.directory_delim != "/" {
        keys.problem("directory.delim", "a local lake has folders: only / is possible");
    }
    keys.set_group("Partitioner");
    let zone = zone(keys);
    let (partitioner, described) = partitioner(keys, &names.directory_delim, zone);
    keys.set_group("Rotation");
    let rotation = rotation(keys, zone, &partitioner);
    inert(keys);
    let layout = fingerprint(&format!("{files:?}{described}{names:?}"));
    S3Config { target, names, files, partitioner, rotation, null_values, layout }
}

/// A stable number of a text.
fn fingerprint(text: &str) -> u64 {
    let (mut high, mut low) = (0, u32::MAX);
    for chunk in text.as_bytes().chunks(16) {
        high = crc32c::crc32c_append(high, chunk);
        low = crc32c::crc32c_append(low, chunk).rotate_left(7);
    }
    u64::from(high) << 32 | u64::from(low)
}

fn target(keys: &mut Declare<'_>) -> Target {
    let url = keys
        .text(
            "store.url",
            "URL of the S3 server; without one it is AWS. file:///path writes a lake into a local \
             folder, and then no other key of S3 is needed.",
        )
        .high()
        .check(|url| match url.split_once("://") {
            Some(("http" | "https", host)) if !host.is_empty() => Ok(()),
            Some(("file", path)) if path.starts_with('/') => Ok(()),
            _ => Err("expected http://host:port, https://host:port or file:///path".to_owned()),
        })
        .optional();
    let bucket = keys.text("s3.bucket.name", "The S3 bucket.").high().optional();
    let folder = url.as_deref().and_then(|url| url.strip_prefix("file://"));
    if keys.reads() && bucket.is_none() && folder.is_none() {
        keys.problem(
            "s3.bucket.name",
            "Missing required configuration: it has no default value (a local lake needs none: \
             set store.url to file:///path)",
        );
    }
    let bucket = bucket_config(keys, bucket.unwrap_or_default(), url.clone());
    match folder {
        Some(path) => Target::Folder(PathBuf::from(path)),
        None => Target::Bucket(bucket),
    }
}

fn bucket_config(keys: &mut Declare<'_>, bucket: String, url: Option<String>) -> BucketConfig {
    let region = keys.text("s3.region", "The bucket's region.").default("us-west-2".to_owned());
    let path_style = keys
        .flag("s3.path.style.access.enabled", "http://server/bucket, not http://bucket.server.")
        .default(true);
    let part = keys
        .int("s3.part.size", "Files above this go up in parts of this size, in bytes.")
        .range(5_242_880..=2_147_483_647)
        .default(26_214_400);
    let checksums = keys
        .choice(
            "s3.checksum",
            "When requests carry a checksum of their body: servers other than AWS often refuse \
             one that they did not ask for.",
        )
        .low()
        .default(if url.is_some() { Checksums::WhenRequired } else { Checksums::WhenSupported });
    let conditional = keys
        .flag(
            "enable.conditional.writes",
            "Write with If-None-Match, so that two writers can never replace each other's files. \
             Turn it off only if the server does not know it.",
        )
        .default(true);
    let retries = keys
        .int("s3.part.retries", "Tries after one that failed.")
        .low()
        .range(0..=1000)
        .default(3);
    let backoff =
        keys.int("s3.retry.backoff.ms", "Pause before them.").low().range(0..=60_000).default(200);
    BucketConfig {
        bucket,
        region,
        endpoint: url,
        path_style,
        access_key: access_key(keys),
        part_bytes: usize::try_from(part).unwrap_or(26_214_400),
        conditional,
        checksums,
        retries: u32::try_from(retries).unwrap_or(3),
        backoff: Duration::from_millis(backoff.unsigned_abs()),
        acl: keys.text("s3.acl.canned", "Canned access list of the files.").low().optional(),
        encryption: keys
            .text("s3.ssea.name", "Server-side encryption: AES256 or aws:kms.")
            .low()
            .check(|name| match name.as_str() {
                "AES256" | "aws:kms" => Ok(()),
                _ => Err("expected AES256 or aws:kms".to_owned()),
            })
            .optional(),
        kms_key: keys.text("s3.sse.kms.key.id", "Key of that encryption.").low().optional(),
    }
}

fn access_key(keys: &mut Declare<'_>) -> Option<(String, Secret)> {
    let id = keys
        .text(
            "aws.access.key.id",
            "Id of the access key; without one, the environment's AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY are used.",
        )
        .high()
        .optional();
    let secret = keys.secret("aws.secret.access.key", "Its secret.").high().optional();
    let provider = keys.posted("s3.credentials.provider.class").unwrap_or_default();
    let chain = "com.amazonaws.auth.DefaultAWSCredentialsProviderChain";
    if provider.ends_with(".DefaultCredentialsProvider") {
        keys.accept_prefix("s3.credentials.provider.class");
    } else {
        keys.refuse("s3.credentials.provider.class", chain, "What gives the access key.");
    }
    keys.refuse_prefix("s3.credentials.provider.");
    match (id, secret.filter(|secret| !secret.expose().is_empty())) {
        (Some(id), Some(secret)) => Some((id, secret)),
        (None, None) => {
            let id = std::env::var("AWS_ACCESS_KEY_ID").ok()?;
            let secret = std::env::var("AWS_SECRET_ACCESS_KEY").ok()?;
            Some((id, Secret::new(secret)))
        }
        (Some(_), None) => {
            keys.problem("aws.secret.access.key", "it is missing beside aws.access.key.id");
            None
        }
        (None, Some(_)) => {
            keys.problem("aws.access.key.id", "it is missing beside aws.secret.access.key");
            None
        }
    }
}

fn files(keys: &mut Declare<'_>) -> (FileOptions, NullValues) {
    let format = keys.choice("format.class", "What a file holds.").high().class().required();
    let json: JsonCodec =
        keys.choice("s3.compression.type", "Compression of JSON files.").default(JsonCodec::None);
    let level = keys
        .int("s3.compression.level", "Its level, 0 to 9; -1 is the codec's default.")
        .low()
        .range(-1..=9)
        .default(-1);
    let avro: AvroCodec =
        keys.choice("avro.codec", "Compression of Avro files.").default(AvroCodec::Null);
    let parquet: ParquetCodec =
        keys.choice("parquet.codec", "Compression of Parquet files.").default(ParquetCodec::Snappy);
    let decimals: JsonDecimals = keys
        .choice("json.decimal.format", "Decimals in JSON: Base64 of their bytes, or numbers.")
        .default(JsonDecimals::Base64);
    let connect_metadata = keys
        .flag("connect.meta.data", "Write Connect's own attributes into Avro schemas.")
        .low()
        .default(true);
    let null_values = keys
        .choice(
            "behavior.on.null.values",
            "What to do with rows that have no value, such as the tombstones after deletes.",
        )
        .default(NullValues::Fail);
    if format != Format::Json && json == JsonCodec::Gzip {
        keys.warn("s3.compression.type", "only JSON files are compressed by it");
    }
    let codec = match (format, json, avro, parquet) {
        (Format::Json, JsonCodec::None, ..)
        | (Format::Avro, _, AvroCodec::Null, _)
        | (Format::Parquet, .., ParquetCodec::None) => Codec::None,
        (Format::Json, JsonCodec::Gzip, ..) | (Format::Parquet, .., ParquetCodec::Gzip) => {
            Codec::Gzip
        }
        (Format::Avro, _, AvroCodec::Deflate, _) => Codec::Deflate,
        (Format::Avro, _, AvroCodec::Snappy, _) | (Format::Parquet, .., ParquetCodec::Snappy) => {
            Codec::Snappy
        }
    };
    let options = FileOptions {
        format,
        codec,
        level: u32::try_from(level).ok(),
        decimals: match decimals {
            JsonDecimals::Base64 => DecimalFormat::Base64,
            JsonDecimals::Numeric => DecimalFormat::Numeric,
        },
        connect_metadata,
    };
    (options, null_values)
}

fn names(keys: &mut Declare<'_>, extension: &'static str) -> Names {
    let topics_dir =
        keys.text("topics.dir", "Folder of all topics.").high().default("topics".to_owned());
    let topics_dir = topics_dir.trim_matches('/').to_owned();
    if topics_dir.split('/').any(|part| matches!(part, "." | "..")) {
        keys.problem("topics.dir", "it must not hold the folders . and ..");
    }
    let directory_delim = keys.text("directory.delim", "Between folders.").default("/".to_owned());
    let file_delim = keys
        .text("file.delim", "Between the parts of a file's name.")
        .check(|delim| match delim.contains('/') {
            true => Err("it must not hold /".to_owned()),
            false => Ok(()),
        })
        .default("+".to_owned());
    let pad = keys
        .int("filename.offset.zero.pad.width", "Digits of the offset in a file's name.")
        .low()
        .range(0..=50)
        .default(10);
    let pad_width = usize::try_from(pad).unwrap_or(10);
    Names { topics_dir, directory_delim, file_delim, pad_width, extension }
}

/// Reads a time zone; none posted is UTC.
fn zone(keys: &mut Declare<'_>) -> Option<Tz> {
    keys.text("timezone", "Time zone of days and hours, such as Europe/Zurich.")
        .check(|name| match name.parse::<Tz>() {
            Ok(_) => Ok(()),
            Err(_) => Err("expected a name of the IANA time zones, such as UTC".to_owned()),
        })
        .optional()
        .and_then(|name| name.parse().ok())
}

/// The partitioner, and what describes it in the fingerprint.
fn partitioner(keys: &mut Declare<'_>, delim: &str, zone: Option<Tz>) -> (Partitioner, String) {
    let class: PartitionerClass = keys
        .choice("partitioner.class", "How rows are laid out in folders.")
        .high()
        .class()
        .default(PartitionerClass::Default);
    let fields = keys
        .list("partition.field.name", "Fields of the FieldPartitioner; a dot leads into a struct.")
        .default(Vec::new());
    keys.refuse("partition.field.format.path", "true", "Whether names stand before the values.");
    let duration = keys
        .int("partition.duration.ms", "How much time shares a folder (TimeBasedPartitioner).")
        .default(-1);
    let pattern = keys
        .text("path.format", "How a time becomes a path, in the letters of Joda-Time.")
        .optional();
    let locale = keys.text("locale", "Language of months and days in path.format.").optional();
    let extractor: ExtractorClass = keys
        .choice("timestamp.extractor", "Which time of a row counts.")
        .default(ExtractorClass::Wallclock);
    let field = keys
        .text("timestamp.field", "The field of the RecordField extractor.")
        .default("timestamp".to_owned());
    let (duration, pattern) = match class {
        PartitionerClass::Default => return (Partitioner::Default, String::new()),
        PartitionerClass::Field => {
            if keys.reads() && fields.is_empty() {
                keys.problem("partition.field.name", "the FieldPartitioner needs a field");
            }
            return (Partitioner::Field(FieldPaths::new(&fields, delim)), fields.join(","));
        }
        PartitionerClass::Hourly => (3_600_000, hive(delim, &["year", "month", "day", "hour"])),
        PartitionerClass::Daily => (86_400_000, hive(delim, &["year", "month", "day"])),
        PartitionerClass::TimeBased => {
            (duration, pattern.unwrap_or_default().trim_end_matches(delim).to_owned())
        }
    };
    let format = time_format(keys, &pattern, duration, zone, locale.as_deref());
    let zone = zone.unwrap_or(Tz::UTC);
    let described = format!("{pattern} {duration} {zone} {} {field}", extractor.as_name());
    let extractor = match extractor {
        ExtractorClass::Wallclock => Extractor::Wallclock,
        ExtractorClass::Record => Extractor::Record,
        ExtractorClass::RecordField => Extractor::of_field(&field),
    };
    let time = TimePaths { format, duration_ms: duration.max(1), zone, extractor };
    (Partitioner::Time(time), described)
}

fn hive(delim: &str, names: &[&str]) -> String {
    let letters = |name: &str| match name {
        "year" => "YYYY",
        "month" => "MM",
        "day" => "dd",
        _ => "HH",
    };
    let parts: Vec<_> = names.iter().map(|name| format!("'{name}'={}", letters(name))).collect();
    parts.join(delim)
}

fn time_format(
    keys: &mut Declare<'_>,
    pattern: &str,
    duration: i64,
    zone: Option<Tz>,
    locale: Option<&str>,
) -> PathFormat {
    let plain = || PathFormat::parse("YYYY").unwrap_or_default();
    if !keys.reads() {
        return plain();
    }
    if duration <= 0 {
        keys.problem("partition.duration.ms", "Partition duration needs to be a positive.");
    }
    if zone.is_none() && keys.posted("timezone").is_none_or(|zone| zone.is_empty()) {
        keys.problem("timezone", "Timezone cannot be empty.");
    }
    match PathFormat::parse(pattern) {
        Err(reason) => {
            keys.problem("path.format", reason);
            plain()
        }
        Ok(format) => {
            let english = locale.is_none_or(|locale| locale.to_ascii_lowercase().starts_with("en"));
            if format.has_words() && !english {
                keys.problem("locale", "not supported yet: only English words in path.format");
            }
            format
        }
    }
}

fn rotation(keys: &mut Declare<'_>, zone: Option<Tz>, partitioner: &Partitioner) -> Rotation {
    let flush = keys
        .int(
            "flush.size",
            "Rows of a topic's partition after which its open files are closed and become visible.",
        )
        .high()
        .range(1..=i64::from(i32::MAX))
        .required();
    let interval = keys
        .int(
            "rotate.interval.ms",
            "Close the files when a row's time is this much after the first one's, in the time of \
             timestamp.extractor; -1 is never.",
        )
        .high()
        .default(-1);
    let schedule = keys
        .int(
            "rotate.schedule.interval.ms",
            "Close the files at times of the clock, every so many ms from midnight in timezone, \
             also when no rows come; -1 is never.",
        )
        .default(-1);
    let on_path_change = keys
        .flag(
            "rotate.file.on.partition.change",
            "With rotate.interval.ms, close the files when a row belongs into another folder.",
        )
        .low()
        .default(true);
    let open = keys
        .int("partitioner.max.open.files", "Most files of a partition open at once; -1: 1000.")
        .low()
        .range(-1..=100_000)
        .default(-1);
    if interval > 0 && !matches!(partitioner, Partitioner::Time(_)) {
        keys.warn(
            "rotate.interval.ms",
            "it is ignored: only a partitioner by time knows the times of rows \
             (rotate.schedule.interval.ms goes by the clock)",
        );
    }
    if schedule > 0 && zone.is_none() && keys.posted("timezone").is_none() {
        keys.problem(
            "timezone",
            "rotate.schedule.interval.ms needs it: set it, for instance to UTC",
        );
    }
    keys.refuse("schema.compatibility", "NONE", "When a change of schema closes a file.");
    Rotation {
        flush_size: flush.max(1).unsigned_abs(),
        interval_ms: (interval > 0).then_some(interval),
        on_path_change,
        schedule_ms: (schedule > 0).then_some(schedule),
        zone: zone.unwrap_or(Tz::UTC),
        open_files_max: usize::try_from(open).ok().filter(|&files| files > 0),
    }
}

/// Keys of Confluent's that are refused or have no effect.
fn inert(keys: &mut Declare<'_>) {
    keys.set_group("Not acted on");
    for (name, default, doc) in [
        ("storage.class", "io.confluent.connect.s3.storage.S3Storage", "The kind of store."),
        ("store.kafka.keys", "false", "Whether keys are written too."),
        ("store.kafka.headers", "false", "Whether headers are written too."),
        ("s3.object.tagging", "false", "Whether files are tagged."),
        ("s3.object.tagging.key.value.pairs", "", "More tags."),
        ("s3.sse.customer.key", "", "The customer's own encryption key."),
        ("s3.proxy.url", "", "A proxy."),
        ("s3.proxy.user", "", "Its user."),
        ("s3.proxy.password", "", "Its password."),
        ("s3.schema.partition.affix.type", "NONE", "The schema's name in paths."),
        ("allow.optional.map.keys", "false", "Whether keys of maps may be null."),
    ] {
        keys.refuse(name, default, doc);
    }
    for (name, default, doc) in [
        ("keys.format.class", "", "Format of keys."),
        ("headers.format.class", "", "Format of headers."),
        ("tombstone.encoded.partition", "tombstone", "Folder of tombstones."),
        ("s3.object.behavior.on.tagging.error", "ignore", "What a failed tagging does."),
        ("s3.wan.mode", "false", "Transfer acceleration."),
        ("s3.http.send.expect.continue", "true", "Expect: 100-continue."),
        ("s3.send.digest", "false", "MD5 digests."),
        ("s3.elastic.buffer.enable", "false", "Growing buffers."),
        ("s3.elastic.buffer.init.capacity", "131072", "Their first size."),
        ("max.files.scan.limit", "100", "Files looked at after a conflict."),
        ("max.write.duration.ms", "9223372036854775807", "Longest write."),
        ("report.null.values.to.dlq", "true", "Ignored tombstones in the dead letters."),
        ("retry.backoff.ms", "5000", "Pause after an error."),
        ("shutdown.timeout.ms", "3000", "Time to stop."),
        ("schemas.cache.config", "1000", "Size of the schema cache."),
        ("enhanced.avro.schema.support", "true", "Names and enums in Avro schemas."),
        ("format.bytearray.extension", ".bin", "Ending of byte files."),
        ("format.bytearray.separator", "\n", "Between rows of byte files."),
    ] {
        keys.ignore(name, default, doc);
    }
}
