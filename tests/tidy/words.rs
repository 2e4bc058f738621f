//! Words that must not be somewhere, or be in one place only.

use crate::{assert_none, files, relative, root, rust_files};

#[test]
fn only_the_offset_store_attests_durability() {
    let word = ["Durable::", "attest"].concat();
    let allowed = |path: &str| path.starts_with("connect/src/store/") || crate::is_test(path);
    let sayers: Vec<String> = rust_files()
        .into_iter()
        .filter(|(path, text)| text.contains(&word) && !allowed(path))
        .map(|(path, _)| path)
        .collect();
    assert_none(&sayers, "only the runtime's offset store may attest durability");
    let stores = rust_files()
        .into_iter()
        .filter(|(path, text)| path.starts_with("connect/src/store/") && text.contains(&word));
    assert!(stores.count() <= 1, "attest is named in more than one file of the store");
}

#[test]
fn no_module_is_a_drawer_for_everything() {
    let drawers = ["utils", "util", "common", "helpers", "helper", "misc"];
    let found: Vec<String> = files()
        .iter()
        .map(|path| relative(path))
        .filter(|path| path.ends_with(".rs"))
        .filter(|path| path.split('/').any(|part| drawers.contains(&part.trim_end_matches(".rs"))))
        .collect();
    assert_none(&found, "name modules for the domain");
}

#[test]
fn one_tls_provider_is_in_the_tree() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for name in ["aws-lc-rs", "openssl", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{name}\"")), "{name} is in Cargo.lock");
    }
    assert!(lock.contains("name = \"ring\""));
}

#[test]
fn arrow_has_one_major_version() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for name in ["arrow-array", "parquet"] {
        let count = lock.matches(&format!("name = \"{name}\"\n")).count();
        assert_eq!(count, 1, "{name} is in Cargo.lock {count} times");
    }
}
