//! Files under 500 lines, functions under 70; waivers carry a reason.

use std::collections::BTreeMap;

use crate::{assert_none, is_test, root, rust_files};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Lines `path: reason` or `path function: reason`.
fn waivers() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(root().join("tests/tidy/waivers.txt")).unwrap();
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (what, reason) = line.split_once(": ").expect("path: reason");
            assert!(reason.len() > 10, "a waiver needs a reason: {line}");
            (what.to_owned(), reason.to_owned())
        })
        .collect()
}

#[test]
fn files_and_functions_are_small() {
    let waivers = waivers();
    let mut used = Vec::new();
    let mut findings = Vec::new();
    for (path, text) in rust_files().into_iter().filter(|(path, _)| !is_test(path)) {
        let mut judge = |what: String, lines: usize, max: usize| {
            if lines <= max {
                return;
            }
            if waivers.contains_key(&what) {
                used.push(what);
            } else {
                findings.push(format!("{what}: {lines} lines, the most is {max}"));
            }
        };
        judge(path.clone(), text.lines().count(), FILE_LINES_MAX);
        for (name, lines) in functions(&text) {
            judge(format!("{path} {name}"), lines, FUNCTION_LINES_MAX);
        }
    }
    for waiver in waivers.keys().filter(|waiver| !used.contains(waiver)) {
        findings.push(format!("the waiver for {waiver} is not needed: remove it"));
    }
    assert_none(&findings, "small files, small functions (waivers: tests/tidy/waivers.txt)");
}

/// Name and length of each function. The text is formatted by rustfmt, so a
/// body ends with a brace that is indented as its `fn` is.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some(name) = function_name(code) else { continue };
        let indent = &line[..line.len() - code.len()];
        let close = format!("{indent}}}");
        // A declaration without a body ends in a semicolon before any brace opens.
        let head = lines[start..].iter().find(|line| line.ends_with(['{', ';', '}']));
        if !head.is_some_and(|line| line.ends_with('{')) {
            continue;
        }
        if let Some(length) = lines[start..].iter().position(|line| *line == close) {
            found.push((name.to_owned(), length + 1));
        }
    }
    found
}

fn function_name(code: &str) -> Option<&str> {
    let mut words = code.split(' ');
    loop {
        let word = words.next()?;
        match word {
            "fn" => {
                let name = words.next()?;
                return Some(name.split(['(', '<']).next().unwrap_or(name));
            }
            "pub" | "const" | "async" | "pub(crate)" | "pub(super)" => {}
            _ if word.starts_with("pub(in") => {}
            _ => return None,
        }
    }
}

#[test]
fn functions_are_found_and_measured() {
    let text = "impl A {\n    pub(crate) async fn long<T>(\n        a: T,\n    ) {\n        x();\n    }\n}\n\
                fn one() -> u8 { 1 }\nfn two() {\n}\ntrait T {\n    fn open(\n        a: A,\n    ) -> B;\n\n    \
                fn next() {\n    }\n}\n";
    let found: Vec<(&str, usize)> = vec![("long", 5), ("two", 2), ("next", 2)];
    let found: Vec<(String, usize)> = found.into_iter().map(|(n, l)| (n.to_owned(), l)).collect();
    assert_eq!(functions(text), found);
}
