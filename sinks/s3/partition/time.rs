//! Folders by time.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use thalweg_core::batch::{Batch, Cell, Layout, NodeId};
use thalweg_core::schema::{Kind, Schema};

use super::field::find;
use super::{PathFormat, json_field, parts};

/// Where the time of a row comes from.
#[derive(Debug)]
pub(crate) enum Extractor {
    /// When it is written.
    Wallclock,
    /// Its timestamp in the log.
    Record,
    /// A field.
    Field {
        /// Its name as posted.
        name: String,
        /// The names between its dots.
        path: Vec<String>,
    },
}

impl Extractor {
    /// Of a field; a dot leads into a struct.
    pub(crate) fn of_field(name: &str) -> Self {
        Self::Field { name: name.to_owned(), path: parts(name) }
    }
}

/// Folders by time.
#[derive(Debug)]
pub(crate) struct TimePaths {
    /// How a time becomes a path.
    pub(crate) format: PathFormat,
    /// How much time shares a folder, in ms.
    pub(crate) duration_ms: i64,
    /// Whose days and hours.
    pub(crate) zone: Tz,
    /// Which time.
    pub(crate) extractor: Extractor,
}

impl TimePaths {
    pub(super) fn reader<'a>(&'a self, batch: &'a Batch, now: i64) -> TimeReader<'a> {
        let node = match (&self.extractor, &batch.value) {
            (Extractor::Field { name, path }, Some(value)) => find(value.layout(), name, path),
            _ => None,
        };
        TimeReader { paths: self, batch, now, node, last: None }
    }

    /// The start of the folder's time in local time, and the zone's offset, as
    /// Confluent's partitioner computes it.
    fn bucket(&self, time: i64) -> Option<(NaiveDateTime, i32)> {
        let utc = DateTime::from_timestamp_millis(time)?.naive_utc();
        let offset = self.zone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
        let local = time.checked_add(i64::from(offset) * 1000)?;
        let start = local / self.duration_ms * self.duration_ms;
        Some((DateTime::from_timestamp_millis(start)?.naive_utc(), offset))
    }
}

pub(super) struct TimeReader<'a> {
    paths: &'a TimePaths,
    batch: &'a Batch,
    now: i64,
    node: Option<NodeId>,
    last: Option<(NaiveDateTime, i32)>,
}

impl TimeReader<'_> {
    pub(super) fn place(&mut self, row: usize, path: &mut String) -> Result<i64, String> {
        let time = self.time(row)?;
        let bucket = self.paths.bucket(time).ok_or("its time is out of range")?;
        if self.last != Some(bucket) {
            path.clear();
            self.paths.format.write(bucket.0, bucket.1, self.paths.zone, path);
            self.last = Some(bucket);
        }
        Ok(time)
    }

    fn time(&self, row: usize) -> Result<i64, String> {
        match &self.paths.extractor {
            Extractor::Wallclock => Ok(self.now),
            Extractor::Record => {
                self.batch.timestamps.get(row).copied().filter(|&time| time >= 0).ok_or_else(|| {
                    "it has no timestamp (set timestamp.extractor to Wallclock or RecordField)"
                        .to_owned()
                })
            }
            Extractor::Field { name, path } => {
                self.field(row, path).map_err(|reason| format!("timestamp field {name} {reason}"))
            }
        }
    }

    fn field(&self, row: usize, path: &[String]) -> Result<i64, String> {
        let value = self.batch.value.as_ref().ok_or("is not there: the row has no value")?;
        let Some(node) = self.node else {
            if !matches!(value.layout().schema().kind(), Kind::Json) {
                return Err("is not in its schema".to_owned());
            }
            let text = value.bytes_at(Layout::ROOT, row).unwrap_or_default();
            return match json_field(text, path) {
                Some(serde_json::Value::String(text)) => parse(&text),
                Some(serde_json::Value::Number(number)) => {
                    number.as_i64().ok_or_else(|| NO_TIME.to_owned())
                }
                _ => Err(NO_TIME.to_owned()),
            };
        };
        let schema = &value.layout().node(node).schema;
        match (value.cell(node, row), schema.kind()) {
            (Cell::Null, _) => Err("is null".to_owned()),
            (Cell::Int(int), Kind::Int32 | Kind::Int64) => Ok(millis(schema, int)),
            (cell @ Cell::Span { .. }, Kind::String) => {
                let text = value.bytes(cell).unwrap_or_default();
                parse(std::str::from_utf8(text).map_err(|_| NO_TIME.to_owned())?)
            }
            _ => Err(NO_TIME.to_owned()),
        }
    }
}

const NO_TIME: &str = "is neither a number of ms since 1970 nor an ISO date or time";

/// A number in the unit of its logical type as ms since 1970; without one it is
/// in ms.
fn millis(schema: &Schema, int: i64) -> i64 {
    match schema.name() {
        Some("io.debezium.time.MicroTimestamp") => int.div_euclid(1_000),
        Some("io.debezium.time.NanoTimestamp") => int.div_euclid(1_000_000),
        Some("io.debezium.time.Date" | "org.apache.kafka.connect.data.Date") => {
            int.saturating_mul(86_400_000)
        }
        _ => int,
    }
}

fn parse(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.len() <= 19 && digits.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_err(|_| NO_TIME.to_owned());
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.timestamp_millis());
    }
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Ok(time.timestamp_millis());
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0))
        .map(|time| time.and_utc().timestamp_millis())
        .ok_or_else(|| NO_TIME.to_owned())
}
