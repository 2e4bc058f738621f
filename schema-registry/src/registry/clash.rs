//! A schema that is refused because earlier versions could not get on with it.

use std::fmt;
use std::sync::Arc;

use super::state::Shown;
use crate::compat::{Level, Violation, innermost};

/// Longest text of an earlier schema in a message, in bytes.
const OLD_BYTES_MAX: usize = 8 << 10;

/// How many pieces of advice a message gives.
const ADVICE_MAX: usize = 10;

/// Why a schema is not compatible: every violation, by version.
#[derive(Clone, Debug)]
pub struct Clash {
    /// The subject.
    pub subject: String,
    /// The level that is violated.
    pub level: Level,
    /// Everything that violates it, the latest version first.
    pub violations: Vec<Violation>,
    /// The texts of the versions that are violated.
    texts: Vec<(i32, Arc<str>)>,
}

impl Clash {
    pub(super) fn new(
        subject: &str,
        level: Level,
        violations: Vec<Violation>,
        earlier: &[Shown],
    ) -> Self {
        let violated = |shown: &&Shown| violations.iter().any(|v| v.version == shown.at.version);
        let texts = earlier.iter().filter(violated);
        let texts = texts.map(|shown| (shown.at.version, shown.schema.text.clone())).collect();
        Self { subject: subject.to_owned(), level, violations, texts }
    }

    /// The latest version that it clashes with.
    #[must_use]
    pub fn version(&self) -> Option<i32> {
        self.violations.first().map(|violation| violation.version)
    }

    /// What tools parse: for each version its violations, then the version and its text;
    /// at last the level.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        let mut messages = Vec::new();
        for (version, text) in &self.texts {
            let of_version = self.violations.iter().filter(|v| v.version == *version);
            messages.extend(of_version.map(Violation::detail));
            messages.push(format!("{{oldSchemaVersion: {version}}}"));
            messages.push(format!("{{oldSchema: '{}'}}", cut(text)));
        }
        let level = self.level.name();
        messages.push(format!("{{validateFields: 'false', compatibility: '{level}'}}"));
        messages
    }

    /// What is incompatible and where, in one line for people, with what to do.
    #[must_use]
    pub fn reasons(&self) -> String {
        let inner = innermost(self.violations.clone());
        let shown = inner.iter().take(ADVICE_MAX).map(Violation::told);
        shown.collect::<Vec<_>>().join("; ")
    }

    /// What to do, for people; one piece of advice a violation.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        let mut advice: Vec<String> = Vec::new();
        for violation in &innermost(self.violations.clone()) {
            let one = violation.advice();
            if !advice.contains(&one) && advice.len() < ADVICE_MAX {
                advice.push(one);
            }
        }
        advice
    }
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Schema being registered is incompatible with an earlier schema for subject \"{}\", \
             details: [{}]",
            self.subject,
            self.messages().join(", ")
        )?;
        write!(f, "; what to do: {}", self.advice().join("; "))
    }
}

fn cut(text: &str) -> String {
    if text.len() <= OLD_BYTES_MAX {
        return text.to_owned();
    }
    let end = (0..=OLD_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}
