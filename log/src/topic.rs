//! Names and settings of topics: what is accepted, and what it means.

use crate::api::{Result, TopicSpec};
use crate::error::LogError;

const NAME_LEN_MAX: usize = 249;
/// Most partitions of one topic (invariant 7).
pub const PARTITIONS_MAX: u32 = 100_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// Settings of a topic that the log acts on. Times in ms, sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopicConfig {
    /// `cleanup.policy` holds `delete`: retention applies.
    pub delete: bool,
    /// `cleanup.policy` holds `compact`.
    pub compact: bool,
    /// `retention.ms`; `None` keeps for ever.
    pub retention_ms: Option<i64>,
    /// `retention.bytes` of each partition; `None` is without limit.
    pub retention_bytes: Option<u64>,
    /// `segment.bytes`.
    pub segment_bytes: u64,
    /// `segment.ms`.
    pub segment_ms: i64,
    /// `message.timestamp.type` is `LogAppendTime`: what clients produce gets the
    /// time of its append.
    pub log_append_time: bool,
    /// `message.timestamp.before.max.ms`: how much older than the log's clock the
    /// timestamps may be that clients produce.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how much newer.
    pub timestamp_after_max_ms: i64,
    /// `max.message.bytes`: largest batch.
    pub message_bytes_max: usize,
    /// `min.cleanable.dirty.ratio`: share of a partition that was never compacted
    /// above which it is.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: younger records are not compacted.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: older ones are, whatever the ratio.
    pub max_compaction_lag_ms: i64,
    /// `delete.retention.ms`: how long a compacted partition keeps tombstones.
    pub delete_retention_ms: i64,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            delete: true,
            compact: false,
            retention_ms: Some(7 * DAY_MS),
            retention_bytes: None,
            segment_bytes: 1 << 30,
            segment_ms: 7 * DAY_MS,
            log_append_time: false,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: HOUR_MS,
            message_bytes_max: 32 << 20,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: DAY_MS,
        }
    }
}

/// Kafka's settings that the log takes and that change nothing here.
const WITHOUT_EFFECT: &[&str] = &[
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "index.interval.bytes",
    "message.downconversion.enable",
    "message.timestamp.difference.max.ms",
    "min.insync.replicas",
    "preallocate",
    "segment.index.bytes",
    "segment.jitter.ms",
    "unclean.leader.election.enable",
];

impl TopicConfig {
    /// The defaults `base` with these settings over them.
    /// [`LogError::InvalidTopic`] names the first one that is not acceptable.
    pub fn parse(base: &Self, settings: &[(String, String)]) -> Result<Self> {
        let mut config = *base;
        for (name, value) in settings {
            config.set(name, value)?;
        }
        Ok(config)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "cleanup.policy" => {
                let policies: Vec<&str> = value.split(',').map(str::trim).collect();
                if policies.iter().any(|p| !matches!(*p, "delete" | "compact")) {
                    return Err(refused(name, value, "delete, compact or compact,delete"));
                }
                self.delete = policies.contains(&"delete");
                self.compact = policies.contains(&"compact");
            }
            "retention.ms" => self.retention_ms = unlimited(name, value)?,
            "retention.bytes" => {
                self.retention_bytes = unlimited(name, value)?.map(i64::unsigned_abs);
            }
            "segment.bytes" => {
                self.segment_bytes = number(name, value, 1024, i64::from(i32::MAX))?.unsigned_abs();
            }
            "segment.ms" => self.segment_ms = number(name, value, 1, i64::MAX)?,
            "max.message.bytes" => {
                let bytes = number(name, value, 0, i64::from(i32::MAX))?;
                self.message_bytes_max = usize::try_from(bytes).unwrap_or(usize::MAX);
            }
            "min.cleanable.dirty.ratio" => {
                self.min_cleanable_dirty_ratio = ratio(name, value)?;
            }
            "min.compaction.lag.ms" => {
                self.min_compaction_lag_ms = number(name, value, 0, i64::MAX)?;
            }
            "max.compaction.lag.ms" => {
                self.max_compaction_lag_ms = number(name, value, 1, i64::MAX)?;
            }
            "delete.retention.ms" => {
                self.delete_retention_ms = number(name, value, 0, i64::MAX)?;
            }
            "compression.type" if value == "producer" => {}
            "compression.type" => return Err(refused(name, value, "producer")),
            "message.timestamp.type" => {
                self.log_append_time = match value {
                    "CreateTime" => false,
                    "LogAppendTime" => true,
                    _ => return Err(refused(name, value, "CreateTime or LogAppendTime")),
                };
            }
            "message.timestamp.before.max.ms" => {
                self.timestamp_before_max_ms = number(name, value, 0, i64::MAX)?;
            }
            "message.timestamp.after.max.ms" => {
                self.timestamp_after_max_ms = number(name, value, 0, i64::MAX)?;
            }
            _ if WITHOUT_EFFECT.contains(&name) => {}
            // invariant 5
            _ => {
                return Err(LogError::InvalidTopic(format!("{name} is not a topic setting")));
            }
        }
        Ok(())
    }
}

fn refused(name: &str, value: &str, accepted: &str) -> LogError {
    LogError::InvalidTopic(format!("{name} = {value} is not accepted: use {accepted}"))
}

fn number(name: &str, value: &str, min: i64, max: i64) -> Result<i64> {
    value
        .trim()
        .parse()
        .ok()
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| refused(name, value, &format!("a number from {min} to {max}")))
}

fn ratio(name: &str, value: &str) -> Result<f64> {
    let ratio = value.trim().parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| refused(name, value, "a number from 0 to 1"))
}

fn unlimited(name: &str, value: &str) -> Result<Option<i64>> {
    let number = number(name, value, -1, i64::MAX)?;
    Ok((number >= 0).then_some(number))
}

/// Checks the name, the number of partitions and the settings of a topic.
pub(crate) fn check_spec(base: &TopicConfig, spec: &TopicSpec) -> Result<TopicConfig> {
    check_topic_name(&spec.name)?;
    if !(1..=PARTITIONS_MAX).contains(&spec.partitions) {
        return Err(LogError::InvalidTopic(format!(
            "topic {} can not have {} partitions: 1 to {PARTITIONS_MAX} are possible",
            spec.name, spec.partitions
        )));
    }
    TopicConfig::parse(base, &spec.config)
}

/// Checks a name for a topic. Names become names of folders, so this is the one
/// place that decides what is in them.
pub fn check_topic_name(name: &str) -> Result<()> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let fits = (1..=NAME_LEN_MAX).contains(&name.len());
    if !fits || name == "." || name == ".." || !name.bytes().all(legal) {
        let shown: String = name.chars().take(64).collect();
        return Err(LogError::InvalidTopic(format!(
            "topic name {shown:?} is not legal: 1 to {NAME_LEN_MAX} of A-Z a-z 0-9 . _ - are, \
             except . and .."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, config: &[(&str, &str)]) -> TopicSpec {
        TopicSpec {
            name: name.to_owned(),
            partitions: 1,
            config: config
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        let long = "x".repeat(250);
        for name in ["", ".", "..", "a/b", "a\0", "ü", "a b", long.as_str()] {
            assert!(check_spec(&TopicConfig::default(), &spec(name, &[])).is_err());
        }
        assert!(check_spec(&TopicConfig::default(), &spec("a.B_9-c", &[])).is_ok());
    }

    #[test]
    fn settings_are_read_or_refused_by_name() {
        let base = TopicConfig::default();
        let config = check_spec(
            &base,
            &spec("t", &[("cleanup.policy", "compact,delete"), ("retention.ms", "-1")]),
        );
        assert!(matches!(
            config,
            Ok(TopicConfig { delete: true, compact: true, retention_ms: None, .. })
        ));
        for (name, value) in [
            ("compression.type", "lz4"),
            ("retention.ms", "soon"),
            ("segment.bytes", "1"),
            ("min.cleanable.dirty.ratio", "1.5"),
            ("max.compaction.lag.ms", "0"),
            ("message.timestamp.type", "Now"),
            ("message.timestamp.after.max.ms", "-1"),
            ("no.such.setting", "1"),
        ] {
            let error = check_spec(&base, &spec("t", &[(name, value)]));
            assert!(matches!(error, Err(e) if e.to_string().contains(name)));
        }
    }
}
