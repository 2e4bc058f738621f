//! What each level would say to a schema.

use super::Registry;
use super::error::Result;
use super::register::NewSchema;
use super::version::Selected;
use crate::RegistryError;
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
        let known = match self.lookup_schema(subject, &new, Selected::Live) {
            Ok(shown) => Some(shown.at.version),
            Err(RegistryError::SubjectNotFound(_) | RegistryError::SchemaNotFound) => None,
            Err(error) => return Err(error),
        };
        let state = self.state();
        let parsed = new.parse(&state)?;
        let mut earlier = Vec::new();
        if known.is_none() {
            for shown in state.live(subject) {
                earlier.push((shown.at.version, state.parsed(&shown.schema)?));
            }
        }
        let violations = Level::ALL.into_iter().map(|level| {
            let earlier = earlier.iter().map(|(version, schema)| (*version, &**schema));
            (level, level.violations(&parsed.schema, earlier))
        });
        Ok(Verdicts { level: state.level(subject)?, known, violations: violations.collect() })
    }
}
