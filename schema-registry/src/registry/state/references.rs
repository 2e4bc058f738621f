//! Schemas that use types of others.

use std::collections::HashSet;
use std::sync::Arc;

use super::{State, Stored};
use crate::avro::{Schema, parse_with};
use crate::registry::context;
use crate::registry::entry::Reference;
use crate::registry::error::{RegistryError, Result};
use crate::registry::version::{Selected, VersionId};

/// Most schemas that one schema may refer to, directly or through others.
const REFERENCES_MAX: usize = 1000;

impl State {
    /// The parsed schema, from the cache or for this time.
    pub(in crate::registry) fn parsed(&self, stored: &Stored) -> Result<Arc<Schema>> {
        if let Some(parsed) = stored.parsed.get() {
            return Ok(Arc::clone(parsed));
        }
        if &*stored.schema_type != "AVRO" {
            return Err(RegistryError::InvalidSchema(format!(
                "schema {} is of type {}: only AVRO is supported",
                stored.id, stored.schema_type
            )));
        }
        let texts = self.texts(&stored.subject, &stored.references, Selected::All)?;
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        parse_with(&stored.text, &texts).map_err(|error| {
            RegistryError::InvalidSchema(format!("schema {} can't be read: {error}", stored.id))
        })
    }

    /// The parsed schema, which is kept: readers ask for few of them, often.
    pub(in crate::registry) fn parsed_and_kept(&self, stored: &Stored) -> Result<Arc<Schema>> {
        let parsed = self.parsed(stored)?;
        Ok(Arc::clone(stored.parsed.get_or_init(|| parsed)))
    }

    /// The same references with numbers instead of the latest version.
    pub(in crate::registry) fn numbered(
        &self,
        parent: &str,
        references: &[Reference],
    ) -> Result<Vec<Reference>> {
        let numbered = |reference: &Reference| {
            let mut numbered = reference.clone();
            if reference.version == -1 {
                numbered.version = self.referred(parent, reference, Selected::Live)?.0;
            }
            Ok(numbered)
        };
        references.iter().map(numbered).collect()
    }

    /// The texts of schemas that a schema under `parent` refers to, each after those that
    /// it uses itself. `selected` says whether soft deleted ones may be referred to; of
    /// those that they refer to themselves, all may.
    pub(in crate::registry) fn texts(
        &self,
        parent: &str,
        references: &[Reference],
        selected: Selected,
    ) -> Result<Vec<Arc<str>>> {
        let mut texts = Vec::new();
        let mut seen = HashSet::new();
        // A reference is entered, then, when all that it uses is done, written.
        let mut open: Vec<(Arc<Stored>, usize)> = Vec::new();
        let mut next = references.iter();
        loop {
            let entered = match open.last_mut() {
                None => match next.next() {
                    None => return Ok(texts),
                    Some(reference) => self.referred(parent, reference, selected)?.1,
                },
                Some((stored, place)) => match stored.references.get(*place) {
                    Some(reference) => {
                        *place += 1;
                        self.referred(&stored.subject, reference, Selected::All)?.1
                    }
                    None => {
                        texts.push(stored.text.clone());
                        open.pop();
                        continue;
                    }
                },
            };
            // One text may have several ids, in several contexts.
            if !seen.insert(entered.text.clone()) {
                continue;
            }
            // Invariant 7.
            if seen.len() > REFERENCES_MAX {
                return Err(RegistryError::InvalidSchema(format!(
                    "the schema refers to more than {REFERENCES_MAX} others"
                )));
            }
            open.push((entered, 0));
        }
    }

    /// The version that a reference is to.
    fn referred(
        &self,
        parent: &str,
        reference: &Reference,
        selected: Selected,
    ) -> Result<(i32, Arc<Stored>)> {
        let subject = context::within(parent, &reference.subject);
        let version = match reference.version {
            -1 => VersionId::Latest,
            number => VersionId::Number(number),
        };
        let found = self.find(&subject, version, selected);
        found.map(|shown| (shown.at.version, shown.schema)).ok_or_else(|| {
            RegistryError::InvalidSchema(format!(
                "No schema reference found for subject \"{subject}\" and version {}: register it \
                 first",
                reference.version
            ))
        })
    }
}
