//! Rules of a schema. They are stored, checked for their form, and answered; clients run
//! them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::error::{RegistryError, Result};
use super::metadata::or_default;

/// Longest name of a rule, in UTF-16 units as Java counts.
const NAME_LEN_MAX: usize = 256;

/// The rules of a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleSet {
    /// Rules for data that goes from one version to another.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub migration_rules: Vec<Rule>,
    /// Rules for data of this version.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub domain_rules: Vec<Rule>,
    /// Rules for encoded data.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub encoding_rules: Vec<Rule>,
    /// What newer registries add. It is stored and answered.
    #[serde(flatten)]
    rest: Map<String, Json>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doc: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    kind: Kind,
    #[serde(default, deserialize_with = "or_default")]
    mode: Mode,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", deserialize_with = "or_default")]
    tags: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    params: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_success: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_failure: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    disabled: bool,
    #[serde(flatten)]
    rest: Map<String, Json>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    #[default]
    Transform,
    Condition,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Upgrade,
    Downgrade,
    Updown,
    Write,
    Read,
    #[default]
    Writeread,
}

impl Mode {
    fn is_migration(self) -> bool {
        matches!(self, Self::Upgrade | Self::Downgrade | Self::Updown)
    }
}

impl RuleSet {
    /// Both, where a later rule replaces those of its name.
    pub(super) fn merged(earlier: Option<&Self>, later: Option<&Self>) -> Option<Self> {
        let (Some(earlier), Some(later)) = (earlier, later) else {
            return earlier.or(later).cloned();
        };
        let rules = |earlier: &[Rule], later: &[Rule]| {
            let names: HashSet<_> = later.iter().map(|rule| &rule.name).collect();
            let kept = earlier.iter().filter(|rule| !names.contains(&rule.name));
            kept.chain(later).cloned().collect()
        };
        let mut rest = earlier.rest.clone();
        rest.extend(later.rest.clone());
        Some(Self {
            migration_rules: rules(&earlier.migration_rules, &later.migration_rules),
            domain_rules: rules(&earlier.domain_rules, &later.domain_rules),
            encoding_rules: rules(&earlier.encoding_rules, &later.encoding_rules),
            rest,
        })
    }

    /// Whether a rule of this type is in it.
    #[must_use]
    pub fn has_type(&self, of: &str) -> bool {
        self.rules().any(|rule| rule.of.as_deref() == Some(of))
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.migration_rules.iter().chain(&self.domain_rules).chain(&self.encoding_rules)
    }

    /// Fails where a rule can't be one.
    pub(super) fn check(&self) -> Result<()> {
        let mut names = HashSet::new();
        for rule in self.rules() {
            if !names.insert(rule.name.as_deref()) {
                let name = rule.name.as_deref().unwrap_or_default();
                return invalid(format!("Found rule with duplicate name '{name}'"));
            }
            rule.check()?;
        }
        if self.migration_rules.iter().any(|rule| !rule.mode.is_migration()) {
            return invalid("Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN");
        }
        if self.domain_rules.iter().any(|rule| rule.mode.is_migration()) {
            return invalid("Domain rules can only be WRITE, READ, WRITEREAD");
        }
        if self.encoding_rules.iter().any(|rule| rule.mode.is_migration()) {
            return invalid("Encoding rules can only be WRITE, READ, WRITEREAD");
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self) -> Result<()> {
        let Some(name) = &self.name else {
            return invalid("Missing rule name");
        };
        let mut letters = name.chars();
        match letters.next() {
            None => return invalid("Empty rule name"),
            _ if name.encode_utf16().count() > NAME_LEN_MAX => {
                return invalid("Rule name too long");
            }
            Some(first) if !first.is_alphabetic() && first != '_' => {
                return invalid(format!("Illegal initial character in rule name: {name}"));
            }
            Some(_) => {}
        }
        if !letters.all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            return invalid(format!("Illegal character in rule name: {name}"));
        }
        if self.of.is_none() {
            return invalid("Missing rule type");
        }
        let takes_two = matches!(self.mode, Mode::Writeread | Mode::Updown);
        let mut actions = self.on_success.iter().chain(&self.on_failure);
        if !takes_two && actions.any(|action| action.contains(',')) {
            return invalid("Multiple actions only valid with WRITEREAD and UPDOWN");
        }
        Ok(())
    }
}

fn invalid(message: impl Into<String>) -> Result<()> {
    Err(RegistryError::Refused { code: 42210, message: message.into() })
}
