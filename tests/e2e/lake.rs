//! Reading the JSON lines of a lake, in the order of their offsets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file of the lake by its name, `<topic>+<partition>+<first offset>.json`.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) first: u64,
}

/// All files of a lake, by topic, partition and first offset.
pub(crate) fn files(lake: &Path) -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![lake.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(stem) = name.strip_suffix(".json") else { continue };
            let mut parts = stem.rsplitn(3, '+');
            let first = parts.next().unwrap().parse().unwrap();
            let partition = parts.next().unwrap().parse().unwrap();
            let topic = parts.next().unwrap().to_owned();
            found.push(File { path, topic, partition, first });
        }
    }
    found.sort_by_key(|file| (file.topic.clone(), file.partition, file.first));
    found
}

/// All records by topic, in order. Fails where an offset is missing or there
/// twice: each file begins where the one before it ended. The lake must hold
/// the tombstones too, or offsets would have gaps.
pub(crate) fn records(lake: &Path) -> BTreeMap<String, Vec<Value>> {
    let mut by_topic: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut next: BTreeMap<(String, u32), u64> = BTreeMap::new();
    for file in files(lake) {
        let text = std::fs::read_to_string(&file.path).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{:?}", file.path)))
            .collect();
        let expected = next.entry((file.topic.clone(), file.partition)).or_default();
        assert_eq!(file.first, *expected, "{:?} does not begin where the last ended", file.path);
        *expected += lines.len() as u64;
        by_topic.entry(file.topic).or_default().extend(lines);
    }
    by_topic
}
