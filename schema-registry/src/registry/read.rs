//! What can be asked.

use std::ops::Bound;
use std::sync::Arc;

use super::error::{RegistryError, Result};
use super::register::NewSchema;
use super::state::{Shown, Stored, SubjectVersion};
use super::version::{Selected, VersionId};
use super::{Clash, Registry};
use crate::avro::Schema;

impl Registry {
    /// The names of the subjects that begin with `prefix`, in order.
    #[must_use]
    pub fn subjects(&self, prefix: &str, selected: Selected) -> Vec<Arc<str>> {
        let state = self.state();
        let from = state.subjects.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(|(subject, _)| subject.starts_with(prefix))
            .filter(|(_, versions)| match selected {
                Selected::Deleted => versions.values().all(|known| known.deleted),
                selected => versions.values().any(|known| selected.takes(known.deleted)),
            })
            .map(|(subject, _)| subject.clone())
            .collect()
    }

    /// The versions of a subject, in order.
    pub fn versions(&self, subject: &str, selected: Selected) -> Result<Vec<i32>> {
        let state = self.state();
        let versions = state.subjects.get(subject).into_iter().flatten();
        let found: Vec<i32> = versions
            .filter(|(_, known)| selected.takes(known.deleted))
            .map(|(version, _)| *version)
            .collect();
        if found.is_empty() {
            return Err(RegistryError::SubjectNotFound(subject.to_owned()));
        }
        Ok(found)
    }

    /// One version of a subject.
    pub fn version(&self, subject: &str, version: VersionId, selected: Selected) -> Result<Shown> {
        self.state().version(subject, version, selected)
    }

    /// The schema of an id, as text with what belongs to it.
    pub fn stored(&self, id: i32) -> Result<Arc<Stored>> {
        self.state().schema(id)
    }

    /// The schema of an id, parsed. The first call for an id parses it, later ones are
    /// look-ups.
    pub fn schema_by_id(&self, id: i32) -> Result<Arc<Schema>> {
        self.state().parsed_and_kept(id)
    }

    /// The versions that have this id, by subject.
    pub fn uses(&self, id: i32, selected: Selected) -> Result<Vec<SubjectVersion>> {
        let state = self.state();
        state.schema(id)?;
        let uses = state.uses.get(&id).into_iter().flatten();
        let mut found: Vec<SubjectVersion> = uses
            .filter(|at| {
                let versions = state.subjects.get(&at.subject);
                let known = versions.and_then(|versions| versions.get(&at.version));
                known.is_some_and(|known| selected.takes(known.deleted))
            })
            .cloned()
            .collect();
        found.sort_by(|a, b| (&a.subject, a.version).cmp(&(&b.subject, b.version)));
        Ok(found)
    }

    /// The ids of the schemas that refer to this version.
    pub fn referenced_by(&self, subject: &str, version: i32) -> Vec<i32> {
        let state = self.state();
        let schemas = state.schemas.values();
        let refers = |stored: &&Arc<Stored>| {
            let mut references = stored.references.iter();
            references.any(|to| *to.subject == *subject && to.version == version)
        };
        schemas.filter(refers).map(|stored| stored.id).collect()
    }

    /// The highest id that was given out; 0 before the first.
    #[must_use]
    pub fn id_max(&self) -> i32 {
        self.state().id_max
    }

    /// Finds an Avro schema under a subject.
    pub fn lookup(&self, subject: &str, text: &str) -> Result<Shown> {
        self.lookup_schema(subject, &NewSchema::avro(text), Selected::Live)
    }

    /// Finds a schema under a subject by its identity.
    pub fn lookup_schema(
        &self,
        subject: &str,
        schema: &NewSchema,
        selected: Selected,
    ) -> Result<Shown> {
        let state = self.state();
        let Some(versions) = state.subjects.get(subject) else {
            return Err(RegistryError::SubjectNotFound(subject.to_owned()));
        };
        if !versions.values().any(|known| selected.takes(known.deleted)) {
            return Err(RegistryError::SubjectNotFound(subject.to_owned()));
        }
        let id = state.ids.get(&schema.parse(&state)?.identity);
        let found = versions
            .iter()
            .rev()
            .find(|(_, known)| Some(&known.value.id) == id && selected.takes(known.deleted));
        match found {
            Some((version, known)) => state.show(subject, *version, known),
            None => Err(RegistryError::SchemaNotFound),
        }
    }

    /// Whether a schema could be the next version of a subject, at the subject's level:
    /// nothing, or why not. `version` asks it against that one alone, as if it were the
    /// latest; a subject without versions takes anything.
    pub fn check(
        &self,
        subject: &str,
        version: Option<VersionId>,
        schema: &NewSchema,
    ) -> Result<Option<Clash>> {
        let state = self.state();
        let earlier = match version {
            None => state.live(subject),
            Some(version) => match state.version(subject, version, Selected::Live) {
                Ok(shown) => vec![shown],
                Err(_) if version == VersionId::Latest => Vec::new(),
                Err(RegistryError::SubjectNotFound(_)) if state.subjects.contains_key(subject) => {
                    return Err(RegistryError::SubjectNotFound(subject.to_owned()));
                }
                Err(error) => {
                    return Err(match version {
                        VersionId::Number(number) => RegistryError::VersionNotFound(number),
                        VersionId::Latest => error,
                    });
                }
            },
        };
        let parsed = schema.parse(&state)?;
        state.clash(subject, &parsed.schema, &earlier)
    }
}
