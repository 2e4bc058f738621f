//! Kafka's own tool over segment files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thalweg_harness::java;

use crate::run::count;

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
    /// Files, and the offsets around each gap between records in them.
    gaps: BTreeSet<Gap>,
    /// The gaps that the tool tells of.
    told: BTreeSet<Gap>,
    /// Entries of time indexes that are of batches without records.
    emptied: usize,
    /// The file that is dumped, or whose gaps are told, and the last offset in it.
    file: String,
    last: i64,
}

type Gap = (String, i64, i64);

/// As [`dump`], of a topic that was compacted: where its records are not
/// consecutive the tool says so, and nowhere else.
pub(crate) fn dump_compacted(data: &Path, topic: &str, options: &[&str]) -> Dump {
    let found = dump_all(data, topic, options);
    assert_eq!(found.told, found.gaps, "gaps, as they are told and as they are");
    count("gaps of compaction that DumpLogSegments tells of", found.inner_gaps());
    count("segments read by DumpLogSegments after compaction", found.segments);
    count("records read by DumpLogSegments after compaction", found.records);
    found
}

/// Dumps all segments of a topic in a folder of partitions, and checks its
/// indexes. Fails at the first word that is a complaint.
pub(crate) fn dump(data: &Path, topic: &str, options: &[&str]) -> Dump {
    let found = dump_all(data, topic, options);
    assert_eq!(found.inner_gaps(), 0, "DumpLogSegments complains: {:?}", found.told);
    assert_eq!(found.emptied, 0, "{topic} has batches without records");
    found
}

fn dump_all(data: &Path, topic: &str, options: &[&str]) -> Dump {
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

/// What the tool prints, and then what it complains of: that goes to its standard
/// error, while it ends as if all were well.
fn run(files: &[String], options: &[&str]) -> String {
    let mut command = java("org.apache.kafka.tools.DumpLogSegments", None).unwrap();
    let done = command.args(options).arg("--files").arg(files.join(",")).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "DumpLogSegments: {}\n{said}", done.status);
    String::from_utf8_lossy(&done.stdout).into_owned() + &said
}

impl Dump {
    /// The gaps that are told, but for those before a segment's first record: the
    /// tool of Kafka 4.3 thinks that each segment begins at 0, also of Kafka's own.
    pub(crate) fn inner_gaps(&self) -> usize {
        self.told.iter().filter(|(_, before, _)| *before >= 0).count()
    }

    fn take(&mut self, line: &str) {
        let is_index = |entry: &str| line.starts_with(entry) && !line.contains('|');
        if line.starts_with("baseOffset: ") {
            assert!(line.contains("isvalid: true"), "{line}");
            self.batches += 1;
            let codec =
                line.split("compresscodec: ").nth(1).and_then(|rest| rest.split(' ').next());
            self.codecs.push(codec.unwrap().to_owned());
        } else if let Some(rest) = line.strip_prefix("| offset: ") {
            self.records += 1;
            self.lines.push(line.to_owned());
            let offset = rest.split(' ').next().unwrap().parse().unwrap();
            if offset != self.last + 1 {
                self.gaps.insert((self.file.clone(), self.last, offset));
            }
            self.last = offset;
        } else if is_index("offset: ") {
            self.index_entries += 1;
        } else if is_index("timestamp: ") {
            self.time_entries += 1;
        } else if line.starts_with("Log starting offset: ") {
            self.segments += 1;
        } else if let Some(path) = line.strip_prefix("Non-consecutive offsets in ") {
            path.clone_into(&mut self.file);
        } else if line.starts_with("Found timestamp mismatch in ") {
            // The entries follow.
        } else if line.trim_start().starts_with("Index timestamp: ") {
            // Compaction leaves the last batch of a segment, and a producer's last one,
            // without records but with their times, as Kafka's own does: the tool finds
            // no time there.
            assert!(line.ends_with(", log timestamp: -1"), "DumpLogSegments complains: {line}");
            self.emptied += 1;
        } else if let Some((before, after)) = line.trim().split_once(" is followed by ") {
            let gap = (self.file.clone(), before.parse().unwrap(), after.parse().unwrap());
            assert!(self.gaps.contains(&gap), "DumpLogSegments complains: {line}");
            self.told.insert(gap);
        } else if let Some(path) = line.strip_prefix("Dumping ") {
            (self.file, self.last) = (path.to_owned(), -1);
        } else {
            let is_fine = line.ends_with(" is empty.") || line.ends_with(" passed sanity check.");
            assert!(is_fine, "DumpLogSegments complains: {line}");
        }
    }
}
