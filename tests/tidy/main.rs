//! The tree itself, checked: floors, sizes, names, and who may say `attest`.

#![allow(clippy::unwrap_used, reason = "a test that can't read the tree must fail")]

mod floors;
mod sizes;
mod words;

use std::path::{Path, PathBuf};

/// The root of the checkout.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files that git would track, without the lock file.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_dir = entry.file_type().unwrap().is_dir();
            if is_dir && name != "target" && name != ".git" {
                folders.push(path);
            } else if !is_dir && name != "Cargo.lock" {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// All Rust files with their text; paths relative to the root.
fn rust_files() -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (relative(&path), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

/// Whether a file holds tests only: those may be longer.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || ["tests", "benches", "conformance"].iter().any(|folder| {
            path.starts_with(&format!("{folder}/")) || path.contains(&format!("/{folder}/"))
        })
}

/// Fails with one line per finding.
fn assert_none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}
