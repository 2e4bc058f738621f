//! The deliberate differences, read from the page that explains them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

/// What is being compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) case: &'a str,
    pub(crate) phase: &'a str,
    pub(crate) table: &'a str,
    pub(crate) field: &'a str,
    pub(crate) what: &'a str,
}

impl<'a> Place<'a> {
    pub(crate) fn field(&self, field: &'a str, what: &'a str) -> Self {
        Self { field, what, ..*self }
    }
}

/// The list of `docs/connectors/postgres-differences.md`: lines
/// `case phase table field what` in blocks marked `differences`, each part a
/// pattern in which `*` stands for anything and `|` for or; the field `row.x` is
/// the column `x` of `before` and `after`.
pub(crate) struct Differences {
    entries: Vec<(String, [String; 5])>,
    used: RefCell<BTreeSet<usize>>,
}

impl Differences {
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../docs/connectors/postgres-differences.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (mut name, mut within, mut entries) = (String::new(), false, Vec::new());
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix("### ") {
                name = heading.to_owned();
            } else if line.starts_with("```") {
                within = line == "```differences";
            } else if within && !line.trim().is_empty() {
                let parts: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                let parts = parts.try_into().unwrap_or_else(|_| panic!("five parts: {line}"));
                entries.push((name.clone(), parts));
            }
        }
        Self { entries, used: RefCell::default() }
    }

    /// Whether a difference is listed.
    pub(crate) fn cover(&self, place: &Place<'_>) -> bool {
        let column = ["before.", "after."].iter().find_map(|side| place.field.strip_prefix(side));
        let field = column.map_or_else(|| place.field.to_owned(), |name| format!("row.{name}"));
        let parts = [place.case, place.phase, place.table, &field, place.what];
        let found = self.entries.iter().position(|(_, patterns)| {
            patterns.iter().zip(parts).all(|(pattern, part)| matches(pattern, part))
        });
        if let Some(number) = found {
            self.used.borrow_mut().insert(number);
        }
        found.is_some()
    }

    /// Lines that cover nothing (any more).
    pub(crate) fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let lines = self.entries.iter().enumerate().filter(|(number, _)| !used.contains(number));
        lines.map(|(_, (name, parts))| format!("{name}: {}", parts.join(" "))).collect()
    }

    /// Names of the differences that were met.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.used.borrow().iter().map(|number| self.entries[*number].0.as_str()).collect()
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    pattern.split('|').any(|pattern| glob(pattern.as_bytes(), text.as_bytes()))
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|from| glob(rest, &text[from..])),
        [letter, rest @ ..] => text.first() == Some(letter) && glob(rest, &text[1..]),
    }
}
