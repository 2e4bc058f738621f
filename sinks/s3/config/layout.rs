//! How rows are laid out in folders.

use chrono_tz::Tz;
use thalweg_core::choices;
use thalweg_core::config::{Choice, Declare};

use crate::s3::partition::{Extractor, FieldPaths, Partitioner, PathFormat, TimePaths};

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

/// The partitioner, and what describes it in the fingerprint.
pub(super) fn declare(
    keys: &mut Declare<'_>,
    delim: &str,
    zone: Option<Tz>,
) -> (Partitioner, String) {
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
