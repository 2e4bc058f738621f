//! Going through the keys of a config, to describe or to read it.

use std::collections::BTreeSet;

use super::{Choice, ConfigMap, ConfigType, ConfigValue, Definition, Family, Importance, Key};
use super::{Problem, Secret, Support, unknown};

const NO_EFFECT: &str = "has no effect here: it may stay in the config or be removed";

/// Takes the declarations of keys, in *describe* or *read* mode.
pub struct Declare<'a> {
    posted: Option<&'a ConfigMap>,
    group: &'static str,
    definitions: Vec<Definition>,
    known: BTreeSet<String>,
    families: Vec<Family>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// What going through the keys gave.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// All declared keys, in order.
    pub definitions: Vec<Definition>,
    /// Keys that are judged by their beginning.
    pub families: Vec<Family>,
    /// What is wrong with the posted config. Empty: it can be used.
    pub problems: Vec<Problem>,
    /// What a person should know but need not change.
    pub warnings: Vec<Problem>,
}

impl<'a> Declare<'a> {
    /// To describe the keys.
    #[must_use]
    pub fn describe() -> Self {
        Self::new(None)
    }

    /// To read a posted config.
    #[must_use]
    pub fn read(posted: &'a ConfigMap) -> Self {
        Self::new(Some(posted))
    }

    fn new(posted: Option<&'a ConfigMap>) -> Self {
        Self {
            posted,
            group: "Common",
            definitions: Vec::new(),
            known: BTreeSet::new(),
            families: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The heading of the keys that follow.
    pub fn set_group(&mut self, group: &'static str) {
        self.group = group;
    }

    /// A text.
    pub fn text<'d>(&'d mut self, name: &str, doc: &str) -> Key<'d, 'a, String> {
        Key::value(self, name, doc)
    }

    /// A whole number of 64 bits.
    pub fn int<'d>(&'d mut self, name: &str, doc: &str) -> Key<'d, 'a, i64> {
        Key::value(self, name, doc)
    }

    /// True or false.
    pub fn flag<'d>(&'d mut self, name: &str, doc: &str) -> Key<'d, 'a, bool> {
        Key::value(self, name, doc)
    }

    /// Comma-separated texts.
    pub fn list<'d>(&'d mut self, name: &str, doc: &str) -> Key<'d, 'a, Vec<String>> {
        Key::value(self, name, doc)
    }

    /// A secret.
    pub fn secret<'d>(&'d mut self, name: &str, doc: &str) -> Key<'d, 'a, Secret> {
        Key::value(self, name, doc)
    }

    /// A value of any type.
    pub fn value<'d, T: ConfigValue + 'static>(
        &'d mut self,
        name: &str,
        doc: &str,
    ) -> Key<'d, 'a, T> {
        Key::value(self, name, doc)
    }

    /// One of a fixed set.
    pub fn choice<'d, T: Choice>(&'d mut self, name: &str, doc: &str) -> Key<'d, 'a, T> {
        Key::choice(self, name, doc)
    }

    /// A key of the real connector that changes data and is not acted on yet:
    /// any value but its default (or nothing) is a problem (invariant 5).
    pub fn refuse(&mut self, name: &str, default: &str, doc: &str) {
        if let Some(text) = self.posted(name)
            && !text.trim().eq_ignore_ascii_case(default)
            && !text.trim().is_empty()
        {
            let instead = if default.is_empty() {
                "remove it".to_owned()
            } else {
                format!("only {default} is")
            };
            self.problem(name, format!("not supported yet: {name} ({instead})"));
        }
        self.define_inert(name, default, doc, Support::Refused);
    }

    /// A key of the real connector without effect on data: accepted, with a
    /// warning if it is set to something else than its default.
    pub fn ignore(&mut self, name: &str, default: &str, doc: &str) {
        if let Some(text) = self.posted(name)
            && !text.trim().eq_ignore_ascii_case(default)
        {
            self.warn(name, NO_EFFECT);
        }
        self.define_inert(name, default, doc, Support::Ignored);
    }

    /// All keys that begin so change data and are not acted on yet.
    pub fn refuse_prefix(&mut self, prefix: &str) {
        self.family(prefix, Support::Refused);
    }

    /// All keys that begin so have no effect on data.
    pub fn ignore_prefix(&mut self, prefix: &str) {
        self.family(prefix, Support::Ignored);
    }

    /// All keys that begin so are somebody else's, who reads them.
    pub fn accept_prefix(&mut self, prefix: &str) {
        self.family(prefix, Support::Full);
    }

    /// Reports a problem that is found outside of a key's own checks.
    pub fn problem(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(key, message));
    }

    /// Reports something that a person should know.
    pub fn warn(&mut self, key: &str, message: impl Into<String>) {
        self.warnings.push(Problem::new(key, message));
    }

    /// The posted text of any key; none in describe mode.
    #[must_use]
    pub fn posted(&self, name: &str) -> Option<String> {
        self.posted?.get(name).cloned()
    }

    /// Whether a config is being read.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.posted.is_some()
    }

    /// Ends the declarations: judges the keys that nobody declared.
    #[must_use]
    pub fn finish(mut self) -> Declared {
        let names = self.posted.into_iter().flat_map(|posted| posted.keys());
        let undeclared: Vec<&String> = names.filter(|name| !self.known.contains(*name)).collect();
        for name in undeclared {
            let family = self.families.iter().find(|family| name.starts_with(&family.prefix));
            match family.map(|family| family.support) {
                Some(Support::Full) => {}
                Some(Support::Refused) => {
                    self.problem(name, format!("not supported yet: {name} (remove it)"));
                }
                Some(Support::Ignored) => {
                    self.warn(name, NO_EFFECT);
                }
                None => unknown::judge(&mut self, name),
            }
        }
        Declared {
            definitions: self.definitions,
            families: self.families,
            problems: self.problems,
            warnings: self.warnings,
        }
    }

    fn family(&mut self, prefix: &str, support: Support) {
        self.families.push(Family { prefix: prefix.to_owned(), support });
    }

    pub(super) fn known(&self) -> &BTreeSet<String> {
        &self.known
    }

    pub(super) fn group(&self) -> &'static str {
        self.group
    }

    pub(super) fn define(&mut self, definition: Definition, other_names: &[&str]) {
        self.known.insert(definition.name.clone());
        self.known.extend(other_names.iter().map(|&name| name.to_owned()));
        self.definitions.push(definition);
    }

    fn define_inert(&mut self, name: &str, default: &str, doc: &str, support: Support) {
        let definition = Definition {
            name: name.to_owned(),
            kind: ConfigType::String,
            required: false,
            default: (!default.is_empty()).then(|| default.to_owned()),
            importance: Importance::Low,
            documentation: doc.to_owned(),
            group: self.group,
            recommended: Vec::new(),
            support,
        };
        self.define(definition, &[]);
    }
}
