//! The schemas and ids of one context.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;

use super::stored::{Identity, Stored, SubjectVersion};
use crate::registry::context;
use crate::registry::entry::SchemaValue;

#[derive(Default)]
pub(in crate::registry) struct Space {
    pub(in crate::registry) schemas: HashMap<i32, Held>,
    /// How many schemas there were ever: in their order.
    taken: u64,
    /// Built behind the start, or when it is asked for first: all texts are hashed for it.
    index: OnceLock<Index>,
    /// The ids of this context that refer to a version of any.
    users: HashMap<Arc<str>, BTreeMap<i32, BTreeSet<i32>>>,
    /// Highest id that was ever given out.
    pub(in crate::registry) id_max: i32,
    /// Whether the topic says that there is such a context.
    pub(in crate::registry) is_declared: bool,
}

/// Ids by the hash of their schema.
#[derive(Default)]
pub(super) struct Index {
    hasher: RandomState,
    /// The last id that came.
    ids: HashMap<u64, i32, RandomState>,
    /// All ids in their order, where there are several: of a schema that was imported with
    /// several, or of two with one hash.
    doubles: HashMap<u64, Vec<i32>>,
}

/// A schema and who has it.
pub(in crate::registry) struct Held {
    pub(in crate::registry) schema: Arc<Stored>,
    /// Its place in the order in which they came.
    number: u64,
    /// Nearly all have this one only.
    first: SubjectVersion,
    more: Vec<SubjectVersion>,
}

impl Space {
    /// The id of a schema; of one that was imported with several, the latest.
    pub(in crate::registry) fn id(&self, identity: &Identity<'_>) -> Option<i32> {
        let is_it = |id: &i32| self.schema(*id).is_some_and(|known| known.identity() == *identity);
        self.index().of(identity).iter().rev().copied().find(is_it)
    }

    /// Ids by schema.
    pub(super) fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let held = self.schemas.values().map(|held| (held.number, &held.schema));
            let mut held: Vec<(u64, &Arc<Stored>)> = held.collect();
            held.sort_unstable_by_key(|(number, _)| *number);
            let mut index = Index::default();
            index.ids.reserve(held.len());
            for (_, schema) in held {
                index.add(schema);
            }
            index
        })
    }

    /// The schema of an id.
    pub(in crate::registry) fn schema(&self, id: i32) -> Option<&Arc<Stored>> {
        self.schemas.get(&id).map(|held| &held.schema)
    }

    /// The versions that have an id.
    pub(in crate::registry) fn uses(&self, id: i32) -> impl Iterator<Item = &SubjectVersion> {
        let held = self.schemas.get(&id).into_iter();
        held.flat_map(|held| std::iter::once(&held.first).chain(&held.more))
    }

    /// The ids that refer to a version, whose subject is written with its context.
    pub(super) fn users_of(&self, subject: &str, version: i32) -> Vec<i32> {
        let users = self.users.get(subject).and_then(|versions| versions.get(&version));
        users.into_iter().flatten().copied().collect()
    }

    /// Takes a version; its schema, which all versions with this id share.
    pub(super) fn take(&mut self, at: SubjectVersion, value: &SchemaValue) -> Arc<Stored> {
        self.id_max = self.id_max.max(value.id);
        self.is_declared = true;
        if let Some(held) = self.schemas.get_mut(&value.id) {
            if held.schema.is_of(value) {
                held.more.push(at);
                return Arc::clone(&held.schema);
            }
            // Invariant 5: other registries don't write that; the first one stays, as
            // there.
            tracing::error!(
                id = value.id,
                subject = &*value.subject,
                version = value.version,
                "the topic of schemas has two schemas with one id: the first one is answered"
            );
            held.more.push(at);
            return Arc::clone(&held.schema);
        }
        let schema = Arc::new(Stored::new(at.subject.clone(), value));
        if let Some(index) = self.index.get_mut() {
            index.add(&schema);
        }
        for reference in &schema.references {
            let subject = context::within(&schema.subject, &reference.subject);
            let versions = self.users.entry(subject.into()).or_default();
            versions.entry(reference.version).or_default().insert(value.id);
        }
        self.taken += 1;
        let (number, schema_too) = (self.taken, Arc::clone(&schema));
        let held = Held { schema: schema_too, number, first: at, more: Vec::new() };
        self.schemas.insert(value.id, held);
        schema
    }

    /// Drops a version; the schema with the last one.
    pub(super) fn forget(&mut self, schema: &Stored, subject: &str, version: i32) {
        let Some(held) = self.schemas.get_mut(&schema.id) else {
            return;
        };
        let is_it = |at: &SubjectVersion| *at.subject == *subject && at.version == version;
        held.more.retain(|at| !is_it(at));
        if !is_it(&held.first) {
            return;
        }
        if !held.more.is_empty() {
            held.first = held.more.remove(0);
            return;
        }
        let Some(held) = self.schemas.remove(&schema.id) else {
            return;
        };
        for reference in &held.schema.references {
            let subject = context::within(&held.schema.subject, &reference.subject);
            if let Some(versions) = self.users.get_mut(subject.as_str()) {
                let users = versions.entry(reference.version).or_default();
                users.remove(&schema.id);
                versions.retain(|_, users| !users.is_empty());
                if versions.is_empty() {
                    self.users.remove(subject.as_str());
                }
            }
        }
        if let Some(index) = self.index.get_mut() {
            index.remove(&held.schema);
        }
    }
}

impl Index {
    /// The ids that may be a schema's, in the order in which they came.
    fn of(&self, identity: &Identity<'_>) -> &[i32] {
        let hash = self.hasher.hash_one(identity);
        let one = || self.ids.get(&hash).map_or(&[][..], std::slice::from_ref);
        self.doubles.get(&hash).map_or_else(one, Vec::as_slice)
    }

    fn add(&mut self, schema: &Stored) {
        let hash = self.hasher.hash_one(schema.identity());
        if let Some(other) = self.ids.insert(hash, schema.id) {
            self.doubles.entry(hash).or_insert_with(|| vec![other]).push(schema.id);
        }
    }

    fn remove(&mut self, schema: &Stored) {
        let hash = self.hasher.hash_one(schema.identity());
        let Some(all) = self.doubles.get_mut(&hash) else {
            self.ids.remove(&hash);
            return;
        };
        all.retain(|id| *id != schema.id);
        if let Some(last) = all.last() {
            self.ids.insert(hash, *last);
        }
        if all.len() == 1 {
            self.doubles.remove(&hash);
        }
    }
}
