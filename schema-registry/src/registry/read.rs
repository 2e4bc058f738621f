//! What can be asked.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::Registry;
use super::context;
use super::error::{RegistryError, Result};
use super::state::{Shown, State, Stored, SubjectVersion, Version, show};
use super::version::{Selected, VersionId};
use crate::avro::Schema;

impl Registry {
    /// The names of the subjects that begin with `prefix`, in order. A prefix without a
    /// context is one in the default context; after `:*:` it is one in any.
    #[must_use]
    pub fn subjects(&self, prefix: &str, selected: Selected) -> Vec<Arc<str>> {
        let state = self.state();
        let found = state.with_prefix(prefix).filter(|(_, versions)| match selected {
            Selected::Deleted => versions.values().all(|known| known.deleted),
            selected => versions.values().any(|known| selected.takes(known.deleted)),
        });
        found.map(|(subject, _)| subject.clone()).collect()
    }

    /// The versions of a subject, in order.
    pub fn versions(&self, subject: &str, selected: Selected) -> Result<Vec<i32>> {
        let state = self.state();
        let any = if selected == Selected::Live { selected } else { Selected::All };
        if !state.has(subject, any) {
            return Err(RegistryError::SubjectNotFound(subject.to_owned()));
        }
        let versions = state.subjects.get(subject).into_iter().flatten();
        let found = versions.filter(|(_, known)| selected.takes(known.deleted));
        Ok(found.map(|(version, _)| *version).collect())
    }

    /// One version of a subject.
    pub fn version(&self, subject: &str, version: VersionId, selected: Selected) -> Result<Shown> {
        self.state().version(subject, version, selected)
    }

    /// Versions of all subjects that begin with `prefix`, as [`Self::subjects`] takes it;
    /// of each all or the latest; those that `wanted` takes, from the place `offset`, at
    /// most `limit`.
    pub fn schemas(
        &self,
        prefix: &str,
        selected: Selected,
        latest_only: bool,
        wanted: impl Fn(&Stored) -> bool,
        (offset, limit): (usize, usize),
    ) -> Vec<Shown> {
        let state = self.state();
        let versions = state.with_prefix(prefix).flat_map(|(subject, versions)| {
            let shown = versions.iter().filter(move |(_, known)| selected.takes(known.deleted));
            let count = shown.clone().count();
            let skipped = if latest_only { count.saturating_sub(1) } else { 0 };
            shown.skip(skipped).map(move |(version, known)| (subject, *version, known))
        });
        versions
            .filter(|(.., known)| wanted(&known.schema))
            .skip(offset)
            .take(limit)
            .map(|(subject, version, known)| show(subject, version, known))
            .collect()
    }

    /// The names of the contexts, the default one first.
    #[must_use]
    pub fn contexts(&self) -> Vec<Arc<str>> {
        let state = self.state();
        std::iter::once(context::DEFAULT.into()).chain(state.contexts().cloned()).collect()
    }

    /// The schema of an id in the default context, as text with what belongs to it.
    pub fn stored(&self, id: i32) -> Result<Arc<Stored>> {
        self.stored_for(id, "")
    }

    /// The schema that an id stands for where data of `subject` is read: in the context
    /// that it names; without one, where a subject of this name has the id; or else in
    /// the default context.
    pub fn stored_for(&self, id: i32, subject: &str) -> Result<Arc<Stored>> {
        self.state().stored_for(id, subject)
    }

    /// The schema of an id in the default context, parsed. The first call for an id
    /// parses it, later ones are look-ups.
    pub fn schema_by_id(&self, id: i32) -> Result<Arc<Schema>> {
        let state = self.state();
        state.parsed_and_kept(&*state.stored_for(id, "")?)
    }

    /// A schema parsed: for once.
    pub fn parsed(&self, stored: &Stored) -> Result<Arc<Schema>> {
        self.state().parsed(stored)
    }

    /// The versions that have this id in the context where `subject` is read, by subject.
    pub fn uses(&self, id: i32, subject: &str, selected: Selected) -> Result<Vec<SubjectVersion>> {
        let state = self.state();
        // Without saying which: so Confluent's does here.
        let stored = state.stored_for(id, subject).map_err(|_| RegistryError::SchemaNotFound)?;
        let uses = state.space(&stored.subject).into_iter().flat_map(|space| space.uses(id));
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
    #[must_use]
    pub fn referenced_by(&self, subject: &str, version: i32, selected: Selected) -> Vec<i32> {
        self.state().users(subject, version, selected)
    }

    /// The highest id that was given out in the context of a subject; 0 before the first.
    #[must_use]
    pub fn id_max(&self, subject: &str) -> i32 {
        self.state().space(subject).map_or(0, |space| space.id_max)
    }

    /// The id of the topic that holds everything, which is made once.
    #[must_use]
    pub fn topic_id(&self) -> String {
        self.topic.topic().id.to_string()
    }
}

type Versions = BTreeMap<i32, Version>;

impl State {
    /// Subjects by prefix, in order.
    fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&Arc<str>, &Versions)> {
        let wanted = Prefix::new(prefix);
        let from = match &wanted {
            Prefix::Everywhere(_) | Prefix::Contexts(_) => "",
            Prefix::Subjects(_, full) => full,
        };
        let range = (Bound::Included(from), Bound::Unbounded);
        let range = self.subjects.range::<str, _>(range);
        let last = from.to_owned();
        range
            .take_while(move |(subject, _)| subject.starts_with(&last))
            .filter(move |(subject, _)| wanted.takes(subject))
    }

    fn stored_for(&self, id: i32, subject: &str) -> Result<Arc<Stored>> {
        let missing = || RegistryError::IdNotFound(id);
        let space = self.space(subject);
        let found = space.and_then(|space| space.schema(id));
        let (context, name) = context::split(subject);
        if name.is_empty() {
            return found.cloned().ok_or_else(missing);
        }
        let has_it = |subject: &str| {
            let mut uses = self.space(subject).into_iter().flat_map(|space| space.uses(id));
            uses.any(|at| *at.subject == *subject)
        };
        if has_it(subject) {
            return found.cloned().ok_or_else(missing);
        }
        if context != context::DEFAULT {
            return Err(missing());
        }
        let elsewhere = self.elsewhere(subject).find(|subject| has_it(subject));
        let elsewhere = elsewhere.and_then(|subject| self.space(&subject)?.schema(id));
        elsewhere.or(found).cloned().ok_or_else(missing)
    }
}

/// Which subjects are listed.
enum Prefix {
    /// Of all contexts, those whose names there begin so: `:*:name`.
    Everywhere(String),
    /// All of the contexts whose names begin so: `:.context`.
    Contexts(String),
    /// Of one context, those that begin so, with it: `:.context:name`, or `name`.
    Subjects(String, String),
}

impl Prefix {
    fn new(prefix: &str) -> Self {
        if let Some(name) = prefix.strip_prefix(context::ALL) {
            return Self::Everywhere(name.to_owned());
        }
        match prefix.strip_prefix(':') {
            Some(name) if name.starts_with('.') && !name.contains(':') => {
                Self::Contexts(name.to_owned())
            }
            _ => Self::Subjects(context::split(prefix).0.to_owned(), context::normalize(prefix)),
        }
    }

    fn takes(&self, subject: &str) -> bool {
        let (context, name) = context::split(subject);
        match self {
            Self::Everywhere(prefix) => name.starts_with(prefix.as_str()),
            Self::Contexts(prefix) => context.starts_with(prefix.as_str()),
            Self::Subjects(of, _) => context == of,
        }
    }
}
