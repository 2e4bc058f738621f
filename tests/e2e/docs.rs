//! The pages about connectors are what the binary says about them.

use std::path::Path;
use std::process::Command;

fn describe(name: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_thalweg")).args(["describe", name]).output().unwrap()
}

#[test]
fn pages_about_connectors_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/connectors");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let committed = std::fs::read_to_string(&path).unwrap();
        let first = committed.lines().next().unwrap_or_default();
        let Some(rest) = first.strip_prefix("<!-- Output of `thalweg describe ") else { continue };
        let alias = rest.split('`').next().unwrap();
        let said = describe(alias);
        assert!(said.status.success(), "{said:?}");
        let file = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(file, format!("{alias}.md"));
        assert!(
            String::from_utf8(said.stdout).unwrap() == committed,
            "docs/connectors/{file} is stale: thalweg describe {alias} > docs/connectors/{file}"
        );
        count += 1;
    }
    // Every kind of connector has its page.
    let unknown = describe("none");
    assert!(!unknown.status.success());
    let unknown = String::from_utf8(unknown.stderr).unwrap();
    let kinds = unknown.matches(", source)").count() + unknown.matches(", sink)").count();
    assert!(kinds >= 2, "{unknown}");
    assert_eq!(count, kinds, "a connector has no page in docs/connectors: {unknown}");
}
