//! What a topic's settings are in effect, by Kafka's names.

use crate::topic::TopicConfig;

impl TopicConfig {
    /// Name and value of each setting that Kafka describes and that has a value
    /// here, by name. Those that the log does not act on have the value that it
    /// acts like.
    #[must_use]
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let unlimited = |limit: Option<i64>| limit.unwrap_or(-1).to_string();
        let retention_bytes = self.retention_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(-1));
        let time = if self.log_append_time { "LogAppendTime" } else { "CreateTime" };
        vec![
            ("cleanup.policy", self.cleanup_policy().to_owned()),
            ("compression.type", "producer".to_owned()),
            ("delete.retention.ms", self.delete_retention_ms.to_string()),
            ("file.delete.delay.ms", "0".to_owned()),
            ("index.interval.bytes", "4096".to_owned()),
            ("max.compaction.lag.ms", self.max_compaction_lag_ms.to_string()),
            ("max.message.bytes", self.message_bytes_max.to_string()),
            ("message.timestamp.after.max.ms", self.timestamp_after_max_ms.to_string()),
            ("message.timestamp.before.max.ms", self.timestamp_before_max_ms.to_string()),
            ("message.timestamp.type", time.to_owned()),
            ("min.cleanable.dirty.ratio", self.min_cleanable_dirty_ratio.to_string()),
            ("min.compaction.lag.ms", self.min_compaction_lag_ms.to_string()),
            ("min.insync.replicas", "1".to_owned()),
            ("retention.bytes", unlimited(retention_bytes)),
            ("retention.ms", unlimited(self.retention_ms)),
            ("segment.bytes", self.segment_bytes.to_string()),
            ("segment.ms", self.segment_ms.to_string()),
            ("unclean.leader.election.enable", "false".to_owned()),
        ]
    }

    fn cleanup_policy(&self) -> &'static str {
        match (self.compact, self.delete) {
            (true, true) => "compact,delete",
            (true, false) => "compact",
            (false, _) => "delete",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_described_is_accepted_and_means_the_same() {
        let settings = [
            ("cleanup.policy", "compact,delete"),
            ("message.timestamp.type", "LogAppendTime"),
            ("retention.ms", "-1"),
            ("retention.bytes", "5000"),
            ("min.cleanable.dirty.ratio", "0.25"),
            ("message.timestamp.before.max.ms", "7"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = TopicConfig::parse(&TopicConfig::default(), &settings).unwrap();
        let described = config.describe();
        for (name, value) in &settings {
            assert!(described.iter().any(|(n, v)| n == name && v == value), "{name}");
        }
        assert!(described.is_sorted());
        let all: Vec<_> = described.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        assert_eq!(TopicConfig::parse(&TopicConfig::default(), &all).unwrap(), config);
    }
}
