//! A crate imports only from floors below its own.

use crate::{assert_none, root, rust_files};

/// Folder of each crate, its floor, and the crates of ours that it may import.
const FLOORS: &[(&str, &[&str])] = &[
    ("core", &[]),
    ("log", &[]),
    ("schema-registry", &["core", "log"]),
    ("connect", &["core", "log", "schema-registry"]),
    ("broker", &["core", "log", "schema-registry"]),
    ("sources", &["core"]),
    ("sinks", &["core"]),
];

fn imports_of(text: &str) -> Vec<String> {
    let names = text.split("thalweg_").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
        rest[..end].replace('_', "-")
    });
    names.collect()
}

#[test]
fn no_crate_imports_from_its_own_floor_or_above() {
    let mut findings = Vec::new();
    for (path, text) in rust_files() {
        let Some((folder, allowed)) =
            FLOORS.iter().find(|(folder, _)| path.starts_with(&format!("{folder}/")))
        else {
            continue;
        };
        // Tests of a crate may use the harness.
        let is_test = path.contains("/tests/") || path.contains("/benches/");
        for import in imports_of(&text) {
            let own = import == *folder;
            let known = FLOORS.iter().any(|(folder, _)| *folder == import);
            if known && !own && !allowed.contains(&import.as_str()) && !is_test {
                findings.push(format!("{path} names thalweg-{import}"));
            }
        }
    }
    assert_none(&findings, "a crate knows only the floors below its own");
}

#[test]
fn manifests_depend_on_lower_floors_only() {
    let mut findings = Vec::new();
    for (folder, allowed) in FLOORS {
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap();
        for import in dependencies.lines().filter_map(|line| line.strip_prefix("thalweg-")) {
            let import = import.split(['.', ' ', '=']).next().unwrap();
            if !allowed.contains(&import) {
                findings.push(format!("{folder}/Cargo.toml depends on thalweg-{import}"));
            }
        }
    }
    assert_none(&findings, "a crate depends only on the floors below its own");
}

#[test]
fn no_connector_is_named_outside_its_folder_and_the_wiring() {
    let names = ["PostgresConnector", "S3SinkConnector"];
    let allowed = |path: &str| {
        path.starts_with("sources/")
            || path.starts_with("sinks/")
            || path.starts_with("src/")
            || path.starts_with("tests/")
            || path.starts_with("benches/")
    };
    let mut findings = Vec::new();
    for (path, text) in rust_files().into_iter().filter(|(path, _)| !allowed(path)) {
        for (number, line) in text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            let in_test = crate::is_test(&path);
            if !is_comment && !in_test && names.iter().any(|name| line.contains(name)) {
                findings.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert_none(&findings, "only its folder and src/ name a connector");
}
