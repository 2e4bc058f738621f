//! The keys of Confluent's S3 sink, and ours.

mod inert;
mod layout;
mod target;

use std::path::PathBuf;

use chrono_tz::Tz;
use thalweg_core::choices;
use thalweg_core::config::Declare;
use thalweg_core::connector::ReadAs;
use thalweg_core::json::DecimalFormat;

use super::names::Names;
use super::partition::Partitioner;
use super::store::BucketConfig;
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
    /// `schema.compatibility`.
    enum Compatibility {
        None = "NONE",
        Backward = "BACKWARD",
        Forward = "FORWARD",
        Full = "FULL",
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
    /// Which version of a partition's schemas all rows get.
    pub(crate) read_as: ReadAs,
    /// What of the config decides paths and bytes, as one number.
    pub(crate) layout: u64,
}

/// Reads the config.
pub(super) fn declare(keys: &mut Declare<'_>) -> S3Config {
    keys.set_group("S3");
    let target = target::declare(keys);
    keys.set_group("Files");
    let (files, null_values) = files(keys);
    let names = names(keys, files.extension());
    if matches!(target, Target::Folder(_)) && names.directory_delim != "/" {
        keys.problem("directory.delim", "a local lake has folders: only / is possible");
    }
    keys.set_group("Partitioner");
    let zone = zone(keys);
    let (partitioner, described) = layout::declare(keys, &names.directory_delim, zone);
    keys.set_group("Rotation");
    let rotation = rotation(keys, zone, &partitioner);
    let read_as = read_as(keys);
    inert::declare(keys);
    let schemas = match read_as {
        // As it was before there was this key: plans of then go on.
        ReadAs::Written => String::new(),
        other => format!("{other:?}"),
    };
    let layout = fingerprint(&format!("{files:?}{described}{names:?}{schemas}"));
    S3Config { target, names, files, partitioner, rotation, null_values, read_as, layout }
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
        .int("partitioner.max.open.files", "Most files of a partition open at once; -1: 500.")
        .low()
        .range(-1..=2000)
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
    Rotation {
        flush_size: flush.max(1).unsigned_abs(),
        interval_ms: (interval > 0).then_some(interval),
        on_path_change,
        schedule_ms: (schedule > 0).then_some(schedule),
        zone: zone.unwrap_or(Tz::UTC),
        open_files_max: usize::try_from(open).ok().filter(|&files| files > 0),
    }
}

fn read_as(keys: &mut Declare<'_>) -> ReadAs {
    let compatibility = keys
        .choice(
            "schema.compatibility",
            "What happens when rows come with several versions of a schema. NONE: a new schema \
             closes the files. BACKWARD and FULL: rows of older versions are read with the newest \
             one that the topic's partition had, so that only a newer one closes the files. \
             FORWARD: all rows are read with the oldest one. Needs the AvroConverter for values.",
        )
        .high()
        .default(Compatibility::None);
    match compatibility {
        Compatibility::None => ReadAs::Written,
        Compatibility::Backward | Compatibility::Full => ReadAs::Newest,
        Compatibility::Forward => ReadAs::Oldest,
    }
}

#[cfg(test)]
mod tests;
