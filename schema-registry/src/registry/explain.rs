//! What to do about a schema that is not compatible.

use std::sync::Arc;

use super::check::compared;
use super::config::scope;
use super::error::Result;
use super::{Clash, NewSchema, Registry, Selected, VersionId};
use crate::avro::Schema;
use crate::compat::{Explanation, explain};

impl Registry {
    /// As [`Self::check`], with fixes of which each was checked against the same versions:
    /// with it the schema could be the next one.
    ///
    /// Takes up to a second for large schemas with many versions, so it is not for threads
    /// that others wait for.
    pub fn explain(
        &self,
        subject: &str,
        version: Option<VersionId>,
        new: &NewSchema,
        normalize: bool,
    ) -> Result<Option<(Clash, Explanation)>> {
        let Some(clash) = self.check(subject, version, new, normalize)? else {
            return Ok(None);
        };
        let (schema, references, earlier) = {
            let state = self.state();
            let shown = match version {
                None => state.live(subject),
                Some(version) => state.find(subject, version, Selected::Live).into_iter().collect(),
            };
            let config = state.config_in_scope(&scope(Some(subject)))?;
            let normalize = normalize || config.normalize == Some(true);
            let prepared = new.prepare(&state, subject, normalize, Selected::Live)?;
            let mut earlier: Vec<(i32, Arc<Schema>)> = Vec::new();
            for shown in compared(&config, &prepared, &shown) {
                earlier.push((shown.at.version, state.parsed(&shown.schema)?));
            }
            let references = state.texts(subject, &new.references, Selected::Live)?;
            (prepared.schema, references, earlier)
        };
        // Versions that violate the level and are not in the clash are not looked at.
        let in_clash = |version| clash.violations.iter().any(|one| one.version == version);
        let is_looked_at = |(version, old): &(i32, Arc<Schema>)| {
            in_clash(*version) || clash.level.violations_of(&schema, *version, old).is_empty()
        };
        let earlier: Vec<_> = earlier.into_iter().filter(is_looked_at).collect();
        let references: Vec<&str> = references.iter().map(AsRef::as_ref).collect();
        let explanation = explain(clash.level, &schema, &references, &earlier);
        Ok(Some((clash, explanation)))
    }
}
