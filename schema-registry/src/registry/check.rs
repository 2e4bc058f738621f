//! Whether a schema could be the next version of a subject.

use super::config::{Config, scope};
use super::error::{RegistryError, Result};
use super::prepare::{NewSchema, Prepared};
use super::state::{Shown, State};
use super::version::{Selected, VersionId};
use super::{Clash, Metadata, Registry};

impl Registry {
    /// Whether a schema could be the next version of a subject, at the subject's level:
    /// nothing, or why not. `version` asks it against that one alone, as if it were the
    /// latest; a subject without versions takes anything.
    pub fn check(
        &self,
        subject: &str,
        version: Option<VersionId>,
        schema: &NewSchema,
        normalize: bool,
    ) -> Result<Option<Clash>> {
        let state = self.state();
        let earlier = match version {
            None => state.live(subject),
            Some(version) => match (version, state.find(subject, version, Selected::Live)) {
                (_, Some(shown)) => vec![shown],
                (VersionId::Latest, None) => Vec::new(),
                (VersionId::Number(number), None) => {
                    return Err(RegistryError::VersionNotFound(number));
                }
            },
        };
        let config = state.config_in_scope(&scope(Some(subject)))?;
        let normalize = normalize || config.normalize == Some(true);
        let prepared = schema.prepare(&state, subject, normalize, Selected::Live)?;
        violations(&state, subject, &config, &prepared, &earlier)
    }
}

/// Why a schema can't follow these versions of a subject, the latest first, if it can't.
pub(super) fn violations(
    state: &State,
    subject: &str,
    config: &Config,
    new: &Prepared,
    earlier: &[Shown],
) -> Result<Option<Clash>> {
    let level = config.level();
    if level.directions().is_empty() {
        return Ok(None);
    }
    let mut violations = Vec::new();
    for shown in compared(config, new, earlier) {
        let old = state.parsed(&shown.schema)?;
        violations.extend(level.violations_of(&new.schema, shown.at.version, &old));
    }
    if violations.is_empty() {
        return Ok(None);
    }
    Ok(Some(Clash::new(subject, level, violations, earlier)))
}

/// The versions that a new one is compared with, out of all, the latest first: those that
/// the level looks at, of its group.
pub(super) fn compared<'s>(
    config: &Config,
    new: &Prepared,
    earlier: &'s [Shown],
) -> Vec<&'s Shown> {
    let count = if config.level().is_transitive() { earlier.len() } else { 1 };
    of_group(config, new, earlier).take(count).collect()
}

/// The versions that are of a new one's group.
pub(super) fn of_group<'s>(
    config: &Config,
    new: &Prepared,
    earlier: &'s [Shown],
) -> impl Iterator<Item = &'s Shown> {
    let name = config.compatibility_group.clone();
    let group = move |metadata: Option<&Metadata>| -> Option<String> {
        metadata?.properties.get(name.as_deref()?).cloned()
    };
    let own = group(new.metadata.as_deref());
    earlier.iter().filter(move |shown| group(shown.schema.metadata.as_deref()) == own)
}
