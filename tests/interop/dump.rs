//! Kafka's own tool over segment files.

use std::path::{Path, PathBuf};

use thalweg_harness::java;

use crate::run::{count, output};

/// What the tool found in segments.
#[derive(Debug, Default)]
pub(crate) struct Dump {
    pub(crate) files: usize,
    pub(crate) segments: usize,
    pub(crate) batches: usize,
    pub(crate) records: usize,
    pub(crate) index_entries: usize,
    pub(crate) time_entries: usize,
    /// The codecs of its batches.
    pub(crate) codecs: Vec<String>,
    /// The lines of its records.
    pub(crate) lines: Vec<String>,
    /// The base offset of the segment whose gaps are told next.
    first: Option<u64>,
}

/// Dumps all segments of a topic in a folder of partitions, and checks its
/// indexes. Fails at the first word that is a complaint.
pub(crate) fn dump(data: &Path, topic: &str, options: &[&str]) -> Dump {
    let files = files(data, topic);
    assert!(!files.is_empty(), "{topic} has no segments in {}", data.display());
    let named: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let mut found = Dump { files: files.len(), ..Dump::default() };
    for line in run(&named, &[&["--deep-iteration"], options].concat()).lines() {
        found.take(line);
    }
    let indexes: Vec<String> =
        named.iter().filter(|name| !name.ends_with(".log")).cloned().collect();
    for option in ["--verify-index-only", "--index-sanity-check"] {
        let mut checked = Dump::default();
        run(&indexes, &[option]).lines().for_each(|line| checked.take(line));
    }
    assert_eq!(found.first, None, "gaps without an end");
    found.codecs.sort();
    found.codecs.dedup();
    count("segments read by DumpLogSegments", found.segments);
    count("records read by DumpLogSegments", found.records);
    count("index entries checked by DumpLogSegments", found.index_entries + found.time_entries);
    found
}

/// The files of a topic's partitions.
pub(crate) fn files(data: &Path, topic: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_string_lossy();
        let is_partition = name.rsplit_once('-').is_some_and(|(of, number)| {
            of == topic && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if is_partition {
            found.extend(std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    let kinds = ["log", "index", "timeindex"];
    found.retain(|path| kinds.iter().any(|kind| path.extension().is_some_and(|e| e == *kind)));
    found.sort();
    found
}

fn run(files: &[String], options: &[&str]) -> String {
    let mut command = java("org.apache.kafka.tools.DumpLogSegments", None).unwrap();
    command.args(options).arg("--files").arg(files.join(","));
    output(command, b"")
}

impl Dump {
    fn take(&mut self, line: &str) {
        let is_index = |entry: &str| line.starts_with(entry) && !line.contains('|');
        if line.starts_with("baseOffset: ") {
            assert!(line.contains("isvalid: true"), "{line}");
            self.batches += 1;
            let codec =
                line.split("compresscodec: ").nth(1).and_then(|rest| rest.split(' ').next());
            self.codecs.push(codec.unwrap().to_owned());
        } else if line.starts_with("| offset: ") {
            self.records += 1;
            self.lines.push(line.to_owned());
        } else if is_index("offset: ") {
            self.index_entries += 1;
        } else if is_index("timestamp: ") {
            self.time_entries += 1;
        } else if line.starts_with("Log starting offset: ") {
            self.segments += 1;
        } else if let Some(path) = line.strip_prefix("Non-consecutive offsets in ") {
            self.first = Path::new(path).file_stem().unwrap().to_string_lossy().parse().ok();
            assert!(self.first.is_some_and(|first| first > 0), "{line}");
        } else if let Some(first) = self.first.take() {
            // The tool of Kafka 4.3 thinks that each segment begins at 0, also of
            // Kafka's own: only that one gap, at the base offset, is no complaint.
            let meant = format!("-1 is followed by {first}");
            assert_eq!(line.trim(), meant, "DumpLogSegments complains");
        } else {
            let is_head = line.starts_with("Dumping ");
            let is_fine = line.ends_with(" is empty.") || line.ends_with(" passed sanity check.");
            assert!(is_head || is_fine, "DumpLogSegments complains: {line}");
        }
    }
}
