//! Modes: who may write what, of a subject, of a context, of all.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Registry;
use super::config::{outer, scope};
use super::context::{self, GLOBAL, GLOBAL_SUBJECT};
use super::entry::{Key, ModeValue, SubjectValue, Value};
use super::error::{RegistryError, Result};
use super::state::State;
use super::subject::check_scope;

/// What may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Everything; the registry gives ids and versions.
    #[default]
    ReadWrite,
    /// Nothing.
    ReadOnly,
    /// Nothing; an older name of `READONLY`.
    ReadOnlyOverride,
    /// Schemas that come with their ids and versions; nothing is checked.
    Import,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 4] =
        [Self::ReadWrite, Self::ReadOnly, Self::ReadOnlyOverride, Self::Import];

    /// Its name in the registry's API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadWrite => "READWRITE",
            Self::ReadOnly => "READONLY",
            Self::ReadOnlyOverride => "READONLY_OVERRIDE",
            Self::Import => "IMPORT",
        }
    }

    pub(super) fn is_read_only(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadOnlyOverride)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| RegistryError::Refused {
            code: 42204,
            message: "Invalid mode. Valid values are READWRITE, READONLY, and IMPORT.".to_owned(),
        })
    }
}

impl Registry {
    /// The mode of a subject or context itself. Without a subject there always is one.
    #[must_use]
    pub fn mode(&self, subject: Option<&str>) -> Option<Mode> {
        self.state().own_mode(&scope(subject))
    }

    /// The mode that counts for a subject.
    #[must_use]
    pub fn mode_in_scope(&self, subject: Option<&str>) -> Mode {
        self.state().mode_in_scope(&scope(subject))
    }

    /// Sets a mode, or takes it away. `IMPORT` is refused where there are schemas, unless
    /// it is forced; what is soft deleted is deleted for good then.
    pub async fn set_mode(
        &self,
        subject: Option<&str>,
        mode: Option<Mode>,
        force: bool,
    ) -> Result<()> {
        subject.map_or(Ok(()), check_scope)?;
        let scope = scope(subject);
        let turn = self.begin().await;
        let mut changes = Vec::new();
        {
            let state = self.state();
            let is_new = state.mode_in_scope(&scope) != Mode::Import;
            if mode == Some(Mode::Import) && is_new && !force {
                changes = state.cleared(&scope)?;
            }
        }
        let name = |mode: Mode| mode.name().to_owned();
        let value = mode.map(|mode| ModeValue { subject: scope.clone(), mode: name(mode) });
        changes
            .push((Key::Mode { subject: scope }, value.map(|value| Value::Mode(Box::new(value)))));
        self.write(turn, changes).await
    }

    /// Takes a mode away; with `recursive` also those of the subjects of a context. The
    /// mode that it was.
    pub async fn delete_mode(
        &self,
        subject: Option<&str>,
        recursive: bool,
    ) -> Result<Option<Mode>> {
        let scope = scope(subject);
        let turn = self.begin().await;
        let (former, changes) = {
            let state = self.state();
            let former = state.own_mode(&scope);
            if former.is_none() && !recursive {
                return Err(RegistryError::SubjectNotFound(
                    scope.as_deref().unwrap_or_default().into(),
                ));
            }
            let is_context = scope.as_deref().is_none_or(|s| context::split(s).1.is_empty());
            let of = scope.as_deref().map_or(context::DEFAULT, |s| context::split(s).0);
            let below =
                |subject: &Arc<str>| recursive && is_context && context::split(subject).0 == of;
            let mut scopes = vec![scope.clone()];
            let others = state.modes.keys().filter(|known| **known != scope);
            scopes.extend(others.filter(|known| known.as_ref().is_some_and(below)).cloned());
            let gone = |subject| (Key::Mode { subject }, None);
            (former, scopes.into_iter().map(gone).collect())
        };
        self.write(turn, changes).await?;
        Ok(former)
    }
}

impl State {
    fn own_mode(&self, scope: &Option<Arc<str>>) -> Option<Mode> {
        if let Some(mode) = self.modes.get(scope) {
            return Some(*mode);
        }
        let always = scope.as_deref().is_none_or(|subject| context::split(subject).0 == GLOBAL);
        always.then(Mode::default)
    }

    pub(super) fn mode_in_scope(&self, scope: &Option<Arc<str>>) -> Mode {
        let around = outer(scope.as_deref().unwrap_or_default());
        let scopes = [scope.clone(), around, Some(GLOBAL_SUBJECT.into())];
        scopes.iter().find_map(|scope| self.modes.get(scope)).copied().unwrap_or_default()
    }

    /// Fails where nothing may be written.
    pub(super) fn check_writable(&self, scope: &Option<Arc<str>>) -> Result<()> {
        if self.mode_in_scope(scope).is_read_only() {
            return Err(not_permitted(scope.as_deref(), "is in read-only mode"));
        }
        Ok(())
    }

    /// What makes way for an import: nothing may be there but what is soft deleted, which
    /// goes for good.
    fn cleared(&self, scope: &Option<Arc<str>>) -> Result<Vec<(Key, Option<Value>)>> {
        let of_scope = |subject: &str| context::covers(scope.as_deref(), subject);
        let found = self.subjects.iter().filter(|(subject, _)| of_scope(subject));
        let mut gone: Vec<(Arc<str>, i32)> = Vec::new();
        for (subject, versions) in found {
            if versions.values().any(|known| !known.deleted) {
                return Err(RegistryError::Refused {
                    code: 42205,
                    message: "Cannot import since found existing subjects".to_owned(),
                });
            }
            gone.extend(versions.keys().map(|version| (subject.clone(), *version)));
        }
        for (subject, version) in &gone {
            self.check_unused(subject, *version, true)?;
        }
        let mut changes = vec![self.marks()];
        let gone = gone.into_iter().map(|(subject, version)| Key::Schema { subject, version });
        changes.extend(gone.map(|key| (key, None)));
        let value = Value::Subject(Box::new(SubjectValue { subject: scope.clone() }));
        changes.push((Key::ClearSubject { subject: scope.clone() }, Some(value)));
        Ok(changes)
    }
}

/// An operation that the mode does not permit, in Confluent's words.
pub(super) fn not_permitted(subject: Option<&str>, why: &str) -> RegistryError {
    let shown = subject.unwrap_or("null");
    let context =
        subject.map_or(String::new(), |subject| context::prefix(context::split(subject).0));
    RegistryError::Refused {
        code: 42205,
        message: format!("Subject {shown} in context {context} {why}"),
    }
}
