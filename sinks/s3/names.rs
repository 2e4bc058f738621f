//! The names of files, as Confluent's sink gives them.

use thalweg_core::connector::SinkPartition;

/// Longest key that S3 takes, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 1024;

/// How files are named.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// `topics.dir`.
    pub(crate) topics_dir: String,
    /// Between folders.
    pub(crate) directory_delim: String,
    /// Between the parts of a file's name.
    pub(crate) file_delim: String,
    /// Digits of an offset.
    pub(crate) pad_width: usize,
    /// `.json`, ...
    pub(crate) extension: &'static str,
}

impl Names {
    /// `<topics.dir>/<topic>/<path>/<topic>+<partition>+<first offset><ext>`.
    ///
    /// `again` is for a topic that was deleted and made again, where the former
    /// one's file has that name: eight digits of the new topic's id follow the
    /// offset.
    pub(crate) fn key(
        &self,
        partition: &SinkPartition,
        path: &str,
        first: i64,
        again: bool,
    ) -> String {
        let (topic, number) = (&partition.topic, partition.partition);
        let (slash, plus, width) = (&self.directory_delim, &self.file_delim, self.pad_width);
        let folder = if self.topics_dir.is_empty() {
            String::new()
        } else {
            format!("{}{slash}", self.topics_dir)
        };
        let mut suffix = String::new();
        if again {
            let id = partition.topic_id.simple().to_string();
            suffix = format!("{plus}{}", &id[..8]);
        }
        let ending = format!("{first:0width$}{suffix}{}", self.extension);
        format!("{folder}{topic}{slash}{path}{slash}{topic}{plus}{number}{plus}{ending}")
    }
}
