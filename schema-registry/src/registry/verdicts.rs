//! What each level would say to a schema.

use super::Registry;
use super::check::of_group;
use super::config::scope;
use super::error::{RegistryError, Result};
use super::prepare::NewSchema;
use super::version::Selected;
use crate::compat::{Level, Violation};

/// What the levels say to a schema as the next version of a subject.
#[derive(Clone, Debug)]
pub struct Verdicts {
    /// The level that counts for the subject.
    pub level: Level,
    /// The version that has the schema already, if one does.
    pub known: Option<i32>,
    /// For each level, what violates it.
    pub violations: Vec<(Level, Vec<Violation>)>,
}

impl Verdicts {
    /// What violates a level.
    #[must_use]
    pub fn at(&self, level: Level) -> &[Violation] {
        let found = self.violations.iter().find(|(known, _)| *known == level);
        found.map_or(&[], |(_, violations)| violations)
    }
}

impl Registry {
    /// What each level would say to an Avro schema as the next version of a subject. One
    /// that the subject has already violates nothing: it makes no new version.
    pub fn verdicts(&self, subject: &str, text: &str) -> Result<Verdicts> {
        let new = NewSchema::avro(text);
        let known = match self.lookup(subject, text) {
            Ok(shown) => Some(shown.at.version),
            Err(RegistryError::SubjectNotFound(_) | RegistryError::SchemaNotFound) => None,
            Err(error) => return Err(error),
        };
        let state = self.state();
        let config = state.config_in_scope(&scope(Some(subject)))?;
        let normalize = config.normalize == Some(true);
        let prepared = new.prepare(&state, subject, normalize, Selected::Live)?;
        let mut earlier = Vec::new();
        if known.is_none() {
            let live = state.live(subject);
            for shown in of_group(&config, &prepared, &live) {
                earlier.push((shown.at.version, state.parsed(&shown.schema)?));
            }
        }
        let violations = Level::ALL.into_iter().map(|level| {
            let earlier = earlier.iter().map(|(version, schema)| (*version, &**schema));
            (level, level.violations(&prepared.schema, earlier))
        });
        Ok(Verdicts { level: config.level(), known, violations: violations.collect() })
    }
}
