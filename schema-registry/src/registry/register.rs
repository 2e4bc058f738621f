//! Registration: one id per identity, one version per subject and schema.

use std::sync::Arc;

use serde_json::Value as Json;

use super::Registry;
use super::check::violations;
use super::config::{Config, scope};
use super::context::{self, normalize};
use super::entry::{ContextValue, Key, SchemaValue, Value};
use super::error::{RegistryError, Result};
use super::mode::{Mode, not_permitted};
use super::prepare::{NewSchema, Prepared};
use super::state::{Shown, State};
use super::subject::check_subject;
use super::version::{Selected, VersionId};

/// Under which name a version says that it was registered against its level. Other
/// registries pass over it.
const OVERRIDE: &str = "override";

/// How a schema is to be registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Whether it is normalized first, whatever the settings say.
    pub normalize: bool,
    /// Its id, where it is imported.
    pub id: Option<i32>,
    /// Its version: the next one, or any where it is imported.
    pub version: Option<VersionId>,
}

/// Where a schema is registered.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Its id.
    pub id: i32,
    /// Its version under the subject.
    pub version: i32,
    /// The schema as it is stored, where that has metadata or rules that were not
    /// necessarily asked for, or its text was not.
    pub changed: Option<Box<NewSchema>>,
}

/// What a registration comes to.
enum Plan {
    Known(Registered),
    Write(Vec<(Key, Option<Value>)>, Registered),
}

impl Registry {
    /// Registers an Avro schema under a subject, if it is not there yet; its id. The
    /// schema has one id, whichever subjects of a context it is in.
    pub async fn register(&self, subject: &str, text: &str) -> Result<i32> {
        let how = Registration::default();
        Ok(self.register_schema(subject, &NewSchema::avro(text), how).await?.id)
    }

    /// Registers a schema under a subject, if it is not there yet. It is durable when
    /// this answers.
    pub async fn register_schema(
        &self,
        subject: &str,
        new: &NewSchema,
        how: Registration,
    ) -> Result<Registered> {
        self.register_or_refuse(subject, new, how, None).await
    }

    /// As [`Self::register_schema`]. With `anyway` it is registered also where it clashes
    /// with the versions before it, and that is kept with it.
    pub(super) async fn register_or_refuse(
        &self,
        subject: &str,
        new: &NewSchema,
        how: Registration,
        anyway: Option<Json>,
    ) -> Result<Registered> {
        check_subject(subject)?;
        let subject = &normalize(subject);
        if let Some(known) = self.state().known(subject, new, how)? {
            return Ok(known);
        }
        let against = anyway.as_ref().map(Json::to_string);
        let turn = self.begin().await;
        // Someone else may have been first.
        let plan = {
            let state = self.state();
            match state.known(subject, new, how)? {
                Some(known) => Plan::Known(known),
                None => state.plan(subject, new, how, anyway)?,
            }
        };
        let (changes, registered) = match plan {
            Plan::Known(known) => return Ok(known),
            Plan::Write(changes, registered) => (changes, registered),
        };
        self.write(turn, changes).await?;
        let Registered { id, version, .. } = registered;
        let subject = subject.as_str();
        match against {
            None => tracing::info!(subject, version, id, "schema registered"),
            Some(why) => {
                tracing::warn!(subject, version, id, "schema registered against its level: {why}");
            }
        }
        Ok(registered)
    }
}

impl State {
    /// The version that a schema has already, where nothing is to be written. It does not
    /// need a mode that permits to write.
    fn known(
        &self,
        subject: &str,
        new: &NewSchema,
        how: Registration,
    ) -> Result<Option<Registered>> {
        let scope = scope(Some(subject));
        let config = self.config_in_scope(&scope)?;
        if new.is_empty() || config.changes_versions() || !self.subjects.contains_key(subject) {
            return Ok(None);
        }
        let importing = self.mode_in_scope(&scope) == Mode::Import;
        let normalize = !importing && (how.normalize || config.normalize == Some(true));
        let prepared = new.prepare(self, subject, normalize, Selected::All)?;
        let registered = |shown: Shown| {
            Some(Registered { id: shown.schema.id, version: shown.at.version, changed: None })
        };
        let found = match how.version {
            Some(VersionId::Latest) => {
                let latest = self.find(subject, VersionId::Latest, Selected::Live);
                let likeness = prepared.likeness();
                latest.filter(|latest| {
                    prepared.is_like(self, &likeness, &latest.schema, latest.at.version)
                })
            }
            _ => self.matching(subject, &prepared, Selected::Live),
        };
        let Some(found) = found else {
            return Ok(None);
        };
        Ok(match how.version {
            None | Some(VersionId::Latest) => {
                let is_it = how.id.is_none_or(|id| id == found.schema.id);
                is_it.then(|| registered(found)).flatten()
            }
            Some(version) if how.id == Some(found.schema.id) => {
                let asked = self.find(subject, version, Selected::Live);
                let same = |asked: &Shown| asked.schema.id == found.schema.id;
                asked.filter(same).and_then(registered)
            }
            Some(_) => None,
        })
    }

    /// What is to be written for a version of a subject. The caller has the turn.
    fn plan(
        &self,
        subject: &str,
        new: &NewSchema,
        how: Registration,
        anyway: Option<Json>,
    ) -> Result<Plan> {
        let scope = scope(Some(subject));
        let mode = self.mode_in_scope(&scope);
        check_mode(subject, mode, how)?;
        let config = self.config_in_scope(&scope)?;
        let live = self.live(subject);
        let next = self.next_version(subject)?;
        let (prepared, changed) = self.prepare_next(subject, new, how, next, &live, &config)?;
        let answer = |id, version, prepared: &Prepared| Registered {
            id,
            version,
            changed: changed.then(|| Box::new(prepared.as_new())),
        };
        let space = self.space(subject);
        let mut id = how.id;
        if let Some(known) = space.and_then(|space| space.id(&prepared.identity()))
            && id.is_none_or(|id| id == known)
        {
            id = Some(known);
        }
        if how.version.is_none() {
            let found = self.matching(subject, &prepared, Selected::Live);
            let found = found.filter(|found| id.is_none_or(|id| id == found.schema.id));
            if let Some(found) = found {
                let answer = answer(found.schema.id, found.at.version, &prepared);
                return Ok(Plan::Known(answer));
            }
        }
        if mode != Mode::Import
            && anyway.is_none()
            && let Some(clash) = violations(self, subject, &config, &prepared, &live)?
        {
            return Err(RegistryError::Incompatible(Box::new(clash)));
        }
        let version = match how.version {
            Some(VersionId::Number(number)) if number != next && mode != Mode::Import => {
                let message = "Version is not one more than previous version".to_owned();
                return Err(RegistryError::Refused { code: 42201, message });
            }
            Some(VersionId::Number(number)) => number,
            _ => next,
        };
        let id = match id {
            Some(id) => self.free_id(subject, id, &prepared)?,
            None => self.next_id(subject)?,
        };
        let answer = answer(id, version, &prepared);
        Ok(Plan::Write(self.entries(subject, id, version, prepared, anyway), answer))
    }

    /// The schema as the next version, and whether it is more than what was asked for.
    fn prepare_next(
        &self,
        subject: &str,
        new: &NewSchema,
        how: Registration,
        next: i32,
        live: &[Shown],
        config: &Config,
    ) -> Result<(Prepared, bool)> {
        let importing = self.mode_in_scope(&scope(Some(subject))) == Mode::Import;
        let normalize = !importing && (how.normalize || config.normalize == Some(true));
        let previous = live.first();
        let again = previous.filter(|_| new.is_empty() && !importing).map(|shown| NewSchema {
            text: shown.schema.text.to_string(),
            schema_type: Some(shown.schema.schema_type.to_string()),
            references: shown.schema.references.to_vec(),
            ..new.clone()
        });
        let selected = if how.id.is_some() { Selected::All } else { Selected::Live };
        let text = again.as_ref().unwrap_or(new);
        let prepared = text.prepare(self, subject, normalize, selected)?;
        if importing {
            return Ok((prepared, false));
        }
        let numbered = Some((next, how.version.is_some()));
        let prepared = prepared.with_additions(config, previous, numbered);
        let has_more = prepared.metadata.is_some() || prepared.rule_set.is_some();
        Ok((prepared, again.is_some() || has_more))
    }

    fn next_version(&self, subject: &str) -> Result<i32> {
        let versions = self.subjects.get(subject);
        let last = versions.and_then(|versions| versions.last_key_value()).map_or(0, |(v, _)| *v);
        last.checked_add(1).ok_or_else(used_up)
    }

    fn next_id(&self, subject: &str) -> Result<i32> {
        let id_max = self.space(subject).map_or(0, |space| space.id_max);
        id_max.checked_add(1).ok_or_else(used_up)
    }

    /// The id that was asked for, unless another schema has it.
    fn free_id(&self, subject: &str, id: i32, prepared: &Prepared) -> Result<i32> {
        let Some(known) = self.space(subject).and_then(|space| space.schema(id)) else {
            return Ok(id);
        };
        let is_same = known.text == prepared.text
            && *known.references == *prepared.references
            && known.metadata == prepared.metadata
            && known.rule_set == prepared.rule_set;
        if is_same {
            return Ok(id);
        }
        let context = context::prefix(context::split(subject).0);
        Err(RegistryError::Refused {
            code: 42205,
            message: format!(
                "Overwrite new schema with id {id} in context {context} is not permitted."
            ),
        })
    }

    /// The entries of a new version: its context, if that is new; older versions of the
    /// same schema, which were soft deleted, go.
    fn entries(
        &self,
        subject: &str,
        id: i32,
        version: i32,
        prepared: Prepared,
        anyway: Option<Json>,
    ) -> Vec<(Key, Option<Value>)> {
        let mut changes = Vec::new();
        let context = context::split(subject).0;
        let is_declared = self.space(subject).is_some_and(|space| space.is_declared);
        if context != context::DEFAULT && !is_declared {
            let name: Arc<str> = context.into();
            let value = ContextValue { tenant: "default".to_owned(), context: name.clone() };
            changes.push((Key::Context { name }, Some(Value::Context(Box::new(value)))));
        }
        let known = self.subjects.get(subject).into_iter().flatten();
        let older = known
            .filter(|(older, known)| known.deleted && known.schema.id == id && **older < version);
        for (older, _) in older {
            if self.check_unused(subject, *older, true).is_ok() {
                changes.push((Key::Schema { subject: subject.into(), version: *older }, None));
            }
        }
        let value = SchemaValue {
            subject: subject.into(),
            version,
            id,
            schema_type: None,
            references: prepared.references.into(),
            metadata: prepared.metadata,
            rule_set: prepared.rule_set,
            schema: prepared.text,
            deleted: false,
            rest: anyway.map(|why| Box::new([(OVERRIDE.to_owned(), why)].into_iter().collect())),
        };
        let key = Key::Schema { subject: value.subject.clone(), version };
        changes.push((key, Some(Value::Schema(value))));
        changes
    }
}

impl Prepared {
    fn as_new(&self) -> NewSchema {
        NewSchema {
            text: self.text.to_string(),
            schema_type: None,
            references: self.references.clone(),
            metadata: self.metadata.clone(),
            rule_set: self.rule_set.clone(),
        }
    }
}

/// Fails where the mode does not permit this registration.
fn check_mode(subject: &str, mode: Mode, how: Registration) -> Result<()> {
    let why = match (mode, how.id) {
        (Mode::ReadOnly | Mode::ReadOnlyOverride, _) => "is in read-only mode",
        (Mode::Import, None) => "is not in read-write mode",
        (Mode::ReadWrite, Some(_)) => "is not in import mode",
        (Mode::Import, Some(_)) | (Mode::ReadWrite, None) => return Ok(()),
    };
    Err(not_permitted(Some(subject), why))
}

fn used_up() -> RegistryError {
    RegistryError::Refused { code: 50001, message: "all ids or versions are used up".to_owned() }
}
