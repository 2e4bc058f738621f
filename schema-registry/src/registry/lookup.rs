//! Finding a schema under a subject.

use std::sync::Arc;

use super::Registry;
use super::config::Config;
use super::error::{RegistryError, Result};
use super::metadata::Metadata;
use super::prepare::{NewSchema, Prepared};
use super::rule_set::RuleSet;
use super::state::{Shown, State, show};
use super::version::{Selected, VersionId};

impl Registry {
    /// Finds an Avro schema under a subject, and nowhere else: its id is one of the
    /// subject's context.
    pub fn lookup(&self, subject: &str, text: &str) -> Result<Shown> {
        let state = self.state();
        let found = state.look_up(subject, &NewSchema::avro(text), false, Selected::Live)?;
        found.ok_or_else(|| state.not_found(subject, Selected::Live))
    }

    /// Finds a schema under a subject, or under the same name in another context if the
    /// subject names none.
    pub fn lookup_schema(
        &self,
        subject: &str,
        schema: &NewSchema,
        normalize: bool,
        selected: Selected,
    ) -> Result<Shown> {
        let state = self.state();
        let found = state.look_up(subject, schema, normalize, selected)?;
        let found = found.or_else(|| {
            let mut others = state.elsewhere(subject);
            // A schema that can't be read there is not there.
            others.find_map(|subject| {
                state.look_up(&subject, schema, normalize, selected).ok().flatten()
            })
        });
        found.ok_or_else(|| state.not_found(subject, selected))
    }

    /// The latest version whose metadata has these properties.
    pub fn latest_with(
        &self,
        subject: &str,
        properties: &[(String, String)],
        selected: Selected,
    ) -> Result<Shown> {
        let state = self.state();
        let has_all = |metadata: &Metadata| {
            properties.iter().all(|(key, value)| metadata.properties.get(key) == Some(value))
        };
        let found = state.subjects.get_key_value(subject).and_then(|(name, versions)| {
            let mut shown =
                versions.iter().rev().filter(|(_, known)| selected.takes(known.deleted));
            let found =
                shown.find(|(_, known)| known.schema.metadata.as_deref().is_some_and(has_all))?;
            Some(show(name, *found.0, found.1))
        });
        found.ok_or_else(|| state.not_found(subject, selected))
    }
}

impl State {
    /// What is not there: the subject, or the schema in it.
    fn not_found(&self, subject: &str, selected: Selected) -> RegistryError {
        if self.has(subject, selected) {
            RegistryError::SchemaNotFound
        } else {
            RegistryError::SubjectNotFound(subject.to_owned())
        }
    }

    fn look_up(
        &self,
        subject: &str,
        schema: &NewSchema,
        normalize: bool,
        selected: Selected,
    ) -> Result<Option<Shown>> {
        if schema.is_empty() || !self.subjects.contains_key(subject) {
            return Ok(None);
        }
        let config = self.config_in_scope(&super::config::scope(Some(subject)))?;
        let normalize = normalize || config.normalize == Some(true);
        let prepared = schema.prepare(self, subject, normalize, Selected::All)?;
        if let Some(found) = self.matching(subject, &prepared, selected) {
            return Ok(Some(found));
        }
        // As it would be registered: with what the settings and the version before add.
        let Some(latest) = self.find(subject, VersionId::Latest, Selected::Live) else {
            return Ok(None);
        };
        let next = prepared.clone().with_additions(&config, Some(&latest), None);
        if next.metadata == prepared.metadata && next.rule_set == prepared.rule_set {
            return Ok(None);
        }
        Ok(self.matching(subject, &next, selected))
    }

    /// The version of a subject that is this schema: the same, or else the latest that
    /// differs from it in how it is written only.
    pub(super) fn matching(
        &self,
        subject: &str,
        prepared: &Prepared,
        selected: Selected,
    ) -> Option<Shown> {
        let (name, versions) = self.subjects.get_key_value(subject)?;
        let shown = || versions.iter().rev().filter(|(_, known)| selected.takes(known.deleted));
        let id = self.space(subject).and_then(|space| space.id(&prepared.identity()));
        let same = id.and_then(|id| shown().find(|(_, known)| known.schema.id == id));
        let found = same.or_else(|| {
            let likeness = prepared.likeness();
            shown().find(|(version, known)| {
                prepared.is_like(self, &likeness, &known.schema, **version)
            })
        })?;
        Some(show(name, *found.0, found.1))
    }
}

impl Prepared {
    /// With the metadata and rules that it has as the next version: what it says itself
    /// or else what the version before says, within the settings' defaults and overrides.
    /// `numbered` is its version, where it has to be written into the metadata.
    pub(super) fn with_additions(
        mut self,
        config: &Config,
        previous: Option<&Shown>,
        numbered: Option<(i32, bool)>,
    ) -> Self {
        let previous = previous.map(|shown| &shown.schema);
        let metadata = self.metadata.take();
        let metadata = metadata.or_else(|| previous.and_then(|schema| schema.metadata.clone()));
        let merged = Metadata::merged(config.default_metadata.as_ref(), metadata.as_deref());
        let merged = Metadata::merged(merged.as_ref(), config.override_metadata.as_ref());
        self.metadata = match (numbered, merged) {
            (Some((version, asked)), merged)
                if asked || merged.as_ref().is_some_and(Metadata::names_version) =>
            {
                Some(Arc::new(merged.unwrap_or_default().with_version(version)))
            }
            (_, merged) => merged.map(Arc::new),
        };
        let rules = self.rule_set.take();
        let rules = rules.or_else(|| previous.and_then(|schema| schema.rule_set.clone()));
        let merged = RuleSet::merged(config.default_rule_set.as_ref(), rules.as_deref());
        let merged = RuleSet::merged(merged.as_ref(), config.override_rule_set.as_ref());
        self.rule_set = merged.map(Arc::new);
        self
    }
}
