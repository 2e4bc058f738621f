//! Settings: of a subject, of a context, of all.
//!
//! What counts for a subject is its own settings; where it has none, those of its
//! context (or the ones without a subject, in the default context), then those of
//! `:.__GLOBAL:`, then the defaults. Some of a subject's own that are not set are taken
//! from the ones without a subject.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::Registry;
use super::context::{self, GLOBAL, GLOBAL_SUBJECT, is_default, normalize};
use super::entry::{ConfigValue, Key, Value};
use super::error::{RegistryError, Result};
use super::metadata::Metadata;
use super::rule_set::RuleSet;
use super::state::State;
use super::subject::check_scope;
use crate::compat::Level;

/// Settings as they are answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The subject that is meant where this one is asked for.
    pub alias: Option<String>,
    /// Whether schemas are normalized before they are registered and looked up.
    pub normalize: Option<bool>,
    /// The level; none is set where it is `None`.
    pub compatibility_level: Option<Level>,
    /// The property of the metadata by which versions are told apart: those that have
    /// another value are not compared.
    pub compatibility_group: Option<String>,
    /// What the metadata of each new version says, unless it says otherwise.
    pub default_metadata: Option<Metadata>,
    /// What the metadata of each new version says, whatever it says itself.
    pub override_metadata: Option<Metadata>,
    /// As [`Self::default_metadata`], for rules.
    pub default_rule_set: Option<RuleSet>,
    /// As [`Self::override_metadata`], for rules.
    pub override_rule_set: Option<RuleSet>,
    /// What another registry set.
    pub rest: Map<String, Json>,
}

/// A change of settings: what is `None` stays, what is `Some(None)` is taken away.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are those of `Config`")]
pub struct ConfigChange {
    #[serde(default, deserialize_with = "present")]
    pub alias: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub normalize: Option<Option<bool>>,
    #[serde(default, deserialize_with = "present")]
    pub compatibility: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub compatibility_group: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub default_metadata: Option<Option<Metadata>>,
    #[serde(default, deserialize_with = "present")]
    pub override_metadata: Option<Option<Metadata>>,
    #[serde(default, deserialize_with = "present")]
    pub default_rule_set: Option<Option<RuleSet>>,
    #[serde(default, deserialize_with = "present")]
    pub override_rule_set: Option<Option<RuleSet>>,
    /// What is asked for besides; it is not for the registry to change.
    #[serde(flatten)]
    pub rest: Map<String, Json>,
}

/// Tells a null from a setting that is not there.
fn present<'de, D, T>(from: D) -> std::result::Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from).map(Some)
}

impl From<Level> for ConfigChange {
    fn from(level: Level) -> Self {
        Self { compatibility: Some(Some(level.name().to_owned())), ..Self::default() }
    }
}

impl Config {
    fn new(value: &ConfigValue) -> Result<Self> {
        let level = value.compatibility_level.as_deref().map(str::parse).transpose()?;
        Ok(Self {
            alias: value.alias.clone(),
            normalize: value.normalize,
            compatibility_level: level,
            compatibility_group: value.compatibility_group.clone(),
            default_metadata: value.default_metadata.clone(),
            override_metadata: value.override_metadata.clone(),
            default_rule_set: value.default_rule_set.clone(),
            override_rule_set: value.override_rule_set.clone(),
            rest: value.rest.clone(),
        })
    }

    /// What is answered where nothing is set.
    fn defaults() -> Self {
        Self { compatibility_level: Some(Level::default()), ..Self::default() }
    }

    /// The level that counts.
    #[must_use]
    pub fn level(&self) -> Level {
        self.compatibility_level.unwrap_or_default()
    }

    /// Whether it changes the metadata or rules of new versions.
    pub(super) fn changes_versions(&self) -> bool {
        let metadata = self.default_metadata.is_some() || self.override_metadata.is_some();
        metadata || self.default_rule_set.is_some() || self.override_rule_set.is_some()
    }

    /// Settings of a subject, with those that are set for all in what it leaves open.
    fn over(self, all: &Self) -> Self {
        let mut merged = self;
        merged.normalize = merged.normalize.or(all.normalize);
        merged.compatibility_group =
            merged.compatibility_group.or_else(|| all.compatibility_group.clone());
        merged
    }
}

impl ConfigChange {
    fn check(&self) -> Result<()> {
        if let Some(Some(level)) = &self.compatibility {
            level.parse::<Level>()?;
        }
        for rules in [&self.default_rule_set, &self.override_rule_set] {
            rules.as_ref().and_then(Option::as_ref).map_or(Ok(()), RuleSet::check)?;
        }
        Ok(())
    }

    fn apply(self, value: &mut ConfigValue) -> Result<()> {
        fn set<T>(to: &mut Option<T>, change: Option<Option<T>>) {
            if let Some(change) = change {
                *to = change;
            }
        }
        let level = |name: Option<String>| {
            name.map(|name| Ok::<_, RegistryError>(name.parse::<Level>()?.name().to_owned()))
        };
        let level = self.compatibility.map(|name| level(name).transpose()).transpose()?;
        set(&mut value.compatibility_level, level);
        set(&mut value.alias, self.alias);
        set(&mut value.normalize, self.normalize);
        set(&mut value.compatibility_group, self.compatibility_group);
        set(&mut value.default_metadata, self.default_metadata);
        set(&mut value.override_metadata, self.override_metadata);
        set(&mut value.default_rule_set, self.default_rule_set);
        set(&mut value.override_rule_set, self.override_rule_set);
        Ok(())
    }
}

/// The key of a scope: none for the default context.
pub(super) fn scope(subject: Option<&str>) -> Option<Arc<str>> {
    subject.filter(|subject| !is_default(subject)).map(|subject| normalize(subject).into())
}

impl Registry {
    /// The settings of a subject or context (its own, not those that count for it), or
    /// those without a subject.
    pub fn config(&self, subject: Option<&str>) -> Result<Config> {
        let scope = scope(subject);
        let own = self.state().own_config(&scope)?;
        own.ok_or_else(|| RegistryError::NotConfigured(scope.as_deref().unwrap_or_default().into()))
    }

    /// The settings that count for a subject, or where there is none.
    pub fn config_in_scope(&self, subject: Option<&str>) -> Result<Config> {
        self.state().config_in_scope(&scope(subject))
    }

    /// The level that counts for a subject.
    pub fn level(&self, subject: &str) -> Result<Level> {
        Ok(self.config_in_scope(Some(subject))?.level())
    }

    /// Changes the settings of a subject or context, or those without a subject; what
    /// they are then.
    pub async fn set_config(
        &self,
        subject: Option<&str>,
        change: impl Into<ConfigChange>,
    ) -> Result<Config> {
        let change = change.into();
        change.check()?;
        subject.map_or(Ok(()), check_scope)?;
        let scope = scope(subject);
        let turn = self.begin().await;
        let value = {
            let state = self.state();
            state.check_writable(&scope)?;
            let former = state.configs.get(&scope).map(|value| ConfigValue::clone(value));
            let mut value = former.unwrap_or_default();
            value.subject.clone_from(&scope);
            change.apply(&mut value)?;
            value
        };
        let config = Config::new(&value)?;
        let change = (Key::Config { subject: scope }, Some(Value::Config(Arc::new(value))));
        self.write(turn, vec![change]).await?;
        Ok(config)
    }

    /// Takes the settings of a subject or context away, or those without a subject; what
    /// they were.
    pub async fn delete_config(&self, subject: Option<&str>) -> Result<Config> {
        let scope = scope(subject);
        let turn = self.begin().await;
        let former = {
            let state = self.state();
            let former = state.own_config(&scope)?.ok_or_else(|| {
                RegistryError::SubjectNotFound(scope.as_deref().unwrap_or_default().into())
            })?;
            state.check_writable(&scope)?;
            former
        };
        self.write(turn, vec![(Key::Config { subject: scope }, None)]).await?;
        Ok(former)
    }

    /// The subject that is meant by a name: the one that its alias says, if it has one.
    #[must_use]
    pub fn resolve_alias(&self, subject: &str) -> String {
        let subject = normalize(subject);
        let state = self.state();
        let config = state.configs.get(&Some(subject.as_str().into()));
        let alias = config.and_then(|config| config.alias.as_deref());
        match alias.filter(|alias| !alias.is_empty()) {
            Some(alias) => context::within(&subject, alias),
            None => subject,
        }
    }
}

impl State {
    /// The settings of a scope itself. Without a subject, and for `:.__GLOBAL:`, there
    /// always are some.
    fn own_config(&self, scope: &Option<Arc<str>>) -> Result<Option<Config>> {
        if let Some(value) = self.configs.get(scope) {
            let mut config = Config::new(value)?;
            // As Confluent's does: a scope that has settings but no level is at the
            // default level, not at the one that is set for all.
            config.compatibility_level = Some(config.level());
            return Ok(Some(config));
        }
        let always = match scope.as_deref() {
            None => true,
            Some(subject) => context::split(subject).0 == GLOBAL,
        };
        Ok(always.then(Config::defaults))
    }

    pub(super) fn config_in_scope(&self, scope: &Option<Arc<str>>) -> Result<Config> {
        let Some(subject) = scope.as_deref() else {
            return self.outer_config("");
        };
        match self.own_config(scope)? {
            Some(own) => {
                let all = self.own_config(&None)?.unwrap_or_else(Config::defaults);
                Ok(own.over(&all))
            }
            None => self.outer_config(subject),
        }
    }

    /// The settings around a subject: of its context, then of all contexts.
    fn outer_config(&self, subject: &str) -> Result<Config> {
        for scope in [outer(subject), Some(GLOBAL_SUBJECT.into())] {
            if self.configs.contains_key(&scope) {
                return Ok(self.own_config(&scope)?.unwrap_or_else(Config::defaults));
            }
        }
        Ok(Config::defaults())
    }
}

/// The scope of a subject's context.
pub(super) fn outer(subject: &str) -> Option<Arc<str>> {
    let prefix = context::prefix(context::split(subject).0);
    (!prefix.is_empty()).then(|| prefix.into())
}
