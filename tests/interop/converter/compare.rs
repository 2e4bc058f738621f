//! Where two answers differ, and which differences are deliberate.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::Answer;

/// One place where the two differ.
#[derive(Debug)]
pub(super) struct Difference {
    /// `schema`, `datum`, `back`, or who alone has an answer: `only-ours`,
    /// `only-theirs`.
    what: &'static str,
    /// The JSON path.
    at: String,
    /// Ours and theirs, or why there is no answer.
    how: String,
}

/// Where two answers to one row differ. Neither having one is not a difference.
/// Without metadata ours reads all that is there, so only what is written counts.
pub(super) fn differences(
    ours: &Result<Answer, String>,
    theirs: &Result<Answer, String>,
    metadata: bool,
) -> Vec<Difference> {
    let alone = |what, why: &String| vec![Difference { what, at: String::new(), how: why.clone() }];
    let (ours, theirs) = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Ok(_), Err(why)) => return alone("only-ours", why),
        (Err(why), Ok(_)) => return alone("only-theirs", why),
        (Err(_), Err(_)) => return Vec::new(),
    };
    let mut found = Vec::new();
    if ours.schema != theirs.schema {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        walk("schema", "", &parse(&ours.schema), &parse(&theirs.schema), &mut found);
        if found.is_empty() {
            found.push(difference("schema", "", &ours.schema, &theirs.schema));
        }
    }
    if ours.datum != theirs.datum {
        found.push(difference("datum", "", &hex(&ours.datum), &hex(&theirs.datum)));
    }
    if metadata {
        walk("back", "", &ours.back, &theirs.back, &mut found);
    } else {
        let payload = |answer: &Answer| answer.back["payload"].clone();
        walk("back", "/payload", &payload(ours), &payload(theirs), &mut found);
    }
    found
}

fn difference(what: &'static str, at: &str, ours: &str, theirs: &str) -> Difference {
    Difference { what, at: at.to_owned(), how: format!("{ours} not {theirs}") }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn walk(what: &'static str, at: &str, ours: &Value, theirs: &Value, into: &mut Vec<Difference>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for name in a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))) {
                walk(what, &format!("{at}/{name}"), &ours[name], &theirs[name], into);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (number, (ours, theirs)) in a.iter().zip(b).enumerate() {
                walk(what, &format!("{at}/{number}"), ours, theirs, into);
            }
        }
        _ if ours == theirs => {}
        _ => into.push(difference(what, at, &ours.to_string(), &theirs.to_string())),
    }
}

/// The list of `docs/connectors/avro-differences.md`: lines `from what at how` in
/// blocks marked `differences`, each part a pattern in which `*` stands for
/// anything and `?` for one letter.
pub(super) struct Differences {
    entries: Vec<[String; 4]>,
    used: RefCell<BTreeSet<usize>>,
}

impl Differences {
    pub(super) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/connectors");
        let text = std::fs::read_to_string(path.join("avro-differences.md")).unwrap();
        let (mut within, mut entries) = (false, Vec::new());
        for line in text.lines() {
            if line.starts_with("```") {
                within = line == "```differences";
            } else if within {
                let parts: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                entries.push(parts.try_into().unwrap_or_else(|_| panic!("four parts: {line}")));
            }
        }
        Self { entries, used: RefCell::default() }
    }

    /// Whether a difference is listed.
    pub(super) fn cover(&self, from: &str, difference: &Difference) -> bool {
        let parts = [from, difference.what, &difference.at, &difference.how];
        let found = self.entries.iter().position(|patterns| {
            let pairs = patterns.iter().zip(parts);
            pairs.into_iter().all(|(pattern, part)| glob(pattern.as_bytes(), part.as_bytes()))
        });
        self.used.borrow_mut().extend(found);
        found.is_some()
    }

    /// Lines that cover nothing (any more).
    pub(super) fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let lines = self.entries.iter().enumerate().filter(|(number, _)| !used.contains(number));
        lines.map(|(_, parts)| parts.join(" ")).collect()
    }
}

/// In time of the product of the lengths at most.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for letter in pattern {
        if *letter == b'*' {
            let first = fits.iter().position(|fits| *fits).unwrap_or(fits.len());
            fits[first..].fill(true);
            continue;
        }
        for at in (0..text.len()).rev() {
            fits[at + 1] = fits[at] && (*letter == b'?' || *letter == text[at]);
        }
        fits[0] = false;
    }
    fits[text.len()]
}
