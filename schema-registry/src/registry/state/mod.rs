//! What the entries of the topic add up to.

mod references;
mod space;
mod stored;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::context;
use super::entry::{ConfigValue, Key, SchemaValue, Value};
use super::error::{RegistryError, Result};
use super::mode::Mode;
use super::version::{Selected, VersionId};

pub(super) use space::Space;
pub(super) use stored::Identity;
pub use stored::{Shown, Stored, SubjectVersion};

#[derive(Default)]
pub(super) struct State {
    pub(super) subjects: BTreeMap<Arc<str>, BTreeMap<i32, Version>>,
    /// Ids and schemas by context.
    spaces: BTreeMap<Arc<str>, Space>,
    pub(super) configs: BTreeMap<Option<Arc<str>>, Arc<ConfigValue>>,
    pub(super) modes: BTreeMap<Option<Arc<str>>, Mode>,
}

#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) schema: Arc<Stored>,
    pub(super) deleted: bool,
    /// Its record in the topic, where that says more than these do, or something else.
    record: Option<Box<SchemaValue>>,
}

impl State {
    /// Takes a change that is durable. Changes come in the order of the topic: a version
    /// may be deleted, and registered again.
    pub(super) fn apply(&mut self, key: Key, value: Option<Value>) {
        match (key, value) {
            (Key::Schema { subject, version }, None) => self.forget(&subject, version),
            (Key::Schema { .. }, Some(Value::Schema(value))) => self.take(value),
            (Key::Config { subject }, Some(Value::Config(value))) => {
                self.configs.insert(subject, value);
            }
            // A scope whose settings were all taken away one by one.
            (Key::Config { subject }, Some(Value::Subject(_) | Value::Other(_))) => {
                let value = ConfigValue { subject: subject.clone(), ..ConfigValue::default() };
                self.configs.insert(subject, Arc::new(value));
            }
            (Key::Config { subject }, None) => {
                self.configs.remove(&subject);
            }
            (Key::Mode { subject }, Some(Value::Mode(value))) => {
                self.set_mode(subject, &value.mode);
            }
            (Key::Mode { subject }, None) => {
                self.modes.remove(&subject);
            }
            (Key::DeleteSubject { subject }, Some(Value::DeleteSubject(value))) => {
                let known = self.subjects.get_mut(&subject).into_iter();
                for (_, known) in known.flat_map(|known| known.range_mut(..=value.version)) {
                    known.deleted = true;
                }
            }
            (Key::ClearSubject { subject }, Some(_)) => self.clear(subject.as_deref()),
            (Key::Context { name }, Some(_)) => self.space_mut(&name).is_declared = true,
            (Key::Context { name }, None) => self.space_mut(&name).is_declared = false,
            (Key::Noop, Some(Value::Other(value))) => self.take_marks(&value),
            _ => {}
        }
    }

    fn set_mode(&mut self, subject: Option<Arc<str>>, name: &str) {
        let mode = name.parse().unwrap_or_else(|_| {
            // Invariant 5. A mode that forbids something is the careful guess.
            tracing::warn!(mode = name, "a mode of another registry is not known: READONLY");
            Mode::ReadOnly
        });
        self.modes.insert(subject, mode);
    }

    /// The schemas and ids of a context.
    pub(super) fn space(&self, subject: &str) -> Option<&Space> {
        self.spaces.get(context::split(subject).0)
    }

    fn space_mut(&mut self, context: &str) -> &mut Space {
        space_of(&mut self.spaces, context)
    }

    /// The contexts that there are, without the default one.
    pub(super) fn contexts(&self) -> impl Iterator<Item = &Arc<str>> {
        let declared = self.spaces.iter().filter(|(_, space)| space.is_declared);
        declared.map(|(name, _)| name).filter(|name| ***name != *context::DEFAULT)
    }

    /// The entry that keeps the highest ids in mind when their schemas go: no id is given
    /// out twice, even when nothing else tells of it any more.
    pub(super) fn marks(&self) -> (Key, Option<Value>) {
        let marks: BTreeMap<&Arc<str>, i32> =
            self.spaces.iter().map(|(name, space)| (name, space.id_max)).collect();
        let id_max = self.space("").map_or(0, |space| space.id_max);
        (Key::Noop, Some(Value::Other(Box::new(json!({ "maxId": id_max, "maxIds": marks })))))
    }

    fn take_marks(&mut self, value: &Json) {
        let number = |value: &Json| value.as_i64().and_then(|id| i32::try_from(id).ok());
        let one = value.get("maxId").and_then(number).map(|id| (context::DEFAULT, id));
        let all = value.get("maxIds").and_then(Json::as_object).into_iter().flatten();
        let all = all.filter_map(|(name, id)| Some((name.as_str(), number(id)?)));
        for (name, id) in all.chain(one) {
            let space = self.space_mut(name);
            space.id_max = space.id_max.max(id);
        }
    }

    fn take(&mut self, value: SchemaValue) {
        let (version, deleted) = (value.version, value.deleted);
        let versions = self.subjects.entry(Arc::clone(&value.subject));
        // All versions of a subject share its name.
        let name = Arc::clone(versions.key());
        let versions = versions.or_default();
        let space = space_of(&mut self.spaces, context::split(&name).0);
        let known = versions.get(&version).map(|known| Arc::clone(&known.schema));
        let schema = match known {
            Some(known) if known.is_of(&value) => known,
            known => {
                // What was there is replaced.
                if let Some(known) = known {
                    space.forget(&known, &name, version);
                }
                space.take(SubjectVersion { subject: name, version }, &value)
            }
        };
        let says_it = value.rest.is_none() && value.schema_type.is_none() && schema.is_of(&value);
        let record = (!says_it).then(|| Box::new(value));
        versions.insert(version, Version { schema, deleted, record });
    }

    /// The record of a version.
    pub(super) fn record(&self, subject: &str, version: i32) -> Option<SchemaValue> {
        let (name, versions) = self.subjects.get_key_value(subject)?;
        let known = versions.get(&version)?;
        let record = known.record.as_deref().cloned();
        Some(record.unwrap_or_else(|| known.schema.record(Arc::clone(name), version)))
    }

    /// A version that was deleted for good. Its schema goes with the last version that
    /// has it.
    fn forget(&mut self, subject: &Arc<str>, version: i32) {
        let Some(versions) = self.subjects.get_mut(subject) else {
            return;
        };
        let Some(gone) = versions.remove(&version) else {
            return;
        };
        if versions.is_empty() {
            self.subjects.remove(subject);
        }
        self.space_mut(context::split(subject).0).forget(&gone.schema, subject, version);
    }

    fn clear(&mut self, scope: Option<&str>) {
        let of_scope = self.subjects.iter().filter(|(name, _)| context::covers(scope, name));
        let deleted: Vec<(Arc<str>, i32)> = of_scope
            .flat_map(|(name, versions)| versions.iter().map(move |(v, known)| (name, v, known)))
            .filter(|(.., known)| known.deleted)
            .map(|(name, version, _)| (name.clone(), *version))
            .collect();
        for (subject, version) in deleted {
            self.forget(&subject, version);
        }
    }

    /// One version of a subject; nothing where it is not there.
    pub(super) fn find(
        &self,
        subject: &str,
        version: VersionId,
        selected: Selected,
    ) -> Option<Shown> {
        let (name, versions) = self.subjects.get_key_value(subject)?;
        let (number, known) = match version {
            VersionId::Latest => versions.iter().rfind(|(_, known)| !known.deleted)?,
            VersionId::Number(number) => versions.get_key_value(&number)?,
        };
        selected.takes(known.deleted).then(|| show(name, *number, known))
    }

    /// One version of a subject. A subject that is not in the default context is looked
    /// for in the others, if `subject` names none.
    pub(super) fn version(
        &self,
        subject: &str,
        version: VersionId,
        selected: Selected,
    ) -> Result<Shown> {
        let found = self.find(subject, version, selected).or_else(|| {
            let mut others = self.elsewhere(subject);
            others.find_map(|subject| self.find(&subject, version, selected))
        });
        found.ok_or_else(|| {
            if self.has(subject, selected) {
                RegistryError::VersionNotFound(version.number())
            } else {
                RegistryError::SubjectNotFound(subject.to_owned())
            }
        })
    }

    /// The same name in the other contexts, for one that names none.
    pub(super) fn elsewhere(&self, subject: &str) -> impl Iterator<Item = String> {
        let (context, name) = context::split(subject);
        let is_plain = context == context::DEFAULT;
        self.contexts()
            .filter(move |_| is_plain)
            .map(move |context| context::prefix(context) + name)
    }

    /// Whether a subject has versions; of a context, whether a subject of it has.
    pub(super) fn has(&self, subject: &str, selected: Selected) -> bool {
        let any = |versions: &BTreeMap<i32, Version>| {
            versions.values().any(|known| selected.takes(known.deleted))
        };
        if context::split(subject).1.is_empty() {
            let mut all = self.subjects.iter();
            return all
                .any(|(name, versions)| context::covers(Some(subject), name) && any(versions));
        }
        self.subjects.get(subject).is_some_and(any)
    }

    /// The versions of a subject that are not deleted, the latest first.
    pub(super) fn live(&self, subject: &str) -> Vec<Shown> {
        let Some((name, versions)) = self.subjects.get_key_value(subject) else {
            return Vec::new();
        };
        let live = versions.iter().rev().filter(|(_, known)| !known.deleted);
        live.map(|(version, known)| show(name, *version, known)).collect()
    }

    /// Makes ready what tells the ids of schemas.
    pub(super) fn index(&self) {
        for space in self.spaces.values() {
            space.index();
        }
    }

    /// How many schemas there are.
    pub(super) fn schema_count(&self) -> usize {
        self.spaces.values().map(|space| space.schemas.len()).sum()
    }

    /// The versions that refer to a version: context and id of each.
    pub(super) fn users(&self, subject: &str, version: i32, selected: Selected) -> Vec<i32> {
        let mut users = HashSet::new();
        for (context, space) in &self.spaces {
            for id in space.users_of(&context::normalize(subject), version) {
                let mut uses = space.uses(id);
                let is_in = |at: &SubjectVersion| {
                    let versions = self.subjects.get(&at.subject);
                    let known = versions.and_then(|versions| versions.get(&at.version));
                    known.is_some_and(|known| selected.takes(known.deleted))
                };
                if uses.any(is_in) {
                    users.insert((context, id));
                }
            }
        }
        let mut users: Vec<_> = users.into_iter().collect();
        users.sort_unstable();
        users.into_iter().map(|(_, id)| id).collect()
    }

    /// Fails where other schemas need a version; those that are soft deleted count for a
    /// deletion for good only.
    pub(super) fn check_unused(&self, subject: &str, version: i32, permanent: bool) -> Result<()> {
        let selected = if permanent { Selected::All } else { Selected::Live };
        let users = self.users(subject, version, selected);
        if users.is_empty() {
            return Ok(());
        }
        Err(RegistryError::Refused {
            code: 42206,
            message: format!(
                "One or more references exist to the schema {{magic=1,keytype=SCHEMA,\
                 subject={subject},version={version}}}. They are in the schemas with the ids \
                 {users:?}: delete these first"
            ),
        })
    }
}

fn space_of<'a>(spaces: &'a mut BTreeMap<Arc<str>, Space>, context: &str) -> &'a mut Space {
    let known = spaces.get_key_value(context);
    let name = known.map_or_else(|| context.into(), |(name, _)| Arc::clone(name));
    spaces.entry(name).or_default()
}

pub(super) fn show(subject: &Arc<str>, version: i32, known: &Version) -> Shown {
    Shown {
        at: SubjectVersion { subject: subject.clone(), version },
        schema: Arc::clone(&known.schema),
        deleted: known.deleted,
    }
}
