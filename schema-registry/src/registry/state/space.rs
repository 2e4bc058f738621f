//! The schemas and ids of one context.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::stored::{Identity, Stored, SubjectVersion};
use crate::registry::context;
use crate::registry::entry::SchemaValue;

#[derive(Default)]
pub(in crate::registry) struct Space {
    pub(in crate::registry) schemas: HashMap<i32, Held>,
    /// How many schemas there were ever: in their order.
    taken: u64,
    /// Built when it is asked for first: a start would hash all texts for it.
    index: OnceLock<Index>,
    /// The ids of this context that refer to a version of any.
    users: HashMap<Arc<str>, BTreeMap<i32, BTreeSet<i32>>>,
    /// Highest id that was ever given out.
    pub(in crate::registry) id_max: i32,
    /// Whether the topic says that there is such a context.
    pub(in crate::registry) is_declared: bool,
}

/// Ids by schema.
#[derive(Default)]
struct Index {
    /// The id of each schema; of those that were imported with several, the latest.
    ids: HashMap<Identity, i32>,
    /// All ids of the schemas that have several.
    doubles: HashMap<Identity, BTreeSet<i32>>,
}

/// A schema and who has it.
pub(in crate::registry) struct Held {
    pub(in crate::registry) schema: Arc<Stored>,
    /// Its place in the order in which they came.
    number: u64,
    uses: Vec<SubjectVersion>,
}

impl Space {
    /// The id of a schema.
    pub(in crate::registry) fn id(&self, identity: &Identity) -> Option<i32> {
        self.index().ids.get(identity).copied()
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let mut held: Vec<&Held> = self.schemas.values().collect();
            held.sort_unstable_by_key(|held| held.number);
            let mut index = Index::default();
            for held in held {
                index.add(&held.schema);
            }
            index
        })
    }

    /// The schema of an id.
    pub(in crate::registry) fn schema(&self, id: i32) -> Option<&Arc<Stored>> {
        self.schemas.get(&id).map(|held| &held.schema)
    }

    /// The versions that have an id.
    pub(in crate::registry) fn uses(&self, id: i32) -> &[SubjectVersion] {
        self.schemas.get(&id).map_or(&[], |held| &held.uses)
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
                held.uses.push(at);
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
            held.uses.push(at);
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
        let held = Held { schema: Arc::clone(&schema), number: self.taken, uses: vec![at] };
        self.schemas.insert(value.id, held);
        schema
    }

    /// Drops a version; the schema with the last one.
    pub(super) fn forget(&mut self, schema: &Stored, subject: &str, version: i32) {
        let Some(held) = self.schemas.get_mut(&schema.id) else {
            return;
        };
        held.uses.retain(|at| *at.subject != *subject || at.version != version);
        if !held.uses.is_empty() {
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
    fn add(&mut self, schema: &Stored) {
        let identity = schema.identity();
        if let Some(other) = self.ids.insert(identity, schema.id) {
            self.doubles.entry(identity).or_default().extend([other, schema.id]);
        }
    }

    fn remove(&mut self, schema: &Stored) {
        let identity = schema.identity();
        let others = self.doubles.get_mut(&identity);
        let other = others.and_then(|ids| {
            ids.remove(&schema.id);
            ids.last().copied()
        });
        match other {
            Some(other) if self.ids.get(&identity) == Some(&schema.id) => {
                self.ids.insert(identity, other);
            }
            Some(_) => {}
            None => {
                self.doubles.remove(&identity);
                self.ids.remove(&identity);
            }
        }
    }
}
